// SPDX-License-Identifier: PostgreSQL
// Puts statements together.
#pragma once

#include <utility>

#include "world.hpp"

namespace locus_test {

using Terms = std::vector<Term>;

class Builder {
 public:
  explicit Builder(World& world) : world_(world) {}

 protected:
  struct Level {
    Query* query;
    Upper* upper() const { return &world->uppers[static_cast<std::size_t>(query->id)]; }
    World* world;
  };

  const Arena& arena() const { return world_.tree.arena; }
  Level Open() {
    Query* query = world_.tree.AddQuery();
    if (root_ == kNone) root_ = query->id;
    world_.uppers.resize(static_cast<std::size_t>(query->id) + 1);
    return {query, &world_};
  }

  From* NewFrom(From::Kind kind) {
    auto* from = arena().Make<From>();
    from->kind = kind;
    return from;
  }

  From* Leaf(Level* level, const Relation& relation, Terms* columns, std::vector<Row> rows = {}) {
    From* leaf = NewFrom(From::Kind::Leaf);
    leaf->relation = world_.tree.AddRelation(relation);
    world_.tables.push_back(std::move(rows));
    level->query->relations = level->query->relations.With(arena(), leaf->relation);
    for (int column = 1; column <= kColumns; column++) columns->push_back({leaf->relation, column});
    return leaf;
  }
  Term Constant(int value) { return world_.ConstantOf(value); }

  const Condition* Equal(const Term& left, const Term& right, int domain = 0) {
    auto* condition = arena().Make<Condition>();
    condition->kind = Condition::Kind::Equal;
    condition->left = world_.tree.ValueOf(left, domain);
    condition->right = world_.tree.ValueOf(right, domain);
    Read(condition, left);
    Read(condition, right);
    return condition;
  }

  void Read(Condition* condition, const Term& term) {
    if (term.relation != kNone)
      condition->relations = condition->relations.With(arena(), term.relation);
  }

  Condition* Meant(const Meaning& meaning) {
    auto* condition = arena().Make<Condition>();
    Read(condition, meaning.left);
    Read(condition, meaning.right);
    condition->origin = static_cast<int>(world_.meanings.size());
    world_.meanings.push_back(meaning);
    return condition;
  }

  void Put(Level* level, const Term& term, Output::Kind kind = Output::Kind::Column,
           const Term& filter = {}) {
    auto* expression = arena().Make<Condition>();
    Read(expression, term);
    Read(expression, filter);
    expression->ships = kind != Output::Kind::OnlyHere && kind != Output::Kind::SumHere;
    level->upper()->outputs.push_back({kind, term, expression, filter});
    level->query->outputs.Add(arena(), kind == Output::Kind::Column ? term : Term{});
    level->query->expressions.Add(arena(), expression);
  }
  From* NewJoin(Level* level, From::Kind kind, const From* kept, const From* other) {
    From* join = NewFrom(kind);
    join->items.Add(arena(), kept);
    join->items.Add(arena(), other);
    join->relation = world_.tree.AddRelation({});
    world_.tables.emplace_back();
    level->query->relations = level->query->relations.With(arena(), join->relation);
    return join;
  }
  /// --- what stands above FROM ---

  void Aggregated(Level* level, const Term& term) {
    level->query->grouped = level->query->empty_group = true;
    Put(level, term, Output::Kind::Max);
    Put(level, {}, Output::Kind::Count);
  }

  /// What of the level the asking node alone computes.
  void ComputeHere(Level* level) {
    auto* expression = arena().Make<Condition>();
    expression->ships = false;
    level->query->expressions.Add(arena(), expression);
  }

  void GroupedBy(Level* level, const Term& term, int domain) {
    level->query->grouped = true;
    level->upper()->group.push_back(term);
    level->upper()->group_domains.push_back(domain);
    level->query->group_keys.Add(arena(), world_.tree.ValueOf(term, domain));
    Put(level, term);
  }

  void Grouped(Level* level, const Term& term, int domain) {
    GroupedBy(level, term, domain);
    Put(level, {}, Output::Kind::Count);
  }

  static void WithEmptySet(Level* level) {
    level->query->grouping_sets = level->query->empty_group = true;
  }

  void Windowed(Level* level, const Term& term, const Term& partition) {
    level->upper()->partition.push_back(partition);
    level->upper()->partition_domains.push_back(0);
    List<Value> keys;
    keys.Add(arena(), world_.tree.ValueOf(partition, 0));
    level->query->windows.Add(arena(), keys);
    Put(level, term);
    Put(level, {}, Output::Kind::Count);
  }

  void Distinct(Level* level, bool on_first) {
    level->query->distinct = true;
    level->upper()->distinct_domain = 0;
    level->upper()->distinct_on = on_first;
    for (const Term& term : level->query->outputs) {
      if (term.id != kNone) level->query->distinct_keys.Add(arena(), world_.tree.ValueOf(term, 0));
      if (on_first) break;
    }
  }

  void Limited(Level* level) {
    level->query->limited = level->query->order_dependent = true;
    level->upper()->limit = 1;
  }

  World& world_;
  int root_ = kNone;
};

}  // namespace locus_test
