// SPDX-License-Identifier: PostgreSQL
// Rows that are told from one another by ctid: on plain tables that is what DELETE ... WHERE ctid IN (SELECT ctid ... LIMIT n) and
// the like do.  Rows of different shards may have the same ctid, so comparisons of two rows' ctids compare the shards, too.
// Where that can't be done, the statement is refused: it would mean other rows.
#include "row_places.hpp"

#include "altius/pg/compat_merge.hpp"
#include "altius/pg/node.hpp"
#include "altius/pg/walk.hpp"
#include "planner/locus/scope.hpp"
#include "planner/nodes/place_calls.hpp"
#include "ctid_sides.hpp"
#include "rows_with_ctids.hpp"

extern "C" {
#include "catalog/pg_operator_d.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/tlist.h"
#include "parser/parse_oper.h"
#include "rewrite/rewriteManip.h"
#include "utils/lsyscache.h"
}

namespace altius::planner {

using core::ctid::Answer;
using core::ctid::Side;
using core::ctid::Use;

namespace {

[[noreturn]] void Refuse() {
  ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("rows of a distributed table can't be told by their ctid here"),
                  errdetail("Rows of different shards may have the same one."),
                  errhint("Use the primary key, or compare the distribution column with a value as well.")));
  pg_unreachable();
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

Node *CompareMutator(Node *node, void *data);
void CompareIn(Query *query, List *levels);

bool IsOfTid(Node *expr) { return exprType(expr) == TIDOID; }

void Require(Use use, Node *expr, List *levels) {
  if (!core::ctid::MayBe(use, SideOf(expr, levels))) Refuse();
}

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

bool IsEquality(Oid op) { return strcmp(get_opname(op), "=") == 0; }

/// Where both rows lie is looked for only where it matters: subqueries get columns for it.
Answer AnswerOf(Node *left, Node *right, List *levels, Node **left_shard, Node **right_shard) {
  Side one = SideOf(left, levels), two = SideOf(right, levels);
  const Answer answer = core::ctid::Compare(one, two);
  if (answer != Answer::Refused || one.kind != two.kind) return answer;
  const Place place = PlaceOf(left, levels), other = PlaceOf(right, levels);
  *left_shard = place.shard;
  *right_shard = other.shard;
  one.known = place.shard != nullptr;
  two.known = other.shard != nullptr;
  two.table = place.relid == other.relid ? one.table : one.table + 1;
  return core::ctid::Compare(one, two);
}

Node *CompareOp(OpExpr *operation, List *levels) {
  auto *left = static_cast<Node *>(linitial(operation->args)), *right = static_cast<Node *>(lsecond(operation->args));
  if (core::ctid::Compare(SideOf(left, levels), SideOf(right, levels)) == Answer::AsItIs) return nullptr;
  for (auto [side, other] : {std::pair{left, right}, std::pair{right, left}}) {
    if (!IsA(other, SubLink) || !IsEquality(operation->opno)) continue;
    auto *link = reinterpret_cast<SubLink *>(other);
    Node *compared = link->subLinkType == EXPR_SUBLINK ? CompareWithSubquery(side, link, ROWCOMPARE_SUBLINK, levels) : nullptr;
    if (compared != nullptr) return compared;
  }
  Node *one = nullptr, *two = nullptr;
  if (AnswerOf(left, right, levels, &one, &two) != Answer::WithShards) Refuse();
  return WithShards(operation, one, two);
}

/// What a column of the subquery is compared with; a value of which nothing is known, where it is of no row.
bool IsComparedAsItIs(const Side &side, Node *subselect, List *levels) {
  Side found;
  auto *inner = reinterpret_cast<Query *>(subselect);
  if (HandsOn(inner, 1, levels, &found.one_shard)) found.kind = Side::Kind::Spread;
  return core::ctid::Compare(side, found) == Answer::AsItIs;
}

Node *CompareAny(ScalarArrayOpExpr *operation, List *levels) {
  auto *left = static_cast<Node *>(linitial(operation->args)), *right = static_cast<Node *>(lsecond(operation->args));
  if (!IsOfTid(left)) return nullptr;
  const Side side = SideOf(left, levels);
  auto *link = IsA(right, SubLink) && reinterpret_cast<SubLink *>(right)->subLinkType == ARRAY_SUBLINK ? reinterpret_cast<SubLink *>(right)
                                                                                                      : nullptr;
  const Side values = {Side::Kind::Value, IsLevelConstant(right) && !checkExprHasSubLink(right), false, false, 0};
  if (link == nullptr && core::ctid::Compare(side, values) == Answer::AsItIs) return nullptr;
  if (link != nullptr && IsComparedAsItIs(side, link->subselect, levels)) return nullptr;
  Node *compared = nullptr;
  if (operation->useOr && link != nullptr && IsEquality(operation->opno)) compared = CompareWithSubquery(left, link, ANY_SUBLINK, levels);
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

/// (a, b) IN (SELECT ...): none of them may be a ctid.
void CheckRowLink(const SubLink *link, List *levels) {
  auto *inner = reinterpret_cast<Query *>(link->subselect);
  ListCell *cell;
  foreach (cell, inner->targetList) {
    const auto *target = lfirst_node(TargetEntry, cell);
    bool one_shard = false;
    if (!target->resjunk && HandsOn(inner, target->resno, levels, &one_shard)) Refuse();
  }
}

Node *CompareLink(SubLink *link, List *levels) {
  if (ComparesShards(link->testexpr)) {
    CompareIn(reinterpret_cast<Query *>(link->subselect), levels);
    return pg::AsNode(link);
  }
  if (link->testexpr == nullptr) return nullptr;
  if (!IsA(link->testexpr, OpExpr)) {
    CheckRowLink(link, levels);
    return nullptr;
  }
  auto *test = reinterpret_cast<OpExpr *>(link->testexpr);
  auto *left = static_cast<Node *>(linitial(test->args));
  if (!IsOfTid(left) || IsComparedAsItIs(SideOf(left, levels), link->subselect, levels)) return nullptr;
  Node *compared = link->subLinkType == ANY_SUBLINK && IsEquality(test->opno)
                       ? CompareWithSubquery(left, link, ANY_SUBLINK, levels)
                       : nullptr;
  if (compared == nullptr) Refuse();
  return compared;
}

void CheckAggregate(Aggref *call, List *levels) {
  ListCell *cell;
  foreach (cell, call->args) {
    auto *expr = pg::AsNode(lfirst_node(TargetEntry, cell)->expr);
    const bool counted = call->aggdistinct == NIL && strcmp(get_func_name(call->aggfnoid), "count") == 0;
    Require(counted ? Use::Counted : Use::Grouped, expr, levels);
  }
}

/// An expression that is looked through.
struct Looking {
  List *levels;
  Use use;  // of a ctid in it
};

/// What is made of the arguments decides what all rows give.
Node *AggregateMutator(Aggref *call, List *levels) {
  CheckAggregate(call, levels);
  auto *result = pg::Copy(call);
  ListCell *cell;
  foreach (cell, result->args) {
    auto *target = lfirst_node(TargetEntry, cell);
    Looking looking = {levels, SideOf(pg::AsNode(target->expr), levels).kind == Side::Kind::Spread ? Use::Counted : Use::Computed};
    target->expr = reinterpret_cast<Expr *>(CompareMutator(pg::AsNode(target->expr), &looking));
  }
  Looking looking = {levels, Use::Computed};
  result->aggfilter = reinterpret_cast<Expr *>(CompareMutator(pg::AsNode(result->aggfilter), &looking));
  result->aggdirectargs = reinterpret_cast<List *>(CompareMutator(pg::AsNode(result->aggdirectargs), &looking));
  return pg::AsNode(result);
}

/// ARRAY(SELECT ctid ...), or the one row of a subquery.
void CheckLink(SubLink *link, const Looking &looking) {
  bool one_shard = false;
  const bool value = link->subLinkType == EXPR_SUBLINK || link->subLinkType == ARRAY_SUBLINK;
  if (!value || looking.use == Use::Shown || (link->subLinkType == EXPR_SUBLINK && looking.use == Use::HandedOn)) return;
  if (HandsOn(reinterpret_cast<Query *>(link->subselect), 1, looking.levels, &one_shard) && !one_shard) Refuse();
}

bool IsNullTest(Node *node, List *levels) {
  if (!IsA(node, NullTest)) return false;
  auto *arg = pg::AsNode(reinterpret_cast<NullTest *>(node)->arg);
  return IsA(arg, Var) && IsOfTid(arg) && core::ctid::MayBe(Use::Tested, SideOf(arg, levels));
}

Node *CompareMutator(Node *node, void *data) {
  if (node == nullptr) return nullptr;
  const auto *looking = static_cast<Looking *>(data);
  List *levels = looking->levels;
  if (IsNullTest(node, levels)) return node;
  // What is left of it after the comparisons: a text of it, say.
  if (IsA(node, Var) && IsOfTid(node)) Require(looking->use, node, levels);
  Node *compared = nullptr;
  if (IsA(node, OpExpr) && list_length(reinterpret_cast<OpExpr *>(node)->args) == 2 &&
      IsOfTid(static_cast<Node *>(linitial(reinterpret_cast<OpExpr *>(node)->args))))
    compared = CompareOp(reinterpret_cast<OpExpr *>(node), levels);
  if (IsA(node, ScalarArrayOpExpr)) compared = CompareAny(reinterpret_cast<ScalarArrayOpExpr *>(node), levels);
  if (IsA(node, SubLink)) compared = CompareLink(reinterpret_cast<SubLink *>(node), levels);
  if (compared != nullptr) return compared;
  if (IsA(node, SubLink)) CheckLink(reinterpret_cast<SubLink *>(node), *looking);
  if (IsA(node, Aggref)) return AggregateMutator(reinterpret_cast<Aggref *>(node), levels);
  if (IsA(node, Query)) {
    CompareIn(reinterpret_cast<Query *>(node), levels);
    return node;
  }
  return pg::Mutate(node, CompareMutator, data);
}

void CheckClauses(const List *clauses, const Query *query, List *levels) {
  ListCell *cell;
  foreach (cell, clauses) Require(Use::Grouped, get_sortgroupclause_expr(lfirst_node(SortGroupClause, cell), query->targetList), levels);
}

/// UNION and the like put equal rows together; UNION ALL does not.
void CheckOperation(Node *node, Query *query, List *levels) {
  if (node == nullptr || !IsA(node, SetOperationStmt)) return;
  auto *operation = reinterpret_cast<SetOperationStmt *>(node);
  const bool compares = operation->op != SETOP_UNION || !operation->all;
  bool one_shard = false;
  for (int number = 1; compares && number <= list_length(operation->colTypes); number++) {
    if (HandsOn(query, number, list_copy_tail(levels, 1), &one_shard)) Refuse();
  }
  CheckOperation(operation->larg, query, levels);
  CheckOperation(operation->rarg, query, levels);
}

void CheckGroups(Query *query, List *levels) {
  CheckClauses(query->groupClause, query, levels);
  CheckClauses(query->distinctClause, query, levels);
  if (query->limitOption == LIMIT_OPTION_WITH_TIES) CheckClauses(query->sortClause, query, levels);
  ListCell *cell;
  foreach (cell, query->windowClause) {
    CheckClauses(lfirst_node(WindowClause, cell)->partitionClause, query, levels);
    CheckClauses(lfirst_node(WindowClause, cell)->orderClause, query, levels);
  }
  CheckOperation(query->setOperations, query, levels);
}

template <typename T>
void Replace(T **field, List *levels, Use use = Use::Computed) {
  Looking looking = {levels, use};
  *field = reinterpret_cast<T *>(CompareMutator(pg::AsNode(*field), &looking));
}

/// Columns of an inner query may be compared outside of it: as ctids, which PlaceOf follows, not as something made of them.
void ReplaceColumns(Query *query, List *levels, bool outermost) {
  ListCell *cell;
  foreach (cell, query->targetList) {
    auto *target = lfirst_node(TargetEntry, cell);
    const bool handed_on = SideOf(pg::AsNode(target->expr), levels).kind == Side::Kind::Spread;
    Replace(&target->expr, levels, outermost ? Use::Shown : handed_on ? Use::HandedOn : Use::Computed);
  }
}

void ReplaceInEntry(RangeTblEntry *rte, List *levels) {
  if (rte->rtekind == RTE_SUBQUERY) CompareIn(rte->subquery, levels);
  Replace(&rte->functions, levels);
  Replace(&rte->values_lists, levels);
  Replace(&rte->tablefunc, levels);
}

/// In the query and those in it, in place.
void CompareIn(Query *query, List *around) {
  List *levels = lcons(query, list_copy(around));
  ListCell *cell;
  foreach (cell, query->cteList)
    CompareIn(castNode(Query, lfirst_node(CommonTableExpr, cell)->ctequery), levels);
  foreach (cell, query->rtable) ReplaceInEntry(static_cast<RangeTblEntry *>(lfirst(cell)), levels);
  CheckGroups(query, levels);
  Replace(&query->jointree, levels);
  // What UPDATE stores is a value like any other.
  const bool result = query->commandType == CMD_UPDATE ||
                      (query->commandType == CMD_SELECT && query->distinctClause == NIL && query->groupClause == NIL &&
                       query->setOperations == nullptr);
  ReplaceColumns(query, levels, around == NIL && result);
  Replace(&query->havingQual, levels);
  Replace(&query->returningList, levels, around == NIL ? Use::Shown : Use::Computed);
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
