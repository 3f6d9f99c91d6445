// SPDX-License-Identifier: PostgreSQL
#include <algorithm>
#include <string>
#include <utility>

#include "builder.hpp"

namespace locus_test {

namespace {

struct Source {
  Relation::Kind kind;
  int colocation, domain;
  const char* name;
};

// c is spread by a coarser equality than the others.
constexpr Source kSources[] = {
    {Relation::Kind::Hash, 1, 0, "d"},      {Relation::Kind::Reference, 0, 0, "r"},
    {Relation::Kind::Hash, 1, 0, "e"},      {Relation::Kind::Hash, 2, 0, "f"},
    {Relation::Kind::Hash, 3, 1, "c"},      {Relation::Kind::SingleShard, 4, 0, "s"},
    {Relation::Kind::Rows, 0, 0, "values"}, {Relation::Kind::Here, 0, 0, "l"},
};

class Generator {
 public:
  Generator(World& world, Chooser& choose, int relations)
      : world_(world),
        choose_(choose),
        left_(relations),
        most_rows_(relations > 4   ? 2
                   : relations > 2 ? 3
                                   : 5) {}

  const Query* AnyQuery(const Terms& outer, int depth) {
    if (depth > 0 && left_ >= 2 && !choose_.exhaustive() && choose_.Percent(12))
      return SetQuery(outer, depth);
    return PlainQuery(outer, depth);
  }

 private:
  const Arena& arena() const { return world_.tree.arena; }

  Query* NewQuery() {
    Query* query = world_.tree.AddQuery();
    world_.uppers.resize(static_cast<std::size_t>(query->id) + 1);
    return query;
  }

  const Query* SetQuery(const Terms& outer, int depth) {
    Query* query = NewQuery();
    query->operation = static_cast<Query::Operation>(1 + choose_(3));
    query->all = choose_.Percent(50);
    query->left = AnyQuery(outer, depth - 1);
    left_ = std::max(left_, 1);
    query->right = AnyQuery(outer, depth - 1);
    query->outputs.Add(arena(), {});
    query->outputs.Add(arena(), {});
    CloseQuery(world_.tree, query);
    return query;
  }

  const Query* PlainQuery(const Terms& outer, int depth) {
    Query* query = NewQuery();
    Terms columns;
    query->from = FromList(query, &columns, outer, depth);
    Above(query, columns, outer, depth);
    CloseQuery(world_.tree, query);
    return query;
  }

  From* NewFrom(From::Kind kind) {
    auto* from = arena().Make<From>();
    from->kind = kind;
    return from;
  }

  const From* FromList(Query* query, Terms* columns, const Terms& outer, int depth) {
    From* from = NewFrom(From::Kind::Inner);
    do {
      Terms around = outer;
      around.insert(around.end(), columns->begin(), columns->end());
      from->items.Add(arena(), Item(query, columns, around, outer, depth));
    } while (left_ > 0 && from->items.size() < 3 && choose_.Percent(40));
    AddConditions(&from->conditions, *columns, outer, depth, choose_.exhaustive() ? 1 : 2);
    return from;
  }

  /// `around`: what lateral items may read; `outer`: what ON may.
  const From* Item(Query* query, Terms* columns, const Terms& around, const Terms& outer,
                   int depth) {
    if (left_ < 2 || (choose_.exhaustive() && in_join_) || !choose_.Percent(35))
      return Leaf(query, columns, around, depth);
    const int kind = choose_(choose_.exhaustive() ? 2 : 4);
    From* join = NewFrom(kind == 1 ? From::Kind::Full : From::Kind::Left);
    const bool in_join = std::exchange(in_join_, true);
    Terms own;
    // Full joins know no lateral.
    join->items.Add(arena(), Item(query, &own, kind == 1 ? Terms{} : around, outer, depth));
    Terms lateral = around;
    lateral.insert(lateral.end(), own.begin(), own.end());
    join->items.Add(arena(), left_ > 0
                                 ? Item(query, &own, kind == 1 ? Terms{} : lateral, outer, depth)
                                 : Leaf(query, &own, kind == 1 ? Terms{} : lateral, 0));
    in_join_ = in_join;
    join->relation = world_.tree.AddRelation({});
    world_.tables.emplace_back();
    query->relations = query->relations.With(arena(), join->relation);
    AddConditions(&join->conditions, own, outer, depth, choose_.exhaustive() ? 1 : 2);
    columns->insert(columns->end(), own.begin(), own.end());
    return join;
  }

