// SPDX-License-Identifier: PostgreSQL
// Runs statements, on all rows or on those of one shard group, and in parts as the algebra cuts
// them.
#include <algorithm>
#include <map>
#include <set>

#include "world.hpp"

namespace locus_test {

namespace {

constexpr int kEverywhere = -1;

/// Which rows are seen, and in which order those of reference tables come.
struct Place {
  int shard = kEverywhere;
  int rotation = 0;
};

enum class Truth { False, Unknown, True };

Truth And(Truth a, Truth b) { return std::min(a, b); }
Truth Or(Truth a, Truth b) { return std::max(a, b); }
Truth Not(Truth a) {
  return a == Truth::Unknown ? a : a == Truth::True ? Truth::False : Truth::True;
}
Truth Of(bool value) { return value ? Truth::True : Truth::False; }

using Bindings = std::vector<Env>;

class Run {
 public:
  Run(const World& world, Place place) : world_(world), place_(place) {}

  std::vector<Row> Rows(const Query& query, const Env& env) {
    if (query.operation != Query::Operation::None) return SetRows(query, env);
    Bindings bindings = {env};
    if (query.from != nullptr) bindings = FromRows(*query.from, env);
    return UpperRows(query, bindings, env);
  }

  Bindings FromRows(const From& from, const Env& env) {
    switch (from.kind) {
      case From::Kind::Leaf: {
        Bindings result;
        for (const Row& row : LeafRows(from.relation, env)) {
          store_.push_back(row);
          result.push_back(env);
          result.back().rows[from.relation] = &store_.back();
        }
        return result;
      }
      case From::Kind::Inner: {
        Bindings result = {env};
        for (const From* item : from.items) result = Extend(result, *item);
        return Where(result, from.conditions);
      }
      default:
        return Outer(from, env);
    }
  }

  Bindings Extend(const Bindings& bindings, const From& item) {
    Bindings result;
    for (const Env& env : bindings) {
      for (const Env& more : FromRows(item, env)) result.push_back(more);
    }
    return result;
  }

  Bindings Where(const Bindings& bindings, const List<const Condition*>& conditions) {
    Bindings result;
    for (const Env& env : bindings) {
      bool passes = true;
      for (const Condition* condition : conditions)
        passes = passes && Check(*condition, env) == Truth::True;
      if (passes) result.push_back(env);
    }
    return result;
  }

  /// `kept` left-joined (or full-joined) with what `other` gives for each.
  template <typename Other>
  Bindings JoinOuter(const Bindings& kept, const Other& other,
                     const List<const Condition*>& conditions, bool full, const Env& base) {
    Bindings result;
    const Bindings others = full ? other(base) : Bindings{};
    std::vector<bool> matched(others.size());
    for (const Env& env : kept) {
      const Bindings candidates = full ? Overlay(env, others, base) : other(env);
      bool any = false;
      for (std::size_t i = 0; i < candidates.size(); i++) {
        if (Where({candidates[i]}, conditions).empty()) continue;
        any = true;
        if (full) matched[i] = true;
        result.push_back(candidates[i]);
      }
      if (!any) result.push_back(env);
    }
    for (std::size_t i = 0; i < others.size(); i++) {
      if (!matched[i]) result.push_back(others[i]);
    }
    return result;
  }

  Truth Check(const Condition& condition, const Env& env) {
    switch (condition.kind) {
      case Condition::Kind::Equal:
        return EqualOf(ValueOf(condition.left, env), ValueOf(condition.right, env),
                       world_.tree.domain(condition.left));
      case Condition::Kind::Any: {
        Truth result = Truth::False;
        const int array = world_.tree.term(condition.right).id - 1000;
        for (const int element : world_.arrays[static_cast<std::size_t>(array)]) {
          result = Or(result, EqualOf(ValueOf(condition.left, env), element,
                                      world_.tree.domain(condition.left)));
        }
        return result;
      }
      case Condition::Kind::And:
      case Condition::Kind::Or: {
        const bool all = condition.kind == Condition::Kind::And;
        Truth result = Of(all);
        for (const Condition* part : condition.parts) {
          result = all ? And(result, Check(*part, env)) : Or(result, Check(*part, env));
        }
        return result;
      }
      case Condition::Kind::Opaque:
        break;
    }
    return CheckOpaque(condition, env);
  }

