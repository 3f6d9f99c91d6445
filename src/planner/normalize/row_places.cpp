// SPDX-License-Identifier: PostgreSQL
// Rows that are told from one another by ctid: on plain tables that is what DELETE ... WHERE ctid IN (SELECT ctid ... LIMIT n) and
// the like do.  Rows of different shards may have the same ctid, so comparisons of two rows' ctids compare the shards, too.
// Where that can't be done, the statement is refused: it would mean other rows.
#include "row_places.hpp"

#include "altius/catalog/metadata.hpp"
#include "altius/pg/compat_merge.hpp"
#include "altius/pg/node.hpp"
#include "altius/pg/walk.hpp"
#include "planner/locus/equality.hpp"
#include "planner/locus/scope.hpp"
#include "planner/nodes/place_calls.hpp"
#include "rows_with_ctids.hpp"

extern "C" {
#include "access/sysattr.h"
#include "catalog/pg_operator_d.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_oper.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"
#include "utils/lsyscache.h"
}

namespace altius::planner {

namespace {

[[noreturn]] void Refuse() {
  ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("rows of a distributed table can't be told by their ctid here"),
                  errdetail("Rows of different shards may have the same one."),
                  errhint("Use the primary key, or compare the distribution column with a value as well.")));
  pg_unreachable();
}

/// Where the row of a ctid lies, as an expression; of which table it is.
struct Place {
  Oid relid;
  Node *shard;
};

bool IsSpread(const RangeTblEntry *rte) {
  if (rte->rtekind != RTE_RELATION) return false;
  const catalog::Table *table = catalog::FindTable(rte->relid);
  return table != nullptr && (table->shard_count > 1 || table->kind == catalog::TableKind::Reference);
}

bool IsCtid(Node *node) {
  return IsA(node, Var) && reinterpret_cast<Var *>(node)->varattno == SelfItemPointerAttributeNumber;
}

bool ReadsCtidWalker(Node *node, void *data) {
  if (node == nullptr) return false;
  if (IsCtid(node)) {
    auto *var = reinterpret_cast<Var *>(node);
    auto *levels = static_cast<List *>(data);
    return static_cast<int>(var->varlevelsup) < list_length(levels) &&
           IsSpread(pg::Rte(static_cast<Query *>(list_nth(levels, var->varlevelsup))->rtable, var->varno));
  }
  if (!IsA(node, Query)) return pg::Walk(node, ReadsCtidWalker, data);
  auto *query = reinterpret_cast<Query *>(node);
  return pg::WalkQuery(query, ReadsCtidWalker, lcons(query, list_copy(static_cast<List *>(data))));
}

Node *ShardOf(const Var *ctid) {
  Var *table = makeVar(ctid->varno, TableOidAttributeNumber, OIDOID, -1, InvalidOid, 0);
  return pg::AsNode(makeFuncExpr(ShardOfFunction(), INT8OID, list_make1(table), InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL));
}

/// Whether each row of the query is a row of its FROM.
bool KeepsRows(const Query *query) {
  return query->commandType == CMD_SELECT && !query->hasAggs && query->groupClause == NIL && query->groupingSets == NIL &&
         query->distinctClause == NIL && query->setOperations == nullptr;
}

/// The column of the subquery that has this expression, added behind those that are no junk.
int ColumnWith(Query *subquery, Node *expr) {
  int column = 0;
  ListCell *cell;
  foreach (cell, subquery->targetList) {
    const auto *target = lfirst_node(TargetEntry, cell);
    if (target->resjunk) continue;
    column++;
    if (equal(target->expr, expr)) return column;
  }
  column++;
  foreach (cell, subquery->targetList) {
    auto *target = lfirst_node(TargetEntry, cell);
    if (target->resjunk) target->resno++;
  }
  auto *added = makeTargetEntry(reinterpret_cast<Expr *>(expr), static_cast<AttrNumber>(column), pstrdup("altius_shard"), false);
  subquery->targetList = list_insert_nth(subquery->targetList, column - 1, added);
  return column;
}

