// SPDX-License-Identifier: PostgreSQL
// The CustomScan "Altius Ship" as PostgreSQL's executor sees it: all work is done at the first row that is asked for.
#include "altius/ingest/ingest.hpp"
#include "altius/pg/bridge.hpp"
#include "altius/task/finish.hpp"
#include "state.hpp"

extern "C" {
#include "commands/explain.h"
#include "executor/executor.h"
#include "utils/lsyscache.h"
}

namespace altius::ingest {

namespace {

/// Takes the columns of the stored row over into the scan slot.
TupleTableSlot *Show(ShipState *state) {
  TupleTableSlot *slot = state->css.ss.ss_ScanTupleSlot;
  const int count = slot->tts_tupleDescriptor->natts;
  slot_getallattrs(state->row);
  ExecClearTuple(slot);
  memcpy(slot->tts_values, state->row->tts_values, sizeof(Datum) * count);
  memcpy(slot->tts_isnull, state->row->tts_isnull, sizeof(bool) * count);
  return ExecStoreVirtualTuple(slot);
}

TupleTableSlot *Access(ScanState *scan) {
  auto *state = reinterpret_cast<ShipState *>(scan);
  if (state->shipment == nullptr) RunShipment(state);
  if (task::ReadRow(state->shipment->store, state->row, false)) return Show(state);
  return ExecClearTuple(state->css.ss.ss_ScanTupleSlot);
}

bool Recheck(ScanState *, TupleTableSlot *) { return true; }

void BeginScan(CustomScanState *custom, EState *estate, int eflags) {
  pg::Entry([&] {
    ShipState *state = Cast(custom);
    const auto *scan = reinterpret_cast<CustomScan *>(custom->ss.ps.plan);
    state->ship = plan::ShipFromList(scan->custom_private);
    state->row = ExecInitExtraTupleSlot(estate, custom->ss.ss_ScanTupleSlot->tts_tupleDescriptor, &TTSOpsMinimalTuple);
    state->arg_states = ExecInitExprList(scan->custom_exprs, &custom->ss.ps);
    const int child_flags = eflags & ~(EXEC_FLAG_REWIND | EXEC_FLAG_BACKWARD | EXEC_FLAG_MARK);
    custom->custom_ps =
        list_make1(ExecInitNode(static_cast<Plan *>(linitial(scan->custom_plans)), estate, child_flags));
  });
}

TupleTableSlot *ExecuteScan(CustomScanState *custom) {
  return pg::Entry([&] { return ExecScan(&custom->ss, Access, Recheck); });
}

void EndScan(CustomScanState *custom) {
  pg::Entry([&] {
    EndShipment(Cast(custom));
    ExecEndNode(ChildOf(Cast(custom)));
  });
}

/// Modifications never run twice: the rows they returned are read again.
void ReScanScan(CustomScanState *custom) {
  pg::Entry([&] {
    ShipState *state = Cast(custom);
    ExecScanReScan(&custom->ss);
    if (state->shipment == nullptr) return;
    ExecClearTuple(state->row);
    task::Rewind(state->shipment->store);
  });
}

void ExplainScan(CustomScanState *custom, List *, ExplainState *es) {
  pg::Entry([&] {
    const ShipState *state = Cast(custom);
    ExplainPropertyText("Ship To", get_rel_name(state->ship->target), es);
    if (state->shipment == nullptr) return;
    ExplainPropertyInteger("Rows Shipped", nullptr, state->shipment->rows, es);
    ExplainPropertyInteger("Statements", nullptr, state->shipment->statements, es);
  });
}

bool Modifies(CustomScanState *) { return true; }

List *Changes(CustomScanState *custom) { return Cast(custom)->ship->changes; }

void Finish(CustomScanState *custom) {
  if (Cast(custom)->shipment == nullptr) RunShipment(Cast(custom));
}

const CustomExecMethods exec_methods = {
    .CustomName = plan::kShipScan,
    .BeginCustomScan = BeginScan,
    .ExecCustomScan = ExecuteScan,
    .EndCustomScan = EndScan,
    .ReScanCustomScan = ReScanScan,
    .ExplainCustomScan = ExplainScan,
};

Node *MakeState(CustomScan *) {
  return pg::Entry([&] {
    auto *state = static_cast<ShipState *>(palloc0(sizeof(ShipState)));
    NodeSetTag(state, T_CustomScanState);
    state->css.methods = &exec_methods;
    return reinterpret_cast<Node *>(state);
  });
}

const CustomScanMethods scan_methods = {
    .CustomName = plan::kShipScan,
    .CreateCustomScanState = MakeState,
};

}  // namespace

void Init() {
  RegisterCustomScanMethods(&scan_methods);
  task::RegisterNode({.methods = &exec_methods,
                      .modifies = Modifies,
                      .finish = Finish,
                      .place_among_first = nullptr,
                      .changes = Changes,
                      .start_reading = nullptr});
  task::InstallHooks();
}

}  // namespace altius::ingest