 private:
  static Bindings Overlay(const Env& env, const Bindings& others, const Env& base) {
    Bindings result;
    for (const Env& other : others) {
      result.push_back(env);
      for (int i = 0; i < kMaxRelations; i++) {
        if (other.rows[i] != base.rows[i]) result.back().rows[i] = other.rows[i];
      }
    }
    return result;
  }

  static Truth EqualOf(int a, int b, int domain) {
    return a == kNull || b == kNull ? Truth::Unknown : Of(ClassOf(a, domain) == ClassOf(b, domain));
  }

  int Get(const Term& term, const Env& env) {
    if (term.id == kNone) return kNull;
    if (term.relation == kNone) return world_.constants[static_cast<std::size_t>(term.id)];
    const Row* row = env.rows[term.relation];
    return row == nullptr ? kNull : row->values[term.id - 1];
  }
  int ValueOf(Value value, const Env& env) { return Get(world_.tree.term(value), env); }

  /// Asked for each row of what is around it, LIMIT may take what it likes.
  std::vector<Row> Answer(const Query& query, const Env& env) {
    const int before = place_.rotation;
    if (!query.outer.IsEmpty() || ReadsSpread(query)) place_.rotation = 0;
    std::vector<Row> rows = Rows(query, env);
    place_.rotation = before;
    return rows;
  }

  bool ReadsSpread(const Query& query) {
    if (query.left != nullptr) return ReadsSpread(*query.left) || ReadsSpread(*query.right);
    bool spread = false;
    query.relations.ForEach([&](int index) {
      const Relation& relation = world_.tree.relation(index);
      spread = spread || relation.kind == Relation::Kind::Hash ||
               relation.kind == Relation::Kind::SingleShard ||
               (relation.query != nullptr && ReadsSpread(*relation.query));
    });
    return spread;
  }

  /// Computed beforehand and sent as a value.
  std::vector<Row> Answer(const Subquery& subquery, const Env& env) {
    if (!subquery.argument || place_.shard == kEverywhere) return Answer(*subquery.query, env);
    return Run(world_, {}).Rows(*subquery.query, env);
  }

  Truth In(int value, const std::vector<Row>& rows, int domain) {
    Truth result = Truth::False;
    for (const Row& row : rows) result = Or(result, EqualOf(value, row.values[0], domain));
    return result;
  }

  Truth CheckOpaque(const Condition& condition, const Env& env) {
    const Meaning& meaning = world_.meanings[static_cast<std::size_t>(condition.origin)];
    const int left = Get(meaning.left, env), right = Get(meaning.right, env);
    const Subquery* subquery = condition.subqueries.empty() ? nullptr : &condition.subqueries[0];
    switch (meaning.kind) {
      case Meaning::Kind::Less:
        return left == kNull || right == kNull ? Truth::Unknown : Of(left < right);
      case Meaning::Kind::NotEqual:
        return Not(EqualOf(left, right, 0));
      case Meaning::Kind::IsNull:
        return Of(left == kNull);
      case Meaning::Kind::Exists:
        return Of(!Answer(*subquery, env).empty());
      case Meaning::Kind::NotExists:
        return Of(Answer(*subquery, env).empty());
      case Meaning::Kind::In:
        return In(left, Answer(*subquery, env), subquery->domains[0]);
      case Meaning::Kind::NotIn:
        return Not(In(left, Answer(*subquery, env), subquery->domains[0]));
      case Meaning::Kind::ScalarLess: {
        const int found = Scalar(*subquery, env);
        return left == kNull || found == kNull ? Truth::Unknown : Of(left < found);
      }
      case Meaning::Kind::OnlyHere:
        return Of(place_.shard == kEverywhere);
    }
    return Truth::Unknown;
  }

