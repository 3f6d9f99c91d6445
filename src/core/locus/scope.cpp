// SPDX-License-Identifier: PostgreSQL
#include "scope.hpp"

namespace altius::core::locus {

Scope* ScopeBuilder::Build() {
  Scope* scope = Side(*query_.from);
  for (Part* part : scope->parts) DerivePrunes(*tree_, *scope, part);
  return scope;
}

Scope* ScopeBuilder::Side(const From& from) {
  auto* side = arena_.Make<Scope>();
  side->id = analysis_->sides_++;
  side->query = &query_;
  side->ships_outer = shipped_;
  Add(side, from);
  Close(side);
  return side;
}

void ScopeBuilder::Own(Scope* scope, Part* part) {
  part->owner = scope;
  part->id = analysis_->parts_++;
  scope->parts.Add(arena_, part);
}

void ScopeBuilder::AddConditions(Scope* scope, const List<const Condition*>& conditions) {
  for (const Condition* condition : conditions) {
    scope->conditions.Add(arena_, condition);
    if (condition->kind == Condition::Kind::Equal)
      scope->equalities.Unite(arena_, condition->left, condition->right);
  }
}

void ScopeBuilder::Add(Scope* scope, const From& from) {
  switch (from.kind) {
    case From::Kind::Leaf:
      Own(scope, PartOf(scope, from));
      return;
    case From::Kind::Inner:
      for (const From* item : from.items) Add(scope, *item);
      AddConditions(scope, from.conditions);
      return;
    case From::Kind::Left:
    case From::Kind::Full:
      AddOuterJoin(scope, from);
      return;
  }
}

namespace {

/// What the parts read of each other must be in them.
bool IsLateralWithin(const Arena& arena, const Scope& scope, const Part& a, const Part& b) {
  const Set outside =
      a.lateral.Union(arena, b.lateral).Without(arena, a.relations).Without(arena, b.relations);
  return !outside.Overlaps(scope.query->relations);
}

/// What conditions compare the part with, and what it reads of others.
Set NeighboursOf(const Arena& arena, const Scope& scope, const Part& part) {
  Set relations = part.lateral;
  for (const Condition* condition : scope.conditions) {
    if (condition->relations.Overlaps(part.relations))
      relations = relations.Union(arena, condition->relations);
  }
  return relations;
}

bool AreNeighbours(const Set& neighbours, const Part& part, const Part& other) {
  return neighbours.Overlaps(other.relations) || other.lateral.Overlaps(part.relations);
}

Pairing PairCopies(const Tree& tree, const Part& a, const Part& b) {
  if (a.reach != Reach::Replicated || b.reach != Reach::Replicated) return {};
  Pairing pairing = {true, a};
  Part& merged = pairing.merged;
  merged.once = a.once || b.once;
  merged.has_tables = a.has_tables || b.has_tables;
  merged.relations = a.relations.Union(tree.arena, b.relations);
  merged.lateral = a.lateral.Union(tree.arena, b.lateral);
  merged.nodes = a.nodes.Copy(tree.arena);
  merged.nodes.AddAll(tree.arena, b.nodes);
  merged.conditions = a.conditions.Copy(tree.arena);
  merged.conditions.AddAll(tree.arena, b.conditions);
  return pairing;
}

int CountLive(const Scope& scope, Reach reach) {
  int count = 0;
  for (const Part* part : scope.parts) count += !part->frozen && part->reach == reach ? 1 : 0;
  return count;
}

/// Merges what can be merged with the part; whether anything was.
template <typename Pair>
bool MergeInto(const Tree& tree, Scope* scope, int index, const Pair& pair) {
  List<Part*>& parts = scope->parts;
  bool merged = false;
  Set neighbours = NeighboursOf(tree.arena, *scope, *parts[index]);
  for (int i = 0; i < parts.size();) {
    const Part &part = *parts[index], &other = *parts[i];
    const bool candidate =
        i != index && !other.frozen && IsLateralWithin(tree.arena, *scope, part, other);
    const Pairing pairing = candidate ? pair(part, other, neighbours) : Pairing{};
    if (!pairing.possible) {
      i++;
      continue;
    }
    neighbours = neighbours.Union(tree.arena, NeighboursOf(tree.arena, *scope, other));
    *parts[index] = pairing.merged;
    parts.Remove(i);
    if (i < index) index--;
    merged = true;
    i = 0;
  }
  return merged;
}

template <typename Pair>
void MergeParts(const Tree& tree, Scope* scope, const Pair& pair) {
  bool again = true;
  while (again) {
    again = false;
    for (int i = 0; i < scope->parts.size(); i++) {
      if (!scope->parts[i]->frozen) again = MergeInto(tree, scope, i, pair) || again;
    }
  }
}

const Part* HomeOf(const Scope& scope, const Condition& condition) {
  if (!condition.relations.Overlaps(scope.query->relations))
    return scope.parts.size() == 1 ? scope.parts[0] : nullptr;
  for (const Part* part : scope.parts) {
    if (condition.relations.IsSubsetOf(part->relations, scope.query->relations)) return part;
  }
  return nullptr;
}

}  // namespace

/// Joins what lies together: first by key, then replicated parts to the part they are joined with.
void ScopeBuilder::MergeAll(Scope* scope) {
  const Tree& tree = *tree_;
  MergeParts(tree, scope, [&](const Part& a, const Part& b, const Set&) {
    return PairSpread(tree, *scope, a, b);
  });
  MergeParts(tree, scope, [&](const Part& a, const Part& b, const Set& neighbours) {
    return AreNeighbours(neighbours, a, b) ? PairWithCopy(tree, *scope, a, b) : Pairing{};
  });
  if (CountLive(*scope, Reach::Hashed) == 1 && CountLive(*scope, Reach::Here) == 0) {
    MergeParts(tree, scope, [&](const Part& a, const Part& b, const Set&) {
      return PairWithCopy(tree, *scope, a, b);
    });
  }
  const bool copies = CountLive(*scope, Reach::Here) + CountLive(*scope, Reach::Hashed) == 0;
  MergeParts(tree, scope, [&](const Part& a, const Part& b, const Set& neighbours) {
    return copies || AreNeighbours(neighbours, a, b) ? PairCopies(tree, a, b) : Pairing{};
  });
}

/// Nothing that the part reads is elsewhere.
bool ScopeBuilder::MayShip(const Part& part) const {
  if (part.reach == Reach::Here) return false;
  const Set elsewhere = part.lateral.Without(arena_, part.relations);
  return shipped_ ? !elsewhere.Overlaps(query_.relations) : elsewhere.IsEmpty();
}

/// Gives each condition to the part that can check it; what is left is checked on the asking node.
void ScopeBuilder::AssignConditions(Scope* scope) {
  List<const Condition*> left_over;
  for (const Condition* condition : scope->conditions) {
    auto* home = const_cast<Part*>(HomeOf(*scope, *condition));
    if (home != nullptr && MayShip(*home) && analysis_->Ships(*condition, *scope, home)) {
      home->conditions.Add(arena_, condition);
      home->once =
          home->once || (home->reach == Reach::Replicated && analysis_->IsOnce(*condition));
    } else {
      left_over.Add(arena_, condition);
    }
  }
  scope->conditions = left_over;
}

void ScopeBuilder::Close(Scope* scope) {
  MergeAll(scope);
  AssignConditions(scope);
}

bool IsWhole(const Scope& scope) {
  if (!scope.conditions.empty()) return false;
  return scope.parts.empty() || (scope.parts.size() == 1 && scope.parts[0]->reach != Reach::Here);
}

}  // namespace altius::core::locus
