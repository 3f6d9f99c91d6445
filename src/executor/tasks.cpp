// SPDX-License-Identifier: PostgreSQL
// From shards to statements: one statement for each node, its shards being the arms of a UNION ALL.
#include "key_filters.hpp"

#include "altius/core/shard/ranges.hpp"
#include "altius/plan/instantiate.hpp"
#include "altius/task/copies.hpp"
#include "altius/task/ownership.hpp"

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

constexpr int kNowhere = -1;
constexpr int kPatience = 30;  // attempts, before a shard without placement is an error

/// Rows of a reference table are locked on the copy that leads.
int GroupFor(const catalog::Shard& shard, bool leading) {
  if (shard.group_count == 0) return kNowhere;
  if (leading) return shard.groups[0];
  const int here = catalog::LocalGroup();
  return catalog::HasPlacement(shard, here) ? here : shard.groups[0];
}

pg::Array<Share> ShareOut(const catalog::Table& lead, const pg::Array<int>& shards, bool row_marks) {
  const bool leading = row_marks && lead.kind == catalog::TableKind::Reference && !task::LocksOwnCopy(lead);
  pg::Array<Share> shares;
  for (const int index : shards) {
    const int group = GroupFor(lead.shards[index], leading);
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

bool AppendArm(StringInfo sql, const plan::Fragment& fragment, const catalog::Table* lead, int shard, bool alone) {
  // A SELECT with row marks can't be an arm of a UNION, but can stand in the FROM of one.
  const bool wrap = fragment.row_marks && !alone;
  if (wrap) appendStringInfoString(sql, "SELECT * FROM (");
  if (!alone && !wrap) appendStringInfoChar(sql, '(');
  if (!plan::AppendInstance(sql, fragment.arm, fragment.tables, lead, shard)) return false;
  if (wrap) appendStringInfoString(sql, ") altius_arm");
  if (!alone && !wrap) appendStringInfoChar(sql, ')');
  return true;
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

/// False when the tables do not fit together: some were read before and some after a split.
bool MakeTask(const plan::Fragment& fragment, const char* condition, const catalog::Table* lead, int group, const int* shards, int count,
              pg::Array<Task>* tasks) {
  if (group == kNowhere) return false;
  StringInfoData sql;
  initStringInfo(&sql);
  const bool upper = fragment.upper != nullptr;
  if (upper) AppendHead(&sql, fragment);
  auto* ranges = static_cast<core::HashRange*>(palloc(sizeof(core::HashRange) * std::max(count, 1)));
  for (int i = 0; i < count; i++) {
    if (i > 0) appendStringInfoString(&sql, " UNION ALL ");
    if (!AppendArm(&sql, fragment, lead, shards[i], count == 1)) return false;
    ranges[i] = lead == nullptr ? core::HashRange{0, 0}
                                : core::HashRange{lead->shards[shards[i]].min, lead->shards[shards[i]].max};
  }
  if (upper) appendStringInfo(&sql, ") %s", fragment.upper);
  if (condition != nullptr) sql = Filtered(fragment, sql.data, condition);
  tasks->push_back(Task{.group = group,
                        .local = group == catalog::LocalGroup(),
                        .sql = sql.data,
                        .shards = count,
                        .ranges = ranges});
  return true;
}

/// Every placement of the one shard gets the statement, lowest group first.
bool CopyTasks(const plan::Fragment& fragment, const catalog::Table& lead, pg::Array<Task>* tasks) {
  const catalog::Shard& shard = lead.shards[0];
  const int only = 0;
  for (int i = 0; i < shard.group_count; i++) {
    if (!MakeTask(fragment, nullptr, &lead, shard.groups[i], &only, 1, tasks)) return false;
  }
  return true;
}

/// One statement a node; modifications: one a shard.
bool TasksFor(const plan::Fragment& fragment, const char* condition, const catalog::Table& lead, const pg::Array<int>& shards,
              pg::Array<Task>* tasks) {
  const int most = fragment.kind == plan::FragmentKind::Rows ? kMostArms : 1;
  for (const Share& share : ShareOut(lead, shards, fragment.row_marks)) {
    for (int from = 0; from < share.shards.size(); from += most) {
      const int count = std::min(most, share.shards.size() - from);
      if (!MakeTask(fragment, condition, &lead, share.group, share.shards.data() + from, count, tasks)) return false;
    }
  }
  return true;
}

void RaiseIfNowhere(const catalog::Table& lead) {
  for (int i = 0; i < lead.shard_count; i++) {
    if (lead.shards[i].group_count > 0) continue;
    ereport(ERROR,
            (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
             errmsg("shard %lld has no active placement", static_cast<long long>(lead.shards[i].id))));
  }
}

/// Makes tasks until they are made of metadata that fit together: a split of a shard may be seen for one table and not yet
/// for another one.
template <typename Make>
pg::Array<Task> MakeConsistent(const plan::Fragment& fragment, Make&& make) {
  for (int attempt = 0;; attempt++) {
    pg::Array<Task> tasks;
    const catalog::Table& lead = *plan::LeadingTable(fragment.tables);
    if (make(lead, &tasks)) return tasks;
    if (attempt > kPatience) RaiseIfNowhere(lead);
    catalog::Refresh();
    task::AwaitNewPlacement(attempt);
  }
}

/// Whether the shard is one of the task's, or a part of one of them.
bool Covers(const Task& task, const catalog::Shard& shard) {
  for (int i = 0; i < task.shards; i++) {
    if (task.ranges[i].Contains(shard.min) && task.ranges[i].Contains(shard.max)) return true;
  }
  return false;
}

}  // namespace

pg::Array<Task> TasksOf(FragmentState* state, const Arguments& arguments, int* shard_count) {
  const plan::Fragment& fragment = *state->fragment;
  if (fragment.kind == plan::FragmentKind::Statement) {
    const int none = 0;
    pg::Array<Task> tasks;
    (void)MakeTask(fragment, nullptr, nullptr, catalog::LocalGroup(), &none, 1, &tasks);
    *shard_count = 0;
    return tasks;
  }
  return MakeConsistent(fragment, [&](const catalog::Table& lead, pg::Array<Task>* tasks) {
    const pg::Array<int> shards = ChooseShards(state, lead, arguments);
    *shard_count = shards.size();
    if (fragment.kind == plan::FragmentKind::ModifyCopies) return CopyTasks(fragment, lead, tasks);
    return TasksFor(fragment, arguments.condition, lead, shards, tasks);
  });
}

pg::Array<Task> TasksAnew(FragmentState* state, const Task& task) {
  const plan::Fragment& fragment = *state->fragment;
  pg::Array<Task> tasks = MakeConsistent(fragment, [&](const catalog::Table& lead, pg::Array<Task>* made) {
    pg::Array<int> shards;
    for (const int index : ChooseShards(state, lead, state->run->arguments)) {
      if (Covers(task, lead.shards[index])) shards.push_back(index);
    }
    // No value asked for one: it is there for the row of an aggregate over nothing.
    if (shards.empty() && fragment.kind == plan::FragmentKind::Rows)
      shards.push_back(std::max(0, core::FindRange(lead.mins, lead.shard_count, task.ranges[0].min)));
    return TasksFor(fragment, state->run->arguments.condition, lead, shards, made);
  });
  for (Task& made : tasks) made.sent_again = task.sent_again + 1;
  return tasks;
}

}  // namespace altius::executor
