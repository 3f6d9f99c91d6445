// SPDX-License-Identifier: PostgreSQL
// Outer joins.  What ON says holds for pairs of rows that match, and for nobody above the join:
// there only the facts of the kept side are known.
#include <initializer_list>

#include "scope.hpp"

namespace altius::core::locus {

namespace {

constexpr int kPlace = -2;

bool IsOnePart(const Scope& scope) {
  return scope.parts.size() == 1 && scope.parts[0]->reach != Reach::Here &&
         scope.conditions.empty();
}

/// Every row of both sides comes out, so both have to be at the same shard group.
Pairing PairFull(const Tree& tree, const Scope& matched, const Part& kept, const Part& other) {
  if ((kept.loud || other.loud) && !(kept.loud && other.loud)) return {};
  Pairing pairing = PairSpread(tree, matched, kept, other);
  pairing.merged.prunes = {};
  return pairing;
}

/// The kept side's rows have nulls added where they are, once.
Pairing PairLeft(const Tree& tree, const Scope& matched, const Part& kept, const Part& other) {
  if (other.reach == Reach::Replicated) return PairWithCopy(tree, matched, kept, other);
  Pairing pairing = PairSpread(tree, matched, kept, other);
  if (!pairing.possible || kept.single) return pairing;
  Part& merged = pairing.merged;
  merged.key = kept.key;
  merged.loud = kept.loud;
  // Only where the other side's rows are, too.
  merged.places =
      kept.loud && !other.loud ? PlacesAt(tree, matched, kept, other.key) : merged.places;
  if (!kept.loud) merged.places = {};
  merged.prunes = kept.prunes;
  return pairing;
}

/// Rows that are everywhere have nulls added at the one place where all rows lie that could match
/// them.
Pairing PairCopyLeft(const Tree& tree, const Scope& matched, const Part& copy, const Part& other) {
  Pairing pairing = PairWithCopy(tree, matched, other, copy);
  if (!pairing.possible || other.single) return pairing;
  Part& merged = pairing.merged;
  if (!other.loud) merged.places = PinsOf(tree, matched, other.key);
  merged.loud = true;
  merged.key = kNone;
  merged.prunes = {};
  if (merged.places.empty()) return {};
  return pairing;
}

Pairing PairOuter(const Tree& tree, const From& join, const Scope& matched, const Part& kept,
                  const Part& other) {
  const bool full = join.kind == From::Kind::Full;
  if (kept.reach == Reach::Replicated && other.reach == Reach::Replicated) {
    Pairing pairing = {true, kept};
    pairing.merged.once = kept.once || other.once;
    return pairing;
  }
  if (full) return PairFull(tree, matched, kept, other);
  return kept.reach == Reach::Hashed ? PairLeft(tree, matched, kept, other)
                                     : PairCopyLeft(tree, matched, kept, other);
}

}  // namespace

/// The part that an outer join makes when it runs whole beside the data; null when it does not.
Part* ScopeBuilder::WholeJoin(Scope* scope, const From& join, const Scope& kept, const Scope& other,
                              Reason* reason) {
  *reason = Reason::NotShippable;
  if (!IsOnePart(kept) || !IsOnePart(other)) return nullptr;
  auto* matched = arena_.Make<Scope>();
  matched->query = &query_;
  matched->ships_outer = shipped_;
  matched->matched = true;
  matched->equalities.Import(arena_, kept.equalities);
  matched->equalities.Import(arena_, other.equalities);
  for (const Condition* condition : join.conditions) {
    if (condition->kind == Condition::Kind::Equal)
      matched->equalities.Unite(arena_, condition->left, condition->right);
  }
  const Part &left = *kept.parts[0], &right = *other.parts[0];
  const Pairing pairing = PairOuter(*tree_, join, *matched, left, right);
  const bool full = join.kind == From::Kind::Full;
  *reason = left.reach == Reach::Hashed && !full ? Reason::NoKeyEquality : Reason::NullExtended;
  if (!pairing.possible) return nullptr;

  auto* part = arena_.Make<Part>();
  *part = pairing.merged;
  part->has_tables = left.has_tables || right.has_tables;
  part->relations = left.relations.Union(arena_, right.relations);
  if (join.relation != kNone) part->relations = part->relations.With(arena_, join.relation);
  part->lateral = left.lateral.Union(arena_, right.lateral);
  part->nodes = {};
  part->nodes.Add(arena_, &join);
  part->conditions = {};  // the join tree still holds them
  *reason = Reason::NotShippable;
  if (part->lateral.Without(arena_, part->relations).Overlaps(query_.relations) || !MayShip(*part))
    return nullptr;
  for (const Condition* condition : join.conditions) {
    if (!analysis_->Ships(*condition, *matched, part)) return nullptr;
    part->once = part->once || (part->reach == Reach::Replicated && analysis_->IsOnce(*condition));
  }
  if (full) {
    if (part->reach == Reach::Hashed && !part->single && !part->loud)
      part->key = tree_->ValueOf({join.relation, kPlace}, tree_->domain(left.key));
  } else {
    scope->equalities.Import(arena_, kept.equalities);
  }
  return part;
}

/// Conditions of a cut join that concern its nullable side alone go down to that side's parts.
void ScopeBuilder::PushDown(const From& join, Scope* other, Part* outside) {
  for (const Condition* condition : join.conditions) {
    bool inside = condition->relations.Overlaps(query_.relations);
    Set relations;
    for (const Part* part : other->parts) relations = relations.Union(arena_, part->relations);
    condition->relations.ForEach([&](int relation) {
      inside = inside && (relations.Has(relation) || !query_.relations.Has(relation));
    });
    if (inside) {
      other->conditions.Add(arena_, condition);
      if (condition->kind == Condition::Kind::Equal)
        other->equalities.Unite(arena_, condition->left, condition->right);
    } else {
      outside->join_conditions.Add(arena_, condition);
    }
  }
  AssignConditions(other);
}

/// The join stays on the asking node; each part below becomes a fragment of its own.
void ScopeBuilder::AddCutJoin(Scope* scope, const From& join, Scope* kept, Scope* other,
                              Reason reason) {
  Part* outside = NewPart(Reach::Here, &join);
  outside->reason = reason;
  if (join.kind == From::Kind::Full) {
    outside->join_conditions = join.conditions.Copy(arena_);
  } else {
    PushDown(join, other, outside);
  }
  const bool lends = join.kind == From::Kind::Left;
  for (Scope* side : {kept, other}) {
    // From the last one: the part of a cut join has all relations of those that it lends.
    for (int i = side->parts.size() - 1; i >= 0; i--) {
      Part* part = side->parts[i];
      if (side == other || !lends) DerivePrunes(*tree_, *side, part);
      outside->relations = outside->relations.Union(arena_, part->relations);
      outside->lateral = outside->lateral.Union(arena_, part->lateral);
    }
  }
  if (lends) {
    scope->equalities.Import(arena_, kept->equalities);
    for (Part* part : kept->parts) {
      part->frozen = true;
      scope->parts.Add(arena_, part);
    }
  }
  outside->left = kept;
  outside->right = other;
  Own(scope, outside);
}

void ScopeBuilder::AddOuterJoin(Scope* scope, const From& join) {
  Scope* kept = Side(*join.items[0]);
  Scope* other = Side(*join.items[1]);
  Reason reason;
  Part* whole = WholeJoin(scope, join, *kept, *other, &reason);
  if (whole != nullptr) {
    Own(scope, whole);
  } else {
    AddCutJoin(scope, join, kept, other, reason);
  }
}

}  // namespace altius::core::locus
