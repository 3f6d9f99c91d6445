// SPDX-License-Identifier: PostgreSQL
// A store for each level.  Its files are those of the nested transaction, which closes them when it is undone.
#include "event_store.hpp"

#include "parts.hpp"

extern "C" {
#include "access/xact.h"
#include "executor/tuptable.h"
#include "utils/builtins.h"
}

namespace altius::trigger {

EventStore::EventStore(MemoryContext memory)
    : memory_(memory), owner_(CurrentResourceOwner), base_(GetCurrentTransactionNestLevel()) {}

ResourceOwner EventStore::OwnerOf(int level) const {
  if (level <= base_) return owner_;
  ResourceOwner owner = CurTransactionResourceOwner;
  for (int at = GetCurrentTransactionNestLevel(); at > level; at--) owner = ResourceOwnerGetParent(owner);
  return owner;
}

EventStore::Level* EventStore::LevelOf(int level) {
  Level** at = &innermost_;
  while (*at != nullptr && (*at)->level > level) at = &(*at)->outer;
  if (*at != nullptr && (*at)->level == level) return *at;
  auto* made = static_cast<Level*>(MemoryContextAlloc(memory_, sizeof(Level)));
  const ResourceOwner owner = CurrentResourceOwner;
  const MemoryContext before = MemoryContextSwitchTo(memory_);
  CurrentResourceOwner = OwnerOf(level);
  *made = {level, tuplestore_begin_heap(false, false, work_mem), *at};
  CurrentResourceOwner = owner;
  MemoryContextSwitchTo(before);
  return *at = made;
}

void EventStore::Add(const char* text, int level) {
  Level* to = LevelOf(std::max(level, base_));
  const MemoryContext before = MemoryContextSwitchTo(memory_);
  Datum value = CStringGetTextDatum(text);
  bool null = false;
  tuplestore_putvalues(to->events, EventColumns(), &value, &null);
  pfree(DatumGetPointer(value));
  MemoryContextSwitchTo(before);
}

void EventStore::HandOver(Level* from, Level* to) const {
  const MemoryContext before = MemoryContextSwitchTo(memory_);
  TupleTableSlot* slot = MakeSingleTupleTableSlot(EventColumns(), &TTSOpsMinimalTuple);
  while (tuplestore_gettupleslot(from->events, true, false, slot)) tuplestore_puttupleslot(to->events, slot);
  ExecDropSingleTupleTableSlot(slot);
  MemoryContextSwitchTo(before);
}

void EventStore::Commit(int level) {
  if (innermost_ != nullptr && innermost_->level >= level && innermost_->level > base_) {
    Level* ended = innermost_;
    innermost_ = ended->outer;
    HandOver(ended, LevelOf(std::max(level - 1, base_)));
    tuplestore_end(ended->events);
  }
  base_ = std::min(base_, level - 1);
  if (innermost_ != nullptr) innermost_->level = std::min(innermost_->level, std::max(level - 1, base_));
}

void EventStore::Abort(int level) noexcept {
  while (innermost_ != nullptr && innermost_->level >= level && innermost_->level > base_) innermost_ = innermost_->outer;
}

void EventStore::Forget() {
  for (; innermost_ != nullptr; innermost_ = innermost_->outer) tuplestore_end(innermost_->events);
}

}  // namespace altius::trigger