CommonTableExpr *CteOf(List *levels, const RangeTblEntry *rte) {
  auto *query = static_cast<Query *>(list_nth(levels, static_cast<int>(rte->ctelevelsup)));
  ListCell *cell;
  foreach (cell, query->cteList) {
    auto *cte = lfirst_node(CommonTableExpr, cell);
    if (strcmp(cte->ctename, rte->ctename) == 0) return cte;
  }
  return nullptr;
}

Place PlaceOf(Node *expr, List *levels);

/// Of a column of a subquery or CTE that hands a ctid on; a column with the shard is added to it.
Place PlaceOfColumn(const Var *var, RangeTblEntry *rte, List *levels) {
  CommonTableExpr *cte = rte->rtekind == RTE_CTE ? CteOf(levels, rte) : nullptr;
  Query *inner = rte->rtekind == RTE_SUBQUERY ? rte->subquery : cte != nullptr ? castNode(Query, cte->ctequery) : nullptr;
  if (inner == nullptr || !KeepsRows(inner) || (cte != nullptr && cte->cterecursive)) return {};
  TargetEntry *target = get_tle_by_resno(inner->targetList, var->varattno);
  if (target == nullptr || exprType(pg::AsNode(target->expr)) != TIDOID) return {};
  const int outer = cte != nullptr ? static_cast<int>(rte->ctelevelsup) : 0;
  const Place place = PlaceOf(pg::AsNode(target->expr), lcons(inner, list_copy_tail(levels, outer)));
  if (place.shard == nullptr) return {};
  const int column = ColumnWith(inner, place.shard);
  if (list_length(rte->eref->colnames) < column) rte->eref->colnames = lappend(rte->eref->colnames, makeString(pstrdup("altius_shard")));
  if (cte != nullptr && list_length(cte->ctecolnames) < column) {
    cte->ctecolnames = lappend(cte->ctecolnames, makeString(pstrdup("altius_shard")));
    cte->ctecoltypes = lappend_oid(cte->ctecoltypes, INT8OID);
    cte->ctecoltypmods = lappend_int(cte->ctecoltypmods, -1);
    cte->ctecolcollations = lappend_oid(cte->ctecolcollations, InvalidOid);
  }
  if (cte != nullptr && list_length(rte->coltypes) < column) {
    rte->coltypes = lappend_oid(rte->coltypes, INT8OID);
    rte->coltypmods = lappend_int(rte->coltypmods, -1);
    rte->colcollations = lappend_oid(rte->colcollations, InvalidOid);
  }
  return {place.relid, pg::AsNode(makeVar(var->varno, column, INT8OID, -1, InvalidOid, 0))};
}

/// `levels`: the queries around the expression, innermost first.  A row of an outer query is not followed: its place is not
/// known where the inner one runs.
Place PlaceOf(Node *expr, List *levels) {
  if (!IsA(expr, Var) || reinterpret_cast<Var *>(expr)->varlevelsup > 0) return {};
  const auto *var = reinterpret_cast<Var *>(expr);
  RangeTblEntry *rte = pg::Rte(static_cast<Query *>(linitial(levels))->rtable, var->varno);
  if (!IsCtid(expr)) return var->varattno > 0 ? PlaceOfColumn(var, rte, levels) : Place{};
  const catalog::Table *table = rte->rtekind == RTE_RELATION ? catalog::FindTable(rte->relid) : nullptr;
  // Copies of a reference table's row have ctids of their own.
  if (table == nullptr || table->kind == catalog::TableKind::Reference) return {};
  return {rte->relid, ShardOf(var)};
}

Expr *Compare(const char *name, Node *left, Node *right) {
  return make_op(nullptr, list_make2(makeString(pstrdup("pg_catalog")), makeString(pstrdup(name))), pg::AsNode(pg::Copy(left)),
                 pg::AsNode(pg::Copy(right)), nullptr, -1);
}

/// The comparison of two ctids as one of (shard, ctid).
Node *WithShards(OpExpr *comparison, Node *left, Node *right) {
  const char *name = get_opname(comparison->opno);
  auto *same = Compare("=", left, right);
  if (strcmp(name, "=") == 0) return pg::AsNode(makeBoolExpr(AND_EXPR, list_make2(comparison, same), -1));
  if (strcmp(name, "<>") == 0) return pg::AsNode(makeBoolExpr(OR_EXPR, list_make2(comparison, Compare("<>", left, right)), -1));
  Expr *beside = makeBoolExpr(AND_EXPR, list_make2(same, comparison), -1);
  return pg::AsNode(makeBoolExpr(OR_EXPR, list_make2(Compare(name[0] == '<' ? "<" : ">", left, right), beside), -1));
}

