// SPDX-License-Identifier: PostgreSQL
// At which shard groups the rows of a part can be, and which two parts are beside one another
// there.
#include "scope.hpp"

namespace altius::core::locus {

bool IsPin(const Tree& tree, const Scope& scope, Value value) {
  const int relation = tree.term(value).relation;
  return relation == kNone ||
         (!scope.query->relations.Has(relation) && scope.query->outer.Has(relation));
}

List<Value> PinsOf(const Tree& tree, const Scope& scope, Value key) {
  List<Value> pins;
  if (key == kNone) return pins;
  for (Value value = 0; value < tree.value_count(); value++) {
    if (scope.equalities.Same(value, key) && IsPin(tree, scope, value)) pins.Add(tree.arena, value);
  }
  return pins;
}

bool IsPinned(const Tree& tree, const Scope& scope, const Part& part) {
  if (part.reach != Reach::Hashed) return false;
  if (part.single) return true;
  if (part.loud) return !PlacesAt(tree, scope, part, kNone).empty();
  return !PinsOf(tree, scope, part.key).empty();
}

bool HasKey(const Scope& scope, const Part& part, const List<Value>& values) {
  if (part.reach != Reach::Hashed || part.loud || part.key == kNone) return false;
  for (const Value value : values) {
    if (scope.equalities.Same(value, part.key)) return true;
  }
  return false;
}

List<Value> PlacesAt(const Tree& tree, const Scope& scope, const Part& part, Value key) {
  List<Value> places;
  for (const Value place : part.places) {
    if (key == kNone ? IsPin(tree, scope, place) : scope.equalities.Same(place, key))
      places.Add(tree.arena, place);
  }
  return places;
}

namespace {

void Join(const Arena& arena, Part* a, const Part& b) {
  a->has_tables = a->has_tables || b.has_tables;
  a->relations = a->relations.Union(arena, b.relations);
  a->lateral = a->lateral.Union(arena, b.lateral);
  a->nodes = a->nodes.Copy(arena);
  a->nodes.AddAll(arena, b.nodes);
  a->conditions = a->conditions.Copy(arena);
  a->conditions.AddAll(arena, b.conditions);
}

/// Two loud parts: where both are right.
List<Value> CommonPlaces(const Tree& tree, const Scope& scope, const Part& a, const Part& b) {
  List<Value> common;
  for (const Value place : a.places) {
    if (!PlacesAt(tree, scope, b, place).empty()) common.Add(tree.arena, place);
  }
  return common;
}

}  // namespace

Pairing PairSpread(const Tree& tree, const Scope& scope, const Part& a, const Part& b) {
  if (a.reach != Reach::Hashed || b.reach != Reach::Hashed || a.colocation != b.colocation)
    return {};
  Pairing pairing = {true, a};
  Part& merged = pairing.merged;
  if (a.single || b.single) {
    if (a.single != b.single) return {};
  } else if (a.loud && b.loud) {
    merged.places = CommonPlaces(tree, scope, a, b);
    if (merged.places.empty()) return {};
  } else if (a.loud || b.loud) {
    // The quiet one has no rows where the loud one is wrong.
    const Part& quiet = a.loud ? b : a;
    const Part& loud = a.loud ? a : b;
    if (PlacesAt(tree, scope, loud, quiet.key).empty()) return {};
    merged.key = quiet.key;
    merged.loud = false;
    merged.places = {};
  } else if (!scope.equalities.Same(a.key, b.key)) {
    return {};
  }
  if (!merged.prunes.known) merged.prunes = b.prunes;
  Join(tree.arena, &merged, b);
  return pairing;
}

Pairing PairWithCopy(const Tree& tree, const Scope& scope, const Part& spread, const Part& copy) {
  if (spread.reach != Reach::Hashed || copy.reach != Reach::Replicated) return {};
  // Where each shard group would take other rows, only one may.
  if (copy.once && (scope.matched || !IsPinned(tree, scope, spread))) return {};
  Pairing pairing = {true, spread};
  if (spread.loud) {
    pairing.merged.places = PlacesAt(tree, scope, spread, kNone);
    if (pairing.merged.places.empty()) return {};
  }
  Join(tree.arena, &pairing.merged, copy);
  return pairing;
}

namespace {

bool IsConstant(const Tree& tree, Value value) { return tree.term(value).relation == kNone; }

bool ValuesOfKey(const Tree& tree, const Scope& scope, const Part& part, const Condition& condition,
                 List<Value>* values);

bool ValuesOfParts(const Tree& tree, const Scope& scope, const Part& part,
                   const Condition& condition, List<Value>* values) {
  if (condition.kind == Condition::Kind::And) {
    for (const Condition* inner : condition.parts) {
      if (ValuesOfKey(tree, scope, part, *inner, values)) return true;
    }
    return false;
  }
  List<Value> all;
  for (const Condition* inner : condition.parts) {
    if (!ValuesOfKey(tree, scope, part, *inner, &all)) return false;
  }
  values->AddAll(tree.arena, all);
  return true;
}

/// Values that the key must have for the condition to hold; false when it says nothing about the
/// key.
bool ValuesOfKey(const Tree& tree, const Scope& scope, const Part& part, const Condition& condition,
                 List<Value>* values) {
  using Kind = Condition::Kind;
  if (condition.kind == Kind::And || condition.kind == Kind::Or)
    return ValuesOfParts(tree, scope, part, condition, values);
  if (condition.kind == Kind::Opaque) return false;
  Value left = condition.left, right = condition.right;
  if (condition.kind == Kind::Equal && !scope.equalities.Same(left, part.key)) {
    left = condition.right;
    right = condition.left;
  }
  if (!scope.equalities.Same(left, part.key) || !IsConstant(tree, right)) return false;
  values->Add(tree.arena, right);
  return true;
}

Prunes Only(const Tree& tree, Value value) {
  Prunes prunes = {true, {}};
  prunes.values.Add(tree.arena, value);
  return prunes;
}

}  // namespace

void DerivePrunes(const Tree& tree, const Scope& scope, Part* part) {
  if (part->reach != Reach::Hashed || part->single) return;
  for (const Value pin : part->loud ? part->places : PinsOf(tree, scope, part->key)) {
    if (!IsConstant(tree, pin)) continue;
    part->prunes = Only(tree, pin);
    return;
  }
  if (part->loud || part->prunes.known || part->key == kNone) return;
  for (const Condition* condition : part->conditions) {
    List<Value> values;
    if (!ValuesOfKey(tree, scope, *part, *condition, &values)) continue;
    part->prunes = {true, values};
    return;
  }
}

}  // namespace altius::core::locus
