// SPDX-License-Identifier: PostgreSQL
// Whether the extension is there, and where its tables are.  Both are kept until a schema or one of
// the tables changes: creating and dropping the extension creates and drops its schema.
#include "cache.hpp"
#include "relations.hpp"

extern "C" {
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_namespace.h"
#include "commands/extension.h"
#include "utils/lsyscache.h"
}

namespace altius::catalog {
namespace {

enum class State : uint8_t { Unknown, Absent, Present };

constexpr const char* kNames[] = {"altius", "citus"};

State state = State::Unknown;
Relations relations;

bool Resolve() {
  struct Name {
    const char* name;
    Oid* oid;
  };
  const Name names[] = {
      {"pg_dist_node", &relations.node},
      {"pg_dist_local_group", &relations.local_group},
      {"pg_dist_partition", &relations.partition},
      {"pg_dist_shard", &relations.shard},
      {"pg_dist_placement", &relations.placement},
      {"pg_dist_colocation", &relations.colocation},
      {"pg_dist_object", &relations.object},
      {"pg_dist_schema", &relations.schema},
      {"pg_dist_authinfo", &relations.authinfo},
      {"altius_stray_shard", &relations.stray},
      {"altius_own_colocation", &relations.own_colocation},
      {"pg_dist_partition_logical_relid_index", &relations.partition_by_relid},
      {"pg_dist_partition_colocationid_index", &relations.partition_by_colocation},
      {"pg_dist_shard_shardid_index", &relations.shard_by_id},
      {"pg_dist_shard_logical_relid_index", &relations.shard_by_relid},
      {"pg_dist_placement_shardid_index", &relations.placement_by_shard},
      {"pg_dist_colocation_pkey", &relations.colocation_by_id},
      {"pg_dist_object_pkey", &relations.object_by_address},
      {"altius_stray_shard_pkey", &relations.stray_by_id},
      {"altius_own_colocation_pkey", &relations.own_colocation_by_id},
  };
  for (const Name& name : names) {
    *name.oid = get_relname_relid(name.name, PG_CATALOG_NAMESPACE);
    if (!OidIsValid(*name.oid)) return false;
  }
  return true;
}

}  // namespace

bool IsOwnExtensionName(const char* name) {
  for (const char* ours : kNames)
    if (strcmp(name, ours) == 0) return true;
  return false;
}

Oid OwnExtension() {
  // Citus itself has no such schema.
  if (!OidIsValid(get_namespace_oid("altius_internal", true))) return InvalidOid;
  for (const char* name : kNames) {
    const Oid extension = get_extension_oid(name, true);
    if (OidIsValid(extension)) return extension;
  }
  return InvalidOid;
}

bool IsActive() {
  if (creating_extension || !IsTransactionState() || !OidIsValid(MyDatabaseId)) return false;
  if (state == State::Unknown) {
    const bool present = OidIsValid(OwnExtension()) && Resolve();
    state = present ? State::Present : State::Absent;
  }
  return state == State::Present;
}

const Relations& DistRelations() {
  if (!IsActive()) {
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("extension altius is not available here"),
                    errhint("Run CREATE EXTENSION altius in this database.")));
  }
  return relations;
}

bool IsDistRelation(Oid relid) {
  return relid == relations.node || relid == relations.local_group ||
         relid == relations.partition || relid == relations.shard || relid == relations.placement ||
         relid == relations.colocation;
}

void ForgetRelations() { state = State::Unknown; }

}  // namespace altius::catalog
