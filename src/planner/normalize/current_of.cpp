// SPDX-License-Identifier: PostgreSQL
// WHERE CURRENT OF: the cursor's scan has (shard, ctid) of its row as junk columns; the statement compares them, and follows
// the row to what this transaction has made of it since, as PostgreSQL does.
#include "current_of.hpp"

#include "altius/catalog/metadata.hpp"
#include "altius/pg/bridge.hpp"
#include "altius/pg/node.hpp"
#include "altius/pg/walk.hpp"
#include "planner/nodes/column_map.hpp"
#include "planner/nodes/place_calls.hpp"

extern "C" {
#include "access/relation.h"
#include "access/sysattr.h"
#include "access/tableam.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/partition.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "nodes/makefuncs.h"
#include "parser/parse_func.h"
#include "parser/parse_oper.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/portal.h"
#include "utils/snapmgr.h"
}

namespace altius::planner {

namespace {

constexpr const char *kCtid = "altius_ctid";
constexpr const char *kShard = "altius_shard";

Oid Function(const char *name, int count, const Oid *types) {
  List *qualified = list_make2(makeString(pstrdup("altius_internal")), makeString(pstrdup(name)));
  return LookupFuncName(qualified, count, types, false);
}

const catalog::Table *SpreadTable(const RangeTblEntry *rte) {
  const catalog::Table *table = rte->rtekind == RTE_RELATION ? catalog::FindTable(rte->relid) : nullptr;
  const bool spread = table != nullptr && table->kind != catalog::TableKind::Reference && table->kind != catalog::TableKind::Local;
  return spread ? table : nullptr;
}

/// Each of its rows is one of a single table's.
bool IsScan(const Query *query) {
  return query->commandType == CMD_SELECT && !query->hasAggs && !query->hasWindowFuncs && !query->hasTargetSRFs &&
         query->groupClause == NIL && query->groupingSets == NIL && query->distinctClause == NIL &&
         query->setOperations == nullptr && query->havingQual == nullptr && query->cteList == NIL &&
         list_length(query->jointree->fromlist) == 1 && IsA(linitial(query->jointree->fromlist), RangeTblRef);
}

Expr *ShardOf(int rti) {
  Var *table = makeVar(rti, TableOidAttributeNumber, OIDOID, -1, InvalidOid, 0);
  return reinterpret_cast<Expr *>(
      makeFuncExpr(ShardOfFunction(), INT8OID, list_make1(table), InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL));
}

Expr *CtidOf(int rti) {
  return reinterpret_cast<Expr *>(makeVar(rti, SelfItemPointerAttributeNumber, TIDOID, -1, InvalidOid, 0));
}

void AddJunk(Query *query, Expr *expr, const char *name) {
  const auto number = static_cast<AttrNumber>(list_length(query->targetList) + 1);
  query->targetList = lappend(query->targetList, makeTargetEntry(expr, number, pstrdup(name), true));
}

}  // namespace

void KeepRowPlace(Query *query, int cursor_options) {
  if ((cursor_options & CURSOR_OPT_FAST_PLAN) == 0 || !IsScan(query)) return;
  const int rti = linitial_node(RangeTblRef, query->jointree->fromlist)->rtindex;
  if (SpreadTable(pg::Rte(query->rtable, rti)) == nullptr) return;
  // Rights on some columns are none on a row's place.
  if (pg_class_aclcheck(pg::Rte(query->rtable, rti)->relid, GetUserId(), ACL_SELECT) != ACLCHECK_OK) return;
  AddJunk(query, CtidOf(rti), kCtid);
  AddJunk(query, ShardOf(rti), kShard);
}

namespace {

/// The value that the cursor's row has of one of these.
Expr *OfCursor(const char *function, Oid type, Node *cursor, Oid relid) {
  constexpr Oid kTypes[] = {REFCURSOROID, OIDOID};
  auto *table = makeConst(OIDOID, -1, InvalidOid, sizeof(Oid), ObjectIdGetDatum(relid), false, true);
  return reinterpret_cast<Expr *>(makeFuncExpr(Function(function, 2, kTypes), type, list_make2(pg::Copy(cursor), table),
                                               InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL));
}

Node *Equals(Expr *left, Expr *right) {
  return pg::AsNode(make_op(nullptr, list_make2(makeString(pstrdup("pg_catalog")), makeString(pstrdup("="))),
                            pg::AsNode(left), pg::AsNode(right), nullptr, -1));
}

Node *CursorOf(const CurrentOfExpr *current) {
  if (current->cursor_name == nullptr) {
    auto *param = makeNode(Param);
    param->paramkind = PARAM_EXTERN;
    param->paramid = current->cursor_param;
    param->paramtype = REFCURSOROID;
    param->paramtypmod = -1;
    param->location = -1;
    return pg::AsNode(param);
  }
  return pg::AsNode(makeConst(REFCURSOROID, -1, InvalidOid, -1, CStringGetTextDatum(current->cursor_name), false, false));
}

/// A cursor's row is known by its place in a shard: copies of a reference table's have several.
void RequireSpread(const RangeTblEntry *target) {
  if (SpreadTable(target) != nullptr) return;
  ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("WHERE CURRENT OF is not supported for reference tables"),
                  errhint("Name the row by its key.")));
}

