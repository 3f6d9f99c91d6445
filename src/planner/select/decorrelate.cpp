// SPDX-License-Identifier: PostgreSQL
// A correlated scalar subquery with aggregates becomes a join with a grouped one.  After Kim, On
// Optimizing an SQL-like Nested Query, TODS 7(3), 1982; an inner join does, as the condition is not
// true where the group is missing and the aggregate null.
#include "decorrelate.hpp"

#include "altius/pg/array.hpp"
#include "altius/pg/node.hpp"
#include "altius/pg/walk.hpp"
#include "planner/locus/conditional.hpp"
#include "planner/managed.hpp"
#include "planner/nodes/queries.hpp"

extern "C" {
#include "access/stratnum.h"
#include "access/transam.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "parser/parse_oper.h"
#include "rewrite/rewriteManip.h"
#include "utils/lsyscache.h"
}

namespace altius::planner {

namespace {

/// own = around: the subquery's side and that of the row around it.
struct Key {
  const OpExpr *clause;
  Node *own;
  Node *around;
};

/// The subquery taken apart.
struct Correlated {
  Query *query;
  pg::Array<Key> keys;
  List *others;  // conjuncts that are about its own rows alone
};

/// It may be computed for rows that PostgreSQL would not have reached.  Constants it computes when
/// it plans.
bool IsHarmless(Node *expr) { return expr == nullptr || !MayRaise(eval_const_expressions(nullptr, pg::Copy(expr))); }

bool IsOfOwnLevel(Node *expr) {
  return !contain_vars_of_level(expr, 1) && contain_var_clause(expr) && !contain_subplans(expr) && !checkExprHasSubLink(expr);
}

bool IsOfRowAround(Node *expr) {
  return contain_vars_of_level(expr, 1) && !contain_var_clause(expr) && !checkExprHasSubLink(expr) && !contain_volatile_functions(expr);
}

/// Rows that the operator calls equal are one group.
bool GroupsAlike(const OpExpr *clause, Node *own) {
  Oid less;
  Oid equal;
  bool hashable;
  get_sort_group_operators(exprType(own), false, false, false, &less, &equal, nullptr, &hashable);
  if (!OidIsValid(less) || !OidIsValid(equal) || clause->opno >= FirstNormalObjectId) return false;
  Oid family;
  Oid input;
  int16 strategy;
  if (!get_ordering_op_properties(less, &family, &input, &strategy)) return false;
  if (get_op_opfamily_strategy(clause->opno, family) != BTEqualStrategyNumber) return false;
  // Several timestamps may be one moment of a time zone.
  if (op_volatile(clause->opno) != PROVOLATILE_IMMUTABLE) return false;
  const Oid grouped = exprCollation(own);
  return grouped == clause->inputcollid || (OidIsValid(grouped) && OidIsValid(clause->inputcollid) &&
                                            get_collation_isdeterministic(grouped) && get_collation_isdeterministic(clause->inputcollid));
}

bool FindKey(Node *conjunct, Key *key) {
  if (!IsA(conjunct, OpExpr) || list_length(reinterpret_cast<OpExpr *>(conjunct)->args) != 2) return false;
  auto *clause = reinterpret_cast<OpExpr *>(conjunct);
  auto *left = static_cast<Node *>(linitial(clause->args));
  auto *right = static_cast<Node *>(lsecond(clause->args));
  const bool own_left = IsOfOwnLevel(left) && IsOfRowAround(right);
  if (!own_left && !(IsOfOwnLevel(right) && IsOfRowAround(left))) return false;
  *key = {clause, own_left ? left : right, own_left ? right : left};
  return IsHarmless(key->own) && IsHarmless(key->around) && GroupsAlike(clause, key->own);
}

/// Aggregates that are null without rows, and raise no error with some.
bool IsHarmlessAggregate(const Aggref *call) {
  if (call->agglevelsup != 0 || call->aggfnoid >= FirstNormalObjectId || call->aggkind != AGGKIND_NORMAL || call->aggorder != NIL)
    return false;
  const char *name = get_func_name(call->aggfnoid);
  if (strcmp(name, "min") == 0 || strcmp(name, "max") == 0) return true;
  if (strcmp(name, "sum") != 0 && strcmp(name, "avg") != 0) return false;
  const Oid type = linitial_oid(call->aggargtypes);
  return type == INT2OID || type == INT4OID || type == INT8OID || type == NUMERICOID;
}

bool HasOtherAggregate(Node *node, void *context) {
  if (node == nullptr) return false;
  if (!IsA(node, Aggref)) return pg::Walk(node, HasOtherAggregate, context);
  auto *call = reinterpret_cast<Aggref *>(node);
  return !IsHarmlessAggregate(call) || !IsHarmless(pg::AsNode(call->args)) || !IsHarmless(pg::AsNode(call->aggfilter));
}

/// Conditions of joins and subqueries in FROM would be computed for rows of groups that nobody asks
/// for.
bool JoinsTablesOnly(const Query *query) {
  ListCell *cell;
  foreach (cell, query->rtable) {
    const auto *rte = lfirst_node(RangeTblEntry, cell);
    if ((rte->rtekind != RTE_RELATION && rte->rtekind != RTE_JOIN) || rte->tablesample != nullptr || rte->securityQuals != NIL)
      return false;
  }
  return IsHarmless(pg::AsNode(query->jointree->fromlist));
}

bool IsPlainAggregation(const Query *query) {
  return query->commandType == CMD_SELECT && query->hasAggs && !query->hasWindowFuncs && !query->hasTargetSRFs &&
         query->setOperations == nullptr && query->cteList == NIL && query->groupClause == NIL && query->groupingSets == NIL &&
         query->havingQual == nullptr && query->distinctClause == NIL && query->limitCount == nullptr && query->limitOffset == nullptr &&
         query->rowMarks == NIL && list_length(query->targetList) == 1;
}

/// Apart from its keys it may know nothing of what is around it.
bool KnowsOnlyKeys(const Correlated &correlated) {
  auto *rest = static_cast<Query *>(copyObjectImpl(correlated.query));
  rest->jointree->quals = pg::AsNode(make_ands_explicit(correlated.others));
  return !contain_vars_of_level(pg::AsNode(rest), 1) && !contain_volatile_functions(pg::AsNode(rest)) &&
         !contain_aggs_of_level(pg::AsNode(rest), 1);
}

bool TakeApart(const SubLink *link, Correlated *correlated) {
  if (link->subLinkType != EXPR_SUBLINK) return false;
  correlated->query = castNode(Query, link->subselect);
  if (!IsPlainAggregation(correlated->query) || !JoinsTablesOnly(correlated->query) || !HasManagedTables(correlated->query)) return false;
  ListCell *cell;
  foreach (cell, make_ands_implicit(reinterpret_cast<Expr *>(correlated->query->jointree->quals))) {
    auto *conjunct = static_cast<Node *>(lfirst(cell));
    Key key;
    if (FindKey(conjunct, &key)) {
      correlated->keys.push_back(key);
    } else if (!IsHarmless(conjunct)) {
      return false;
    } else {
      correlated->others = lappend(correlated->others, conjunct);
    }
  }
  auto *value = linitial_node(TargetEntry, correlated->query->targetList);
  return !correlated->keys.empty() && KnowsOnlyKeys(*correlated) && !HasOtherAggregate(pg::AsNode(value->expr), nullptr) &&
         !checkExprHasSubLink(pg::AsNode(value->expr));
}

/// Replaces what is aggregated by columns of the grouped subquery.
struct Grouping {
  Query *grouped;
  int rti;
};

int AddColumn(Query *query, Node *expr) {
  const int column = list_length(query->targetList) + 1;
  query->targetList =
      lappend(query->targetList, makeTargetEntry(reinterpret_cast<Expr *>(pg::Copy(expr)), column, psprintf("c%d", column), false));
  return column;
}

Node *ReplaceAggregates(Node *node, void *context) {
  if (node == nullptr) return nullptr;
  if (!IsA(node, Aggref)) return pg::Mutate(node, ReplaceAggregates, context);
  auto *grouping = static_cast<Grouping *>(context);
  const int column = AddColumn(grouping->grouped, node);
  return pg::AsNode(makeVar(grouping->rti, column, exprType(node), exprTypmod(node), exprCollation(node), 0));
}

SortGroupClause *GroupBy(Node *expr, Index ref) {
  auto *clause = makeNode(SortGroupClause);
  clause->tleSortGroupRef = ref;
  get_sort_group_operators(exprType(expr), false, true, false, &clause->sortop, &clause->eqop, nullptr, &clause->hashable);
  return clause;
}

/// The subquery with one row a group; `conditions` gets what joins it.
Query *Grouped(const Correlated &correlated, int rti, List **conditions) {
  Query *grouped = pg::Copy(correlated.query);
  grouped->targetList = NIL;
  grouped->jointree->quals = correlated.others == NIL ? nullptr : pg::AsNode(make_ands_explicit(pg::Copy(correlated.others)));
  for (const Key &key : correlated.keys) {
    const int column = AddColumn(grouped, key.own);
    auto *target = llast_node(TargetEntry, grouped->targetList);
    target->ressortgroupref = static_cast<Index>(column);
    grouped->groupClause = lappend(grouped->groupClause, GroupBy(key.own, target->ressortgroupref));
    OpExpr *clause = pg::Copy(key.clause);
    const bool own_left = linitial(key.clause->args) == key.own;
    Node *around = pg::Copy(key.around);
    IncrementVarSublevelsUp(around, -1, 1);
    Node *own =
        pg::AsNode(makeVar(rti, static_cast<AttrNumber>(column), exprType(key.own), exprTypmod(key.own), exprCollation(key.own), 0));
    clause->args = own_left ? list_make2(own, around) : list_make2(around, own);
    *conditions = lappend(*conditions, clause);
  }
  return grouped;
}

RangeTblEntry *EntryFor(Query *grouped) {
  auto *rte = makeNode(RangeTblEntry);
  rte->rtekind = RTE_SUBQUERY;
  rte->subquery = grouped;
  rte->eref = makeAlias("altius_groups", NamesOf(grouped->targetList));
  rte->inFromCl = true;
  return rte;
}

/// A conjunct on its way: what joins come for its subqueries.
struct Replacement {
  int next_rti;
  List *entries;
  List *conditions;
  bool possible;
};

Node *ReplaceSubLinks(Node *node, void *context) {
  if (node == nullptr) return nullptr;
  auto *state = static_cast<Replacement *>(context);
  if (!IsA(node, SubLink)) return pg::Mutate(node, ReplaceSubLinks, context);
  Correlated correlated{};
  if (!TakeApart(reinterpret_cast<SubLink *>(node), &correlated)) {
    state->possible = false;
    return node;
  }
  const int rti = state->next_rti++;
  Grouping grouping = {Grouped(correlated, rti, &state->conditions), rti};
  auto *value = linitial_node(TargetEntry, correlated.query->targetList);
  Node *replaced = ReplaceAggregates(pg::AsNode(value->expr), &grouping);
  state->entries = lappend(state->entries, EntryFor(grouping.grouped));
  return replaced;
}

/// Whether rows without the aggregates never fulfil the condition.
bool NeedsAll(Node *conjunct, const Replacement &replacement, int first_rti) {
  const Relids needed = find_nonnullable_rels(conjunct);
  for (int i = 0; i < list_length(replacement.entries); i++)
    if (!bms_is_member(first_rti + i, needed)) return false;
  return true;
}

/// `joins` gets the conditions of the joins that come for it.
bool DecorrelateConjunct(Query *query, ListCell *cell, List **joins) {
  auto *conjunct = static_cast<Node *>(lfirst(cell));
  if (!checkExprHasSubLink(conjunct)) return false;
  const int first_rti = list_length(query->rtable) + 1;
  Replacement replacement = {first_rti, NIL, NIL, true};
  Node *replaced = ReplaceSubLinks(conjunct, &replacement);
  if (!replacement.possible || replacement.entries == NIL || !NeedsAll(replaced, replacement, first_rti)) return false;
  lfirst(cell) = replaced;
  query->rtable = list_concat(query->rtable, replacement.entries);
  for (int rti = first_rti; rti < replacement.next_rti; rti++) query->jointree->fromlist = lappend(query->jointree->fromlist, RefTo(rti));
  *joins = list_concat(*joins, replacement.conditions);
  return true;
}

}  // namespace

bool Decorrelate(Query *query, const List *conjuncts) {
  // A row that was locked is looked at again as it has become meanwhile: with its aggregate.
  if (query->rowMarks != NIL) return false;
  List *all = list_copy(make_ands_implicit(reinterpret_cast<Expr *>(query->jointree->quals)));
  List *joins = NIL;
  bool any = false;
  ListCell *cell;
  foreach (cell, all) any = (list_member(conjuncts, lfirst(cell)) && DecorrelateConjunct(query, cell, &joins)) || any;
  if (any) query->jointree->quals = pg::AsNode(make_ands_explicit(list_concat(all, joins)));
  return any;
}

}  // namespace altius::planner