  /// As if it were wrapped in max(): never more than one row.
  int Scalar(const Subquery& subquery, const Env& env) {
    int result = kNull;
    for (const Row& row : Answer(subquery, env)) result = std::max(result, row.values[0]);
    return result;
  }

  std::vector<Row> LeafRows(int relation, const Env& env) {
    const Relation& info = world_.tree.relation(relation);
    if (info.query != nullptr) return Answer(*info.query, env);
    std::vector<Row> rows;
    if (info.kind == Relation::Kind::Here && place_.shard != kEverywhere) return rows;
    for (const Row& row : world_.tables[static_cast<std::size_t>(relation)]) {
      if (info.kind == Relation::Kind::Hash && place_.shard != kEverywhere &&
          world_.ShardOf(relation, row) != place_.shard)
        continue;
      // A table of one shard lies on that of number 0.
      if (info.kind == Relation::Kind::SingleShard && place_.shard > 0) continue;
      rows.push_back(row);
    }
    const bool moves = info.kind == Relation::Kind::Reference && !rows.empty();
    if (moves)
      std::rotate(rows.begin(), rows.begin() + place_.rotation % static_cast<int>(rows.size()),
                  rows.end());
    return rows;
  }

  Bindings Outer(const From& join, const Env& env) {
    return JoinOuter(
        FromRows(*join.items[0], env),
        [&](const Env& kept) { return FromRows(*join.items[1], kept); }, join.conditions,
        join.kind == From::Kind::Full, env);
  }

 public:
  std::vector<Row> UpperRows(const Query& query, const Bindings& bindings, const Env& env) {
    const Upper& upper = world_.uppers[static_cast<std::size_t>(query.id)];
    std::vector<Row> rows;
    if (query.grouped) {
      std::map<std::vector<int>, Bindings> groups;
      if (query.empty_group) groups[{}] = {};
      for (const Env& binding : bindings) {
        std::vector<int> key;
        for (std::size_t i = 0; i < upper.group.size(); i++) {
          key.push_back(ClassOf(Get(upper.group[i], binding), upper.group_domains[i]));
        }
        groups[key].push_back(binding);
      }
      for (const auto& [key, members] : groups) rows.push_back(GroupRow(upper, members, env));
    } else {
      for (const Env& binding : bindings) rows.push_back(PlainRow(upper, binding, bindings));
    }
    if (query.distinct) Distinct(&rows, upper.distinct_domain);
    if (upper.limit != kNone && static_cast<int>(rows.size()) > upper.limit) {
      rows.resize(static_cast<std::size_t>(upper.limit));
    }
    return rows;
  }

 private:
  /// Of equal rows the least one stays.
  static void Distinct(std::vector<Row>* rows, int domain) {
    std::map<Row, Row> kept;
    std::sort(rows->begin(), rows->end());
    for (const Row& row : *rows) {
      Row key = row;
      for (int& value : key.values) value = ClassOf(value, domain);
      kept.emplace(key, row);
    }
    rows->clear();
    for (const auto& [key, row] : kept) rows->push_back(row);
  }

  Row GroupRow(const Upper& upper, const Bindings& members, const Env& env) {
    Row row;
    for (std::size_t i = 0; i < upper.outputs.size(); i++) {
      const Output& output = upper.outputs[i];
      int& value = row.values[i];
      if (output.kind == Output::Kind::Count) {
        value = static_cast<int>(members.size());
      } else if (output.kind == Output::Kind::Scalar) {
        value = Scalar(output.condition->subqueries[0], env);
      } else {
        for (const Env& member : members)
          value = Fold(output.kind, value, Get(output.term, member));
      }
    }
    return row;
  }

  /// Of a group's equal values the least one comes out.
  static int Fold(Output::Kind kind, int value, int next) {
    if (next == kNull || value == kNull) return next == kNull ? value : next;
    return kind == Output::Kind::Max   ? std::max(value, next)
           : kind == Output::Kind::Sum ? value + next
                                       : std::min(value, next);
  }

