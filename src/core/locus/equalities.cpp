// SPDX-License-Identifier: PostgreSQL
#include "altius/core/locus/analysis.hpp"

namespace altius::core::locus {

void Equalities::Reach(const Arena& arena, Value value) {
  for (Value next = parents_.size(); next <= value; next++) {
    parents_.Add(arena, next);
    sizes_.Add(arena, 1);
  }
}

void Equalities::Unite(const Arena& arena, Value a, Value b) {
  Reach(arena, a > b ? a : b);
  a = Root(a);
  b = Root(b);
  if (a == b) return;
  const Value root = sizes_[a] < sizes_[b] ? b : a;
  parents_[a] = parents_[b] = root;
  sizes_[root] = sizes_[a] + sizes_[b];
}

void Equalities::Import(const Arena& arena, const Equalities& other) {
  for (Value value = 0; value < other.parents_.size(); value++) {
    if (other.parents_[value] != value) Unite(arena, value, other.parents_[value]);
  }
}

}  // namespace altius::core::locus
