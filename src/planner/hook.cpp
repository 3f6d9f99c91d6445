// SPDX-License-Identifier: PostgreSQL
// PostgreSQL's hooks.
#include "altius/planner/planner.hpp"

#include "altius/catalog/metadata.hpp"
#include "altius/pg/bridge.hpp"
#include "altius/pg/settings.hpp"
#include "altius/task/lent_rights.hpp"
#include "altius/task/users_path.hpp"
#include "planner/fragment/estimate.hpp"
#include "planner/fragment/key_filters.hpp"
#include "planner/fragment/leaf.hpp"
#include "pipeline.hpp"
#include "planning.hpp"

extern "C" {
#include "optimizer/paths.h"
#include "optimizer/plancat.h"
#include "optimizer/planner.h"
#include "utils/selfuncs.h"
}

namespace altius::planner {

namespace {

planner_hook_type previous_planner = nullptr;
set_rel_pathlist_hook_type previous_pathlist = nullptr;
get_relation_info_hook_type previous_info = nullptr;
get_relation_stats_hook_type previous_statistics = nullptr;

PlannedStmt *PlanAsBefore(Query *query, const Request &request) {
  const planner_hook_type planner = previous_planner != nullptr ? previous_planner : standard_planner;
  return planner(query, request.source, request.cursor_options, request.params);
}

PlannedStmt *PlanHere(Query *query, const Request &request) {
  if (query->commandType == CMD_UTILITY || pg::settings::plan_locally || !catalog::IsActive()) return PlanAsBefore(query, request);
  return PlanStatement(query, request);
}

PlannedStmt *PlannerHook(Query *query, const char *source, int cursor_options, ParamListInfo params) {
  return pg::Entry([&] {
    const Planning planning;
    task::EndPolicyRoles(query);
    const Request request = {source, cursor_options, params, PlanAsBefore};
    const auto plan = [&] { return PlanHere(query, request); };
    return pg::Call([&] { return task::RunsForAnotherPath() ? task::OnUsersPath(plan) : plan(); });
  });
}

/// Whatever way a managed table came into a query: the shell that it is here is never read.
void RefuseShell(const RangeTblEntry *rte) {
  if (rte->rtekind != RTE_RELATION || pg::settings::plan_locally || IsEstimating() || !catalog::IsActive()) return;
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

void InfoHook(PlannerInfo *root, Oid relid, bool with_children, RelOptInfo *rel) {
  pg::Entry([&] {
    if (previous_info != nullptr) previous_info(root, relid, with_children, rel);
    SetSize(relid, rel);
  });
}

bool StatisticsHook(PlannerInfo *root, RangeTblEntry *rte, AttrNumber column, VariableStatData *found) {
  return pg::Entry([&] {
    if (previous_statistics != nullptr && previous_statistics(root, rte, column, found)) return true;
    return LeafStatistics(rte, column, found) || FindArmStatistics(root, rte, column, found);
  });
}

}  // namespace

void Init() {
  InitKeyFilters();
  previous_planner = planner_hook;
  planner_hook = PlannerHook;
  previous_pathlist = set_rel_pathlist_hook;
  set_rel_pathlist_hook = PathlistHook;
  previous_info = get_relation_info_hook;
  get_relation_info_hook = InfoHook;
  previous_statistics = get_relation_stats_hook;
  get_relation_stats_hook = StatisticsHook;
}

}  // namespace altius::planner