  const From* Leaf(Query* query, Terms* columns, const Terms& around, int depth) {
    From* leaf = NewFrom(From::Kind::Leaf);
    const bool subquery = depth > 0 && left_ > (choose_.exhaustive() ? 0 : 1) &&
                          subqueries_left_ > 0 && choose_.Percent(30);
    if (!subquery || !choose_.exhaustive()) left_--;
    if (subquery && choose_.exhaustive()) subqueries_left_--;
    Relation relation;
    if (subquery) {
      relation.kind = Relation::Kind::Query;
      relation.query = AnyQuery(around, depth - 1);
    } else {
      const Source& source = kSources[choose_.exhaustive() ? choose_(2) : AnySource()];
      relation.kind = source.kind;
      relation.colocation = source.colocation;
      relation.key = source.kind == Relation::Kind::Hash ? 1 : kNone;
      relation.domain = source.domain;
    }
    leaf->relation = world_.tree.AddRelation(relation);
    world_.tables.emplace_back();
    if (!subquery) Fill(&world_.tables.back());
    query->relations = query->relations.With(arena(), leaf->relation);
    for (int column = 1; column <= kColumns; column++) columns->push_back({leaf->relation, column});
    return leaf;
  }

  int AnySource() {
    const int drawn = choose_(20);
    return drawn < 6 ? 0 : drawn < 11 ? 1 : drawn < 14 ? 2 : 3 + drawn % 5;
  }

  void Fill(std::vector<Row>* rows) {
    if (choose_.exhaustive()) {
      for (const auto& [key, value] :
           {std::pair{0, 1}, {1, 1}, {2, 0}, {3, kNull}, {1, 2}, {kNull, 1}})
        rows->push_back({{key, value, kNull}});
      return;
    }
    for (int i = choose_(most_rows_); i >= 0; i--)
      rows->push_back({{AnyKey(), choose_(5) - 1, kNull}});
  }

  int AnyKey() { return world_.null_keys ? choose_(5) - 1 : choose_(4); }

  /// --- conditions ---

  void AddConditions(List<const Condition*>* conditions, const Terms& columns, const Terms& outer,
                     int depth, int most) {
    if (choose_.exhaustive()) most = std::min(most, conditions_left_);
    const int count = choose_(most + 1);
    conditions_left_ -= count;
    for (int i = 0; i < count; i++) conditions->Add(arena(), AnyCondition(columns, outer, depth));
  }

  /// For a result: in turn, no more than the first and the last.
  Term PickResult(const Terms& columns, const Terms& outer, int outer_chance) {
    return choose_.exhaustive() ? (outer_chance > 5 ? columns.back() : columns.front())
                                : Pick(columns, outer, outer_chance);
  }

  Term Pick(const Terms& columns, const Terms& outer, int outer_chance) {
    if (columns.empty() || (!outer.empty() && choose_.Percent(outer_chance))) {
      return outer[static_cast<std::size_t>(choose_(static_cast<int>(outer.size())))];
    }
    if (choose_.exhaustive())
      return columns[static_cast<std::size_t>(choose_(static_cast<int>(columns.size())))];
    // The first column, the key, more often than others.
    const auto index = static_cast<std::size_t>(choose_(static_cast<int>(columns.size())));
    return columns[choose_.Percent(40) ? index / 2 * 2 : index];
  }

  Term Constant() { return world_.ConstantOf(choose_.exhaustive() ? 1 : choose_(4)); }
  Term Array() {
    std::vector<int> elements;
    for (int i = choose_(3); i >= 0; i--) elements.push_back(choose_(4));
    world_.arrays.push_back(elements);
    return {kNone, 999 + static_cast<int>(world_.arrays.size())};
  }

