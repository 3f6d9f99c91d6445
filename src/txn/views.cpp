// SPDX-License-Identifier: PostgreSQL
// What altius_transactions and altius_in_doubt ask each node (sql/install/51_transactions.sql).
#include "altius/catalog/metadata.hpp"
#include "altius/core/txn/recovery.hpp"
#include "altius/pg/bridge.hpp"
#include "altius/txn/shared.hpp"
#include "maintenance.hpp"
#include "prepared_lists.hpp"
#include "records.hpp"
#include "shared_state.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"
#include "utils/tuplestore.h"
}

namespace altius::txn {

namespace {

/// What the gids of the backend's own transaction begin with.
const char* OwnGids(const BackendEntry& entry) {
  core::TransactionId own;
  own.group = catalog::LocalGroup();
  own.pid = entry.pid;
  own.number = entry.own_number;
  char gid[core::kGidSize];
  core::FormatGid(own, 0, gid);
  gid[strlen(gid) - 1] = '\0';
  return pstrdup(gid);
}

void PutTransactions(ReturnSetInfo* set) {
  int count;
  const BackendEntry* entries = ListBackends(&count);
  for (int i = 0; i < count; i++) {
    const BackendEntry& entry = entries[i];
    if (!entry.id.IsValid()) continue;
    const bool began_it = entry.id.group == catalog::LocalGroup() && core::RunsTransaction({entry.pid, entry.id, entry.own_number},
                                                                                           entry.id.pid, entry.id.number);
    char id[core::kTransactionIdSize];
    core::FormatTransactionId(entry.id, id);
    bool nulls[4] = {false, false, entry.own_number == 0, !began_it};
    Datum values[4] = {Int32GetDatum(entry.pid), CStringGetTextDatum(id),
                       nulls[2] ? Datum{0} : CStringGetTextDatum(OwnGids(entry)),
                       nulls[3] ? Datum{0} : CStringGetTextDatum(core::NameOf(entry.phase))};
    tuplestore_putvalues(set->setResult, set->setDesc, values, nulls);
  }
}

core::Standing StandingOfWorker() {
  SpinLockAcquire(&shared->lock);
  const DatabaseSlot* slot = SlotOfDatabase(MyDatabaseId, false);
  const core::Standing standing = slot == nullptr ? core::Standing::Unregistered : slot->standing;
  SpinLockRelease(&shared->lock);
  return standing;
}

const char* Reason(core::Delay delay, core::Standing standing) {
  switch (delay) {
    case core::Delay::Session: return "its session ends it";
    case core::Delay::Copy:
    case core::Delay::Alone: return Describe(standing);
    case core::Delay::Disabled: return "citus.recover_2pc_interval is -1 on the node that decides";
    case core::Delay::NextRun: return "the next run of recovery does it";
  }
  return "";
}

const char* NameOf(core::Outcome outcome) {
  if (outcome == core::Outcome::Wait) return "wait";
  return outcome == core::Outcome::Commit ? "commit" : "roll back";
}

/// As recovery finds it: first who runs here, then the records.
void PutDecision(ReturnSetInfo* set, int group, const char* gid, core::Standing standing) {
  const auto id = core::ParseGid(gid);
  if (!id.has_value() || !core::IsForUs(catalog::LocalGroup(), id->group)) return;
  const bool active = IsActiveHere(id->pid, id->number);
  Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());
  const bool record = HasRecord(group, gid, snapshot);
  UnregisterSnapshot(snapshot);
  const core::Delay delay = core::WhyNotYet(active, standing, recover_interval_ms > 0);
  Datum values[4] = {Int32GetDatum(group), CStringGetTextDatum(gid), CStringGetTextDatum(NameOf(core::DecideRecovery(record, active))),
                     CStringGetTextDatum(Reason(delay, standing))};
  bool nulls[4] = {false, false, false, false};
  tuplestore_putvalues(set->setResult, set->setDesc, values, nulls);
}

}  // namespace

}  // namespace altius::txn

using namespace altius;

ALTIUS_FUNCTION(altius_local_transactions) {
  InitMaterializedSRF(fcinfo, 0);
  txn::PutTransactions(reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo));
  return Datum{0};
}

/// local_decisions(groups, gids): what becomes of those prepared transactions that this server decides.
ALTIUS_FUNCTION(altius_local_decisions) {
  InitMaterializedSRF(fcinfo, 0);
  Datum* groups;
  Datum* gids;
  bool* group_nulls;
  bool* gid_nulls;
  int group_count;
  int gid_count;
  deconstruct_array(PG_GETARG_ARRAYTYPE_P(0), INT4OID, sizeof(int32), true, TYPALIGN_INT, &groups, &group_nulls, &group_count);
  deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), TEXTOID, -1, false, TYPALIGN_INT, &gids, &gid_nulls, &gid_count);
  const core::Standing standing = txn::StandingOfWorker();
  for (int i = 0; i < std::min(group_count, gid_count); i++) {
    if (group_nulls[i] || gid_nulls[i]) continue;
    txn::PutDecision(reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo), DatumGetInt32(groups[i]), TextDatumGetCString(gids[i]),
                     standing);
  }
  return Datum{0};
}
