// SPDX-License-Identifier: PostgreSQL
// The planner's door: PostgreSQL's hooks, and the functions that stand in query trees.
#include "altius/planner/planner.hpp"

#include <optional>

#include "altius/catalog/metadata.hpp"
#include "altius/core/shard/name.hpp"
#include "altius/pg/bridge.hpp"
#include "altius/pg/settings.hpp"
#include "altius/pg/node.hpp"
#include "altius/pg/permissions.hpp"
#include "altius/pg/walk.hpp"
#include "altius/task/users_path.hpp"
#include "modify.hpp"
#include "normalize.hpp"
#include "planning.hpp"
#include "rewrite.hpp"

extern "C" {
#include "optimizer/paths.h"
#include "optimizer/planner.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
}

namespace altius::planner {

namespace {

planner_hook_type previous_planner = nullptr;
set_rel_pathlist_hook_type previous_pathlist = nullptr;

PlannedStmt *PlanAsBefore(Query *query, const char *source, int cursor_options, ParamListInfo params) {
  return previous_planner != nullptr ? previous_planner(query, source, cursor_options, params)
                                     : standard_planner(query, source, cursor_options, params);
}

bool ModifiesManagedTable(Query *query) {
  if (query->commandType == CMD_SELECT || query->resultRelation == 0) return false;
  RangeTblEntry *rte = pg::Rte(query->rtable, query->resultRelation);
  return rte->rtekind == RTE_RELATION && catalog::FindTable(rte->relid) != nullptr;
}

/// A managed table in a live place would be read as the empty shell that it is here: never silently.
void CheckNoShellIsRead(Query *query) {
  if (HasManagedTables(query)) elog(ERROR, "a distributed table was left in the plan");
}

/// A cursor's row is known by its place in a shard, which cursors do not keep.
void RefuseCurrentOf(Query *query) {
  ListCell *cell;
  foreach (cell, query->cteList) RefuseCurrentOf(castNode(Query, lfirst_node(CommonTableExpr, cell)->ctequery));
  if (query->jointree == nullptr || query->jointree->quals == nullptr) return;
  if (!IsA(query->jointree->quals, CurrentOfExpr) || !ModifiesManagedTable(query)) return;
  ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                  errmsg("WHERE CURRENT OF is not supported for distributed and reference tables"),
                  errhint("Name the row by its key.")));
}

PlannedStmt *PlanDistributed(Query *original, const char *source, int cursor_options, ParamListInfo params) {
  RefuseCurrentOf(original);
  const pg::RelationUses uses = pg::CollectRelations(original);
  Query *query = pg::Copy(original);
  Normalize(query);
  PrepareForLentRights(query, uses);
  CompareRowPlaces(query);
  PlannedStmt *plan;
  if (ModifiesManagedTable(query)) {
    plan = PlanModification(query, source, cursor_options, params);
  } else {
    if (query->commandType == CMD_SELECT) {
      Rewrite(query, nullptr);
    } else {
      const Level level = {query, nullptr, false};
      RewriteLocalModification(query, &level);
    }
    CheckNoShellIsRead(query);
    plan = (cursor_options & CURSOR_OPT_SCROLL) != 0 ? nullptr : PlanAlone(query);
    if (plan == nullptr) plan = PlanAsBefore(query, source, cursor_options, params);
  }
  plan->queryId = original->queryId;
  plan->stmt_location = original->stmt_location;
  plan->stmt_len = original->stmt_len;
  plan->canSetTag = original->canSetTag;
  pg::AppendRelations(plan, uses);
  return plan;
}

PlannedStmt *Plan(Query *query, const char *source, int cursor_options, ParamListInfo params) {
  if (query->commandType == CMD_UTILITY || pg::settings::plan_locally || !catalog::IsActive()) {
    return PlanAsBefore(query, source, cursor_options, params);
  }
  InlinedFunctions inlined = {NIL, false};
  query = InlineFunctions(query, &inlined);
  if (!HasManagedTables(query)) return PlanAsBefore(query, source, cursor_options, params);
  PlannedStmt *plan = PlanDistributed(query, source, cursor_options, params);
  plan->invalItems = list_concat(plan->invalItems, inlined.dependencies);
  plan->dependsOnRole = plan->dependsOnRole || inlined.depends_on_role;
  return plan;
}

PlannedStmt *PlannerHook(Query *query, const char *source, int cursor_options, ParamListInfo params) {
  return pg::Entry([&] {
    const Planning planning;
    const auto plan = [&] { return Plan(query, source, cursor_options, params); };
    return pg::Call([&] { return task::RunsForAnotherPath() ? task::OnUsersPath(plan) : plan(); });
  });
}

/// Whatever way a managed table came into a query: the shell that it is here is never read.
void RefuseShell(const RangeTblEntry *rte) {
  if (rte->rtekind != RTE_RELATION || pg::settings::plan_locally || !catalog::IsActive()) return;
  const catalog::Table *table = catalog::FindTable(rte->relid);
  if (table == nullptr || table->kind == catalog::TableKind::Local) return;
  elog(ERROR, "the plan would read the empty shell of table \"%s\"", table->name);
}

void PathlistHook(PlannerInfo *root, RelOptInfo *rel, Index rti, RangeTblEntry *rte) {
  pg::Entry([&] {
    if (previous_pathlist != nullptr) previous_pathlist(root, rel, rti, rte);
    RefuseShell(rte);
    PlanLeaf(root, rel, rte);
  });
}

}  // namespace

void Init() {
  previous_planner = planner_hook;
  planner_hook = PlannerHook;
  previous_pathlist = set_rel_pathlist_hook;
  set_rel_pathlist_hook = PathlistHook;
}

}  // namespace altius::planner

ALTIUS_FUNCTION(altius_fragment) {
  ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("altius_internal.fragment can't be called"),
                  errhint("It stands for a part of a distributed plan.")));
  PG_RETURN_NULL();
}

ALTIUS_FUNCTION(altius_table_of) {
  const Oid relid = PG_GETARG_OID(0);
  char *name = get_rel_name(relid);
  if (name == nullptr) PG_RETURN_NULL();
  const auto id = altius::core::ShardIdOfName(name);
  int index;
  const altius::catalog::Table *table =
      id.has_value() ? altius::catalog::FindTableOfShard(*id, &index) : nullptr;
  const char *schema = table != nullptr ? table->schema : get_namespace_name(get_rel_namespace(relid));
  PG_RETURN_TEXT_P(cstring_to_text(quote_qualified_identifier(schema, table != nullptr ? table->name : name)));
}

ALTIUS_FUNCTION(altius_shard_of) {
  const char *name = get_rel_name(PG_GETARG_OID(0));
  const auto id = name == nullptr ? std::nullopt : altius::core::ShardIdOfName(name);
  if (!id.has_value()) PG_RETURN_NULL();
  PG_RETURN_INT64(*id);
}
