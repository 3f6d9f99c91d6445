// SPDX-License-Identifier: PostgreSQL
#include "altius/core/locus/change.hpp"

#include "altius/core/locus/upper.hpp"

namespace altius::core::locus {

namespace {

bool AllShip(Analysis* analysis, const Scope& scope, const Part* part,
             const List<const Condition*>& computed) {
  for (const Condition* expression : computed) {
    if (!analysis->Ships(*expression, scope, part)) return false;
  }
  return true;
}

}  // namespace

Beside ChangeBeside(Analysis* analysis, const Scope& scope, const Target& target,
                    const List<const Condition*>& computed) {
  const Part* part = OnlyPart(scope);
  if (part == nullptr) return Beside::No;
  const bool copies = target.kind == Relation::Kind::Reference;
  if (copies != (part->reach == Reach::Replicated)) return Beside::No;
  if (part->once && !(copies && target.carried)) return Beside::No;
  if (!AllShip(analysis, scope, part, computed)) return Beside::No;
  return copies ? Beside::Copies : Beside::Shards;
}

namespace {

Beside RowsBeside(const Locus& rows, const Target& target, int key_column) {
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

}  // namespace

Beside InsertBeside(Analysis* analysis, const Scope& scope, const Locus& rows, const Target& target,
                    int key_column, const List<const Condition*>& computed) {
  const Part* part = OnlyPart(scope);
  if (part == nullptr || !AllShip(analysis, scope, part, computed)) return Beside::No;
  return RowsBeside(rows, target, key_column);
}

Beside RowBeside(Analysis* analysis, const Scope& values, const Target& target,
                 const List<const Condition*>& computed) {
  if (!AllShip(analysis, values, values.parts[0], computed)) return Beside::No;
  return target.kind == Relation::Kind::Reference ? Beside::Copies : Beside::Shards;
}

bool KeepsKey(const Scope& scope, Value key, Value assigned) {
  return scope.equalities.Same(key, assigned);
}

}  // namespace altius::core::locus