Node *SpellMutator(Node *node, void *data) {
  if (node == nullptr) return nullptr;
  if (!IsA(node, CurrentOfExpr)) return pg::Mutate(node, SpellMutator, data);
  auto *query = static_cast<Query *>(data);
  const int rti = query->resultRelation;
  RequireSpread(pg::Rte(query->rtable, rti));
  const Oid relid = pg::Rte(query->rtable, rti)->relid;
  Node *cursor = CursorOf(reinterpret_cast<CurrentOfExpr *>(node));
  Expr *shard = OfCursor("cursor_shard", INT8OID, cursor, relid);
  Expr *ctid = OfCursor("cursor_ctid", TIDOID, cursor, relid);
  auto *latest = reinterpret_cast<Expr *>(makeFuncExpr(LatestFunction(), TIDOID, list_make2(pg::Copy(shard), ctid), InvalidOid,
                                                       InvalidOid, COERCE_EXPLICIT_CALL));
  return pg::AsNode(makeBoolExpr(AND_EXPR, list_make2(Equals(CtidOf(rti), latest), Equals(ShardOf(rti), shard)), -1));
}

}  // namespace

void SpellCurrentOf(Query *query) {
  ListCell *cell;
  foreach (cell, query->cteList) SpellCurrentOf(castNode(Query, lfirst_node(CommonTableExpr, cell)->ctequery));
  if ((query->commandType != CMD_UPDATE && query->commandType != CMD_DELETE) || query->resultRelation == 0) return;
  const RangeTblEntry *target = pg::Rte(query->rtable, query->resultRelation);
  if (target->rtekind != RTE_RELATION || catalog::FindTable(target->relid) == nullptr) return;
  query->jointree->quals = SpellMutator(query->jointree->quals, query);
}

namespace {

[[noreturn]] void RaiseNoScan(const char *cursor, Oid relid) {
  ereport(ERROR, (errcode(ERRCODE_INVALID_CURSOR_STATE),
                  errmsg("cursor \"%s\" is not a simply updatable scan of table \"%s\"", cursor, get_rel_name(relid))));
  pg_unreachable();
}

/// Where the plan has left the row that it returned last; null: it is not known.
TupleTableSlot *SlotOf(PlanState *state) {
  if (IsA(state, LimitState)) return castNode(LimitState, state)->subSlot;
  if (IsA(state, CustomScanState) && state->ps_ProjInfo == nullptr) return castNode(CustomScanState, state)->ss.ss_ScanTupleSlot;
  return IsA(state, LockRowsState) ? nullptr : state->ps_ResultTupleSlot;
}

/// As PostgreSQL checks it.
QueryDesc *ScanOf(const char *cursor, Oid relid) {
  Portal portal = GetPortalByName(cursor);
  if (!PortalIsValid(portal))
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_CURSOR), errmsg("cursor \"%s\" does not exist", cursor)));
  if (portal->strategy != PORTAL_ONE_SELECT)
    ereport(ERROR, (errcode(ERRCODE_INVALID_CURSOR_STATE), errmsg("cursor \"%s\" is not a SELECT query", cursor)));
  QueryDesc *query = portal->queryDesc;
  if (query == nullptr || query->estate == nullptr)
    ereport(ERROR, (errcode(ERRCODE_INVALID_CURSOR_STATE),
                    errmsg("cursor \"%s\" is held from a previous transaction", cursor)));
  if (!AttributeNumberIsValid(ExecFindJunkAttributeInTlist(query->planstate->plan->targetlist, kCtid)))
    RaiseNoScan(cursor, relid);
  if (portal->atStart || portal->atEnd)
    ereport(ERROR, (errcode(ERRCODE_INVALID_CURSOR_STATE), errmsg("cursor \"%s\" is not positioned on a row", cursor)));
  return query;
}

