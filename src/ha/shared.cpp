// SPDX-License-Identifier: PostgreSQL
// One lock guards everything here; nothing of it is read by statements.
#include "shared.hpp"

#include <climits>

#include "altius/pg/shared_memory.hpp"
#include "altius/remote/lead.hpp"
#include "settings.hpp"

extern "C" {
#include "storage/ipc.h"
#include "storage/lwlock.h"
}

namespace altius::ha {
namespace {

constexpr const char* kTranche = "altius_ha";
constexpr int kNothing = INT_MIN;

struct SharedHa {
  LWLock* lock;
  FollowerStatus follower;
  Latch* follower_latch;
  int forget;
  int recorder;  // pid; 0: none
  Latch* recorder_latch;
  uint64 turn;  // grows when the recorder is woken
  int count;
  GroupStatus groups[FLEXIBLE_ARRAY_MEMBER];
};

SharedHa* shared = nullptr;

int capacity = 0;  // as it was when the server started, for all of its life

Size SharedSize() {
  capacity = IsConfigured() ? remote::BookCapacity() : 0;
  return add_size(offsetof(SharedHa, groups), mul_size(sizeof(GroupStatus), capacity));
}

void TakeMemory(void* memory, bool fresh) {
  shared = static_cast<SharedHa*>(memory);
  if (!fresh) return;
  shared->lock = pg::SharedLock(kTranche);
  shared->forget = kNothing;
  if (IsConfigured()) remote::DoubtLead();
}

GroupStatus* Find(int group) {
  for (int i = 0; i < shared->count; i++) {
    if (shared->groups[i].group == group) return &shared->groups[i];
  }
  return nullptr;
}

void LeaveRecorder(int, Datum) {
  LWLockAcquire(shared->lock, LW_EXCLUSIVE);
  if (shared->recorder == MyProcPid) shared->recorder = 0;
  LWLockRelease(shared->lock);
}

}  // namespace

void InitShared() {
  pg::RegisterShared({"altius ha", SharedSize, TakeMemory, kTranche});
}

bool HasShared() { return shared != nullptr; }

void ShowFollower(const FollowerStatus& status) {
  LWLockAcquire(shared->lock, LW_EXCLUSIVE);
  char kept[sizeof(status.recorder_problem)];
  memcpy(kept, shared->follower.recorder_problem, sizeof(kept));
  shared->follower = status;
  memcpy(shared->follower.recorder_problem, kept, sizeof(kept));
  LWLockRelease(shared->lock);
}

bool ShowGroup(const GroupStatus& status) {
  LWLockAcquire(shared->lock, LW_EXCLUSIVE);
  GroupStatus* slot = Find(status.group);
  if (slot == nullptr && shared->count < capacity) {
    slot = &shared->groups[shared->count++];
    slot->recorded[0] = '\0';
  }
  if (slot != nullptr) {
    char kept[sizeof(slot->recorded)];
    memcpy(kept, slot->recorded, sizeof(kept));
    *slot = status;
    memcpy(slot->recorded, kept, sizeof(kept));
  }
  LWLockRelease(shared->lock);
  return slot != nullptr;
}

void ForgetGroups() {
  LWLockAcquire(shared->lock, LW_EXCLUSIVE);
  shared->count = 0;
  LWLockRelease(shared->lock);
}

bool WakeRecorder() {
  LWLockAcquire(shared->lock, LW_EXCLUSIVE);
  shared->turn++;
  const bool there = shared->recorder != 0;
  if (there) SetLatch(shared->recorder_latch);
  LWLockRelease(shared->lock);
  return there;
}

bool BecomeRecorder() {
  LWLockAcquire(shared->lock, LW_EXCLUSIVE);
  const bool free = shared->recorder == 0;
  if (free) {
    shared->recorder = MyProcPid;
    shared->recorder_latch = MyLatch;
  }
  LWLockRelease(shared->lock);
  if (free) before_shmem_exit(LeaveRecorder, 0);
  return free;
}

uint64 RecorderTurn() {
  LWLockAcquire(shared->lock, LW_SHARED);
  const uint64 turn = shared->turn;
  LWLockRelease(shared->lock);
  return turn;
}

bool ResignRecorder(uint64 turn) {
  LWLockAcquire(shared->lock, LW_EXCLUSIVE);
  const bool over = shared->turn == turn;
  if (over) shared->recorder = 0;
  LWLockRelease(shared->lock);
  return over;
}

void NoteRecorded(int group, const char* problem) {
  LWLockAcquire(shared->lock, LW_EXCLUSIVE);
  GroupStatus* slot = Find(group);
  if (slot != nullptr) strlcpy(slot->recorded, problem, sizeof(slot->recorded));
  LWLockRelease(shared->lock);
}

void NoteRecorderProblem(const char* problem) {
  LWLockAcquire(shared->lock, LW_EXCLUSIVE);
  strlcpy(shared->follower.recorder_problem, problem, sizeof(shared->follower.recorder_problem));
  LWLockRelease(shared->lock);
}

FollowerStatus ReadFollower() {
  FollowerStatus status{};
  if (shared == nullptr) return status;
  LWLockAcquire(shared->lock, LW_SHARED);
  status = shared->follower;
  LWLockRelease(shared->lock);
  return status;
}

int ReadGroups(GroupStatus* groups, int most) {
  if (shared == nullptr) return 0;
  LWLockAcquire(shared->lock, LW_SHARED);
  const int count = std::min(shared->count, most);
  std::copy_n(shared->groups, count, groups);
  LWLockRelease(shared->lock);
  return count;
}

void AskToForget(int group) {
  LWLockAcquire(shared->lock, LW_EXCLUSIVE);
  const bool more = shared->forget != kNothing && shared->forget != group;
  shared->forget = more ? -1 : group;
  if (shared->follower_latch != nullptr) SetLatch(shared->follower_latch);
  LWLockRelease(shared->lock);
}

int TakeForgetWish() {
  LWLockAcquire(shared->lock, LW_EXCLUSIVE);
  const int group = std::exchange(shared->forget, kNothing);
  LWLockRelease(shared->lock);
  return group;
}

void SetFollowerLatch(Latch* latch) {
  LWLockAcquire(shared->lock, LW_EXCLUSIVE);
  shared->follower_latch = latch;
  LWLockRelease(shared->lock);
}

}  // namespace altius::ha
