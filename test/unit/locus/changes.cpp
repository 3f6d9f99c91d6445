// SPDX-License-Identifier: PostgreSQL
// The statement as the source of a modification: of one of its tables, or as the rows of an INSERT.
#include <algorithm>
#include <set>

#include "altius/core/locus/change.hpp"
#include "run.hpp"

namespace locus_test {

namespace {

/// Rows of a table by where they stand in the test's memory.
using Hits = std::set<std::vector<int>>;

std::vector<Place> AllPlaces(const World& world, int cut) {
  std::vector<Place> places;
  for (int shard = 0; shard < world.shards; shard++) places.push_back({shard, shard, cut});
  return places;
}

Target TargetFor(const Relation& relation) {
  return {relation.kind, relation.colocation, relation.domain, false};
}

/// Tables that an UPDATE or DELETE may change: they stand in FROM and no outer join adds nulls to
/// them.
void Targets(const From& from, const World& world, std::vector<int>* targets) {
  using Kind = Relation::Kind;
  if (from.kind == From::Kind::Inner) {
    for (const From* item : from.items) Targets(*item, world, targets);
  }
  if (from.kind != From::Kind::Leaf) return;
  const Relation& relation = world.tree.relation(from.relation);
  const bool table = relation.kind == Kind::Hash || relation.kind == Kind::SingleShard ||
                     relation.kind == Kind::Reference;
  if (table && !relation.sampled) targets->push_back(from.relation);
}

class Changes {
 public:
  explicit Changes(World& world)
      : world_(world),
        query_(*world.root),
        analysis_(&world.tree, query_.id),
        scope_(*analysis_.ScopeOf(query_, false)),
        all_(world, {}),
        bindings_(all_.FromRows(*query_.from, {})) {}

  std::string Check() {
    std::vector<int> targets;
    Targets(*query_.from, world_, &targets);
    for (const int target : targets) {
      const std::string wrong = CheckTarget(target);
      if (!wrong.empty()) return wrong;
    }
    return "";
  }

 private:
  static Hits HitsOf(const Bindings& bindings, int target) {
    Hits hits;
    for (const Env& env : bindings) {
      const Row& row = *env.rows[target];
      hits.insert({row.values[0], row.values[1]});
    }
    return hits;
  }

  std::string CheckTarget(int target) {
    const Relation& relation = world_.tree.relation(target);
    if (relation.kind == Relation::Kind::Hash && !KeysAreKept(target))
      return "a key changes that is said to stay";
    const Beside beside = ChangeBeside(&analysis_, scope_, TargetFor(relation), query_.expressions);
    if (beside == Beside::No) return "";
    for (const Output& output : all_.AboveOf(query_).outputs) {
      if (output.kind == Output::Kind::OnlyHere)
        return "a shard would compute what only the asking node can";
    }
    const Hits right = HitsOf(bindings_, target);
    Hits found;
    for (const Place& place : AllPlaces(world_, query_.id)) {
      Run run(world_, place);
      const Hits here = HitsOf(run.FromRows(*query_.from, {}), target);
      if (beside == Beside::Copies && here != right) return "copies would change differently";
      found.insert(here.begin(), here.end());
    }
    return found == right || TakesAnyRows() ? "" : "other rows would be changed";
  }

  bool TakesAnyRows() const {
    return std::any_of(world_.uppers.begin(), world_.uppers.end(),
                       [](const Upper& upper) { return upper.limit != kNone; });
  }

  /// A statement can name it.
  bool IsWritten(const Term& term) const {
    return term.relation == kNone ||
           (query_.relations.Has(term.relation) && term.id >= 1 && term.id <= kColumns);
  }

  bool KeysAreKept(int target) {
    const Relation& relation = world_.tree.relation(target);
    const Value key = world_.tree.ValueOf({target, relation.key}, relation.domain);
    for (Value value = 0; value < world_.tree.value_count(); value++) {
      if (value == key || !IsWritten(world_.tree.term(value)) || !KeepsKey(scope_, key, value))
        continue;
      for (const Env& env : bindings_) {
        if (all_.Differ(key, value, env)) return false;
      }
    }
    return true;
  }