  Row PlainRow(const Upper& upper, const Env& binding, const Bindings& bindings) {
    Row row;
    for (std::size_t i = 0; i < upper.outputs.size(); i++) {
      const Output& output = upper.outputs[i];
      if (output.kind == Output::Kind::Scalar) {
        row.values[i] = Scalar(output.condition->subqueries[0], binding);
      } else if (output.kind == Output::Kind::Count) {  // count(*) OVER (PARTITION BY ...)
        row.values[i] = 0;
        for (const Env& other : bindings)
          row.values[i] += SamePartition(upper, binding, other) ? 1 : 0;
      } else {
        row.values[i] = Get(output.term, binding);
      }
    }
    return row;
  }

  bool SamePartition(const Upper& upper, const Env& a, const Env& b) {
    for (std::size_t i = 0; i < upper.partition.size(); i++) {
      const int domain = upper.partition_domains[i];
      if (ClassOf(Get(upper.partition[i], a), domain) !=
          ClassOf(Get(upper.partition[i], b), domain))
        return false;
    }
    return true;
  }

  std::vector<Row> SetRows(const Query& query, const Env& env) {
    std::vector<Row> left = Rows(*query.left, env), right = Rows(*query.right, env);
    std::map<Row, std::pair<int, int>> counts;
    for (const Row& row : left) counts[row].first++;
    for (const Row& row : right) counts[row].second++;
    std::vector<Row> result;
    for (const auto& [row, count] : counts) {
      int times = query.operation == Query::Operation::Union ? count.first + count.second
                  : query.operation == Query::Operation::Intersect
                      ? std::min(count.first, count.second)
                  : query.all        ? count.first - count.second
                  : count.second > 0 ? 0
                                     : count.first;
      if (!query.all) times = std::min(times, 1);
      for (int i = 0; i < times; i++) result.push_back(row);
    }
    return result;
  }

  const World& world_;
  Place place_;
  std::deque<Row> store_;
};

/// Which shard groups a fragment runs on.
std::vector<Place> PlacesOf(const World& world, Reach reach, bool single, int colocation,
                            const Prunes& prunes) {
  if (reach == Reach::Replicated) return {{0, 0}};
  if (single) return {{0, 0}};
  std::set<int> shards;
  for (const Value value : prunes.values) {
    const Term& term = world.tree.term(value);
    const std::vector<int> values =
        term.id >= 1000 ? world.arrays[static_cast<std::size_t>(term.id - 1000)]
                        : std::vector<int>{world.constants[static_cast<std::size_t>(term.id)]};
    for (const int constant : values) {
      if (constant != kNull)
        shards.insert(world.ShardOfValue(constant, world.tree.domain(value), colocation));
    }
    // = NULL: no row, but something has to run.
    if (shards.empty() && prunes.values.size() == 1) shards.insert(0);
  }
  if (!prunes.known) {
    for (int shard = 0; shard < world.shards; shard++) shards.insert(shard);
  }
  std::vector<Place> places;
  for (const int shard : shards) places.push_back({shard, shards.size() > 1 ? shard : 0});
  return places;
}

int First(const Set& set) {
  int first = kMaxRelations;
  set.ForEach([&](int member) { first = std::min(first, member); });
  return first;
}

int FirstOf(const From& from) {
  int first = from.relation == kNone ? kMaxRelations : from.relation;
  for (const From* item : from.items) first = std::min(first, FirstOf(*item));
  return first;
}

std::vector<const From*> InOrder(const List<const From*>& nodes) {
  std::vector<const From*> sorted(nodes.begin(), nodes.end());
  std::sort(sorted.begin(), sorted.end(),
            [](const From* a, const From* b) { return FirstOf(*a) < FirstOf(*b); });
  return sorted;
}

std::string CheckClaims(const World& world, const Locus& locus, const Place& place,
                        const std::vector<Row>& rows) {
  if (locus.reach != Reach::Hashed || locus.single || locus.loud) return "";
  for (const Row& row : rows) {
    for (const int column : locus.key_columns) {
      const int value = row.values[column - 1];
      if (value == kNull ||
          world.ShardOfValue(value, locus.domain, locus.colocation) != place.shard)
        return "a row lies elsewhere than its key column says";
    }
    for (const Value pin : locus.pins) {
      const int value = world.constants[static_cast<std::size_t>(world.tree.term(pin).id)];
      if (value == kNull ||
          world.ShardOfValue(value, locus.domain, locus.colocation) != place.shard)
        return "a row lies elsewhere than its pin says";
    }
  }
  return "";
}

/// The statement in parts: fragments below, the rest on all rows.
class Cut {
 public:
  explicit Cut(const World& world) : world_(world), rest_(world, {}) {}

