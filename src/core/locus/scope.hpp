// SPDX-License-Identifier: PostgreSQL
// Makes the parts of one level's FROM and WHERE.
#pragma once

#include "altius/core/locus/analysis.hpp"

namespace altius::core::locus {

class ScopeBuilder {
 public:
  ScopeBuilder(Analysis* analysis, Tree* tree, const Query& query, bool shipped)
      : analysis_(analysis), tree_(tree), arena_(tree->arena), query_(query), shipped_(shipped) {}

  Scope* Build();

 private:
  // scope.cpp
  Scope* Side(const From& from);
  void Add(Scope* scope, const From& from);
  void AddConditions(Scope* scope, const List<const Condition*>& conditions);
  void Own(Scope* scope, Part* part);
  void Close(Scope* scope);
  void MergeAll(Scope* scope);
  bool MayShip(const Part& part) const;
  void AssignConditions(Scope* scope);

  // relation.cpp
  Part* PartOf(Scope* scope, const From& leaf);
  Part* PartOfTable(int index, const Relation& relation);
  Part* PartOfQuery(Scope* scope, int index, const Relation& relation);
  void AddSource(Scope* scope, Part* part, const Condition& source);
  void TakeOver(Scope* scope, Part* part, int index, const Locus& locus);

  // outer_join.cpp
  void AddOuterJoin(Scope* scope, const From& join);
  Part* WholeJoin(Scope* scope, const From& join, const Scope& kept, const Scope& other,
                  Reason* reason);
  void AddCutJoin(Scope* scope, const From& join, Scope* kept, Scope* other, Reason reason);
  void PushDown(const From& join, Scope* other, Part* outside);

  Part* NewPart(Reach reach, const From* node);

  Analysis* analysis_;
  Tree* tree_;
  const Arena& arena_;
  const Query& query_;
  bool shipped_;
};

/// Two parts of a level joined into one.
struct Pairing {
  bool possible = false;
  Part merged;
};

/// Whether inner-joined parts run beside one another, both spread.
Pairing PairSpread(const Tree& tree, const Scope& scope, const Part& a, const Part& b);

/// The same for a spread part and one that is the same everywhere.
Pairing PairWithCopy(const Tree& tree, const Scope& scope, const Part& spread, const Part& copy);

/// Of the places of a loud part, those that all its rows can be at: `key` (kNone: any that is fixed
/// for the level).
List<Value> PlacesAt(const Tree& tree, const Scope& scope, const Part& part, Value key);

/// What restricts the shard groups of a finished part.
void DerivePrunes(const Tree& tree, const Scope& scope, Part* part);

/// The values of the key's class that are fixed for the level.
List<Value> PinsOf(const Tree& tree, const Scope& scope, Value key);

}  // namespace altius::core::locus
