// SPDX-License-Identifier: PostgreSQL
#include "altius/core/ctid/compare.hpp"

namespace altius::core::ctid {

using Kind = Side::Kind;

namespace {

/// The user has seen that ctid in the shard that is looked at.
bool IsGiven(const Side& row, const Side& value) { return row.one_shard && value.constant; }

}  // namespace

Answer Compare(const Side& one, const Side& other) {
  if (one.kind != Kind::Spread && other.kind != Kind::Spread) return Answer::AsItIs;
  if (IsGiven(one, other) || IsGiven(other, one)) return Answer::AsItIs;
  if (!one.known || !other.known || one.table != other.table) return Answer::Refused;
  return Answer::WithShards;
}

bool MayBe(Use use, const Side& side) {
  if (side.kind != Kind::Spread || side.one_shard) return true;
  return use != Use::Grouped && use != Use::Computed;
}

}  // namespace altius::core::ctid
