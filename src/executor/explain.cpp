// SPDX-License-Identifier: PostgreSQL
// EXPLAIN of a fragment: how many tasks and shards, what came from each node, and the plan that a
// node makes of its task.
//
// A task is shown with the node's own plan.  With ANALYZE a SELECT's sample is run once more under
// EXPLAIN ANALYZE, whereas a modification is only planned: it has been done already.
#include "explain.hpp"

#include "altius/pg/walk.hpp"
#include "altius/plan/instantiate.hpp"
#include "altius/plan/key_filter.hpp"
#include "altius/task/explaining.hpp"

namespace altius::executor {

namespace {

bool HasParam(Node* node, void* context) {
  if (node == nullptr) return false;
  if (IsA(node, Param)) return reinterpret_cast<Param*>(node)->paramkind == PARAM_EXTERN;
  return pg::Walk(node, HasParam, context);
}

/// Whether the expressions can be evaluated for EXPLAIN: nothing is known only while the query
/// runs, or not at all (GENERIC_PLAN), nothing has side effects.
bool CanEvaluate(const FragmentState* state, const List* exprs) {
  Node* node = reinterpret_cast<Node*>(const_cast<List*>(exprs));
  if (state->css.ss.ps.state->es_param_list_info == nullptr && HasParam(node, nullptr)) return false;
  return !DependsOnExecution(exprs) && !contain_volatile_functions(node);
}

/// Tasks and arguments as the run would have made them; false when that can't be known now.
bool Foresee(FragmentState* state, Arguments* arguments, pg::Array<Task>* tasks, int* shard_count) {
  if (!CanEvaluate(state, state->prune_exprs)) return false;
  arguments->count = -1;
  if (CanEvaluate(state, state->arg_exprs)) *arguments = EvaluateArguments(state);
  if (state->fragment->key_argument > 0 && arguments->count < 0) return false;
  *tasks = TasksOf(state, *arguments, shard_count);
  return true;
}

const char* KindName(const plan::Fragment& fragment) {
  switch (fragment.kind) {
    case plan::FragmentKind::Rows:
      return fragment.row_marks ? "Select with Locks" : "Select";
    case plan::FragmentKind::Modify:
      return "Modify";
    case plan::FragmentKind::Statement:
      return "Modify by Statement";
    case plan::FragmentKind::ModifyCopies:
      return "Modify Copies";
  }
  return "";
}

void ShowTraffic(const Task& task, ExplainState* es) {
  const int64 rows = task.request != nullptr ? task.request->rows : task.rows;
  const int64 bytes = task.request != nullptr ? task.request->bytes : 0;
  ExplainPropertyInteger("Rows Received", nullptr, rows, es);
  if (task.request != nullptr) ExplainPropertyInteger("Bytes Received", nullptr, bytes, es);
  if (es->timing) ExplainPropertyFloat("Task Time", "ms", task.milliseconds, 3, es);
}

void ShowTask(FragmentState* state, const Task& task, Arguments* arguments, bool ran,
              ExplainState* es) {
  ExplainOpenGroup("Task", nullptr, true, es);
  const bool reads =
      state->fragment->kind == plan::FragmentKind::Rows && !state->fragment->row_marks;
  OpenTask(task, reads, es);
  if (ran) ShowTraffic(task, es);
  if (es->verbose || arguments->count < 0) ExplainPropertyText("Statement", task.sql, es);
  if (arguments->count >= 0 && task::Explaining::now()) {
    ShowRemotePlan(state, task, arguments, ran && reads, es);
  }
  CloseTask(es);
  ExplainCloseGroup("Task", nullptr, true, es);
}

/// The columns whose values have to be keys of a hash join above, and after the run how many keys there were.
void ShowKeyFilters(const FragmentState* state, ExplainState* es) {
  StringInfoData columns;
  initStringInfo(&columns);
  ListCell* cell;
  foreach (cell, state->fragment->key_filters) {
    appendStringInfo(&columns, "%sc%d", columns.len > 0 ? ", " : "", plan::KeyFilterOf(lfirst_node(List, cell)).column);
    if (state->run == nullptr) continue;
    const int keys = state->run->arguments.key_counts[foreach_current_index(cell)];
    appendStringInfoString(&columns, keys < 0 ? " (not used)" : psprintf(" (keys: %d)", keys));
  }
  if (columns.len > 0) ExplainPropertyText("Key Filter", columns.data, es);
}

}  // namespace

void Explain(FragmentState* state, List*, ExplainState* es) {
  Run* run = state->run;
  Arguments arguments{};
  pg::Array<Task> tasks;
  int shard_count = 0;
  ExplainPropertyText("Fragment", KindName(*state->fragment), es);
  const core::locus::Reason cut = state->fragment->cut;
  if (es->verbose && cut != core::locus::Reason::None) ExplainPropertyText("Cut Because", core::locus::ToText(cut), es);
  ShowKeyFilters(state, es);
  if (run != nullptr) {
    arguments = run->arguments;
    tasks = run->tasks;
    shard_count = run->shard_count;
  } else if (!task::Explaining::now() || !Foresee(state, &arguments, &tasks, &shard_count)) {
    ExplainPropertyText("Distributed Tasks", "chosen at execution", es);
    return;
  }
  ExplainPropertyInteger("Distributed Tasks", nullptr, tasks.size(), es);
  ExplainPropertyInteger("Shards", nullptr, shard_count, es);
  if (tasks.empty()) return;
  const int shown = explain_all_tasks ? tasks.size() : 1;
  if (shown < tasks.size())
    ExplainPropertyText("Tasks Shown", psprintf("One of %d", tasks.size()), es);
  ExplainOpenGroup("Tasks", "Tasks", false, es);
  for (int i = 0; i < shown; i++) ShowTask(state, tasks[i], &arguments, run != nullptr, es);
  ExplainCloseGroup("Tasks", "Tasks", false, es);
}

}  // namespace altius::executor
