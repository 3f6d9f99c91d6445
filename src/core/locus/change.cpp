// SPDX-License-Identifier: PostgreSQL
#include "altius/core/locus/change.hpp"

#include "altius/core/locus/upper.hpp"

namespace altius::core::locus {

Beside ChangeBeside(Analysis* analysis, const Scope& scope, const Target& target,
                    const List<const Condition*>& computed) {
  const Part* part = OnlyPart(scope);
  if (part == nullptr) return Beside::No;
  const bool copies = target.kind == Relation::Kind::Reference;
  if (copies != (part->reach == Reach::Replicated)) return Beside::No;
  if (part->once && !(copies && target.carried)) return Beside::No;
  for (const Condition* expression : computed) {
    if (!analysis->Ships(*expression, scope, part)) return Beside::No;
  }
  return copies ? Beside::Copies : Beside::Shards;
}

Beside InsertBeside(const Locus& rows, const Target& target, int key_column) {
  if (!rows.whole || !rows.has_tables) return Beside::No;
  if (target.kind == Relation::Kind::Reference) {
    const bool same = rows.reach == Reach::Replicated && (!rows.once || target.carried);
    return same ? Beside::Copies : Beside::No;
  }
  if (rows.reach != Reach::Hashed || rows.colocation != target.colocation) return Beside::No;
  if (target.kind == Relation::Kind::SingleShard) return rows.single ? Beside::Shards : Beside::No;
  // Each row belongs to the shard group that it comes from.
  const bool stays = rows.domain == target.domain && rows.key_columns.Has(key_column);
  return stays ? Beside::Shards : Beside::No;
}

bool KeepsKey(const Scope& scope, Value key, Value assigned) {
  return scope.equalities.Same(key, assigned);
}

}  // namespace altius::core::locus
