// SPDX-License-Identifier: PostgreSQL
#include "altius/core/locus/merge.hpp"

namespace altius::core::locus {

namespace {

using Kind = MergeAction::Kind;

bool FindsShard(const MergeComparison& comparison) {
  return comparison.of_key_sense && !comparison.reads_target && comparison.repeatable &&
         comparison.sendable;
}

/// Whether the rows that the action makes belong where the source's row is sent by the comparison.
bool StaysWith(const List<MergeComparison>& comparisons, const MergeAction& action, int route) {
  if (action.row == MergeAction::Row::LoneTarget) return false;  // no row is sent for it
  // Nothing of what ON says holds for a row without a match.
  if (action.kind == Kind::Insert) return action.assigns_key && action.exactly.Has(route);
  return action.kind != Kind::Update || UpdateKeepsKey(comparisons, action);
}

bool AllStayWith(const List<MergeComparison>& comparisons, const List<MergeAction>& actions,
                 int route) {
  for (const MergeAction& action : actions) {
    if (!StaysWith(comparisons, action, route)) return false;
  }
  return true;
}

}  // namespace

bool UpdateKeepsKey(const List<MergeComparison>& comparisons, const MergeAction& action) {
  if (!action.assigns_key || action.keeps_key) return true;
  if (action.row != MergeAction::Row::Matched) return false;
  // The column is equal to all of these, and a conversion to its type gives it back.
  for (const int comparison : action.converted) {
    if (comparisons[comparison].of_key_sense && comparisons[comparison].repeatable) return true;
  }
  return false;
}

int RouteOfMerge(const List<MergeComparison>& comparisons, const List<MergeAction>& actions) {
  for (int route = 0; route < comparisons.size(); route++) {
    if (FindsShard(comparisons[route]) && AllStayWith(comparisons, actions, route)) return route;
  }
  return kNone;
}

bool OneShardMerges(const List<MergeAction>& actions) {
  for (const MergeAction& action : actions) {
    if (action.row == MergeAction::Row::LoneTarget) return false;
  }
  return true;
}

MergePlace PlaceOf(const MergeExpression& expression) {
  if (expression.by_shard) return MergePlace::Shard;
  const bool with_source =
      !expression.reads_target && (expression.always || expression.harmless);
  return with_source ? MergePlace::Source : MergePlace::Neither;
}

}  // namespace altius::core::locus