  Bindings Side(const Scope& scope, const Env& base) {
    Bindings result = {base};
    std::vector<const Part*> parts;
    for (const Part* part : scope.parts) {
      if (part->owner == &scope) parts.push_back(part);
    }
    // What is lateral comes after what it reads.
    std::sort(parts.begin(), parts.end(), [](const Part* a, const Part* b) {
      return IsLeaf(*a) != IsLeaf(*b) ? IsLeaf(*a) : First(a->relations) < First(b->relations);
    });
    for (const Part* part : parts) {
      Bindings joined;
      for (const Env& env : result) {
        for (const Env& more : PartRows(*part, env)) joined.push_back(more);
      }
      result = joined;
    }
    return rest_.Where(result, scope.conditions);
  }

  bool any = false;

 private:
  static bool IsLeaf(const Part& part) {
    return part.reach != Reach::Here && part.has_tables && part.lateral.IsSubsetOf(part.relations);
  }

  Bindings PartRows(const Part& part, const Env& env) {
    Bindings result;
    if (IsLeaf(part)) {
      any = true;
      for (const Place& place :
           PlacesOf(world_, part.reach, part.single, part.colocation, part.prunes)) {
        Run* run = runs_.emplace_back(std::make_unique<Run>(world_, place)).get();
        Bindings rows = {env};
        for (const From* node : InOrder(part.nodes)) rows = run->Extend(rows, *node);
        for (const Env& row : run->Where(rows, part.conditions)) result.push_back(row);
      }
      return result;
    }
    if (part.left != nullptr) {
      const bool full = part.nodes[0]->kind == From::Kind::Full;
      result = rest_.JoinOuter(
          Side(*part.left, env), [&](const Env& kept) { return Side(*part.right, kept); },
          part.join_conditions, full, env);
    } else {
      result = {env};
      for (const From* node : InOrder(part.nodes)) result = rest_.Extend(result, *node);
    }
    return rest_.Where(result, part.conditions);
  }

  const World& world_;
  Run rest_;
  std::vector<std::unique_ptr<Run>> runs_;
};

}  // namespace

std::vector<Row> RunOnAll(const World& world) { return Run(world, {}).Rows(*world.root, {}); }

Outcome RunAsSaid(World& world) {
  Outcome outcome;
  Analysis analysis(&world.tree, kNone);
  const Locus& locus = analysis.LocusOf(*world.root);
  if (locus.whole) {
    outcome.whole = true;
    for (const Place& place :
         PlacesOf(world, locus.reach, locus.single, locus.colocation, locus.prunes)) {
      const std::vector<Row> rows = Run(world, place).Rows(*world.root, {});
      outcome.rows.insert(outcome.rows.end(), rows.begin(), rows.end());
      if (outcome.claims.empty()) outcome.claims = CheckClaims(world, locus, place, rows);
    }
    return outcome;
  }
  if (world.root->operation != Query::Operation::None) {
    outcome.rows = RunOnAll(world);
    return outcome;
  }
  Analysis cutting(&world.tree, world.root->id);
  Cut cut(world);
  const Bindings bindings = cut.Side(*cutting.ScopeOf(*world.root, false), {});
  outcome.rows = Run(world, {}).UpperRows(*world.root, bindings, {});
  outcome.parts = cut.any;
  return outcome;
}

}  // namespace locus_test
