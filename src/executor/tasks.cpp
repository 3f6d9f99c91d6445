// SPDX-License-Identifier: PostgreSQL
// From shards to statements: one statement for each node, its shards being the arms of a UNION ALL.
#include "state.hpp"

#include "altius/plan/instantiate.hpp"

extern "C" {
#include "nodes/value.h"
#include "utils/builtins.h"
}

namespace altius::executor {

namespace {

/// Statements with more arms than this are cut: planning time grows with the arms.
constexpr int kMostArms = 64;

/// Shards of one node.
struct Share {
  int group;
  pg::Array<int> shards;
};

int GroupFor(const catalog::Shard& shard) {
  if (shard.group_count == 0) {
    ereport(ERROR,
            (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
             errmsg("shard %lld has no active placement", static_cast<long long>(shard.id))));
  }
  const int here = catalog::LocalGroup();
  return catalog::HasPlacement(shard, here) ? here : shard.groups[0];
}

pg::Array<Share> ShareOut(const catalog::Table& lead, const pg::Array<int>& shards) {
  pg::Array<Share> shares;
  for (const int index : shards) {
    const int group = GroupFor(lead.shards[index]);
    Share* share = nullptr;
    for (Share& candidate : shares) {
      if (candidate.group == group) share = &candidate;
    }
    if (share == nullptr) {
      shares.push_back(Share{.group = group, .shards = {}});
      share = &shares.back();
    }
    share->shards.push_back(index);
  }
  return shares;
}

void AppendArm(StringInfo sql, const plan::Fragment& fragment, int shard, bool alone) {
  // A SELECT with row marks can't be an arm of a UNION, but can stand in the FROM of one.
  const bool wrap = fragment.row_marks && !alone;
  if (wrap) appendStringInfoString(sql, "SELECT * FROM (");
  if (!alone && !wrap) appendStringInfoChar(sql, '(');
  plan::AppendInstance(sql, fragment.arm, fragment.tables, shard);
  if (wrap) appendStringInfoString(sql, ") altius_arm");
  if (!alone && !wrap) appendStringInfoChar(sql, ')');
}

void AppendHead(StringInfo sql, const plan::Fragment& fragment) {
  appendStringInfoString(sql, "WITH altius_arms");
  ListCell* cell;
  const char* separator = "(";
  foreach (cell, fragment.arm_columns) {
    appendStringInfo(sql, "%s%s", separator, quote_identifier(strVal(lfirst(cell))));
    separator = ", ";
  }
  if (fragment.arm_columns != NIL) appendStringInfoChar(sql, ')');
  appendStringInfoString(sql, " AS (");
}

Task MakeTask(const plan::Fragment& fragment, int group, const int* shards, int count) {
  StringInfoData sql;
  initStringInfo(&sql);
  const bool upper = fragment.upper != nullptr;
  if (upper) AppendHead(&sql, fragment);
  for (int i = 0; i < count; i++) {
    if (i > 0) appendStringInfoString(&sql, " UNION ALL ");
    AppendArm(&sql, fragment, shards[i], count == 1);
  }
  if (upper) appendStringInfo(&sql, ") %s", fragment.upper);
  auto* indexes = static_cast<int*>(palloc(sizeof(int) * std::max(count, 1)));
  std::copy(shards, shards + count, indexes);
  return Task{.group = group,
              .local = group == catalog::LocalGroup(),
              .sql = sql.data,
              .shards = count,
              .indexes = indexes};
}

/// Every placement of the one shard gets the statement, lowest group first.
pg::Array<Task> CopyTasks(const plan::Fragment& fragment, const catalog::Table& lead) {
  pg::Array<Task> tasks;
  const catalog::Shard& shard = lead.shards[0];
  for (int i = 0; i < shard.group_count; i++) {
    const int only = 0;
    tasks.push_back(MakeTask(fragment, shard.groups[i], &only, 1));
  }
  return tasks;
}

/// One statement a node; modifications: one a shard.
pg::Array<Task> TasksFor(const plan::Fragment& fragment, const catalog::Table& lead,
                         const pg::Array<int>& shards) {
  const int most = fragment.kind == plan::FragmentKind::Rows ? kMostArms : 1;
  pg::Array<Task> tasks;
  for (const Share& share : ShareOut(lead, shards)) {
    for (int from = 0; from < share.shards.size(); from += most) {
      const int count = std::min(most, share.shards.size() - from);
      tasks.push_back(MakeTask(fragment, share.group, share.shards.data() + from, count));
    }
  }
  return tasks;
}

}  // namespace

pg::Array<Task> TasksOf(FragmentState* state, const Arguments& arguments, int* shard_count) {
  const plan::Fragment& fragment = *state->fragment;
  if (fragment.kind == plan::FragmentKind::Statement) {
    const int none = 0;
    pg::Array<Task> tasks;
    tasks.push_back(MakeTask(fragment, catalog::LocalGroup(), &none, 1));
    *shard_count = 0;
    return tasks;
  }
  const catalog::Table& lead = *plan::LeadingTable(fragment.tables);
  const pg::Array<int> shards = ChooseShards(state, lead, arguments);
  *shard_count = shards.size();
  if (fragment.kind == plan::FragmentKind::ModifyCopies) return CopyTasks(fragment, lead);
  return TasksFor(fragment, lead, shards);
}

pg::Array<Task> TasksAnew(FragmentState* state, const Task& task) {
  const plan::Fragment& fragment = *state->fragment;
  pg::Array<int> shards;
  for (int i = 0; i < task.shards; i++) shards.push_back(task.indexes[i]);
  pg::Array<Task> tasks = TasksFor(fragment, *plan::LeadingTable(fragment.tables), shards);
  for (Task& made : tasks) made.sent_again = task.sent_again + 1;
  return tasks;
}

}  // namespace altius::executor
