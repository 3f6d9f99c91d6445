// SPDX-License-Identifier: PostgreSQL
// Which modifications run beside the rows that they change.
#pragma once

#include "altius/core/locus/analysis.hpp"

namespace altius::core::locus {

/// The table that is changed.
struct Target {
  Relation::Kind kind = Relation::Kind::Here;
  int colocation = 0;
  int domain = kNone;    // of Hash: what makes two keys equal
  bool carried = false;  // of Reference: one copy is changed, and what becomes of it is carried to
                         // the others, so it does not matter what they would have done
};

enum class Beside : std::uint8_t {
  No,      // the rows are computed first, and then sent
  Shards,  // the statement runs on each shard group that has rows
  Copies,  // and on each copy
};

/// UPDATE and DELETE; `scope`: FROM and WHERE with the target among them. `computed`: all that the
/// statement computes of their rows.
Beside ChangeBeside(Analysis* analysis, const Scope& scope, const Target& target,
                    const List<const Condition*>& computed);

/// INSERT of a query's rows; `scope`: that of the INSERT, where the query stands in FROM;
/// `key_column`: its result column that becomes the distribution column, kNone when none does as it is.
Beside InsertBeside(Analysis* analysis, const Scope& scope, const Locus& rows, const Target& target,
                    int key_column, const List<const Condition*>& computed);

/// INSERT of one row, whose values are computed beforehand and sent where its key says; `computed`:
/// what is not, of ON CONFLICT and RETURNING; `values`: a scope of nothing else.
Beside RowBeside(Analysis* analysis, const Scope& values, const Target& target,
                 const List<const Condition*>& computed);

/// Whether a row keeps its key when `assigned` becomes its new one.
bool KeepsKey(const Scope& scope, Value key, Value assigned);

}  // namespace altius::core::locus
