// SPDX-License-Identifier: PostgreSQL
// COPY that becomes an INSERT: into a reference table whose copies can't each make the row of a line, since an INSERT runs on the
// leading copy and is carried to the others;
// by who may not write all columns that lines for shards have; into a table that refers to itself, since all lines are one statement.
#pragma once

#include "altius/catalog/metadata.hpp"
#include "altius/pg/array.hpp"
#include "altius/pg/compat_copy.hpp"

extern "C" {
#include "executor/tuptable.h"
#include "utils/rel.h"
#include "utils/tuplestore.h"
}

namespace altius::ingest {

/// Decides between lines for each copy, which it locks for that, and an INSERT (true).  Of other tables: false.
bool InsertsCopies(const catalog::Table &table, Relation shell);

/// Whether a foreign key of its own is checked when all lines are in.
bool RefersToItself(Relation shell);

/// Whether defaults go to the shards in columns that the user may not write.
bool WritesMore(const CopyFromState state, Relation shell);

/// The rows that COPY has read, defaults included.
class CopiedRows {
 public:
  explicit CopiedRows(Relation shell);
  void Add(TupleTableSlot *row, uint64 line);
  /// Inserts them; how many have become rows. `attnums`: the columns that COPY names.
  uint64 Insert(const List *attnums);

 private:
  uint64 InsertFrom(const char *command, Tuplestorestate *rows, uint64 count) const;
  void InsertOneByOne(const char *command, uint64 *line);
  [[noreturn]] void RaiseWithLine(const char *command, ErrorData *error);

  Relation shell_;
  Tuplestorestate *rows_;
  pg::Array<uint64> lines_;  // of the first rows
  uint64 count_ = 0;
};

}  // namespace altius::ingest
