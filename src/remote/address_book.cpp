// SPDX-License-Identifier: PostgreSQL
// The address book's memory.  One lock for everything that changes, which is rare; what every
// statement reads is atomic.
#include "altius/remote/address_book.hpp"

#include "altius/pg/compat_lock.hpp"
#include "altius/pg/compat_wait.hpp"
#include "altius/pg/shared_memory.hpp"
#include "book.hpp"

extern "C" {
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "utils/guc.h"
}

namespace altius::remote {

namespace {

constexpr int kExtraSlots = 64;  // auxiliary processes have numbers beyond MaxBackends
constexpr const char* kTranche = "altius_address_book";

struct Book {
  LWLock* lock;
  pg_atomic_uint64 version;
  pg_atomic_uint64 wanted;  // the latest of all slots'
  pg_atomic_uint32 following;
  int capacity;
  int waiter_capacity;
  int used;  // slots before this one have been used at least once
};

int max_groups = 256;
Book* book = nullptr;
BookSlot* slots = nullptr;
pg_atomic_uint32* users = nullptr;  // by number of process: uses nodes

int UserCount() { return MaxBackends + kExtraSlots; }

Size SlotsSize() { return MAXALIGN(mul_size(sizeof(BookSlot), max_groups)); }

Size BookSize() {
  const Size users_size = mul_size(sizeof(pg_atomic_uint32), UserCount());
  return add_size(add_size(MAXALIGN(sizeof(Book)), SlotsSize()), users_size);
}

void InitBook() {
  book->lock = pg::SharedLock(kTranche);
  pg_atomic_init_u64(&book->version, 1);
  pg_atomic_init_u64(&book->wanted, 0);
  pg_atomic_init_u32(&book->following, 0);
  book->capacity = max_groups;
  book->waiter_capacity = UserCount();
  for (int i = 0; i < max_groups; i++) {
    pg_atomic_init_u64(&slots[i].generation, 1);
    pg_atomic_init_u64(&slots[i].gate, 0);
    pg_atomic_init_u64(&slots[i].wanted, 0);
  }
  for (int i = 0; i < book->waiter_capacity; i++) pg_atomic_init_u32(&users[i], 0);
}

void TakeMemory(void* memory, bool fresh) {
  auto* start = static_cast<char*>(memory);
  book = reinterpret_cast<Book*>(start);
  slots = reinterpret_cast<BookSlot*>(start + MAXALIGN(sizeof(Book)));
  users = reinterpret_cast<pg_atomic_uint32*>(start + MAXALIGN(sizeof(Book)) + SlotsSize());
  if (fresh) InitBook();
}

/// Call with the lock held.
BookSlot* FindSlot(int group) {
  for (int i = 0; i < book->used; i++) {
    if (slots[i].entry.database == MyDatabaseId && slots[i].entry.group == group) return &slots[i];
  }
  return nullptr;
}

/// Call with the lock held exclusively; null when there is no room.
BookSlot* MakeSlot(int group) {
  BookSlot* slot = FindSlot(group);
  for (int i = 0; slot == nullptr && i < book->used; i++) {
    if (slots[i].entry.database == InvalidOid) slot = &slots[i];
  }
  if (slot == nullptr && book->used < book->capacity) slot = &slots[book->used++];
  if (slot == nullptr || slot->entry.database != InvalidOid) return slot;
  slot->entry = GroupEntry{};
  slot->entry.database = MyDatabaseId;
  slot->entry.group = group;
  return slot;
}

void WarnNoRoom(int group) {
  ereport(LOG, (errmsg("group %d does not fit into the address book", group),
                errhint("Raise altius.max_groups and restart the server.")));
}

/// Call with the lock held exclusively.
void NoteChange(BookSlot* slot, bool cut) {
  slot->entry.changed = GetCurrentTimestamp();
  if (cut) pg_atomic_fetch_add_u64(&slot->generation, 1);
  pg_atomic_fetch_add_u64(&book->version, 1);
}

GroupEntry CopyOf(BookSlot* slot) {
  GroupEntry entry = slot->entry;
  entry.generation = pg_atomic_read_u64(&slot->generation);
  entry.gated_until = static_cast<TimestampTz>(pg_atomic_read_u64(&slot->gate));
  return entry;
}

void LeaveUsers(int, Datum) {
  const int index = pg::MyProcIndex();
  if (index >= 0 && index < book->waiter_capacity) pg_atomic_write_u32(&users[index], 0);
}

}  // namespace

void InitBookMemory() {
  DefineCustomIntVariable("altius.max_groups",
                          "Sets how many groups the address book has room for.",
                          "Each takes about 3 kB of shared memory.", &max_groups, 256, 16, 65536,
                          PGC_POSTMASTER, 0, nullptr, nullptr, nullptr);
  pg::RegisterShared({"altius address book", BookSize, TakeMemory, kTranche});
}

void JoinUsers() {
  static bool joined = false;
  const int index = pg::MyProcIndex();
  if (joined || book == nullptr || index < 0 || index >= book->waiter_capacity) return;
  joined = true;
  pg_atomic_write_u32(&users[index], 1);
  before_shmem_exit(LeaveUsers, 0);
}

void NudgeUsers() {
  for (int i = 0; book != nullptr && i < book->waiter_capacity; i++) {
    const int pid = pg_atomic_read_u32(&users[i]) != 0 ? ProcGlobal->allProcs[i].pid : 0;
    if (pid != 0 && pid != MyProcPid) pg::NudgeSession(pid);
  }
}

void CutConnections(int group, int wanted_ms) {
  if (book == nullptr) return;
  const TimestampTz until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), wanted_ms);
  LWLockAcquire(book->lock, LW_EXCLUSIVE);
  BookSlot* slot = MakeSlot(group);
  if (slot != nullptr) {
    pg_atomic_write_u64(&slot->wanted, static_cast<uint64>(until));
    const uint64 latest = std::max<uint64>(pg_atomic_read_u64(&book->wanted), until);
    pg_atomic_write_u64(&book->wanted, latest);
    NoteChange(slot, true);
  }
  LWLockRelease(book->lock);
  WakeWaiters();
}

