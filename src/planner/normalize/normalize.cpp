// SPDX-License-Identifier: PostgreSQL
#include "normalize.hpp"

#include "altius/catalog/metadata.hpp"
#include "altius/pg/node.hpp"
#include "altius/pg/walk.hpp"
#include "ctes.hpp"
#include "exists.hpp"
#include "join_aliases.hpp"
#include "on_conflict.hpp"
#include "security.hpp"
#include "tableoid.hpp"
#include "view_checks.hpp"

namespace altius::planner {

namespace {

/// A target that came out of a view stands in the view's FROM, as if it were a source too.
void NormalizeTarget(Query *query) {
  if (query->commandType == CMD_SELECT || query->resultRelation == 0) return;
  RangeTblEntry *target = pg::Rte(query->rtable, query->resultRelation);
  const catalog::Table *table = target->rtekind == RTE_RELATION ? catalog::FindTable(target->relid) : nullptr;
  if (table == nullptr) return;
  target->inFromCl = false;
  if (query->onConflict != nullptr) KeepOneExcluded(query);
  SpellViewChecks(query, *table);
}

bool NormalizeWalker(Node *node, void *context) {
  if (node == nullptr) return false;
  if (IsA(node, Query)) {
    Normalize(reinterpret_cast<Query *>(node));
    return false;
  }
  return pg::Walk(node, NormalizeWalker, context);
}

}  // namespace

void Normalize(Query *query) {
  DropColumnsOfExists(query);
  InlineCtes(query);
  FlattenAliases(query);
  SpellArbiter(query);
  NormalizeTarget(query);
  SpellBarriers(query);
  WrapSecuredTables(query);
  SpellTableOids(query);
  pg::WalkQuery(query, NormalizeWalker, nullptr);
}

}  // namespace altius::planner
