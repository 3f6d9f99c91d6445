// SPDX-License-Identifier: PostgreSQL
// What shards have told for a statement.  A function in it may undo a part of what it did (an exception that is caught): what was told
// of that is forgotten, too.
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "utils/resowner.h"
#include "utils/tuplestore.h"
}

namespace altius::trigger {

class EventStore {
 public:
  /// For a statement that begins now.  The memory is its own.
  explicit EventStore(MemoryContext memory);

  /// `level` is of the nested transaction in which it happened.
  void Add(const char* text, int level);

  /// The nested transaction ends: what was told in it is the outer one's, or was never told.
  void Commit(int level);
  void Abort(int level) noexcept;

  /// When the nested transactions have ended.  Null: nothing was told.
  Tuplestorestate* events() const { return innermost_ == nullptr ? nullptr : innermost_->events; }
  void Forget();

 private:
  struct Level {
    int level;
    Tuplestorestate* events;
    Level* outer;
  };

  ResourceOwner OwnerOf(int level) const;
  Level* LevelOf(int level);
  void HandOver(Level* from, Level* to) const;

  MemoryContext memory_;
  ResourceOwner owner_;
  int base_;  // level of the statement
  Level* innermost_ = nullptr;
};

}  // namespace altius::trigger