void EndCut(int group) {
  if (book == nullptr) return;
  LWLockAcquire(book->lock, LW_SHARED);
  BookSlot* slot = FindSlot(group);
  if (slot != nullptr) pg_atomic_write_u64(&slot->wanted, 0);
  LWLockRelease(book->lock);
  WakeWaiters();
}

bool IsWanted(int group) {
  if (book == nullptr) return false;
  const uint64 some = pg_atomic_read_u64(&book->wanted);
  if (some == 0 || static_cast<TimestampTz>(some) <= GetCurrentTimestamp()) return false;
  LWLockAcquire(book->lock, LW_SHARED);
  BookSlot* slot = FindSlot(group);
  const uint64 until = slot == nullptr ? 0 : pg_atomic_read_u64(&slot->wanted);
  LWLockRelease(book->lock);
  return static_cast<TimestampTz>(until) > GetCurrentTimestamp();
}

void NotePause(int group) {
  if (book == nullptr) return;
  LWLockAcquire(book->lock, LW_EXCLUSIVE);
  BookSlot* slot = FindSlot(group);  // without one nobody follows
  if (slot != nullptr) {
    slot->paused_epoch = slot->entry.at.epoch;
    slot->paused_timeline = slot->entry.at.timeline;
  }
  LWLockRelease(book->lock);
}

namespace {

/// One that is named but not verified counts too: nothing is sent to it before it is, but a
/// connection can be opened meanwhile.
bool IsLedAnew(const GroupEntry& entry, const core::Epoch& before, int timeline_before) {
  const bool named = !(entry.at.epoch == before);
  if (entry.at.state == core::GroupState::Probing && !entry.verified) return named;
  const bool verified = entry.verified && entry.at.state == core::GroupState::Known;
  return verified && (named || entry.at.timeline != timeline_before);
}

}  // namespace

bool IsLedAnewSincePause(int group) {
  if (book == nullptr) return false;
  LWLockAcquire(book->lock, LW_SHARED);
  const BookSlot* slot = FindSlot(group);
  const bool anew =
      slot != nullptr && IsLedAnew(slot->entry, slot->paused_epoch, slot->paused_timeline);
  LWLockRelease(book->lock);
  return anew;
}

core::Applied Publish(int group, const core::Whereabouts& news) {
  if (book == nullptr) return core::Applied::Stale;
  LWLockAcquire(book->lock, LW_EXCLUSIVE);
  BookSlot* slot = MakeSlot(group);
  core::Applied applied = core::Applied::Stale;
  if (slot != nullptr) {
    core::Entry entry{slot->entry.at, slot->entry.verified};
    const core::Epoch before = entry.at.epoch;
    applied = core::Apply(entry, news);
    slot->entry.at = entry.at;
    slot->entry.verified = entry.verified;
    if (entry.at.state == core::GroupState::Known && !(before == entry.at.epoch))
      pg_atomic_write_u64(&slot->gate, 0);
    if (applied == core::Applied::Updated || applied == core::Applied::Moved)
      NoteChange(slot, applied == core::Applied::Moved);
  }
  LWLockRelease(book->lock);
  if (slot == nullptr) WarnNoRoom(group);
  if (applied == core::Applied::Updated || applied == core::Applied::Moved) WakeWaiters();
  return applied;
}