/// A value beside the key's of the same row: then there is one shard.
bool IsPinned(Node *quals, Index varno, const catalog::Table &table) {
  if (quals == nullptr) return false;
  ListCell *cell;
  foreach (cell, make_ands_implicit(reinterpret_cast<Expr *>(quals))) {
    Node *left, *right;
    Meaning meaning;
    if (!EqualitySides(static_cast<Node *>(lfirst(cell)), &left, &right, &meaning)) continue;
    if (meaning != MeaningOfType(table.key_type, table.key_collation)) continue;
    for (Node *side : {left, right}) {
      if (!IsA(side, Var)) continue;
      const auto *var = reinterpret_cast<Var *>(side);
      if (static_cast<Index>(var->varno) != varno || var->varattno != table.key || var->varlevelsup > 0) continue;
      if (IsLevelConstant(side == left ? right : left)) return true;
    }
  }
  return false;
}

bool IsInOneShard(Node *expr, List *levels) {
  if (!IsCtid(expr) || reinterpret_cast<Var *>(expr)->varlevelsup > 0) return false;
  const auto *var = reinterpret_cast<Var *>(expr);
  const auto *query = static_cast<Query *>(linitial(levels));
  const RangeTblEntry *rte = pg::Rte(query->rtable, var->varno);
  const catalog::Table *table = rte->rtekind == RTE_RELATION ? catalog::FindTable(rte->relid) : nullptr;
  return table != nullptr && table->key != 0 && IsPinned(query->jointree->quals, var->varno, *table);
}

bool IsLocal(Node *expr, List *levels) {
  if (!IsCtid(expr)) return false;
  const auto *var = reinterpret_cast<Var *>(expr);
  return !IsSpread(pg::Rte(static_cast<Query *>(list_nth(levels, var->varlevelsup))->rtable, var->varno));
}

/// A ctid, or a column that hands one on.
bool HasPlace(Node *expr, List *levels) { return IsCtid(expr) || PlaceOf(expr, levels).shard != nullptr; }

Node *CompareMutator(Node *node, void *data);
void CompareIn(Query *query, List *levels);

/// ctid = ANY (subquery), = (subquery), = ANY (ARRAY(subquery)) as (ctid, shard) = ANY/ROW (subquery with both).
Node *CompareWithSubquery(Node *ctid, SubLink *link, SubLinkType type, List *levels) {
  auto *inner = reinterpret_cast<Query *>(link->subselect);
  const Place place = PlaceOf(ctid, levels);
  if (place.shard == nullptr || !KeepsRows(inner)) return nullptr;
  const auto *target = linitial_node(TargetEntry, inner->targetList);
  const Place found = PlaceOf(pg::AsNode(target->expr), lcons(inner, list_copy(levels)));
  if (found.shard == nullptr || found.relid != place.relid) return nullptr;
  const int column = ColumnWith(inner, found.shard);
  List *comparisons = NIL;
  for (const auto &[side, number, of] : {std::tuple{ctid, 1, TIDOID}, std::tuple{place.shard, column, INT8OID}}) {
    auto *param = makeNode(Param);
    param->paramkind = PARAM_SUBLINK;
    param->paramid = number;
    param->paramtype = of;
    param->paramtypmod = -1;
    param->location = -1;
    comparisons = lappend(comparisons, Compare("=", side, pg::AsNode(param)));
  }
  if (column != 2) return nullptr;  // there were others
  auto *result = makeNode(SubLink);
  result->subLinkType = type;
  result->testexpr = pg::AsNode(makeBoolExpr(AND_EXPR, comparisons, -1));
  result->operName = list_make1(makeString(pstrdup("=")));
  result->subselect = link->subselect;
  result->location = -1;
  CompareIn(inner, levels);
  return pg::AsNode(result);
}

