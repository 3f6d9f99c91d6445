// SPDX-License-Identifier: PostgreSQL
// A query that runs whole on a shard group becomes a fragment: arguments taken out, text made, split at the tables.
#include "fragment.hpp"

#include "altius/deparse/deparse.hpp"
#include "altius/pg/node.hpp"
#include "altius/pg/walk.hpp"
#include "planner/nodes/records.hpp"
#include "extraction.hpp"

extern "C" {
#include "utils/lsyscache.h"
}

namespace altius::planner {

namespace {

/// A look-up or change by key: no clause has to find an expression of another clause again, constants and all.
bool IsByKey(const Query *arm, const Query *upper, const Reachable &reachable) {
  if (upper != nullptr || list_length(reachable.prunes) != 1) return false;
  if (OidIsValid(get_element_type(exprType(static_cast<Node *>(linitial(reachable.prunes)))))) return false;
  return arm->groupClause == NIL && arm->groupingSets == NIL && arm->distinctClause == NIL && arm->sortClause == NIL &&
         arm->windowClause == NIL && arm->setOperations == nullptr && arm->commandType != CMD_INSERT;
}

/// The results of `query`, whose altius_arms (if it reads any) are `arms`.
void DescribeColumns(plan::Fragment *fragment, const Query *query, const Query *arms) {
  const List *targets = query->commandType == CMD_SELECT ? query->targetList : query->returningList;
  ListCell *cell;
  foreach (cell, targets) {
    if (lfirst_node(TargetEntry, cell)->resjunk) continue;
    Node *expr = pg::AsNode(lfirst_node(TargetEntry, cell)->expr);
    fragment->column_types = lappend_oid(fragment->column_types, exprType(expr));
    fragment->column_typmods = lappend_int(fragment->column_typmods, ResultTypmod(expr, query, arms));
    fragment->column_collations = lappend_oid(fragment->column_collations, exprCollation(expr));
  }
}

/// Rows may be locked in a subquery, too.
bool LocksRowsWalker(Node *node, void *context) {
  if (node == nullptr) return false;
  if (!IsA(node, Query)) return pg::Walk(node, LocksRowsWalker, context);
  auto *query = reinterpret_cast<Query *>(node);
  return query->rowMarks != NIL || pg::WalkQuery(query, LocksRowsWalker, context);
}

/// Junk columns are results like others once they have to cross the wire.
void ExposeColumns(Query *query, List **names, const char *prefix) {
  ListCell *cell;
  foreach (cell, DeliveredTargets(query)) {
    auto *target = lfirst_node(TargetEntry, cell);
    target->resjunk = false;
    target->resname = psprintf("%s%d", prefix, target->resno);
    if (names != nullptr) *names = lappend(*names, makeString(target->resname));
  }
}

}  // namespace

List *DeliveredTargets(const Query *query) {
  if (query->distinctClause == NIL || query->hasDistinctOn) return query->targetList;
  List *result = NIL;
  ListCell *cell;
  foreach (cell, query->targetList) {
    if (!lfirst_node(TargetEntry, cell)->resjunk) result = lappend(result, lfirst(cell));
  }
  return result;
}

plan::Fragment *MakeInsertFragment(Query *insert, const Level *level, AttrNumber key, List **arguments) {
  auto *fragment = static_cast<plan::Fragment *>(palloc0(sizeof(plan::Fragment)));
  Extraction extraction = {level, NIL, NIL, NIL, -1, false, true, key, 0, {}};
  fragment->command = CMD_INSERT;
  fragment->kind = plan::FragmentKind::Modify;
  Query *arm = Extract(insert, &extraction);
  DescribeColumns(fragment, arm, nullptr);
  fragment->arm = deparse::TemplateOf(arm, &fragment->tables);
  fragment->arg_types = extraction.types;
  fragment->every_shard = key == 0;
  fragment->key_argument = extraction.key_argument;
  *arguments = extraction.arguments;
  return fragment;
}

plan::Fragment *MakeStatementFragment(Query *statement, const Level *level, List **arguments) {
  auto *fragment = static_cast<plan::Fragment *>(palloc0(sizeof(plan::Fragment)));
  Extraction extraction = {level, NIL, NIL, NIL, -1, false, false, 0, 0, {}, true};
  fragment->command = statement->commandType;
  fragment->kind = plan::FragmentKind::Statement;
  Query *extracted = Extract(statement, &extraction);
  DescribeColumns(fragment, extracted, nullptr);
  fragment->arm = {list_make1(makeString(deparse::QueryText(extracted))), NIL};
  fragment->arg_types = extraction.types;
  *arguments = extraction.arguments;
  return fragment;
}

plan::Fragment *MakeFragment(Query *arm, Query *upper, const Level *level, Reachable reachable, List **arguments) {
  auto *fragment = static_cast<plan::Fragment *>(palloc0(sizeof(plan::Fragment)));
  Extraction extraction = {level, NIL, NIL, NIL, -1, IsByKey(arm, upper, reachable), false, 0, 0, {}, false};
  fragment->command = arm->commandType;
  fragment->kind = arm->commandType == CMD_SELECT ? plan::FragmentKind::Rows : plan::FragmentKind::Modify;
  fragment->every_shard = !reachable.pruned;
  fragment->cut = level->cut;
  fragment->row_marks = LocksRowsWalker(pg::AsNode(arm), nullptr);
  fragment->prune_count = list_length(reachable.prunes);

  arm = Extract(arm, &extraction);
  if (arm->commandType == CMD_SELECT) ExposeColumns(arm, &fragment->arm_columns, "c");
  if (upper != nullptr) {
    upper = Extract(upper, &extraction);
    ExposeColumns(upper, nullptr, "c");
    fragment->upper = deparse::QueryText(upper);
  }
  DescribeColumns(fragment, upper != nullptr ? upper : arm, upper != nullptr ? arm : nullptr);
  fragment->arm = deparse::TemplateOf(arm, &fragment->tables);
  fragment->arm_query = arm;
  fragment->upper_query = upper;
  fragment->arg_types = extraction.types;
  *arguments = extraction.arguments;
  return fragment;
}

}  // namespace altius::planner