bool SetGate(int group, const core::Epoch& epoch, TimestampTz until) {
  if (book == nullptr) return false;
  LWLockAcquire(book->lock, LW_EXCLUSIVE);
  BookSlot* slot = FindSlot(group);
  const bool right = slot != nullptr && slot->entry.at.epoch == epoch;
  if (right) {
    pg_atomic_write_u64(&slot->gate, static_cast<uint64>(until));
    NoteChange(slot, false);
  }
  LWLockRelease(book->lock);
  if (right) WakeWaiters();
  return right;
}

namespace {

/// As far as sessions choose by it; how far it is behind changes all the time.
bool SameStandby(const Standby& a, const Standby& b) {
  return a.port == b.port && a.usable == b.usable && strcmp(a.host, b.host) == 0 &&
         strcmp(a.member, b.member) == 0;
}

}  // namespace

void PublishStandbys(int group, const Standby* standbys, int count) {
  if (book == nullptr) return;
  LWLockAcquire(book->lock, LW_EXCLUSIVE);
  BookSlot* slot = MakeSlot(group);
  if (slot != nullptr) {
    GroupEntry* entry = &slot->entry;
    const int kept = std::min(count, kMaxStandbys);
    const bool same = kept == entry->standby_count &&
                      std::equal(standbys, standbys + kept, entry->standbys, SameStandby);
    entry->standby_count = kept;
    std::copy_n(standbys, kept, entry->standbys);
    if (!same) pg_atomic_fetch_add_u64(&book->version, 1);
  }
  LWLockRelease(book->lock);
}

void SetFollowing(bool following) {
  if (book == nullptr || (pg_atomic_read_u32(&book->following) != 0) == following) return;
  pg_atomic_write_u32(&book->following, following ? 1 : 0);
  pg_atomic_fetch_add_u64(&book->version, 1);
  WakeWaiters();
}

void Forget(int group) {
  if (book == nullptr) return;
  LWLockAcquire(book->lock, LW_EXCLUSIVE);
  for (int i = 0; i < book->used; i++) {
    BookSlot* slot = &slots[i];
    if (slot->entry.database != MyDatabaseId || (group != -1 && slot->entry.group != group))
      continue;
    slot->entry = GroupEntry{};
    pg_atomic_write_u64(&slot->gate, 0);
    NoteChange(slot, true);
  }
  LWLockRelease(book->lock);
  WakeWaiters();
}

void NoteNewAddress(int group, const char* host, int port) {
  if (book == nullptr) return;
  LWLockAcquire(book->lock, LW_EXCLUSIVE);
  BookSlot* slot = MakeSlot(group);
  const bool wiser =
      slot != nullptr && slot->entry.at.state != core::GroupState::Unknown && IsFollowing();
  if (slot != nullptr && !wiser) {
    core::Whereabouts* at = &slot->entry.at;
    const bool moved = at->port != port || strcmp(at->host, host) != 0;
    if (moved) {
      at->state = core::GroupState::Unknown;
      at->member[0] = '\0';
      at->timeline = 0;
      strlcpy(at->host, host, sizeof(at->host));
      at->port = port;
    }
    slot->entry.verified = true;
    NoteChange(slot, moved);
  }
  LWLockRelease(book->lock);
  if (slot == nullptr) WarnNoRoom(group);
  WakeWaiters();
}

void WakeWaiters() {
  if (book == nullptr) return;
  for (int i = 0; i < book->waiter_capacity; i++) {
    if (pg_atomic_read_u32(&users[i]) != 0) SetLatch(&ProcGlobal->allProcs[i].procLatch);
  }
}

bool Lookup(int group, GroupEntry* entry) {
  if (book == nullptr) return false;
  LWLockAcquire(book->lock, LW_SHARED);
  BookSlot* slot = FindSlot(group);
  if (slot != nullptr) *entry = CopyOf(slot);
  LWLockRelease(book->lock);
  return slot != nullptr;
}

int ListGroups(GroupEntry* entries, int capacity) {
  if (book == nullptr) return 0;
  int count = 0;
  LWLockAcquire(book->lock, LW_SHARED);
  for (int i = 0; i < book->used && count < capacity; i++) {
    if (slots[i].entry.database == MyDatabaseId) entries[count++] = CopyOf(&slots[i]);
  }
  LWLockRelease(book->lock);
  return count;
}

bool IsFollowing() { return book != nullptr && pg_atomic_read_u32(&book->following) != 0; }

uint64 BookVersion() { return book == nullptr ? 0 : pg_atomic_read_u64(&book->version); }

int BookCapacity() { return max_groups; }

}  // namespace altius::remote