/// A ctid of the one shard that is looked at, given from outside.
bool IsGiven(Node *ctid, Node *value, List *levels) {
  return IsInOneShard(ctid, levels) && IsLevelConstant(value) && !checkExprHasSubLink(value);
}

bool IsEquality(Oid op) { return strcmp(get_opname(op), "=") == 0; }

Node *CompareOp(OpExpr *operation, List *levels) {
  auto *left = static_cast<Node *>(linitial(operation->args)), *right = static_cast<Node *>(lsecond(operation->args));
  if (IsLocal(left, levels) || IsLocal(right, levels)) return nullptr;
  if (IsGiven(left, right, levels) || IsGiven(right, left, levels)) return nullptr;
  for (auto [side, other] : {std::pair{left, right}, std::pair{right, left}}) {
    if (!IsA(other, SubLink) || !IsEquality(operation->opno)) continue;
    auto *link = reinterpret_cast<SubLink *>(other);
    Node *compared = link->subLinkType == EXPR_SUBLINK ? CompareWithSubquery(side, link, ROWCOMPARE_SUBLINK, levels) : nullptr;
    if (compared != nullptr) return compared;
  }
  const Place one = PlaceOf(left, levels), two = PlaceOf(right, levels);
  if (one.shard == nullptr && two.shard == nullptr && !IsCtid(left) && !IsCtid(right)) return nullptr;
  if (one.shard == nullptr || two.shard == nullptr || one.relid != two.relid) Refuse();
  return WithShards(operation, one.shard, two.shard);
}

Node *CompareAny(ScalarArrayOpExpr *operation, List *levels) {
  auto *left = static_cast<Node *>(linitial(operation->args)), *right = static_cast<Node *>(lsecond(operation->args));
  if (!HasPlace(left, levels) || IsLocal(left, levels) || IsGiven(left, right, levels)) return nullptr;
  Node *compared = nullptr;
  if (operation->useOr && IsA(right, SubLink) && reinterpret_cast<SubLink *>(right)->subLinkType == ARRAY_SUBLINK &&
      IsEquality(operation->opno))
    compared = CompareWithSubquery(left, reinterpret_cast<SubLink *>(right), ANY_SUBLINK, levels);
  if (compared == nullptr) Refuse();
  return compared;
}

/// (ctid, shard) = (...), in a statement that was made of another one.
bool ComparesShards(Node *test) {
  if (test == nullptr || !IsA(test, BoolExpr)) return false;
  ListCell *cell;
  foreach (cell, reinterpret_cast<BoolExpr *>(test)->args) {
    auto *part = static_cast<Node *>(lfirst(cell));
    if (IsA(part, OpExpr) && IsPlaceCall(static_cast<Node *>(linitial(reinterpret_cast<OpExpr *>(part)->args)))) return true;
  }
  return false;
}

Node *CompareLink(SubLink *link, List *levels) {
  if (ComparesShards(link->testexpr)) {
    CompareIn(reinterpret_cast<Query *>(link->subselect), levels);
    return pg::AsNode(link);
  }
  if (link->testexpr == nullptr || !IsA(link->testexpr, OpExpr)) return nullptr;
  auto *test = reinterpret_cast<OpExpr *>(link->testexpr);
  auto *left = static_cast<Node *>(linitial(test->args));
  if (!HasPlace(left, levels) || IsLocal(left, levels)) return nullptr;
  Node *compared = link->subLinkType == ANY_SUBLINK && IsEquality(test->opno)
                       ? CompareWithSubquery(left, link, ANY_SUBLINK, levels)
                       : nullptr;
  if (compared == nullptr) Refuse();
  return compared;
}

bool IsOfTid(Node *expr) { return exprType(expr) == TIDOID; }

void CheckAggregate(const Aggref *call, List *levels) {
  ListCell *cell;
  foreach (cell, call->args) {
    auto *expr = pg::AsNode(lfirst_node(TargetEntry, cell)->expr);
    const bool counted = call->aggdistinct == NIL && strcmp(get_func_name(call->aggfnoid), "count") == 0;
    if (IsOfTid(expr) && !counted && !IsLocal(expr, levels) && !IsInOneShard(expr, levels)) Refuse();
  }
}

/// An expression that is looked through.
struct Looking {
  List *levels;
  bool shown;  // a ctid in it is only shown to the client, and decides about no row
};

