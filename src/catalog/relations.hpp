// SPDX-License-Identifier: PostgreSQL
// Where the pg_dist_* tables are and how they are scanned.  Column numbers are those of
// sql/install/10_tables.sql.
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/skey.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
}

namespace altius::catalog {

/// Relations that the cache reads; all are valid while IsActive().
struct Relations {
  Oid node, local_group, partition, shard, placement, colocation, object, schema, authinfo, stray, own_colocation;
  Oid partition_by_relid, partition_by_colocation;
  Oid shard_by_id, shard_by_relid;
  Oid placement_by_shard;
  Oid colocation_by_id;
  Oid object_by_address;
  Oid stray_by_id;
  Oid own_colocation_by_id;
};

const Relations& DistRelations();

/// Whether the oid is one of the tables above (not of the indexes).
bool IsDistRelation(Oid relid);

namespace node {
enum {
  kId = 1,
  kGroup,
  kName,
  kPort,
  kRack,
  kHasMetadata,
  kActive,
  kRole,
  kCluster,
  kSynced,
  kShards
};
}
namespace partition {
enum { kRelid = 1, kMethod, kKey, kColocation, kReplication, kAutoConverted, kColumns = 6 };
}
namespace shard {
enum { kRelid = 1, kId, kStorage, kMin, kMax, kColumns = 5 };
}
namespace placement {
enum { kId = 1, kShard, kState, kLength, kGroup, kColumns = 5 };
inline constexpr int kStateActive = 1;
}  // namespace placement
namespace colocation {
enum { kId = 1, kShardCount, kReplication, kType, kCollation, kColumns = 5 };
}
namespace own_colocation {
enum { kId = 1, kColumns = 1 };
}
namespace stray {
enum { kId = 1, kRelid, kColumns = 2 };
}
namespace authinfo {
enum { kNode = 1, kRole, kInfo };
}
namespace object {
enum { kClass = 1, kObject, kSubId, kColumns = 9 };
}

inline ScanKeyData Equal(AttrNumber column, RegProcedure equals, Datum value) {
  ScanKeyData key;
  ScanKeyInit(&key, column, BTEqualStrategyNumber, equals, value);
  return key;
}

/// Calls visit(tuple, descriptor) for each row that satisfies the keys; a false answer ends the
/// scan.
template <typename Visit>
void Scan(Oid relid, Oid index, ScanKeyData* keys, int key_count, LOCKMODE lock, Visit&& visit) {
  Relation relation = table_open(relid, lock);
  SysScanDesc scan =
      systable_beginscan(relation, index, OidIsValid(index), nullptr, key_count, keys);
  for (HeapTuple tuple = systable_getnext(scan); HeapTupleIsValid(tuple);
       tuple = systable_getnext(scan)) {
    if (!visit(relation, tuple)) break;
  }
  systable_endscan(scan);
  table_close(relation, lock == AccessShareLock ? lock : NoLock);
}

/// The column's value; null columns are told by *is_null.
inline Datum Column(Relation relation, HeapTuple tuple, int column, bool* is_null) {
  return heap_getattr(tuple, column, RelationGetDescr(relation), is_null);
}

/// The value of a column that is NOT NULL.
inline Datum Column(Relation relation, HeapTuple tuple, int column) {
  bool is_null = false;
  return heap_getattr(tuple, column, RelationGetDescr(relation), &is_null);
}

}  // namespace altius::catalog
