// SPDX-License-Identifier: PostgreSQL
// Triggers of distributed tables, as on one table: AFTER triggers and those for statements fire on the node that was asked.
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "nodes/parsenodes.h"
}

namespace altius::trigger {

/// What the modification may change, if a trigger may fire because of it: a list that plans may hold.  NIL: none can.
List* ChangesOf(const Query* query, Oid relid);

/// The same for an INSERT of rows alone.
List* InsertInto(Oid relid);

/// A statement that was asked for here, while it runs; what its shards tell of triggers is collected in it.
class Statement;

/// Lasts until EndStatement, or until the memory goes.  `owner` is by what it is found again.
Statement* BeginStatement(const void* owner, MemoryContext memory);
Statement* FindStatement(const void* owner);
Statement* InnermostStatement();

/// A part of the statement changes this (of ChangesOf): BEFORE triggers for the statement fire.
void Announce(Statement* statement, List* changes);

/// All of it has run: AFTER triggers fire, first those for rows.
void EndStatement(Statement* statement);

/// SET CONSTRAINTS of these constraints (oids); NIL: of all.
void SetConstraints(List* constraints, bool deferred);

/// While it lives, a shard's statement runs that is a part of an UPDATE of the distribution column: the asking node fires the
/// triggers, for rows that are updated.
class Moving {
 public:
  explicit Moving(bool moves) noexcept : outer_(now_) { now_ = moves; }
  ~Moving() { now_ = outer_; }
  Moving(const Moving&) = delete;
  Moving& operator=(const Moving&) = delete;
  static bool Now() { return now_; }

 private:
  static inline bool now_ = false;
  bool outer_;
};
inline bool MovesRows() { return Moving::Now(); }

/// From _PG_init, after floor txn.
void Init();

}  // namespace altius::trigger
