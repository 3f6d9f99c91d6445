// SPDX-License-Identifier: PostgreSQL
#include "altius/task/finish.hpp"

#include "altius/pg/bridge.hpp"
#include "altius/pg/walk.hpp"
#include "altius/task/checks.hpp"
#include "altius/task/ownership.hpp"
#include "altius/task/running.hpp"
#include "altius/task/users_path.hpp"
#include "altius/trigger/trigger.hpp"
#include "capture.hpp"
#include "kept_rows.hpp"
#include "local_references.hpp"
#include "parsing.hpp"

extern "C" {
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "executor/executor.h"
#include "tcop/pquery.h"
#include "utils/portal.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/snapmgr.h"
}

namespace altius::task {

namespace {

NodeKind kinds[4];
int kind_count = 0;
bool installed = false;
ExecutorFinish_hook_type next_finish = nullptr;
ExecutorRun_hook_type next_run = nullptr;
ExecutorStart_hook_type next_start = nullptr;
int depth = 0;  // of executor runs in one another

/// Null unless the state is one of the nodes that were registered.
const NodeKind* KindOf(PlanState* state) {
  if (!IsA(state, CustomScanState)) return nullptr;
  const auto* custom = castNode(CustomScanState, state);
  for (int i = 0; i < kind_count; i++) {
    if (kinds[i].methods == custom->methods) return &kinds[i];
  }
  return nullptr;
}

bool FinishBelow(PlanState* state, void* context) {
  if (state == nullptr) return false;
  const NodeKind* kind = KindOf(state);
  if (kind != nullptr) kind->finish(castNode(CustomScanState, state));
  return pg::WalkStates(state, FinishBelow, context);
}

bool ModifiesBelow(PlanState* state, void* context) {
  if (state == nullptr) return false;
  const NodeKind* kind = KindOf(state);
  if (kind != nullptr && kind->modifies(castNode(CustomScanState, state))) return true;
  return pg::WalkStates(state, ModifiesBelow, context);
}

struct Announcement {
  trigger::Statement* statement;
};

bool AnnounceBelow(PlanState* state, void* context) {
  if (state == nullptr) return false;
  const NodeKind* kind = KindOf(state);
  if (kind != nullptr && kind->changes != nullptr) {
    List* changes = kind->changes(castNode(CustomScanState, state));
    if (changes != NIL) trigger::Announce(static_cast<Announcement*>(context)->statement, changes);
  }
  return pg::WalkStates(state, AnnounceBelow, context);
}

/// How many nodes of ours change rows.
bool CountModifying(PlanState* state, void* count) {
  if (state == nullptr) return false;
  const NodeKind* kind = KindOf(state);
  if (kind != nullptr && kind->modifies(castNode(CustomScanState, state))) ++*static_cast<int*>(count);
  return pg::WalkStates(state, CountModifying, count);
}

int Modifications(const QueryDesc* query) {
  const PlannedStmt* statement = query->plannedstmt;
  int count = 0;
  ListCell* cell;
  foreach (cell, query->estate->es_subplanstates) CountModifying(static_cast<PlanState*>(lfirst(cell)), &count);
  if (statement->commandType != CMD_SELECT) CountModifying(query->planstate, &count);
  return count;
}

/// A modification in WITH that runs as a statement of its own is a part of the one around it.
trigger::Statement* StatementFor(const QueryDesc* query, int modifications) {
  EState* estate = query->estate;
  trigger::Statement* around = RunsInProcess(query) ? trigger::InnermostStatement() : nullptr;
  if (around != nullptr) {
    AddToChecks(modifications);
    return around;
  }
  BeginChecks(estate, modifications + (query->plannedstmt->resultRelations != NIL ? 1 : 0));
  return trigger::BeginStatement(estate, estate->es_query_cxt);
}

/// What the shards tell of triggers from now on belongs to it; its BEFORE triggers fire.
void BeginModification(QueryDesc* query) {
  EState* estate = query->estate;
  if (trigger::FindStatement(estate) != nullptr) return;
  const int modifications = Modifications(query);
  if (modifications == 0) return;
  Announcement announcement = {StatementFor(query, modifications)};
  ListCell* cell;
  foreach (cell, estate->es_subplanstates) AnnounceBelow(static_cast<PlanState*>(lfirst(cell)), &announcement);
  AnnounceBelow(query->planstate, &announcement);
}

void EndModification(const QueryDesc* query) {
  trigger::Statement* statement = trigger::FindStatement(query->estate);
  if (statement == nullptr) return;
  // A portal that is being closed has no snapshot that is active.
  PushActiveSnapshot(query->estate->es_snapshot);
  EndChecks(query->estate);
  trigger::EndStatement(statement);
  PopActiveSnapshot();
}

/// What is read ahead: with the values of these init plans; what locks rows only where it may.
struct Ahead {
  const Bitmapset* values;
  bool lock;
};

bool ReadBelow(PlanState* state, void* context) {
  if (state == nullptr) return false;
  const NodeKind* kind = KindOf(state);
  if (kind != nullptr && kind->start_reading != nullptr) {
    const auto* ahead = static_cast<Ahead*>(context);
    kind->start_reading(castNode(CustomScanState, state), ahead->values, ahead->lock);
  }
  return pg::WalkStates(state, ReadBelow, context);
}

void ReadAll(QueryDesc* query, Ahead ahead) {
  const MemoryContext before = MemoryContextSwitchTo(query->estate->es_query_cxt);
  ListCell* cell;
  foreach (cell, query->estate->es_subplanstates) ReadBelow(static_cast<PlanState*>(lfirst(cell)), &ahead);
  ReadBelow(query->planstate, &ahead);
  MemoryContextSwitchTo(before);
}

/// The next of the modifications that run before others.
struct Turn {
  int place;
  bool found;
};

bool TakeTurn(PlanState* state, void* context) {
  if (state == nullptr) return false;
  auto* turn = static_cast<Turn*>(context);
  const NodeKind* kind = KindOf(state);
  if (kind != nullptr && kind->place_among_first != nullptr) {
    auto* custom = castNode(CustomScanState, state);
    if (kind->place_among_first(custom) == turn->place) {
      turn->found = true;
      kind->finish(custom);
    }
  }
  return pg::WalkStates(state, TakeTurn, context);
}

void ModifyFirst(const EState* estate) {
  Turn turn = {0, true};
  while (turn.found) {
    turn = {turn.place + 1, false};
    ListCell* cell;
    foreach (cell, estate->es_subplanstates) TakeTurn(static_cast<PlanState*>(lfirst(cell)), &turn);
  }
}

/// All parts of a statement see the state before it: what reads is sent to the nodes ahead of what modifies.
void ReadFirst(QueryDesc* query) {
  const EState* estate = query->estate;
  ListCell* cell;
  bool modifies = false;
  foreach (cell, estate->es_subplanstates) {
    modifies = modifies || ModifiesBelow(static_cast<PlanState*>(lfirst(cell)), nullptr);
  }
  if (!modifies) return;
  ReadAll(query, {nullptr, true});
  const MemoryContext before = MemoryContextSwitchTo(estate->es_query_cxt);
  ModifyFirst(estate);
  MemoryContextSwitchTo(before);
}

/// While an executor runs, those that start are nested in it.
struct Nested {
  Nested() noexcept { depth++; }
  ~Nested() { depth--; }
};

bool HasTypesOfUsers(TupleDesc columns) {
  for (int i = 0; i < columns->natts; i++) {
    if (TupleDescAttr(columns, i)->atttypid >= FirstNormalObjectId) return true;
  }
  return false;
}

/// PostgreSQL opens the indexes of a target at its first row only.
bool HasComputedIndex(Relation relation) {
  if (!relation->rd_rel->relhasindex) return false;
  ListCell* cell;
  bool found = false;
  foreach (cell, RelationGetIndexList(relation)) {
    Relation index = index_open(lfirst_oid(cell), RowExclusiveLock);
    found = found || !heap_attisnull(index->rd_indextuple, Anum_pg_index_indexprs, nullptr) ||
            !heap_attisnull(index->rd_indextuple, Anum_pg_index_indpred, nullptr);
    index_close(index, NoLock);
  }
  return found;
}

/// A change of the table may call functions of users: in triggers, constraints, also those of domains, expressions of indexes.
bool CallsUsers(const ResultRelInfo* target) {
  const Relation relation = target->ri_RelationDesc;
  if (relation->rd_rel->relkind == RELKIND_PARTITIONED_TABLE || target->ri_TrigDesc != nullptr) return true;
  const TupleConstr* constraints = RelationGetDescr(relation)->constr;
  if (constraints != nullptr && (constraints->num_check > 0 || constraints->has_generated_stored)) return true;
  return HasTypesOfUsers(RelationGetDescr(relation)) || HasComputedIndex(relation);
}

bool CallsUsers(const QueryDesc* query) {
  if (query->plannedstmt->invalItems != NIL) return true;
  const EState* estate = query->estate;
  for (Index i = 0; estate->es_result_relations != nullptr && i < estate->es_range_table_size; i++) {
    const ResultRelInfo* target = estate->es_result_relations[i];
    if (target != nullptr && CallsUsers(target)) return true;
  }
  return false;
}

/// Runs the body, on the path of the session that asks where that matters.
template <typename Body>
void RunOnPath(const QueryDesc* query, Body&& body) {
  if (depth == 0 && RunsForAnotherPath() && CallsUsers(query)) {
    const Nested nested;
    const trigger::Moving moving(MovesRows(query));
    OnUsersPath(body);
  } else {
    const Nested nested;
    const trigger::Moving moving(MovesRows(query));
    pg::Call(body);
  }
}

/// Whether the portal is one that can wait before it is fetched from.
bool OpensCursor(const QueryDesc* query) {
  const Portal portal = ActivePortal;
  return portal != nullptr && portal->status == PORTAL_DEFINED && portal->strategy == PORTAL_ONE_SELECT && portal->visible &&
         portal->name[0] != '\0' && linitial(portal->stmts) == query->plannedstmt;
}

bool ValuesBelow(PlanState* state, void* context) {
  if (state == nullptr) return false;
  ListCell* cell;
  foreach (cell, state->initPlan) {
    const auto* plan = lfirst_node(SubPlanState, cell);
    if (!bms_is_empty(plan->planstate->plan->extParam)) continue;
    ListCell* param;
    foreach (param, plan->subplan->setParam) {
      auto** values = static_cast<Bitmapset**>(context);
      *values = bms_add_member(*values, lfirst_int(param));
    }
  }
  return pg::WalkStates(state, ValuesBelow, context);
}

/// A cursor shows what was there when it was opened, whatever its transaction has changed when rows are fetched.  What it locks is
/// locked then.
void ReadForCursor(QueryDesc* query) {
  Bitmapset* values = nullptr;
  ListCell* cell;
  foreach (cell, query->estate->es_subplanstates) ValuesBelow(static_cast<PlanState*>(lfirst(cell)), &values);
  ValuesBelow(query->planstate, &values);
  ReadAll(query, {values, false});
}

void StartHook(QueryDesc* query, int eflags) {
  pg::Entry([&] {
    if ((eflags & EXEC_FLAG_SKIP_TRIGGERS) != 0 && FiresForLocalReferences(query->plannedstmt)) eflags &= ~EXEC_FLAG_SKIP_TRIGGERS;
    if (next_start != nullptr) {
      next_start(query, eflags);
    } else {
      standard_ExecutorStart(query, eflags);
    }
    NoteOwnership(query, depth);
    if (OpensCursor(query) && !IsDisowned(query)) RunOnPath(query, [&] { ReadForCursor(query); });
  });
}

void RunHook(QueryDesc* query, ScanDirection direction, uint64 count, bool execute_once) {
  pg::Entry([&] {
    if (IsDisowned(query)) return;
    const Running running(query);
    RunOnPath(query, [&] {
      BeginModification(query);
      if (query->estate->es_subplanstates != NIL) ReadFirst(query);
      if (next_run != nullptr) {
        next_run(query, direction, count, execute_once);
      } else {
        standard_ExecutorRun(query, direction, count, execute_once);
      }
      GiveAnswer(query);
    });
  });
}

void FinishAll(QueryDesc* query) {
  const EState* estate = query->estate;
  if (estate == nullptr ||
      (estate->es_subplanstates == NIL && !query->plannedstmt->hasModifyingCTE))
    return;
  if ((estate->es_top_eflags & EXEC_FLAG_EXPLAIN_ONLY) != 0) return;
  // A portal that is being closed has none active.
  PushActiveSnapshot(estate->es_snapshot);
  ListCell* cell;
  foreach (cell, estate->es_subplanstates)
    FinishBelow(static_cast<PlanState*>(lfirst(cell)), nullptr);
  FinishBelow(query->planstate, nullptr);
  PopActiveSnapshot();
}

void Finish(QueryDesc* query) {
  const bool disowned = FinishDisowned(query);
  if (!disowned) FinishAll(query);
  EndModification(query);
  if (IsKept(query)) KeepRoutedRows(query);
  if (next_finish != nullptr) {
    next_finish(query);
  } else {
    standard_ExecutorFinish(query);
  }
}

void FinishHook(QueryDesc* query) {
  pg::Entry([&] { RunOnPath(query, [&] { Finish(query); }); });
}

}  // namespace

void RegisterNode(const NodeKind& kind) {
  if (kind_count < static_cast<int>(lengthof(kinds))) kinds[kind_count++] = kind;
}

namespace {

/// What gives the rows of the statement; what RETURNING computes of those of a modification may stand above them.
const Plan* RowsOf(const PlannedStmt* statement) {
  const Plan* plan = statement->planTree;
  if (!IsA(plan, CteScan)) return plan;
  return static_cast<const Plan*>(list_nth(statement->subplans, reinterpret_cast<const CteScan*>(plan)->ctePlanId - 1));
}

}  // namespace

bool SetsTag(const CustomScanState* state, CmdType command) {
  const PlannedStmt* statement = state->ss.ps.state->es_plannedstmt;
  if (command == CMD_SELECT || statement->commandType == CMD_SELECT) return false;
  const Plan* plan = RowsOf(statement);
  while (plan != nullptr && plan != state->ss.ps.plan) {
    plan = IsA(plan, CustomScan) && reinterpret_cast<const CustomScan*>(plan)->custom_plans != NIL
               ? static_cast<const Plan*>(
                     linitial(reinterpret_cast<const CustomScan*>(plan)->custom_plans))
               : plan->lefttree;
  }
  return plan != nullptr;
}

bool IsWholeTransaction(const EState* estate) {
  if (IsTransactionBlock() || GetCurrentTransactionNestLevel() > 1 || ActivePortal == nullptr)
    return false;
  // Only the simple protocol says with the statement that it is alone: a client that pipelines may
  // add more before its Sync. Portals of functions and of EXECUTE have names or plans of their own.
  return ActivePortal->name[0] == '\0' && ActivePortal->cplan == nullptr &&
         list_length(ActivePortal->stmts) == 1 &&
         linitial(ActivePortal->stmts) == estate->es_plannedstmt;
}

void InstallHooks() {
  if (installed) return;
  installed = true;
  next_finish = ExecutorFinish_hook;
  ExecutorFinish_hook = FinishHook;
  next_start = ExecutorStart_hook;
  ExecutorStart_hook = StartHook;
  next_run = ExecutorRun_hook;
  ExecutorRun_hook = RunHook;
  InitParsing();
  InitUsersPath();
  InitCapture();
  InitKeptRows();
  InitDeferredTriggers();
}

}  // namespace altius::task