  Condition* NewCondition() { return arena().Make<Condition>(); }
  void Read(Condition* condition, const Term& term) {
    if (term.relation != kNone)
      condition->relations = condition->relations.With(arena(), term.relation);
  }
  int AnyDomain() { return choose_.exhaustive() || !choose_.Percent(15) ? 0 : 1; }

  Condition* Equal(const Terms& columns, const Terms& outer, bool any) {
    Condition* condition = NewCondition();
    const Term left = Pick(columns, choose_.exhaustive() && !columns.empty() ? Terms{} : outer, 5);
    const int what = choose_(choose_.exhaustive() ? 2 : 4);
    const Term right = any ? Array() : what == 1 ? Constant() : Pick(columns, outer, 35);
    const int domain = AnyDomain();
    condition->kind = any ? Condition::Kind::Any : Condition::Kind::Equal;
    condition->left = world_.tree.ValueOf(left, domain);
    condition->right = world_.tree.ValueOf(right, domain);
    Read(condition, left);
    Read(condition, right);
    return condition;
  }

  const Condition* AnyCondition(const Terms& columns, const Terms& outer, int depth) {
    if (choose_.exhaustive()) return Equal(columns, outer, false);
    const int kind = choose_(20);
    if (kind < 11) return Equal(columns, outer, false);
    if (kind == 11) return Equal(columns, outer, true);
    if (kind == 12) return Combination(columns, outer);
    if (kind < 17 && depth > 0 && left_ > 0) return WithSubquery(columns, outer, depth);
    Condition* condition = NewCondition();
    Meaning meaning = {static_cast<Meaning::Kind>(choose_(3)), Pick(columns, outer, 20),
                       Pick(columns, outer, 20)};
    if (choose_.Percent(8)) {
      meaning.kind = Meaning::Kind::OnlyHere;
      condition->ships = false;
    }
    return WithMeaning(condition, meaning);
  }

  Condition* Combination(const Terms& columns, const Terms& outer) {
    Condition* condition = NewCondition();
    condition->kind = choose_.Percent(70) ? Condition::Kind::Or : Condition::Kind::And;
    for (int i = 0; i < 2; i++) {
      const Condition* part = Equal(columns, outer, choose_.Percent(30));
      condition->parts.Add(arena(), part);
      condition->relations = condition->relations.Union(arena(), part->relations);
    }
    return condition;
  }

  const Condition* WithMeaning(Condition* condition, const Meaning& meaning) {
    Read(condition, meaning.left);
    Read(condition, meaning.right);
    condition->origin = static_cast<int>(world_.meanings.size());
    world_.meanings.push_back(meaning);
    return condition;
  }

  Subquery MakeSubquery(Condition* condition, const Terms& columns, const Terms& outer, int depth) {
    Terms around = outer;
    around.insert(around.end(), columns.begin(), columns.end());
    Subquery subquery;
    subquery.query = AnyQuery(around, depth - 1);
    condition->relations = condition->relations.Union(arena(), subquery.query->outer);
    return subquery;
  }

  const Condition* WithSubquery(const Terms& columns, const Terms& outer, int depth) {
    constexpr Meaning::Kind kKinds[] = {Meaning::Kind::Exists, Meaning::Kind::NotExists,
                                        Meaning::Kind::In, Meaning::Kind::NotIn,
                                        Meaning::Kind::ScalarLess};
    Condition* condition = NewCondition();
    const Meaning meaning = {kKinds[choose_(5)], Pick(columns, outer, 20), {}};
    Subquery subquery = MakeSubquery(condition, columns, outer, depth);
    const bool not_in = meaning.kind == Meaning::Kind::NotIn;
    subquery.any = meaning.kind == Meaning::Kind::In || (not_in && !world_.null_keys);
    subquery.argument = !not_in && !subquery.any && subquery.query->outer.IsEmpty();
    subquery.left.Add(arena(), meaning.left);
    subquery.right.Add(arena(), 1);
    subquery.domains.Add(arena(), AnyDomain());
    condition->subqueries.Add(arena(), subquery);
    return WithMeaning(condition, meaning);
  }

  /// --- what stands above FROM ---

