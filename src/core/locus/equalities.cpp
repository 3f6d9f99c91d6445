// SPDX-License-Identifier: PostgreSQL
#include "altius/core/locus/analysis.hpp"

namespace altius::core::locus {

void Equalities::Reach(const Arena& arena, Value value) {
  for (Value next = parents_.size(); next <= value; next++) parents_.Add(arena, next);
}

void Equalities::Unite(const Arena& arena, Value a, Value b) {
  Reach(arena, a > b ? a : b);
  const Value root = Root(a);
  parents_[Root(b)] = root;
}

void Equalities::Import(const Arena& arena, const Equalities& other) {
  for (Value value = 0; value < other.parents_.size(); value++) {
    if (other.parents_[value] != value) Unite(arena, value, other.parents_[value]);
  }
}

}  // namespace altius::core::locus
