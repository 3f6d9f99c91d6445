// SPDX-License-Identifier: PostgreSQL
// The CustomScan node as PostgreSQL's executor sees it.
#include "altius/executor/executor.hpp"

#include "altius/pg/bridge.hpp"
#include "altius/pg/settings.hpp"
#include "altius/pg/walk.hpp"
#include "altius/plan/ship.hpp"
#include "altius/task/finish.hpp"
#include "altius/task/ownership.hpp"
#include "state.hpp"

extern "C" {
#include "access/htup_details.h"
#include "executor/executor.h"
#include "funcapi.h"
}

namespace altius::executor {

bool explain_all_tasks = false;
bool binary_protocol = true;

namespace {

bool MayStillGrow(const Run* run) {
  for (const Task& task : run->tasks) {
    if (task.request != nullptr && !task.request->finished) return true;
  }
  return false;
}

/// Takes the columns of a row over into the scan slot.  Behind them stands the whole row, where PostgreSQL asks for it: to
/// find it again when a row it was joined with has changed meanwhile.
TupleTableSlot* Show(FragmentState* state, TupleTableSlot* row) {
  TupleTableSlot* slot = state->css.ss.ss_ScanTupleSlot;
  const int count = row->tts_tupleDescriptor->natts;
  slot_getallattrs(row);
  ExecClearTuple(slot);
  memcpy(slot->tts_values, row->tts_values, sizeof(Datum) * count);
  memcpy(slot->tts_isnull, row->tts_isnull, sizeof(bool) * count);
  if (slot->tts_tupleDescriptor->natts > count) {
    const MemoryContext before =
        MemoryContextSwitchTo(state->css.ss.ps.ps_ExprContext->ecxt_per_tuple_memory);
    HeapTuple whole = heap_form_tuple(row->tts_tupleDescriptor, row->tts_values, row->tts_isnull);
    slot->tts_values[count] = HeapTupleGetDatum(whole);
    slot->tts_isnull[count] = false;
    MemoryContextSwitchTo(before);
  }
  return ExecStoreVirtualTuple(slot);
}

TupleTableSlot* Previous(FragmentState* state) {
  if (state->run != nullptr && task::ReadRowBackward(state->run->store, state->row)) return Show(state, state->row);
  return ExecClearTuple(state->css.ss.ss_ScanTupleSlot);
}

TupleTableSlot* Next(FragmentState* state) {
  if (ScanDirectionIsBackward(state->css.ss.ps.state->es_direction)) return Previous(state);
  if (state->run == nullptr) StartRun(state);
  state->run->read = true;
  do {
    if (task::ReadRow(state->run->store, state->row, MayStillGrow(state->run))) return Show(state, state->row);
  } while (FetchMore(state));
  if (state->backward) task::PassEnd(state->run->store);
  return ExecClearTuple(state->css.ss.ss_ScanTupleSlot);
}

TupleTableSlot* Access(ScanState* scan) { return Next(reinterpret_cast<FragmentState*>(scan)); }

/// The row that was joined with one that has changed: it came along as a whole.
bool Recheck(ScanState* scan, TupleTableSlot*) {
  auto* state = reinterpret_cast<FragmentState*>(scan);
  EPQState* changed = scan->ps.state->es_epq_active;
  const auto* plan = reinterpret_cast<CustomScan*>(scan->ps.plan);
  const int rti = bms_singleton_member(plan->custom_relids);
  if (changed->relsubs_done[rti - 1] || changed->relsubs_rowmark[rti - 1] == nullptr) return false;
  changed->relsubs_done[rti - 1] = true;
  TupleTableSlot* row =
      MakeSingleTupleTableSlot(state->row->tts_tupleDescriptor, &TTSOpsVirtual);
  const bool found = EvalPlanQualFetchRowMark(changed, rti, row) && !TupIsNull(row);
  if (found) Show(state, row);
  ExecDropSingleTupleTableSlot(row);
  return found;
}

/// What the fragment delivers: the columns of the scan without the whole row behind them.
TupleDesc ColumnsOf(FragmentState* state) {
  TupleDesc scanned = state->css.ss.ss_ScanTupleSlot->tts_tupleDescriptor;
  const int count = list_length(state->fragment->column_types);
  if (scanned->natts <= count) return scanned;
  TupleDesc columns = CreateTemplateTupleDesc(count);
  for (int i = 1; i <= count; i++) TupleDescCopyEntry(columns, i, scanned, i);
  return BlessTupleDesc(columns);
}

struct ParamUse {
  Bitmapset* params;
  bool subplans;
};

bool ParamWalker(Node* node, void* data) {
  if (node == nullptr) return false;
  auto* use = static_cast<ParamUse*>(data);
  if (IsA(node, SubPlan) || IsA(node, AlternativeSubPlan)) use->subplans = true;
  if (IsA(node, Param) && reinterpret_cast<Param*>(node)->paramkind == PARAM_EXEC) {
    use->params = bms_add_member(use->params, reinterpret_cast<Param*>(node)->paramid);
  }
  return pg::Walk(node, ParamWalker, data);
}

/// A change of other parameters, such as those of the filter above, leaves the rows as they are.
Bitmapset* ParamsOf(const CustomScan* scan) {
  ParamUse use = {nullptr, false};
  ParamWalker(reinterpret_cast<Node*>(scan->custom_exprs), &use);
  return use.subplans ? scan->scan.plan.allParam : use.params;
}

/// As PostgreSQL holds what it scans: nothing can change a table under rows of its type, neither a function of the statement, nor
/// TRUNCATE, ALTER TABLE or DROP while a cursor is open.
void HoldTables(EState* estate) {
  ListCell* cell;
  foreach (cell, estate->es_range_table) {
    const auto* rte = lfirst_node(RangeTblEntry, cell);
    if (rte->rtekind != RTE_RELATION || catalog::FindTable(rte->relid) == nullptr) continue;
    (void)ExecGetRangeTableRelation(estate, foreach_current_index(cell) + 1);
  }
}

void Begin(CustomScanState* custom, EState* estate, int eflags) {
  FragmentState* state = Cast(custom);
  HoldTables(estate);
  const auto* scan = reinterpret_cast<CustomScan*>(custom->ss.ps.plan);
  state->fragment = plan::FromList(scan->custom_private);
  const int arg_count = list_length(state->fragment->arg_types);
  state->arg_exprs = list_truncate(list_copy(scan->custom_exprs), arg_count);
  state->prune_exprs = list_copy_tail(scan->custom_exprs, arg_count);
  state->arg_states = ExecInitExprList(state->arg_exprs, &custom->ss.ps);
  state->prune_states = ExecInitExprList(state->prune_exprs, &custom->ss.ps);
  state->row = ExecInitExtraTupleSlot(estate, ColumnsOf(state), &TTSOpsMinimalTuple);
  state->params = ParamsOf(scan);
  // With parameters it is likely to be read again and again.
  state->backward = (eflags & EXEC_FLAG_BACKWARD) != 0;
  state->keep_rows = (eflags & (EXEC_FLAG_REWIND | EXEC_FLAG_BACKWARD)) != 0 || !bms_is_empty(scan->scan.plan.extParam) ||
                     state->fragment->gives_keys;
}

void BeginScan(CustomScanState* custom, EState* estate, int eflags) {
  pg::Entry([&] { Begin(custom, estate, eflags); });
}

TupleTableSlot* ExecuteScan(CustomScanState* custom) {
  return pg::Entry([&] { return ExecScan(&custom->ss, Access, Recheck); });
}

void EndScan(CustomScanState* custom) {
  pg::Entry([&] { EndRun(Cast(custom)); });
}

/// Modifications never run twice; rows that were kept and depend on nothing that changed are read
/// again.
void ReScan(FragmentState* state) {
  ExecScanReScan(&state->css.ss);
  if (state->run == nullptr) return;
  const bool changed = bms_overlap(state->css.ss.ps.chgParam, state->params);
  if (!state->run->read && !changed) return;  // a hashed subplan resets what it is going to read
  const bool modifies = state->fragment->kind != plan::FragmentKind::Rows;
  if (modifies || (state->keep_rows && !changed)) {
    ExecClearTuple(state->row);
    task::Rewind(state->run->store);
  } else {
    EndRun(state);
  }
}

void ReScanScan(CustomScanState* custom) {
  pg::Entry([&] { ReScan(Cast(custom)); });
}

void ExplainScan(CustomScanState* custom, List* ancestors, ExplainState* es) {
  pg::Entry([&] { Explain(Cast(custom), ancestors, es); });
}

int PlaceAmongFirst(CustomScanState* custom) { return Cast(custom)->fragment->place_among_first; }

List* Changes(CustomScanState* custom) { return Cast(custom)->fragment->changes; }

bool Modifies(CustomScanState* custom) {
  return Cast(custom)->fragment->kind != plan::FragmentKind::Rows;
}

void StartReading(CustomScanState* custom, const Bitmapset* values, bool lock) {
  FragmentState* state = Cast(custom);
  if (Modifies(custom) || state->run != nullptr || (state->fragment->row_marks && !lock)) return;
  if (DependsOnExecution(state->arg_exprs, values) || DependsOnExecution(state->prune_exprs, values)) return;
  StartRun(state);
}

void Finish(CustomScanState* custom) {
  FragmentState* state = Cast(custom);
  if (state->fragment->kind != plan::FragmentKind::Rows && state->run == nullptr) StartRun(state);
}

const CustomExecMethods exec_methods = {
    .CustomName = plan::kFragmentScan,
    .BeginCustomScan = BeginScan,
    .ExecCustomScan = ExecuteScan,
    .EndCustomScan = EndScan,
    .ReScanCustomScan = ReScanScan,
    .ExplainCustomScan = ExplainScan,
};

Node* MakeState(CustomScan*) {
  return pg::Entry([&] {
    auto* state = static_cast<FragmentState*>(palloc0(sizeof(FragmentState)));
    NodeSetTag(state, T_CustomScanState);
    state->css.methods = &exec_methods;
    return reinterpret_cast<Node*>(state);
  });
}

const CustomScanMethods scan_methods = {
    .CustomName = plan::kFragmentScan,
    .CreateCustomScanState = MakeState,
};

}  // namespace

void Init() {
  RegisterCustomScanMethods(&scan_methods);
  task::RegisterNode({.methods = &exec_methods,
                      .modifies = Modifies,
                      .finish = Finish,
                      .place_among_first = PlaceAmongFirst,
                      .changes = Changes,
                      .start_reading = StartReading});
  task::InstallHooks();
  static const pg::BoolSetting settings[] = {
      {"citus.explain_all_tasks",
       "EXPLAIN shows every task of a distributed scan, not one of them.", &explain_all_tasks,
       false, PGC_USERSET, 0},
      {"citus.enable_binary_protocol", "Rows travel between nodes in binary form where possible.",
       &binary_protocol, true, PGC_USERSET, 0},
  };
  pg::Define(settings);
}

}  // namespace altius::executor
