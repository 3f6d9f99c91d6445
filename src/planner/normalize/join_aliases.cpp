// SPDX-License-Identifier: PostgreSQL
#include "join_aliases.hpp"

#include "altius/pg/compat_merge.hpp"
#include "altius/pg/node.hpp"
#include "altius/pg/walk.hpp"

extern "C" {
#include "nodes/parsenodes.h"
}

namespace altius::planner {

namespace {

void FlattenRangeTable(Query *query) {
  ListCell *cell;
  foreach (cell, query->rtable) {
    auto *rte = static_cast<RangeTblEntry *>(lfirst(cell));
    if (rte->rtekind == RTE_SUBQUERY && rte->lateral) {
      rte->subquery = reinterpret_cast<Query *>(pg::FlattenJoinAliases(query, pg::AsNode(rte->subquery)));
    } else if (rte->rtekind == RTE_FUNCTION) {
      rte->functions = reinterpret_cast<List *>(pg::FlattenJoinAliases(query, pg::AsNode(rte->functions)));
    } else if (rte->rtekind == RTE_TABLEFUNC) {
      rte->tablefunc = reinterpret_cast<TableFunc *>(pg::FlattenJoinAliases(query, pg::AsNode(rte->tablefunc)));
    } else if (rte->rtekind == RTE_VALUES) {
      rte->values_lists = reinterpret_cast<List *>(pg::FlattenJoinAliases(query, pg::AsNode(rte->values_lists)));
    }
  }
}

bool HasJoins(Query *query) {
  ListCell *cell;
  foreach (cell, query->rtable) {
    if (static_cast<RangeTblEntry *>(lfirst(cell))->rtekind == RTE_JOIN) return true;
  }
  return false;
}

template <typename T>
void Flatten(Query *query, T **field) {
  *field = reinterpret_cast<T *>(pg::FlattenJoinAliases(query, pg::AsNode(*field)));
}

/// A column of a named join knows it as the place to print it from.
bool ForgetNames(Node *node, void *context) {
  if (node == nullptr) return false;
  if (IsA(node, Query)) return pg::WalkQuery(reinterpret_cast<Query *>(node), ForgetNames, context);
  if (IsA(node, Var)) reinterpret_cast<Var *>(node)->varnosyn = 0;
  if (IsA(node, JoinExpr)) {
    auto *join = reinterpret_cast<JoinExpr *>(node);
    join->alias = join->join_using_alias = nullptr;
  }
  return pg::Walk(node, ForgetNames, context);
}

/// With the columns of joins go their names, which would hide those of the joined relations.
void UnnameJoins(Query *query) {
  pg::WalkQuery(query, ForgetNames, nullptr);
  ListCell *cell;
  foreach (cell, query->rtable) {
    auto *rte = static_cast<RangeTblEntry *>(lfirst(cell));
    if (rte->rtekind == RTE_JOIN) rte->alias = rte->join_using_alias = nullptr;
  }
}

}  // namespace

void FlattenAliases(Query *query) {
  if (!HasJoins(query)) return;
  FlattenRangeTable(query);
  Flatten(query, &query->targetList);
  Flatten(query, &query->returningList);
  Flatten(query, &query->jointree);
  Flatten(query, &query->havingQual);
  Flatten(query, &query->limitOffset);
  Flatten(query, &query->limitCount);
  Flatten(query, &query->onConflict);
  Flatten(query, &query->mergeActionList);
  if (query->commandType == CMD_MERGE) Flatten(query, pg::MergeCondition(query));
  UnnameJoins(query);
}

}  // namespace altius::planner