Node *CompareMutator(Node *node, void *data) {
  if (node == nullptr) return nullptr;
  auto *levels = static_cast<Looking *>(data)->levels;
  // What is left of it after the comparisons: a text of it, say.
  if (IsCtid(node) && !static_cast<Looking *>(data)->shown && !IsLocal(node, levels) && !IsInOneShard(node, levels)) Refuse();
  if (IsA(node, NullTest) && IsCtid(pg::AsNode(reinterpret_cast<NullTest *>(node)->arg))) return node;
  Node *compared = nullptr;
  if (IsA(node, OpExpr) && list_length(reinterpret_cast<OpExpr *>(node)->args) == 2 &&
      IsOfTid(static_cast<Node *>(linitial(reinterpret_cast<OpExpr *>(node)->args))))
    compared = CompareOp(reinterpret_cast<OpExpr *>(node), levels);
  if (IsA(node, ScalarArrayOpExpr)) compared = CompareAny(reinterpret_cast<ScalarArrayOpExpr *>(node), levels);
  if (IsA(node, SubLink)) compared = CompareLink(reinterpret_cast<SubLink *>(node), levels);
  if (compared != nullptr) return compared;
  if (IsA(node, Aggref)) {
    CheckAggregate(reinterpret_cast<Aggref *>(node), levels);
    Looking arguments = {levels, true};
    return pg::Mutate(node, CompareMutator, &arguments);
  }
  if (IsA(node, Query)) {
    CompareIn(reinterpret_cast<Query *>(node), levels);
    return node;
  }
  return pg::Mutate(node, CompareMutator, data);
}

void CheckGroups(const Query *query, List *levels) {
  for (List *clauses : {query->groupClause, query->distinctClause}) {
    ListCell *cell;
    foreach (cell, clauses) {
      Node *expr = get_sortgroupclause_expr(lfirst_node(SortGroupClause, cell), query->targetList);
      if (IsOfTid(expr) && !IsLocal(expr, levels) && !IsInOneShard(expr, levels)) Refuse();
    }
  }
}

template <typename T>
void Replace(T **field, List *levels, bool shown = false) {
  Looking looking = {levels, shown};
  *field = reinterpret_cast<T *>(CompareMutator(pg::AsNode(*field), &looking));
}

/// Columns of an inner query may be compared outside of it: as ctids, which PlaceOf follows, not as something made of them.
void ReplaceColumns(Query *query, List *levels, bool outermost) {
  ListCell *cell;
  foreach (cell, query->targetList) {
    auto *target = lfirst_node(TargetEntry, cell);
    Replace(&target->expr, levels, outermost || IsCtid(pg::AsNode(target->expr)));
  }
}

/// In the query and those in it, in place.
void CompareIn(Query *query, List *around) {
  List *levels = lcons(query, list_copy(around));
  ListCell *cell;
  foreach (cell, query->cteList)
    CompareIn(castNode(Query, lfirst_node(CommonTableExpr, cell)->ctequery), levels);
  foreach (cell, query->rtable) {
    auto *rte = static_cast<RangeTblEntry *>(lfirst(cell));
    if (rte->rtekind == RTE_SUBQUERY) CompareIn(rte->subquery, levels);
  }
  CheckGroups(query, levels);
  Replace(&query->jointree, levels);
  // What UPDATE stores is a value like any other.
  const bool result = query->commandType == CMD_UPDATE ||
                      (query->commandType == CMD_SELECT && query->distinctClause == NIL && query->groupClause == NIL &&
                       query->setOperations == nullptr);
  ReplaceColumns(query, levels, around == NIL && result);
  Replace(&query->havingQual, levels);
  Replace(&query->returningList, levels, around == NIL);
  Replace(&query->onConflict, levels);
  Replace(&query->mergeActionList, levels);
  if (query->commandType == CMD_MERGE) Replace(pg::MergeCondition(query), levels);
}

}  // namespace

void CompareRowPlaces(Query *query) {
  if (!ReadsCtidWalker(pg::AsNode(query), NIL)) return;
  SpellRowsWithCtids(query);
  CompareIn(query, NIL);
}

}  // namespace altius::planner
