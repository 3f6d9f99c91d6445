// SPDX-License-Identifier: PostgreSQL
// The lock that pauses a group; see pause.hpp.
#include "altius/remote/pause.hpp"

#include "altius/pg/bounded_lock.hpp"
#include "session.hpp"

extern "C" {
#include "access/xact.h"
#include "storage/lock.h"
#include "utils/inval.h"
#include "utils/resowner.h"
}

#include <csignal>

namespace altius::remote {

namespace {

// Tables get such numbers only after four billion others; then one that shares the number would
// wait, no more.
constexpr Oid kFirstLock = 0xFFFF0000;
constexpr LOCKMODE kShare = RowShareLock;  // weak enough for the fast path of the lock manager
constexpr LOCKMODE kAlone = ExclusiveLock;

// Sessions that wait for the node notice that they lost it.
constexpr int kAfterCutMs = 2000;
constexpr int kAfterTerminateMs = 500;
constexpr int kLookMs = 100;

uint32 pause_event = 0;

LOCKTAG LockOf(int group) {
  LOCKTAG tag;
  SET_LOCKTAG_RELATION(tag, MyDatabaseId, kFirstLock | (static_cast<Oid>(group) & 0xFFFF));
  return tag;
}

/// Until the end of the top transaction, whatever becomes of subtransactions.
bool Share(const LOCKTAG& tag, bool wait) {
  const ResourceOwner before = CurrentResourceOwner;
  CurrentResourceOwner = TopTransactionResourceOwner;
  const LockAcquireResult got = LockAcquire(&tag, kShare, false, !wait);
  const bool again = got == LOCKACQUIRE_ALREADY_HELD || got == LOCKACQUIRE_ALREADY_CLEAR;
  if (again) LockRelease(&tag, kShare, false);
  CurrentResourceOwner = before;
  return got != LOCKACQUIRE_NOT_AVAIL;
}

void TerminateHolders(int group, const LOCKTAG& tag) {
  int count = 0;
  const VirtualTransactionId* holders = GetLockConflicts(&tag, kAlone, &count);
  for (int i = 0; i < count; i++) {
    const int pid = pg::PidOf(holders[i]);
    if (pid <= 0 || pid == MyProcPid) continue;
    ereport(LOG,
            (errmsg("ending session %d, which is in the way of a change of group %d", pid, group)));
    kill(pid, SIGTERM);
  }
}

void LockByForce(int group, const LOCKTAG& tag, int cooldown_ms) {
  if (pg::LockWithin(tag, kAlone, cooldown_ms)) return;
  int ms = kAfterCutMs;
  CutConnections(group, ms);
  while (!pg::LockWithin(tag, kAlone, ms)) {
    TerminateHolders(group, tag);
    ms = kAfterTerminateMs;
    CutConnections(group, ms);
  }
  EndCut(group);
}

}  // namespace

void PauseGroup(int group, bool force, int cooldown_ms) {
  const LOCKTAG tag = LockOf(group);
  NotePause(group);  // who comes while this waits must not take the leader of now for a new one
  if (force) {
    LockByForce(group, tag, cooldown_ms);
  } else {
    LockAcquire(&tag, kAlone, false, false);
  }
  AcceptInvalidationMessages();
  NotePause(group);
}

void TakeGroup(int group) {
  if (!IsTransactionState()) return;
  const LOCKTAG tag = LockOf(group);
  if (pg::HoldsLock(tag, kShare) || (!IsWanted(group) && Share(tag, false))) return;
  const uint32 event = pg::NamedWaitEvent(&pause_event, "AltiusPause");
  CloseHalfOpen();
  JoinUsers();
  while (IsFollowing() || IsWanted(group)) {
    if (!IsWanted(group) && (IsLedAnewSincePause(group) || Share(tag, false))) break;
    Rest(kLookMs, event);
  }
  if (!IsFollowing()) Share(tag, true);
  AcceptInvalidationMessages();
}

void LeaveGroup(int group) {
  if (!IsTransactionState()) return;
  const LOCKTAG tag = LockOf(group);
  if (!pg::HoldsLock(tag, kShare)) return;
  const ResourceOwner before = CurrentResourceOwner;
  CurrentResourceOwner = TopTransactionResourceOwner;
  LockRelease(&tag, kShare, false);
  CurrentResourceOwner = before;
}

}  // namespace altius::remote
