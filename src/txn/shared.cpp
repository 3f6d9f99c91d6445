// SPDX-License-Identifier: PostgreSQL
// Shared memory: what each backend works for, who is a deadlock's victim, which databases have a
// maintenance worker.
#include "altius/door/door.hpp"
#include "altius/txn/shared.hpp"

#include "altius/core/txn/recovery.hpp"
#include "altius/pg/compat_wait.hpp"
#include "altius/pg/shared_memory.hpp"
#include "altius/remote/control.hpp"
#include "shared_state.hpp"

extern "C" {
#include "storage/ipc.h"
#include "utils/timestamp.h"
}

namespace altius::txn {

SharedState* shared = nullptr;

namespace {

constexpr int kExtraSlots = 64;  // auxiliary processes have numbers beyond MaxBackends

BackendSlot* mine = nullptr;

int SlotCount() { return MaxBackends + kExtraSlots; }

Size SharedSize() {
  return add_size(offsetof(SharedState, backends), mul_size(sizeof(BackendSlot), SlotCount()));
}

void TakeMemory(void* memory, bool fresh) {
  shared = static_cast<SharedState*>(memory);
  if (!fresh) return;
  if (!pg_strong_random(shared->start_nonce, kStartNonceBytes)) elog(FATAL, "could not generate random bytes");
  // Microseconds since 2000: beyond every number given before a restart.
  pg_atomic_init_u64(&shared->next_number, static_cast<uint64>(GetCurrentTimestamp()));
  pg_atomic_init_u64(&shared->stop_releases, 0);
  SpinLockInit(&shared->lock);
  shared->backend_count = SlotCount();
  for (int i = 0; i < shared->backend_count; i++) SpinLockInit(&shared->backends[i].lock);
}

void LeaveSlot(int, Datum) {
  if (mine == nullptr) return;
  SpinLockAcquire(&mine->lock);
  mine->pid = 0;
  mine->id = core::TransactionId{};
  mine->own_number = 0;
  mine->victim = false;
  SpinLockRelease(&mine->lock);
  mine = nullptr;
}

/// This backend's slot, taken on first use; null outside of regular backends.
BackendSlot* MySlot() {
  if (mine != nullptr || shared == nullptr) return mine;
  const int index = pg::MyProcIndex();
  if (index < 0 || index >= shared->backend_count || MyProcPid == 0) return nullptr;
  mine = &shared->backends[index];
  SpinLockAcquire(&mine->lock);
  mine->pid = MyProcPid;
  mine->database = MyDatabaseId;
  mine->id = core::TransactionId{};
  mine->own_number = 0;
  mine->victim = false;
  SpinLockRelease(&mine->lock);
  on_shmem_exit(LeaveSlot, 0);
  return mine;
}

BackendEntry Read(BackendSlot* slot) {
  SpinLockAcquire(&slot->lock);
  const BackendEntry entry{slot->pid, slot->database, slot->origin, slot->id, slot->own_number, slot->phase};
  SpinLockRelease(&slot->lock);
  return entry;
}

}  // namespace

void InitShared() {
  pg::RegisterShared({"altius transactions", SharedSize, TakeMemory, nullptr});
}

const char* StartNonce() {
  static char text[2 * kStartNonceBytes + 1];
  for (int i = 0; i < kStartNonceBytes; i++) snprintf(text + 2 * i, 3, "%02x", shared->start_nonce[i]);
  return text;
}

bool HasShared() { return shared != nullptr; }

uint64 NextTransactionNumber() { return pg_atomic_fetch_add_u64(&shared->next_number, 1) + 1; }

void PublishTransaction(const core::TransactionId& id, uint64 own_number) {
  BackendSlot* slot = MySlot();
  if (slot == nullptr) return;
  const int64 origin = door::OriginGlobalPid();
  SpinLockAcquire(&slot->lock);
  slot->database = MyDatabaseId;
  slot->origin = origin;
  slot->id = id;
  slot->own_number = own_number;
  slot->phase = core::Phase::Active;
  slot->victim = false;
  SpinLockRelease(&slot->lock);
}

void ShowPhase(core::Phase phase) {
  if (mine == nullptr) return;
  SpinLockAcquire(&mine->lock);
  mine->phase = phase;
  SpinLockRelease(&mine->lock);
}

BackendEntry* ListBackends(int* count) {
  BackendEntry* list =
      static_cast<BackendEntry*>(palloc(sizeof(BackendEntry) * shared->backend_count));
  *count = 0;
  for (int i = 0; i < shared->backend_count; i++) {
    if (shared->backends[i].pid == 0) continue;
    const BackendEntry entry = Read(&shared->backends[i]);
    if (entry.pid != 0 && entry.database == MyDatabaseId) list[(*count)++] = entry;
  }
  return list;
}

BackendEntry FindBackend(int pid) {
  for (int i = 0; i < shared->backend_count; i++) {
    if (shared->backends[i].pid == pid) return Read(&shared->backends[i]);
  }
  return BackendEntry{};
}

bool IsActiveHere(int pid, uint64 number) {
  const BackendEntry entry = FindBackend(pid);
  return core::RunsTransaction({entry.pid, entry.id, entry.own_number}, pid, number);
}

bool CancelVictim(int pid, uint64 number) {
  for (int i = 0; i < shared->backend_count; i++) {
    BackendSlot* slot = &shared->backends[i];
    if (slot->pid != pid) continue;
    SpinLockAcquire(&slot->lock);
    const bool found = slot->pid == pid && (number == 0 || slot->id.number == number);
    if (found) slot->victim = true;
    SpinLockRelease(&slot->lock);
    if (found) kill(pid, SIGINT);
    return found;
  }
  return false;
}

bool CancelledByDeadlock() { return mine != nullptr && mine->victim; }

void ForgetVictim() {
  if (mine != nullptr) mine->victim = false;
}

void RaiseIfDeadlockVictim() {
  if (!CancelledByDeadlock()) return;
  QueryCancelPending = false;
  ereport(ERROR,
          (errcode(ERRCODE_T_R_DEADLOCK_DETECTED),
           errmsg("canceling the transaction since it was involved in a distributed deadlock"),
           errhint("Run the transaction again.")));
}

void ConvertCancelOfVictim(int sqlerrcode) {
  if (sqlerrcode == ERRCODE_QUERY_CANCELED) RaiseIfDeadlockVictim();
}

DatabaseSlot* SlotOfDatabase(Oid database, bool make) {
  DatabaseSlot* free = nullptr;
  for (DatabaseSlot& slot : shared->databases) {
    if (slot.database == database) return &slot;
    if (slot.database == InvalidOid && free == nullptr) free = &slot;
  }
  if (!make || free == nullptr) return nullptr;
  *free = DatabaseSlot{};
  free->database = database;
  return free;
}

void NeedMaintenance() {
  static bool known = false;
  if (known || shared == nullptr || MyDatabaseId == InvalidOid) return;
  known = true;
  SpinLockAcquire(&shared->lock);
  DatabaseSlot* slot = SlotOfDatabase(MyDatabaseId, true);
  Latch* launcher = nullptr;
  if (slot != nullptr && slot->worker == 0) {
    slot->wanted = true;
    slot->absent = false;
    launcher = shared->launcher;
  }
  SpinLockRelease(&shared->lock);
  if (launcher != nullptr) SetLatch(launcher);
}

void WakeMaintenance() {
  if (shared == nullptr) return;
  SpinLockAcquire(&shared->lock);
  DatabaseSlot* slot = SlotOfDatabase(MyDatabaseId, true);
  Latch* latches[kDuties] = {};
  if (slot != nullptr) {
    std::fill_n(slot->woken, kDuties, true);
    std::copy_n(slot->latches, kDuties, latches);
    if (slot->worker == 0) latches[0] = shared->launcher;
    slot->wanted = slot->wanted || slot->worker == 0;
  }
  SpinLockRelease(&shared->lock);
  for (Latch* latch : latches) {
    if (latch != nullptr) SetLatch(latch);
  }
}

}  // namespace altius::txn
