// SPDX-License-Identifier: PostgreSQL
// The locus of whole queries, and what can be computed beside the rows of a part.
#include "altius/core/locus/upper.hpp"
#include "scope.hpp"

namespace altius::core::locus {

namespace {

Locus Cut(Reason reason) {
  Locus locus;
  locus.reason = reason;
  return locus;
}

/// Grouping, windows, DISTINCT and LIMIT give the same result shard group by shard group as over
/// all rows (None), or why not.
Reason WhyUpperIsCut(const Tree& tree, const Query& query, const Scope& scope, const Part& part) {
  if (part.reach == Reach::Replicated || IsPinned(tree, scope, part)) return Reason::None;
  // Users rely on the order of a subquery even where SQL does not promise it.
  if (query.limited || query.sorted) return Reason::LimitOrOrder;
  if (query.empty_group && !query.grouping_sets) return Reason::OneRowEach;
  if (query.grouped && !GroupsLieTogether(query, scope, part)) return Reason::Groups;
  if (!WindowsLieTogether(query, scope, part)) return Reason::Windows;
  if (query.distinct && !DistinctLiesTogether(query, scope, part)) return Reason::Distinct;
  return Reason::None;
}

List<int> KeyColumns(Tree* tree, const Query& query, const Scope& scope, const Part& part) {
  List<int> columns;
  const int domain = tree->domain(part.key);
  for (int i = 0; i < query.outputs.size(); i++) {
    if (query.outputs[i].id == kNone) continue;
    if (scope.equalities.Same(tree->ValueOf(query.outputs[i], domain), part.key))
      columns.Add(tree->arena, i + 1);
  }
  return columns;
}

Reason WhyNotShipped(const Condition& condition) {
  return condition.ships && !condition.subqueries.empty() ? Reason::Subquery : Reason::NotShippable;
}

Reason WhyNotWhole(const Scope& scope) {
  for (const Part* part : scope.parts) {
    if (part->reach == Reach::Here) return part->reason;
  }
  for (const Part* part : scope.parts) {
    if (part->once) return Reason::NotOneAnswer;
    if (part->loud) return Reason::OneRowEach;
  }
  return scope.parts.size() > 1 ? Reason::NoKeyEquality : WhyNotShipped(*scope.conditions[0]);
}

}  // namespace

Locus Analysis::PlainLocus(const Query& query) {
  const Scope& scope = *ScopeOf(query, true);
  if (!IsWhole(scope)) return Cut(WhyNotWhole(scope));
  const Part* part = scope.parts.empty() ? nullptr : scope.parts[0];
  Locus locus;
  locus.once = query.order_dependent || (part != nullptr && part->once);
  for (const Condition* expression : query.expressions) {
    if (!Ships(*expression, scope, part)) return Cut(WhyNotShipped(*expression));
    locus.once = locus.once || IsOnce(*expression);
  }
  locus.whole = true;
  if (part == nullptr) return locus;
  if (part->lateral.Without(tree_->arena, part->relations).Overlaps(query.relations))
    return Cut(Reason::NotShippable);
  const Reason reason = WhyUpperIsCut(*tree_, query, scope, *part);
  if (reason != Reason::None) return Cut(reason);
  locus.reach = part->reach;
  locus.colocation = part->colocation;
  locus.single = part->single;
  locus.has_tables = part->has_tables;
  locus.prunes = part->prunes;
  if (part->reach != Reach::Hashed) return locus;
  locus.once = false;  // every row comes from one shard group
  if (part->single) return locus;
  locus.loud = part->loud || query.empty_group;
  const List<Value> places =
      part->loud ? PlacesAt(*tree_, scope, *part, kNone) : PinsOf(*tree_, scope, part->key);
  locus.pins = places;
  if (locus.loud && places.empty()) return Cut(Reason::OneRowEach);
  locus.domain = part->loud ? tree_->domain(places[0]) : tree_->domain(part->key);
  if (!locus.loud) locus.key_columns = KeyColumns(tree_, query, scope, *part);
  return locus;
}

namespace {

template <typename T>
List<T> Intersection(const Arena& arena, const List<T>& a, const List<T>& b) {
  List<T> both;
  for (const T& item : a) {
    if (b.Has(item)) both.Add(arena, item);
  }
  return both;
}

/// A loud result runs at one of its places, and nowhere else.
void PruneToPlace(const Tree& tree, Locus* locus) {
  locus->prunes = {};
  for (const Value pin : locus->pins) {
    if (tree.term(pin).relation != kNone) continue;
    locus->prunes.known = true;
    locus->prunes.values.Add(tree.arena, pin);
    return;
  }
}

void PruneArms(const Tree& tree, Query::Operation operation, const Locus& left, const Locus& right,
               Locus* locus) {
  if (operation == Query::Operation::Except) return;
  locus->prunes.known = left.prunes.known && right.prunes.known;
  locus->prunes.values = {};
  if (!locus->prunes.known) return;
  locus->prunes.values = left.prunes.values.Copy(tree.arena);
  for (const Value value : right.prunes.values) {
    if (!locus->prunes.values.Has(value)) locus->prunes.values.Add(tree.arena, value);
  }
}

}  // namespace

Locus Analysis::ArmsLocus(const Query& query, const Locus& left, const Locus& right) {
  if (!left.whole || !right.whole) return Cut(left.whole ? right.reason : left.reason);
  if (left.reach != right.reach) return Cut(Reason::SetOperation);
  Locus locus = left;
  locus.has_tables = left.has_tables || right.has_tables;
  locus.once = left.once || right.once;
  if (left.reach == Reach::Replicated) return locus;
  if (left.colocation != right.colocation || left.single != right.single)
    return Cut(Reason::SetOperation);
  if (left.single) return locus;
  if (left.domain != right.domain) return Cut(Reason::SetOperation);
  locus.loud = left.loud || right.loud;
  locus.pins = Intersection(tree_->arena, left.pins, right.pins);
  locus.key_columns =
      locus.loud ? List<int>{} : Intersection(tree_->arena, left.key_columns, right.key_columns);
  if (locus.loud) {
    PruneToPlace(*tree_, &locus);
    return locus.pins.empty() ? Cut(Reason::OneRowEach) : locus;
  }
  PruneArms(*tree_, query.operation, left, right, &locus);
  const bool together = !locus.pins.empty() || !locus.key_columns.empty();
  const bool union_all = query.operation == Query::Operation::Union && query.all;
  return union_all || together ? locus : Cut(Reason::SetOperation);
}

Locus Analysis::SetLocus(const Query& query) {
  Locus locus = ArmsLocus(query, LocusOf(*query.left), LocusOf(*query.right));
  if (!locus.whole) return locus;
  // A column of this level's arms means nothing above.
  List<Value> pins;
  for (const Value pin : locus.pins) {
    const int relation = tree_->term(pin).relation;
    if (relation == kNone || query.outer.Has(relation)) pins.Add(tree_->arena, pin);
  }
  locus.pins = pins;
  const bool one_place = locus.reach == Reach::Replicated || locus.single || !pins.empty();
  if ((query.limited || query.sorted) && !one_place) return Cut(Reason::LimitOrOrder);
  locus.once = locus.reach == Reach::Replicated && (locus.once || query.order_dependent);
  return locus;
}

/// Queries may be added while the analysis is in use.
void Analysis::MakeRoom() {
  while (known_.size() < tree_->query_count()) {
    known_.Add(tree_->arena, nullptr);
    scopes_.Add(tree_->arena, nullptr);
  }
}

const Locus& Analysis::LocusOf(const Query& query) {
  MakeRoom();
  if (known_[query.id] == nullptr) {
    auto* locus = tree_->arena.Make<Locus>();
    *locus = query.cut                                   ? Cut(Reason::Modifies)
             : query.operation != Query::Operation::None ? SetLocus(query)
                                                         : PlainLocus(query);
    known_[query.id] = locus;
  }
  return *known_[query.id];
}

const Scope* Analysis::ScopeOf(const Query& query, bool shipped) {
  if (!shipped) return ScopeBuilder(this, tree_, query, false).Build();
  MakeRoom();
  if (scopes_[query.id] == nullptr)
    scopes_[query.id] = ScopeBuilder(this, tree_, query, true).Build();
  return scopes_[query.id];
}

namespace {

/// `key IN (SELECT key2 ...)`: pairs of equal keys only.
bool ComparesKeys(Tree* tree, const Subquery& subquery, const Locus& inner, const Scope& scope,
                  const Part& part) {
  if (!subquery.any || part.key == kNone) return false;
  for (int i = 0; i < subquery.left.size(); i++) {
    if (subquery.domains[i] != inner.domain || !inner.key_columns.Has(subquery.right[i])) continue;
    if (subquery.left[i].id == kNone) continue;
    if (scope.equalities.Same(tree->ValueOf(subquery.left[i], inner.domain), part.key)) return true;
  }
  return false;
}

/// All rows of the subquery are where those of the part are.
bool IsPinnedTo(const Tree& tree, const Locus& inner, const Scope& scope, const Part& part) {
  for (const Value pin : inner.pins) {
    if (!part.loud && scope.equalities.Same(pin, part.key)) return true;
    if (part.loud && PlacesAt(tree, scope, part, pin).size() == part.places.size()) return true;
  }
  return false;
}

}  // namespace

bool Analysis::IsSentAsValue(const Subquery& subquery) const {
  if (!subquery.argument) return false;
  bool needs_shipped = false;
  subquery.ctes.ForEach([&](int home) { needs_shipped = needs_shipped || home != cut_root_; });
  return !needs_shipped;
}

/// A subquery that finds all it needs beside the rows of the part.
bool Analysis::SubqueryShips(const Subquery& subquery, const Scope& scope, const Part* part) {
  if (IsSentAsValue(subquery)) return true;
  const Locus& inner = LocusOf(*subquery.query);
  if (!inner.whole) return false;
  if (inner.reach == Reach::Replicated) {
    // Asked for each row anew, any answer is right; asked once, each shard group could have
    // another.
    if (!inner.once || part == nullptr || part->reach != Reach::Hashed) return true;
    return subquery.query->outer.Overlaps(part->relations) ||
           (!scope.matched && IsPinned(*tree_, scope, *part));
  }
  if (part == nullptr || part->reach != Reach::Hashed || part->colocation != inner.colocation)
    return false;
  if (inner.single || part->single) return inner.single && part->single;
  return IsPinnedTo(*tree_, inner, scope, *part) ||
         ComparesKeys(tree_, subquery, inner, scope, *part);
}

bool Analysis::IsOnce(const Condition& condition) {
  for (const Subquery& subquery : condition.subqueries) {
    if (!IsSentAsValue(subquery) && LocusOf(*subquery.query).once) return true;
  }
  for (const Condition* inner : condition.parts) {
    if (IsOnce(*inner)) return true;
  }
  return false;
}

bool Analysis::Ships(const Condition& condition, const Scope& scope, const Part* part) {
  if (!condition.ships) return false;
  if (!scope.ships_outer && !condition.relations.IsSubsetOf(scope.query->relations)) return false;
  for (const Subquery& subquery : condition.subqueries) {
    if (!SubqueryShips(subquery, scope, part)) return false;
  }
  return true;
}

Reason WhyNotAlone(const Query& query, const Locus& locus, bool readable) {
  if (!locus.whole) return locus.reason;
  if (!locus.has_tables) return Reason::Local;
  // A query that reads columns of one that is cut depends on its rows: only its parts are shipped.
  if (!query.outer.IsEmpty()) return Reason::Correlated;
  return readable ? Reason::None : Reason::Unreadable;
}

bool RunsAlone(const Part& part) {
  return part.reach != Reach::Here && part.has_tables && part.lateral.IsSubsetOf(part.relations);
}

const char* ToText(Reason reason) {
  switch (reason) {
    case Reason::None:
      return "";
    case Reason::Local:
      return "reads what only this node has";
    case Reason::Modifies:
      return "changes rows or is recursive";
    case Reason::NotShippable:
      return "only this node can compute an expression";
    case Reason::Subquery:
      return "the rows of a subquery lie elsewhere";
    case Reason::Correlated:
      return "reads columns of a query that is cut";
    case Reason::Unreadable:
      return "has rows without a named type";
    case Reason::NoKeyEquality:
      return "not joined by the distribution columns";
    case Reason::NullExtended:
      return "an outer join would add its nulls on every shard";
    case Reason::NotOneAnswer:
      return "every shard could take other rows of a reference table";
    case Reason::OneRowEach:
      return "an aggregate would give a row on every shard";
    case Reason::Groups:
      return "not grouped by the distribution column";
    case Reason::Windows:
      return "a window is not partitioned by the distribution column";
    case Reason::Distinct:
      return "DISTINCT without the distribution column";
    case Reason::LimitOrOrder:
      return "LIMIT or ORDER BY over all shards";
    case Reason::SetOperation:
      return "rows of the set operation do not lie together";
  }
  return "";
}

}  // namespace altius::core::locus
