// SPDX-License-Identifier: PostgreSQL
// Breadth-first search through all worlds of a scenario.
#pragma once

#include <string>

#include "world.hpp"

namespace model {

struct Result {
  std::size_t worlds = 0;
  std::string wrong;  // the shortest way to a world that must not be; empty: none
};

Result Search(const Scenario& scenario);

}  // namespace model
