// SPDX-License-Identifier: PostgreSQL
#include "altius/remote/lead.hpp"

#include "altius/pg/shared_memory.hpp"
#include "altius/remote/address_book.hpp"

extern "C" {
#include "access/xlog.h"
#include "port/atomics.h"
#include "storage/spin.h"
}

namespace altius::remote {

namespace {

struct LeadMemory {
  pg_atomic_uint32 lead;
  pg_atomic_uint64 looks;
  slock_t mutex;  // of what follows
  NamedSenders standbys;
};

LeadMemory* memory = nullptr;

void TakeMemory(void* start, bool fresh) {
  memory = static_cast<LeadMemory*>(start);
  if (!fresh) return;
  pg_atomic_init_u32(&memory->lead, static_cast<uint32>(core::Lead::Unfollowed));
  pg_atomic_init_u64(&memory->looks, 0);
  SpinLockInit(&memory->mutex);
  memory->standbys = {};
}

core::OwnServer Own() {
  core::OwnServer own;
  own.system_id = GetSystemIdentifier();
  if (!RecoveryInProgress()) own.timeline = static_cast<int>(GetWALInsertionTimeLine());
  return own;
}

}  // namespace

void InitLeadMemory() { pg::RegisterShared({"altius lead", [] { return sizeof(LeadMemory); }, TakeMemory, nullptr}); }

void JudgeLead(int group, bool followed, const NamedSenders& standbys) {
  if (memory == nullptr) return;
  SpinLockAcquire(&memory->mutex);
  memory->standbys = standbys;
  SpinLockRelease(&memory->mutex);
  GroupEntry entry{};
  if (followed) (void)Lookup(group, &entry);
  const core::Entry known{entry.at, entry.verified};
  const core::Lead lead = core::LeadOf(known, Own(), followed, IsFollowing(), standbys.needed > 0);
  const auto before = static_cast<core::Lead>(pg_atomic_exchange_u32(&memory->lead, static_cast<uint32>(lead)));
  if ((before == core::Lead::Lost) == (lead == core::Lead::Lost)) return;
  if (lead == core::Lead::Lost) {
    ereport(LOG, (errmsg("another server leads the group of this one, on timeline %d", entry.at.timeline),
                  errdetail("Nothing is committed here any more."),
                  errhint("If this is a copy that is to be a cluster of its own, turn altius.ha_enabled off.")));
  } else {
    ereport(LOG, (errmsg("this server's commits count again")));
  }
}

void DoubtLead() {
  if (memory == nullptr || OwnLead() == core::Lead::Lost) return;
  pg_atomic_write_u32(&memory->lead, static_cast<uint32>(core::Lead::Unsure));
}

void NoteLook() {
  if (memory != nullptr) pg_atomic_fetch_add_u64(&memory->looks, 1);
}

core::Lead OwnLead() {
  return memory == nullptr ? core::Lead::Unfollowed : static_cast<core::Lead>(pg_atomic_read_u32(&memory->lead));
}

NamedSenders OwnStandbys() {
  if (memory == nullptr) return {};
  SpinLockAcquire(&memory->mutex);
  const NamedSenders standbys = memory->standbys;
  SpinLockRelease(&memory->mutex);
  return standbys;
}

uint64 Looks() { return memory == nullptr ? 0 : pg_atomic_read_u64(&memory->looks); }

}  // namespace altius::remote