Datum OfCurrentRow(FunctionCallInfo fcinfo, const char *column) {
  const char *cursor = text_to_cstring(PG_GETARG_TEXT_PP(0));
  const Oid relid = PG_GETARG_OID(1);
  const QueryDesc *query = ScanOf(cursor, relid);
  TupleTableSlot *slot = SlotOf(query->planstate);
  if (TupIsNull(slot)) RaiseNoScan(cursor, relid);
  bool null;
  List *targets = query->planstate->plan->targetlist;
  const Datum shard = slot_getattr(slot, ExecFindJunkAttributeInTlist(targets, kShard), &null);
  int index;
  const catalog::Table *table = null ? nullptr : catalog::FindTableOfShard(DatumGetInt64(shard), &index);
  const bool same = table != nullptr && (table->relid == relid || (get_rel_relispartition(table->relid) &&
                                                                   list_member_oid(get_partition_ancestors(table->relid), relid)));
  if (!same) RaiseNoScan(cursor, relid);
  const Datum value = slot_getattr(slot, ExecFindJunkAttributeInTlist(targets, column), &null);
  if (null) RaiseNoScan(cursor, relid);
  // The cursor may move on while the value is used.
  return column == kCtid ? datumCopy(value, false, sizeof(ItemPointerData)) : value;
}

}  // namespace

}  // namespace altius::planner

ALTIUS_FUNCTION(altius_cursor_ctid) { return altius::planner::OfCurrentRow(fcinfo, altius::planner::kCtid); }
ALTIUS_FUNCTION(altius_cursor_shard) { return altius::planner::OfCurrentRow(fcinfo, altius::planner::kShard); }

/// latest_ctid(shard bigint, ctid tid): of what the row has become, as this statement sees it.
ALTIUS_FUNCTION(altius_latest_ctid) {
  using namespace altius;
  auto *latest = static_cast<ItemPointer>(palloc(sizeof(ItemPointerData)));
  *latest = *reinterpret_cast<ItemPointer>(PG_GETARG_POINTER(1));
  int index;
  const catalog::Table *table = catalog::FindTableOfShard(PG_GETARG_INT64(0), &index);
  const Oid shard = table == nullptr ? InvalidOid
                                     : get_relname_relid(catalog::ShardName(*table, table->shards[index]),
                                                         get_rel_namespace(table->relid));
  if (!OidIsValid(shard) || !catalog::IsShardOfOwner(shard)) PG_RETURN_POINTER(latest);
  if (get_rel_relkind(shard) != RELKIND_RELATION) PG_RETURN_POINTER(latest);  // rows of a partitioned one are elsewhere
  Relation relation = relation_open(shard, AccessShareLock);
  Snapshot snapshot = RegisterSnapshot(GetActiveSnapshot());
  TableScanDesc scan = table_beginscan_tid(relation, snapshot);
  table_tuple_get_latest_tid(scan, latest);
  table_endscan(scan);
  UnregisterSnapshot(snapshot);
  relation_close(relation, AccessShareLock);
  PG_RETURN_POINTER(latest);
}
