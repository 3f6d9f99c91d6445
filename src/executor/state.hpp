// SPDX-License-Identifier: PostgreSQL
// The state of one fragment scan.
#pragma once

#include "altius/catalog/metadata.hpp"
#include "altius/core/shard/ranges.hpp"
#include "altius/pg/array.hpp"
#include "altius/plan/fragment.hpp"
#include "altius/task/copies.hpp"
#include "altius/task/lending.hpp"
#include "altius/task/rows.hpp"

extern "C" {
#include "nodes/execnodes.h"
#include "nodes/extensible.h"
#include "portability/instr_time.h"
}

namespace altius::executor {

/// One statement for one node.
struct Task {
  int group;
  bool local;  // on this node, in-process
  const char* sql;
  int shards;
  const core::HashRange* ranges;  // of the shards, `shards` of them: a split changes their numbers
  bool moved;                // it did nothing: a shard has moved away from the node
  int sent_again;            // how often that has happened
  remote::Request* request;  // null while not sent, and for local tasks
  remote::Request* before;   // what was sent in front of it (task::BeginCopy)
  int64 affected;            // rows
  int64 rows;                // of a local task
  int attempts;              // how often it was sent again
  double milliseconds;       // from sending to the last row, as far as seen
  instr_time sent;
};

/// The values of the fragment's arguments, in both forms.
struct Arguments {
  int count;
  Oid* types;  // of the values
  Datum* values;
  bool* nulls;
  Oid* own_types;      // before a value was turned into the declared type: what the key is hashed by
  Datum* own_values;
  Oid* declared;       // to other nodes; 0: they infer it
  const char** texts;  // null until another node needs them
  const char* condition;  // on the fragment's rows, of the last arguments (key_filters.hpp); null: none
  int* key_counts;        // of each of the fragment's key filters; -1: it is not used
};

/// One execution of the fragment; made at the first row that is asked for, again after a rescan
/// with other parameters.
struct Run {
  MemoryContext memory;
  uint64 owner;  // of what it does on nodes
  Arguments arguments;
  task::Lending lending;
  task::CopyWrite write;  // of a reference table
  bool read;              // rows were asked for: not yet where it was started ahead of that
  pg::Array<Task> tasks;
  int shard_count;  // of all tasks
  task::RowStore* store;
  int next;  // task that is read next
  int64 affected;
};

struct FragmentState {
  CustomScanState css;  // first: PostgreSQL sees this
  plan::Fragment* fragment;
  List* arg_states;  // of ExprState
  List* prune_states;
  List* arg_exprs;  // of Expr
  List* prune_exprs;
  TupleTableSlot* row;  // what comes out of the store
  bool keep_rows;
  bool backward;  // they may be read backward
  Bitmapset* params;  // that the arguments depend on
  Run* run;  // null until started
  bool starting;  // it looks for keys of others
};

inline FragmentState* Cast(CustomScanState* state) {
  return reinterpret_cast<FragmentState*>(state);
}

/// --- shards.cpp ---
/// Evaluates the prune expressions; indexes of the shards concerned, ascending, without doubles.
pg::Array<int> ChooseShards(FragmentState* state, const catalog::Table& lead,
                            const Arguments& arguments);

/// --- arguments.cpp ---
Arguments EvaluateArguments(FragmentState* state);
/// Whether the expressions have parameters that other nodes of the plan set while it runs, besides those that are known.
bool DependsOnExecution(const List* exprs, const Bitmapset* known = nullptr);
void MakeTexts(Arguments* arguments);

/// --- tasks.cpp ---
/// The fragment's statements, by node; *shard_count: of all of them.
pg::Array<Task> TasksOf(FragmentState* state, const Arguments& arguments, int* shard_count);

/// The statements for the same shards as `task`, which have moved or were split: where they or their parts lie now.
pg::Array<Task> TasksAnew(FragmentState* state, const Task& task);

/// --- run.cpp ---
/// The rights that it runs with on the shards.  A statement of its own is checked as such.
task::Lending LendingOf(const FragmentState* state);
void StartRun(FragmentState* state);
/// Sends the remote ones of the tasks, so that all nodes work at once, and then runs the local ones.
int64 StartTasks(FragmentState* state, Task* tasks, int count, bool with_rows);
/// Waits for them; the rows they affected.
int64 AwaitTasks(FragmentState* state, Task* tasks, int count, bool with_rows);
/// Brings more rows into the store; false when all have come.
bool FetchMore(FragmentState* state);
void EndRun(FragmentState* state);

/// --- explain.cpp ---
void Explain(FragmentState* state, List* ancestors, struct ExplainState* es);
extern bool explain_all_tasks;
extern bool binary_protocol;

}  // namespace altius::executor