  void Output(Query* query, const Term& term, Output::Kind kind = Output::Kind::Column) {
    Condition* expression = NewCondition();
    Read(expression, term);
    world_.uppers[static_cast<std::size_t>(query->id)].outputs.push_back(
        {kind, term, expression, {}});
    query->outputs.Add(arena(), kind == Output::Kind::Column ? term : Term{});
    query->expressions.Add(arena(), expression);
  }

  void ScalarOutput(Query* query, const Terms& columns, const Terms& outer, int depth) {
    Condition* expression = NewCondition();
    Subquery subquery = MakeSubquery(expression, columns, outer, depth);
    subquery.argument = subquery.query->outer.IsEmpty();
    expression->subqueries.Add(arena(), subquery);
    query->expressions.Add(arena(), expression);
    query->outputs.Add(arena(), {});
    world_.uppers[static_cast<std::size_t>(query->id)].outputs.push_back(
        {Output::Kind::Scalar, {}, expression, {}});
  }

  void Above(Query* query, const Terms& columns, const Terms& outer, int depth) {
    const int kind = choose_(choose_.exhaustive() ? 3 : 10);
    if (kind == 1 || kind == 8) {
      query->grouped = query->empty_group = true;
      Output(query, PickResult(columns, outer, 5), Output::Kind::Max);
      Output(query, {}, Output::Kind::Count);
    } else if (kind == 2 || kind == 9) {
      Group(query, columns, outer);
    } else {
      Output(query, PickResult(columns, outer, 5));
      if (kind == 3 && depth > 0 && left_ > 0) {
        ScalarOutput(query, columns, outer, depth);
      } else if (kind == 4) {
        Window(query, columns, outer);
      } else {
        Output(query, PickResult(columns, outer, 10));
      }
    }
    if (choose_.exhaustive()) return;
    if (kind == 5) Distinct(query);
    if (choose_.Percent(8)) {
      query->limited = query->order_dependent = true;
      world_.uppers[static_cast<std::size_t>(query->id)].limit = choose_(3);
    }
  }

  void Group(Query* query, const Terms& columns, const Terms& outer) {
    Upper* upper = &world_.uppers[static_cast<std::size_t>(query->id)];
    query->grouped = true;
    const Term key = PickResult(columns, outer, 5);
    upper->group.push_back(key);
    upper->group_domains.push_back(AnyDomain());
    query->group_keys.Add(arena(), world_.tree.ValueOf(key, upper->group_domains[0]));
    Output(query, key);
    Output(query, {}, Output::Kind::Count);
  }

  void Window(Query* query, const Terms& columns, const Terms& outer) {
    Upper* upper = &world_.uppers[static_cast<std::size_t>(query->id)];
    List<Value> keys;
    if (choose_.Percent(80)) {
      upper->partition.push_back(Pick(columns, outer, 5));
      upper->partition_domains.push_back(AnyDomain());
      keys.Add(arena(), world_.tree.ValueOf(upper->partition[0], upper->partition_domains[0]));
    }
    query->windows.Add(arena(), keys);
    Output(query, {}, Output::Kind::Count);
  }

  void Distinct(Query* query) {
    const int domain = AnyDomain();
    query->distinct = true;
    world_.uppers[static_cast<std::size_t>(query->id)].distinct_domain = domain;
    for (const Term& term : query->outputs) {
      if (term.id != kNone) query->distinct_keys.Add(arena(), world_.tree.ValueOf(term, domain));
    }
  }

  World& world_;
  Chooser& choose_;
  int left_;  // relations that may still be made
  int most_rows_;
  bool in_join_ = false;
  int subqueries_left_ = 1;
  int conditions_left_ = 2;  // when everything is built in turn
};

}  // namespace

std::unique_ptr<World> Generate(Chooser& choose, int relations) {
  auto world = std::make_unique<World>();
  world->shards = choose.exhaustive() ? 2 : 2 + choose(3);
  world->null_keys = choose.exhaustive() || choose(2) == 1;
  Generator generator(*world, choose, relations);
  world->root = generator.AnyQuery({}, choose.exhaustive() ? 1 : 3);
  return world;
}

}  // namespace locus_test
