// SPDX-License-Identifier: PostgreSQL
// Whether each shard can decide about MERGE by itself: the source's rows are sent to it by a value.
#pragma once

#include "altius/core/locus/arena.hpp"
#include "altius/core/locus/tree.hpp"

namespace altius::core::locus {

/// A conjunct of ON that compares the target's distribution column with a value.
struct MergeComparison {
  bool of_key_sense = false;  // equal values have equal hashes
  bool reads_target = false;  // the value depends on the target's row as well
  bool repeatable = false;    // it is not volatile
  bool sendable = false;      // as a value of the column's type, without errors
};

struct MergeAction {
  enum class Kind : std::uint8_t { Nothing, Insert, Update, Delete };
  enum class Row : std::uint8_t { Matched, LoneSource, LoneTarget };
  Kind kind = Kind::Nothing;
  Row row = Row::Matched;
  bool assigns_key = false;  // otherwise an UPDATE leaves it, an INSERT gives none
  bool keeps_key = false;    // by the column itself
  List<int> exactly;         // of the comparisons, those whose value, unchanged, is assigned
  List<int> converted;       // and those whose value is, perhaps in another type or length
};

/// By which comparison's value rows of the source find the shard of all rows they could match, and
/// where a row they make belongs; kNone: by none.
int RouteOfMerge(const List<MergeComparison>& comparisons, const List<MergeAction>& actions);

/// Whether the rows that the action updates stay in their shards, whoever decides about them.
bool UpdateKeepsKey(const List<MergeComparison>& comparisons, const MergeAction& action);

/// Whether a table of one shard, or a copy, decides by itself.
bool OneShardMerges(const List<MergeAction>& actions);

/// An expression of ON or of an action.
struct MergeExpression {
  bool by_shard = false;      // a shard computes it of both rows, always the same
  bool reads_target = false;  // so it can't be computed with the source's row
  bool always = false;        // it is needed for each row of the source
  bool harmless = false;      // to compute where it is not needed: no errors, no effects
};

enum class MergePlace : std::uint8_t { Shard, Source, Neither };

MergePlace PlaceOf(const MergeExpression& expression);

}  // namespace altius::core::locus