  World& world_;
  const Query& query_;
  Analysis analysis_;
  const Scope& scope_;
  Run all_;
  Bindings bindings_;
};

/// INSERT ... SELECT the statement.
const Scope& ScopeOfInsert(World& world, Analysis* analysis) {
  const Arena& arena = world.tree.arena;
  Relation source;
  source.kind = Relation::Kind::Query;
  source.query = world.root;
  auto* leaf = arena.Make<From>();
  leaf->relation = world.tree.AddRelation(source);
  world.tables.emplace_back();
  auto* from = arena.Make<From>();
  from->kind = From::Kind::Inner;
  from->items.Add(arena, leaf);
  Query* insert = world.tree.AddQuery();
  world.uppers.resize(static_cast<std::size_t>(insert->id) + 1);
  insert->from = from;
  insert->relations = insert->relations.With(arena, leaf->relation);
  CloseQuery(world.tree, insert);
  return *analysis->ScopeOf(*insert, false);
}

/// What a statement computes, once as any node does and once as the asking node alone.
List<const Condition*> ComputedOf(World& world, bool ships) {
  auto* expression = world.tree.arena.Make<Condition>();
  expression->ships = ships;
  List<const Condition*> computed;
  computed.Add(world.tree.arena, expression);
  return computed;
}

std::string CheckRow(World& world, Analysis* analysis, const Target& target) {
  Scope values;
  Query none;
  Part part;
  part.reach = Reach::Replicated;
  values.query = &none;
  values.parts.Add(world.tree.arena, &part);
  const bool copies = target.kind == Relation::Kind::Reference;
  if (RowBeside(analysis, values, target, ComputedOf(world, false)) != Beside::No)
    return "a shard would compute what only the asking node can, of one row";
  const Beside beside = RowBeside(analysis, values, target, ComputedOf(world, true));
  return beside == (copies ? Beside::Copies : Beside::Shards) ? "" : "a row would not come to all copies";
}

std::string CheckInsert(World& world, Analysis* analysis, const Scope& scope, const Locus& rows,
                        const Target& target, int key_column) {
  if (InsertBeside(analysis, scope, rows, target, key_column, ComputedOf(world, false)) != Beside::No)
    return "a shard would compute what only the asking node can";
  const Beside beside =
      InsertBeside(analysis, scope, rows, target, key_column, ComputedOf(world, true));
  if (beside == Beside::No) return "";
  std::vector<Row> right = Run(world, {}).Rows(*world.root, {});
  std::sort(right.begin(), right.end());
  for (const Place& place : AllPlaces(world, kNone)) {
    std::vector<Row> here = Run(world, place).Rows(*world.root, {});
    std::sort(here.begin(), here.end());
    if (beside == Beside::Copies && here != right) return "copies would get other rows";
    if (beside == Beside::Copies || rows.loud || (rows.single && place.shard > 0)) continue;
    for (const Row& row : here) {
      const bool single = target.kind == Relation::Kind::SingleShard;
      const int owner =
          single ? 0
                 : world.ShardOfValue(row.values[key_column - 1], target.domain, target.colocation);
      if (owner != place.shard) return "a row would be put into another shard than its own";
    }
  }
  return "";
}

}  // namespace

std::string CheckChanges(World& world) {
  if (world.root->operation == Query::Operation::None && world.root->from != nullptr) {
    const std::string wrong = Changes(world).Check();
    if (!wrong.empty()) return wrong;
  }
  using Kind = Relation::Kind;
  Analysis analysis(&world.tree, kNone);
  const Scope& scope = ScopeOfInsert(world, &analysis);
  const Locus& rows = analysis.LocusOf(*world.root);
  for (const Target& target :
       {Target{Kind::Hash, 1, 0, false}, Target{Kind::Hash, 2, 0, false},
        Target{Kind::Hash, 1, 1, false}, Target{Kind::SingleShard, 1, kNone, false},
        Target{Kind::Reference, 0, kNone, false}}) {
    const std::string wrong_row = CheckRow(world, &analysis, target);
    if (!wrong_row.empty()) return wrong_row;
    for (int column = 1; column <= 2; column++) {
      const std::string wrong = CheckInsert(world, &analysis, scope, rows, target, column);
      if (!wrong.empty()) return wrong;
    }
  }
  return "";
}

}  // namespace locus_test
