// SPDX-License-Identifier: PostgreSQL
#include "apart.hpp"

#include "altius/catalog/metadata.hpp"
#include "altius/core/order/order.hpp"
#include "altius/pg/array.hpp"
#include "altius/pg/node.hpp"
#include "altius/pg/permissions.hpp"
#include "altius/pg/walk.hpp"
#include "planner/nodes/column_map.hpp"
#include "planner/nodes/place_calls.hpp"
#include "planner/nodes/queries.hpp"
#include "planner/normalize/security.hpp"
#include "target_rows.hpp"

extern "C" {
#include "access/sysattr.h"
#include "access/table.h"
#include "catalog/partition.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "optimizer/optimizer.h"
#include "rewrite/rewriteManip.h"
#include "utils/lsyscache.h"
#include "utils/datum.h"
#include "utils/rel.h"
}

namespace altius::planner {

namespace {

constexpr const char *kReads = "altius_read_";

CommonTableExpr *AddRead(Query *query, Query *select) {
  int number = 1;
  ListCell *cell;
  foreach (cell, query->cteList) number += IsReadBefore(lfirst_node(CommonTableExpr, cell)) ? 1 : 0;
  CommonTableExpr *cte = ReadOnce(psprintf("%s%d", kReads, number), select);
  query->cteList = lcons(cte, query->cteList);
  return cte;
}

/// SELECT FROM the relation, with no target list yet.
Query *SelectFromRelation(const RangeTblEntry *relation) {
  RangeTblEntry *entry = pg::Copy(relation);
  pg::ForgetPermissions(entry);
  entry->inFromCl = true;
  entry->lateral = false;
  Query *select = SelectFrom(entry);
  pg::ForgetPermissions(select);
  return select;
}

/// --- reads of a table ---

/// One of the relations, in the query that it stands in.
struct Place {
  Query *query;
  int rti;
  int depth;  // of the query, the modification's own being 0
};

struct Search {
  Oid table;
  const RangeTblEntry *target;
  int depth;
  pg::Array<Place> *places;
};

bool PlaceWalker(Node *node, void *data) {
  if (node == nullptr) return false;
  auto *search = static_cast<Search *>(data);
  if (!IsA(node, Query)) return pg::Walk(node, PlaceWalker, data);
  auto *query = reinterpret_cast<Query *>(node);
  ListCell *cell;
  foreach (cell, query->rtable) {
    const auto *rte = lfirst_node(RangeTblEntry, cell);
    if (rte->rtekind == RTE_RELATION && rte != search->target && RootOf(rte->relid) == search->table)
      search->places->push_back({query, foreach_current_index(cell) + 1, search->depth});
  }
  search->depth++;
  pg::WalkQuery(query, PlaceWalker, data);
  search->depth--;
  return false;
}

/// Which columns of a relation are read.
struct Use {
  int rti;
  Index levels;
  Bitmapset *columns;
  bool row;    // the whole row is
  bool place;  // or where it lies
};

bool UseWalker(Node *node, void *data) {
  if (node == nullptr) return false;
  auto *use = static_cast<Use *>(data);
  if (IsA(node, Query)) {
    use->levels++;
    pg::WalkQuery(reinterpret_cast<Query *>(node), UseWalker, data, QTW_IGNORE_JOINALIASES);
    use->levels--;
    return false;
  }
  if (!IsA(node, Var)) return pg::Walk(node, UseWalker, data);
  const auto *var = reinterpret_cast<const Var *>(node);
  if (static_cast<int>(var->varno) != use->rti || var->varlevelsup != use->levels) return false;
  if (var->varattno < 0) {
    use->place = true;
  } else if (var->varattno == InvalidAttrNumber) {
    use->row = true;
  } else {
    use->columns = bms_add_member(use->columns, var->varattno);
  }
  return false;
}

bool IsLocked(const Place &place) {
  ListCell *cell;
  foreach (cell, place.query->rowMarks) {
    if (static_cast<int>(lfirst_node(RowMarkClause, cell)->rti) == place.rti) return true;
  }
  return false;
}

struct WholeRow {
  int rti;
  AttrNumber column;
};

Node *ReadAsColumn(Node *node, void *data) {
  const auto *row = static_cast<WholeRow *>(data);
  if (!IsA(node, Var)) return nullptr;
  auto *var = reinterpret_cast<Var *>(node);
  if (static_cast<int>(var->varno) != row->rti || var->varattno != InvalidAttrNumber) return nullptr;
  return pg::AsNode(makeVar(row->rti, row->column, var->vartype, -1, InvalidOid, 0));
}

/// SELECT the columns FROM the relation, under their numbers, and the row, if it is read, behind them; null stands for those that are
/// not read.
Query *ReadColumns(const RangeTblEntry *rte, const Use &use) {
  const Bitmapset *columns = use.columns;
  Query *select = SelectFromRelation(rte);
  Relation relation = table_open(rte->relid, NoLock);
  const TupleDesc desc = RelationGetDescr(relation);
  for (AttrNumber number = 1; number <= desc->natts; number++) {
    Form_pg_attribute column = TupleDescAttr(desc, number - 1);
    Expr *value = bms_is_member(number, columns)
                      ? reinterpret_cast<Expr *>(
                            makeVar(1, number, column->atttypid, column->atttypmod, column->attcollation, 0))
                      : reinterpret_cast<Expr *>(makeNullConst(INT4OID, -1, InvalidOid));
    auto *target = makeTargetEntry(value, number, pstrdup(NameStr(column->attname)), false);
    select->targetList = lappend(select->targetList, target);
  }
  if (use.row) {
    auto *entry = pg::Rte(select->rtable, 1);
    Var *whole = makeWholeRowVar(entry, 1, 0, false);
    Node *row = SpelledRow(entry, whole);
    auto *target = makeTargetEntry(reinterpret_cast<Expr *>(row), desc->natts + 1, pstrdup("altius_row"), false);
    select->targetList = lappend(select->targetList, target);
  }
  table_close(relation, NoLock);
  return select;
}

void ReadPlaceBefore(Query *query, const Place &place) {
  Use use = {place.rti, 0, nullptr, false, false};
  pg::WalkQuery(place.query, UseWalker, &use, QTW_IGNORE_JOINALIASES);
  auto *rte = pg::Rte(place.query->rtable, place.rti);
  if (use.place || IsLocked(place)) {
    ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                    errmsg("a modification in WITH reads places of table \"%s\", which another one changes before it",
                           get_rel_name(rte->relid)),
                    errhint("Run the modifications as statements of their own, in one transaction.")));
  }
  Query *read = ReadColumns(rte, use);
  WholeRow row = {place.rti, static_cast<AttrNumber>(list_length(read->targetList))};
  if (use.row) ReplaceInQuery(place.query, ReadAsColumn, &row);
  CommonTableExpr *cte = AddRead(query, read);
  RangeTblEntry *entry = ReadOf(cte, place.depth + 1);
  List *names = pg::Copy(rte->eref->colnames);
  if (use.row) names = lappend(names, makeString(pstrdup("altius_row")));
  entry->eref = entry->alias = makeAlias(rte->eref->aliasname, names);
  lfirst(list_nth_cell(place.query->rtable, place.rti - 1)) = entry;
}

