// SPDX-License-Identifier: PostgreSQL
#include "progress.hpp"

#include "altius/pg/bridge.hpp"
#include "altius/pg/shared_memory.hpp"

extern "C" {
#include "access/xact.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/spin.h"
#include "utils/builtins.h"
#include "utils/pg_lsn.h"
}

namespace altius::rebalance {

namespace {

constexpr int kMost = 128;  // moves at once; further ones are not shown
constexpr int kKindLength = 16;

struct Entry {
  int pid;  // 0: free
  Oid database;
  char kind[kKindLength];
  int64 shard_id;
  int source_node;
  int target_node;
  Phase phase;
  uint64 source_position;
  uint64 target_position;
};

struct Shared {
  slock_t lock;
  Entry entries[kMost];
};

Shared* shared = nullptr;
Entry* mine = nullptr;

void TakeMemory(void* memory, bool fresh) {
  shared = static_cast<Shared*>(memory);
  if (fresh) SpinLockInit(&shared->lock);
}

void OnExit(int, Datum) { EndProgress(); }

void OnTransaction(XactEvent event, void*) {
  if (event == XACT_EVENT_ABORT || event == XACT_EVENT_COMMIT) EndProgress();
}

const char* NameOf(Phase phase) {
  static const char* const names[] = {"Not Started Yet",       "Setting Up",  "Copying Data",
                                      "Creating Constraints",  "Catching Up", "Final Catchup",
                                      "Creating Foreign Keys", "Completing",  "Completed"};
  return names[static_cast<int>(phase)];
}

}  // namespace

void BeginProgress(const char* kind, int64 shard_id, int source_node, int target_node) {
  static bool registered = false;
  if (shared == nullptr) return;
  if (!registered) before_shmem_exit(OnExit, 0);
  if (!registered) RegisterXactCallback(OnTransaction, nullptr);
  registered = true;
  Entry entry{};
  entry.pid = MyProcPid;
  entry.database = MyDatabaseId;
  strlcpy(entry.kind, kind, kKindLength);
  entry.shard_id = shard_id;
  entry.source_node = source_node;
  entry.target_node = target_node;
  EndProgress();
  SpinLockAcquire(&shared->lock);
  for (int i = 0; i < kMost && mine == nullptr; i++) {
    if (shared->entries[i].pid == 0) mine = &shared->entries[i];
  }
  if (mine != nullptr) *mine = entry;
  SpinLockRelease(&shared->lock);
}

void SetPhase(Phase phase) {
  if (mine == nullptr) return;
  SpinLockAcquire(&shared->lock);
  mine->phase = phase;
  SpinLockRelease(&shared->lock);
}

void SetPositions(uint64 source, uint64 target) {
  if (mine == nullptr) return;
  SpinLockAcquire(&shared->lock);
  mine->source_position = source;
  mine->target_position = target;
  SpinLockRelease(&shared->lock);
}

void EndProgress() {
  if (mine == nullptr) return;
  SpinLockAcquire(&shared->lock);
  mine->pid = 0;
  SpinLockRelease(&shared->lock);
  mine = nullptr;
}

void InitProgress() {
  pg::RegisterShared({"altius moves", [] { return sizeof(Shared); }, TakeMemory, nullptr});
}

namespace {

void PutEntry(ReturnSetInfo* result, const Entry& entry) {
  Datum values[8] = {Int32GetDatum(entry.pid),           CStringGetTextDatum(entry.kind),
                     Int64GetDatum(entry.shard_id),      Int32GetDatum(entry.source_node),
                     Int32GetDatum(entry.target_node),   CStringGetTextDatum(NameOf(entry.phase)),
                     LSNGetDatum(entry.source_position), LSNGetDatum(entry.target_position)};
  bool nulls[8] = {};
  nulls[6] = entry.source_position == 0;
  nulls[7] = entry.target_position == 0;
  tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

}  // namespace
}  // namespace altius::rebalance

/// move_entries(): the processes of this database that move something.
ALTIUS_FUNCTION(altius_move_entries) {
  using namespace altius::rebalance;
  InitMaterializedSRF(fcinfo, 0);
  auto* result = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo);
  for (int i = 0; shared != nullptr && i < kMost; i++) {
    SpinLockAcquire(&shared->lock);
    const Entry entry = shared->entries[i];
    SpinLockRelease(&shared->lock);
    if (entry.pid != 0 && entry.database == MyDatabaseId) PutEntry(result, entry);
  }
  return static_cast<Datum>(0);
}
