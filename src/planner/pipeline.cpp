// SPDX-License-Identifier: PostgreSQL
// The stages of planning, in their order.
#include "pipeline.hpp"

#include "altius/catalog/metadata.hpp"
#include "altius/pg/node.hpp"
#include "altius/pg/permissions.hpp"
#include "planner/modify/modify.hpp"
#include "planner/modify/order.hpp"
#include "planner/modify/returning.hpp"
#include "planner/normalize/current_of.hpp"
#include "planner/normalize/inline_functions.hpp"
#include "planner/normalize/lent_views.hpp"
#include "planner/normalize/normalize.hpp"
#include "planner/normalize/row_places.hpp"
#include "planner/select/rewrite.hpp"
#include "level.hpp"
#include "managed.hpp"
#include "planning.hpp"

extern "C" {
#include "miscadmin.h"
}

namespace altius::planner {

namespace {

bool ModifiesManagedTable(Query *query) {
  if (query->commandType == CMD_SELECT || query->resultRelation == 0) return false;
  RangeTblEntry *rte = pg::Rte(query->rtable, query->resultRelation);
  return rte->rtekind == RTE_RELATION && catalog::FindTable(rte->relid) != nullptr;
}

/// A local table may refer to a distributed one while it is empty and its turn to be distributed is to come.  Nothing looks into it
/// when a referenced row goes, so no row may come in.  No query but those of foreign keys' triggers runs in this context.
void RefuseForeignKeyCheck(const Query *query) {
  if (query->commandType != CMD_SELECT || !InNoForceRLSOperation()) return;
  ListCell *cell;
  foreach (cell, query->rtable) {
    auto *rte = lfirst_node(RangeTblEntry, cell);
    const catalog::Table *table = rte->rtekind == RTE_RELATION ? catalog::FindTable(rte->relid) : nullptr;
    if (table == nullptr || table->kind == catalog::TableKind::Reference || table->kind == catalog::TableKind::Local) continue;
    ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                    errmsg("a row of a local table cannot refer to the distributed table \"%s\"", table->name),
                    errhint("Distribute the referring table, too, or drop its foreign key.")));
  }
}

PlannedStmt *PlanNormalized(Query *query, const Request &request) {
  if (query->hasModifyingCTE) {
    Planning::SetFirst(ModificationsFirst(query));
    KeepValuesHere(query);
  }
  // 2. modify/: beside the data, or shipped; what it reads goes through 3.
  if (ModifiesManagedTable(query)) return PlanModification(query, request);
  if (query->commandType != CMD_SELECT) {
    const Level level = {query, nullptr, false};
    RewriteLocalModification(query, &level);
    return PlanResidual(query, request);
  }
  // 3. select/: whole, split above FROM, or cut; locus/ says which.  fragment/: each part becomes a leaf.
  Rewrite(query, nullptr);
  // 4. what is left
  return PlanResidual(query, request);
}

PlannedStmt *PlanCopy(Query *query, const pg::RelationUses &uses, const Request &request) {
  // 1. normalize/
  KeepRowPlace(query, request.cursor_options);
  Normalize(query);
  PrepareForLentRights(query, uses);
  CompareRowPlaces(query);
  SpellCurrentOf(query);
  Query *computed = ComputeReturningAbove(query);
  PlannedStmt *plan = PlanNormalized(computed, request);
  if (computed == query) return plan;
  plan->commandType = query->commandType;
  plan->hasReturning = true;
  return plan;
}

}  // namespace

PlannedStmt *PlanStatement(Query *original, const Request &request) {
  InlinedFunctions inlined = {NIL, false};
  original = InlineFunctions(original, &inlined);
  if (!HasManagedTables(original)) return request.as_before(original, request);
  RefuseForeignKeyCheck(original);
  const pg::RelationUses uses = pg::CollectRelations(original);
  PlannedStmt *plan = PlanCopy(pg::Copy(original), uses, request);
  plan->queryId = original->queryId;
  plan->stmt_location = original->stmt_location;
  plan->stmt_len = original->stmt_len;
  plan->canSetTag = original->canSetTag;
  pg::AppendRelations(plan, uses);
  plan->invalItems = list_concat(plan->invalItems, inlined.dependencies);
  plan->dependsOnRole = plan->dependsOnRole || inlined.depends_on_role;
  return plan;
}

}  // namespace altius::planner
