// SPDX-License-Identifier: PostgreSQL
// The cut goes above the last step that gives the same result shard group by shard group; the step
// above it is done twice where that saves rows.
#include "altius/core/locus/upper.hpp"

namespace altius::core::locus {

using Combine = Aggregate::Combine;
using Cut = Upper::Cut;

bool GroupsLieTogether(const Query& query, const Scope& scope, const Part& part) {
  return !query.grouping_sets && HasKey(scope, part, query.group_keys);
}

bool WindowsLieTogether(const Query& query, const Scope& scope, const Part& part) {
  for (const List<Value>& window : query.windows) {
    if (!HasKey(scope, part, window)) return false;
  }
  return true;
}

bool DistinctLiesTogether(const Query& query, const Scope& scope, const Part& part) {
  return query.distinct && HasKey(scope, part, query.distinct_keys);
}

namespace {

bool Combines(const Query& query, const Scope& scope, const Part& part,
              const Aggregate& aggregate) {
  if (aggregate.combine == Combine::None) return false;
  if (!aggregate.distinct) return !aggregate.ordered;
  // Equal keys lie on one shard group, so no value is counted on two. But shard groups group by all
  // columns of all grouping sets.
  return !query.grouping_sets && scope.equalities.Same(aggregate.distinct_key, part.key);
}

bool AllCombine(const Query& query, const Scope& scope, const Part& part,
                const List<Aggregate>& aggregates) {
  for (const Aggregate& aggregate : aggregates) {
    if (!Combines(query, scope, part, aggregate)) return false;
  }
  return true;
}

/// All are over the different values of one expression.
bool ShareValues(const List<Aggregate>& aggregates) {
  for (const Aggregate& aggregate : aggregates) {
    if (!aggregate.distinct || aggregate.filtered || aggregate.argument == kNone) return false;
    if (aggregate.argument != aggregates[0].argument) return false;
  }
  return !aggregates.empty();
}

/// Decides for one level.
class Upwards {
 public:
  Upwards(Analysis* analysis, const Tree& tree, const Query& query, const Scope& scope,
          const Computed& computed)
      : analysis_(analysis),
        query_(query),
        scope_(scope),
        part_(*scope.parts[0]),
        computed_(computed),
        one_place_(part_.reach == Reach::Replicated || IsPinned(tree, scope, part_)) {}

  Upper Decide() {
    const bool together = one_place_ || !query_.grouped || GroupsLieTogether(query_, scope_, part_);
    if (!together) return {Crossing()};
    if (!Ships(computed_.having)) return {};
    if ((one_place_ || WindowsLieTogether(query_, scope_, part_)) && ResultsShip())
      return Results();
    const bool groups = query_.grouped && computed_.grouped != nullptr && Ships(computed_.groups);
    return {groups && Ships(computed_.grouped) ? Cut::Groups : Cut::From};
  }

 private:
  bool Ships(const Condition* expression) {
    return expression == nullptr || analysis_->Ships(*expression, scope_, &part_);
  }

  bool ResultsShip() {
    return computed_.readable && Ships(computed_.results) && Ships(computed_.windows);
  }

  /// Groups have rows on several shard groups.
  Cut Crossing() {
    if (computed_.aggregates_within || !Ships(computed_.groups))
      return Cut::From;
    if (computed_.ungroupable) return Cut::From;
    if (computed_.groups == nullptr && computed_.aggregates.empty()) return Cut::From;
    for (const Aggregate& aggregate : computed_.aggregates) {
      if (!Ships(aggregate.call)) return Cut::From;
    }
    if (AllCombine(query_, scope_, part_, computed_.aggregates)) return Cut::Partial;
    return ShareValues(computed_.aggregates) ? Cut::Values : Cut::From;
  }

  Upper Results() {
    const bool there = DistinctLiesTogether(query_, scope_, part_);
    const auto distinct = there             ? Upper::Distinct::There
                          : query_.distinct ? Upper::Distinct::Twice
                                            : Upper::Distinct::Above;
    return {Cut::Results, distinct, computed_.limited && Ships(computed_.limit)};
  }

  Analysis* analysis_;
  const Query& query_;
  const Scope& scope_;
  const Part& part_;
  const Computed& computed_;
  bool one_place_;
};

}  // namespace

const Part* OnlyPart(const Scope& scope) {
  if (!IsWhole(scope) || scope.parts.size() != 1) return nullptr;
  const Part* part = scope.parts[0];
  return RunsAlone(*part) ? part : nullptr;
}

Upper UpperOf(Analysis* analysis, const Tree& tree, const Query& query, const Scope& scope,
              const Computed& computed) {
  if (OnlyPart(scope) == nullptr) return {};
  return Upwards(analysis, tree, query, scope, computed).Decide();
}

}  // namespace altius::core::locus
