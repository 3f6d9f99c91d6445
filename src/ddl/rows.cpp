// SPDX-License-Identifier: PostgreSQL
#include "rows.hpp"

#include "altius/ddl/tables.hpp"
#include "sql.hpp"

extern "C" {
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "nodes/makefuncs.h"
#include "nodes/parsenodes.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
}

namespace altius::ddl {

namespace {

void (*row_mover)(Oid relid) = nullptr;

/// Calls `each` with the slot of every row until it returns false.
template <typename Each>
void ScanRows(Oid relid, LOCKMODE lock, Each each) {
  Relation relation = table_open(relid, lock);
  Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());
  TupleTableSlot* slot = table_slot_create(relation, nullptr);
  TableScanDesc scan = table_beginscan(relation, snapshot, 0, nullptr);
  while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
    if (!each(relation, slot)) break;
  table_endscan(scan);
  ExecDropSingleTupleTableSlot(slot);
  UnregisterSnapshot(snapshot);
  table_close(relation, NoLock);
}

/// Whether a foreign key of another table leads here: TRUNCATE would refuse, or empty that table
/// too.
bool IsReferenced(Oid relid) {
  return QueryText(
             "SELECT 1 FROM pg_catalog.pg_constraint WHERE contype = 'f' AND confrelid = $1 AND "
             "conrelid <> $1 LIMIT 1",
             {OidValue(relid)}) != nullptr;
}

/// Of the owner's: the rows go elsewhere, which is not to be told, and nobody else is to call what it runs.
bool HasTruncateTriggers(Oid relid) {
  const char* sql = "SELECT 1 FROM pg_catalog.pg_trigger WHERE tgrelid = $1 AND NOT tgisinternal AND tgtype & 32 <> 0 LIMIT 1";
  return QueryText(sql, {OidValue(relid)}) != nullptr;
}

/// On all nodes that have the table, whatever the session wants of its own commands.
void SetForced(Oid relid, const char* forced) {
  const int level = NewGUCNestLevel();
  (void)set_config_option("citus.enable_ddl_propagation", "on", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
  RunQuery(psprintf("ALTER TABLE ONLY %s %s ROW LEVEL SECURITY", QualifiedName(relid), forced));
  AtEOXact_GUC(true, level);
}

void DeleteRows(Oid relid) {
  ScanRows(relid, AccessExclusiveLock, [](Relation relation, TupleTableSlot* slot) {
    simple_table_tuple_delete(relation, &slot->tts_tid, GetLatestSnapshot());
    return true;
  });
}

}  // namespace

void SetRowMover(void (*mover)(Oid relid)) { row_mover = mover; }

bool HasLocalRows(Oid relid) {
  bool found = false;
  if (get_rel_relkind(relid) != RELKIND_RELATION) return false;
  CommandCounterIncrement();
  ScanRows(relid, AccessShareLock, [&](Relation, TupleTableSlot*) {
    found = true;
    return false;
  });
  return found;
}

void RequireRowMover(Oid relid) {
  if (row_mover != nullptr) return;
  ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                  errmsg("cannot distribute table \"%s\" because it has rows", get_rel_name(relid)),
                  errhint("Empty the table, distribute it, and load the rows then.")));
}

bool UnforceRowSecurity(Oid relid) {
  const char* sql = "SELECT 1 FROM pg_catalog.pg_class WHERE oid = $1 AND relforcerowsecurity";
  const bool forced = QueryText(sql, {OidValue(relid)}) != nullptr;
  if (forced) SetForced(relid, "NO FORCE");
  return forced;
}

void ForceRowSecurity(Oid relid) { SetForced(relid, "FORCE"); }

void ForgetLocalRows(Oid relid) {
  if (HasLocalRows(relid)) DeleteRows(relid);
}

void EmptyTable(Oid relid) {
  if (IsReferenced(relid) || HasTruncateTriggers(relid)) return DeleteRows(relid);
  TruncateStmt* truncate = makeNode(TruncateStmt);
  truncate->relations = list_make1(
      makeRangeVar(get_namespace_name(get_rel_namespace(relid)), get_rel_name(relid), -1));
  RunUtility(reinterpret_cast<Node*>(truncate), nullptr);
}

void MoveRows(Oid relid) {
  ereport(NOTICE, (errmsg("moving the rows of \"%s\" into its shards", get_rel_name(relid))));
  row_mover(relid);
  EmptyTable(relid);
}

}  // namespace altius::ddl