/// --- rows of the target ---

Node *ParamOf(int number, Oid type) {
  auto *param = makeNode(Param);
  param->paramkind = PARAM_SUBLINK;
  param->paramid = number;
  param->paramtype = type;
  param->paramtypmod = -1;
  param->location = -1;
  return pg::AsNode(param);
}

Node *CtidOf(int rti) { return pg::AsNode(makeVar(rti, SelfItemPointerAttributeNumber, TIDOID, -1, InvalidOid, 0)); }

Node *ShardOf(int rti) {
  List *args = list_make1(makeVar(rti, TableOidAttributeNumber, OIDOID, -1, InvalidOid, 0));
  return pg::AsNode(makeFuncExpr(ShardOfFunction(), INT8OID, args, InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL));
}

void AddColumn(Query *select, Node *expr) {
  const int column = list_length(select->targetList) + 1;
  auto *target = makeTargetEntry(reinterpret_cast<Expr *>(expr), column, psprintf("c%d", column), false);
  select->targetList = lappend(select->targetList, target);
}

/// SELECT ctid, shard FROM the target, with what of the conditions is about nothing else.
Query *PlacesOf(Query *modification) {
  const int rti = modification->resultRelation;
  const RangeTblEntry *rte = pg::Rte(modification->rtable, rti);
  Query *select = SelectFromRelation(rte);
  AddColumn(select, CtidOf(1));
  AddColumn(select, ShardOf(1));
  List *conditions = NIL;
  ListCell *cell;
  foreach (cell, make_ands_implicit(reinterpret_cast<Expr *>(modification->jointree->quals))) {
    auto *condition = static_cast<Node *>(lfirst(cell));
    const bool own = bms_equal(pull_varnos(nullptr, condition), bms_make_singleton(rti));
    if (own && !checkExprHasSubLink(condition) && !contain_volatile_functions(condition))
      conditions = lappend(conditions, pg::Copy(condition));
  }
  if (conditions != NIL) select->jointree->quals = pg::AsNode(make_ands_explicit(conditions));
  ChangeVarNodes(select->jointree->quals, rti, 1, 0);
  ChangeVarNodes(pg::AsNode(pg::Rte(select->rtable, 1)->securityQuals), rti, 1, 0);
  LockRows(select, 1);  // nobody else changes their places, and those of a reference table are those of one copy
  WrapSecuredTables(select);
  return select;
}

/// (ctid, shard) IN (SELECT c1, c2 FROM cte)
Node *IsAmong(int rti, CommonTableExpr *cte) {
  Query *select = SelectFrom(ReadOf(cte, 2));
  AddColumn(select, pg::AsNode(makeVar(1, 1, TIDOID, -1, InvalidOid, 0)));
  AddColumn(select, pg::AsNode(makeVar(1, 2, INT8OID, -1, InvalidOid, 0)));
  auto *link = makeNode(SubLink);
  link->subLinkType = ANY_SUBLINK;
  List *comparisons = list_make2(Equals(CtidOf(rti), ParamOf(1, TIDOID)), Equals(ShardOf(rti), ParamOf(2, INT8OID)));
  link->testexpr = pg::AsNode(makeBoolExpr(AND_EXPR, comparisons, -1));
  link->operName = list_make1(makeString(pstrdup("=")));
  link->subselect = pg::AsNode(select);
  link->location = -1;
  return pg::AsNode(link);
}

