// SPDX-License-Identifier: PostgreSQL
// What stands above FROM, run partly on the shard groups.
#pragma once

#include "altius/core/locus/upper.hpp"
#include "run.hpp"

namespace locus_test {

using Cut = altius::core::locus::Upper::Cut;

/// The rows of FROM of one shard group.
struct Fetched {
  Run* run;
  Bindings rows;
};

/// The query's steps as the algebra reads them.
Computed DescribeUpper(World* world, const Query& query);

/// The result, with the steps taken where `upper` says: on each of the shard groups, the rest by
/// `here`.
std::vector<Row> RowsAbove(const World& world, const Query& query,
                           const altius::core::locus::Upper& upper,
                           const std::vector<Fetched>& fetched, const Env& env, Run* here);

}  // namespace locus_test
