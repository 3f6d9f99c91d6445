// SPDX-License-Identifier: PostgreSQL
// The commit records of two-phase commit: a row of pg_dist_transaction for each participant,
// visible with the local commit.
#include "participants.hpp"

extern "C" {
#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_namespace.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/xid8.h"
}

namespace altius::txn {

void InsertRecord(int group, const char* gid) {
  const Oid relid = get_relname_relid("pg_dist_transaction", PG_CATALOG_NAMESPACE);
  if (!OidIsValid(relid)) {
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
                    errmsg("relation pg_dist_transaction does not exist"),
                    errhint("The extension altius is missing in this database.")));
  }
  Relation relation = table_open(relid, RowExclusiveLock);
  Datum values[3] = {Int32GetDatum(group), CStringGetTextDatum(gid),
                     FullTransactionIdGetDatum(GetTopFullTransactionId())};
  bool nulls[3] = {false, false, false};
  HeapTuple tuple = heap_form_tuple(RelationGetDescr(relation), values, nulls);
  PushActiveSnapshot(GetTransactionSnapshot());  // the statement's is gone
  CatalogTupleInsert(relation, tuple);
  PopActiveSnapshot();
  table_close(relation, NoLock);
}

}  // namespace altius::txn