/// --- rows that two UPDATEs may change ---

/// Types of which values look alike only if they are equal.
bool LooksEqual(Oid type) {
  return type == INT2OID || type == INT4OID || type == INT8OID || type == UUIDOID || type == DATEOID;
}

/// WHERE column = constant, of the target; null where the condition is something else.
const Const *Pinned(Node *condition, int rti, AttrNumber *column) {
  if (!is_opclause(condition)) return nullptr;
  const auto *comparison = reinterpret_cast<const OpExpr *>(condition);
  if (list_length(comparison->args) != 2) return nullptr;
  const auto *left = static_cast<const Node *>(linitial(comparison->args));
  const auto *right = static_cast<const Node *>(lsecond(comparison->args));
  if (IsA(right, Var)) std::swap(left, right);
  if (!IsA(left, Var) || !IsA(right, Const)) return nullptr;
  const auto *var = reinterpret_cast<const Var *>(left);
  const auto *value = reinterpret_cast<const Const *>(right);
  if (static_cast<int>(var->varno) != rti || var->varlevelsup > 0 || var->varattno <= 0 || value->constisnull) return nullptr;
  if (value->consttype != var->vartype || !LooksEqual(var->vartype) || !op_hashjoinable(comparison->opno, var->vartype)) return nullptr;
  *column = var->varattno;
  return value;
}

/// An UPDATE as core/order knows it; constants of both are numbered by `values`.
struct Described {
  pg::Array<core::order::Pin> pins;
  pg::Array<int> sets;

  core::order::Update AsUpdate() { return {pins.data(), pins.size(), sets.data(), sets.size()}; }
};

int NumberOf(pg::Array<const Const *> *values, const Const *value) {
  for (int i = 0; i < values->size(); i++) {
    const Const *other = (*values)[i];
    const bool alike = other->consttype == value->consttype;
    if (alike && datumIsEqual(other->constvalue, value->constvalue, value->constbyval, value->constlen)) return i;
  }
  values->push_back(value);
  return values->size() - 1;
}

Described DescribeUpdate(const Query *update, pg::Array<const Const *> *values) {
  Described described;
  ListCell *cell;
  foreach (cell, make_ands_implicit(reinterpret_cast<Expr *>(update->jointree->quals))) {
    AttrNumber column;
    const Const *value = Pinned(static_cast<Node *>(lfirst(cell)), update->resultRelation, &column);
    if (value != nullptr) described.pins.push_back({column, NumberOf(values, value)});
  }
  foreach (cell, update->targetList) {
    const auto *target = lfirst_node(TargetEntry, cell);
    if (!target->resjunk) described.sets.push_back(target->resno);
  }
  return described;
}

}  // namespace

Oid RootOf(Oid relid) {
  if (!get_rel_relispartition(relid)) return relid;
  List *ancestors = get_partition_ancestors(relid);
  return ancestors == NIL ? relid : llast_oid(ancestors);
}

void ReadBefore(Query *query, CommonTableExpr *modification, Oid table) {
  auto *inner = castNode(Query, modification->ctequery);
  pg::Array<Place> places;
  const RangeTblEntry *target = inner->commandType == CMD_SELECT ? nullptr : pg::Rte(inner->rtable, inner->resultRelation);
  Search search = {table, target, 0, &places};
  PlaceWalker(pg::AsNode(inner), &search);
  for (const Place &place : places) ReadPlaceBefore(query, place);
}

void ChangeOnlyOld(Query *query, CommonTableExpr *modification) {
  auto *inner = castNode(Query, modification->ctequery);
  if (inner->commandType == CMD_MERGE) {
    ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                    errmsg("MERGE \"%s\" in WITH might meet rows that other modifications of the statement change", modification->ctename),
                    errhint("Run the modifications as statements of their own, in one transaction.")));
  }
  CommonTableExpr *places = AddRead(query, PlacesOf(inner));
  Node *among = IsAmong(inner->resultRelation, places);
  List *conditions = make_ands_implicit(reinterpret_cast<Expr *>(inner->jointree->quals));
  inner->jointree->quals = pg::AsNode(make_ands_explicit(lappend(conditions, among)));
  inner->hasSubLinks = true;
}

bool AreDisjoint(const Query *one, const Query *other) {
  pg::Array<const Const *> values;
  Described first = DescribeUpdate(one, &values), second = DescribeUpdate(other, &values);
  return core::order::AreDisjoint(first.AsUpdate(), second.AsUpdate());
}

bool IsReadBefore(const CommonTableExpr *cte) { return strncmp(cte->ctename, kReads, strlen(kReads)) == 0; }

}  // namespace altius::planner
