// SPDX-License-Identifier: PostgreSQL
// Runs statements on all rows or on those of one shard group.
#pragma once

#include <algorithm>
#include <map>

#include "world.hpp"

namespace locus_test {

constexpr int kEverywhere = -1;

/// Which rows are seen, and in which order those of reference tables come.
struct Place {
  int shard = kEverywhere;
  int rotation = 0;
  int cut = kNone;  // the query whose part runs here: its WITH is on the asking node
};

/// Who runs the queries within what the asking node runs.
class Answerer {
 public:
  virtual std::vector<Row> RowsOf(const Query& query, const Env& env) = 0;

 protected:
  ~Answerer() = default;
};

enum class Truth { False, Unknown, True };

inline Truth And(Truth a, Truth b) { return std::min(a, b); }
inline Truth Or(Truth a, Truth b) { return std::max(a, b); }
inline Truth Not(Truth a) {
  return a == Truth::Unknown ? a : a == Truth::True ? Truth::False : Truth::True;
}
inline Truth Of(bool value) { return value ? Truth::True : Truth::False; }

using Bindings = std::vector<Env>;

/// Of an aggregate over these arguments.
int ResultOf(Output::Kind kind, std::vector<int> values);

class Run {
 public:
  Run(const World& world, Place place, Answerer* answerer = nullptr)
      : world_(world), place_(place), answerer_(answerer) {}

  std::vector<Row> Rows(const Query& query, const Env& env) {
    if (query.cut && place_.shard != kEverywhere) return {};
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

  /// The rows of both.
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

 private:
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
    if (answerer_ != nullptr) return answerer_->RowsOf(query, env);
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
               relation.kind == Relation::Kind::SingleShard || relation.locked ||
               (relation.query != nullptr && ReadsSpread(*relation.query));
    });
    return spread;
  }

  /// Computed beforehand and sent as a value.
  std::vector<Row> Answer(const Subquery& subquery, const Env& env) {
    bool sent = subquery.argument && place_.shard != kEverywhere;
    subquery.ctes.ForEach([&](int home) { sent = sent && home == place_.cut; });
    if (!sent) return Answer(*subquery.query, env);
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
    std::vector<Row> rows;
    const bool missing = info.kind == Relation::Kind::Here ||
                         (info.kind == Relation::Kind::Cte && info.home == place_.cut) ||
                         (info.source != nullptr && !info.source->ships);
    if (missing && place_.shard != kEverywhere) return rows;
    if (info.query != nullptr) return Answer(*info.query, env);
    const auto computed = world_.computed.find(relation);
    if (computed != world_.computed.end()) return {{{Get(computed->second, env), 1, kNull}}};
    for (const Row& row : world_.tables[static_cast<std::size_t>(relation)]) {
      if (info.kind == Relation::Kind::Hash && place_.shard != kEverywhere &&
          world_.ShardOf(relation, row) != place_.shard)
        continue;
      // A table of one shard lies on that of number 0, where the copies are that lead.
      if ((info.kind == Relation::Kind::SingleShard || info.locked) && place_.shard > 0) continue;
      rows.push_back(row);
    }
    const bool moves =
        info.kind == Relation::Kind::Reference && !info.locked && !rows.empty();
    if (moves)
      std::rotate(rows.begin(), rows.begin() + place_.rotation % static_cast<int>(rows.size()),
                  rows.end());
    if (info.sampled && rows.size() > 1) rows.pop_back();
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
    std::vector<Row> rows = ComputedRows(query, bindings, env);
    if (query.distinct) Distinct(query, &rows);
    Limit(query, &rows);
    return rows;
  }

  /// Result columns, before DISTINCT and LIMIT.
  std::vector<Row> ComputedRows(const Query& query, const Bindings& bindings, const Env& env) {
    const Upper& upper = AboveOf(query);
    std::vector<Row> rows;
    if (!query.grouped) {
      for (const Env& binding : bindings) rows.push_back(PlainRow(upper, binding, bindings));
      return rows;
    }
    Groups groups = GroupsOf(query, bindings);
    if (query.empty_group) groups[{}];
    for (const auto& [key, members] : Groups(groups)) {
      if (query.grouping_sets && !key.empty())
        groups[{}].insert(groups[{}].end(), members.begin(), members.end());
    }
    for (const auto& [key, members] : groups) {
      if (upper.having == Upper::Having::Empty && !members.empty()) continue;
      if (upper.having == Upper::Having::EmptyHere && (!members.empty() || !IsHere())) continue;
      rows.push_back(GroupRow(upper, members, key.size() < upper.group.size(), env));
    }
    return rows;
  }

  using Groups = std::map<std::vector<int>, Bindings>;

  /// By all columns of GROUP BY.
  Groups GroupsOf(const Query& query, const Bindings& bindings) {
    const Upper& upper = AboveOf(query);
    Groups groups;
    for (const Env& binding : bindings) {
      std::vector<int> key;
      for (std::size_t i = 0; i < upper.group.size(); i++) {
        const bool known = !upper.group_here || IsHere();
        key.push_back(known ? ClassOf(Get(upper.group[i], binding), upper.group_domains[i]) : 0);
      }
      groups[key].push_back(binding);
    }
    return groups;
  }

  /// Of equal rows the least one stays.
  void Distinct(const Query& query, std::vector<Row>* rows) {
    const Upper& upper = AboveOf(query);
    std::map<Row, Row> kept;
    std::sort(rows->begin(), rows->end());
    for (const Row& row : *rows) {
      Row key = row;
      for (int& value : key.values) value = ClassOf(value, upper.distinct_domain);
      if (upper.distinct_on) key.values[1] = key.values[2] = kNull;
      kept.emplace(key, row);
    }
    rows->clear();
    for (const auto& [key, row] : kept) rows->push_back(row);
  }

  void Limit(const Query& query, std::vector<Row>* rows) {
    const int limit = AboveOf(query).limit;
    if (limit != kNone && static_cast<int>(rows->size()) > limit)
      rows->resize(static_cast<std::size_t>(limit));
  }

  /// What the aggregate gets of these rows.
  std::vector<int> ArgumentsOf(const Output& output, const Bindings& members) {
    std::vector<int> values;
    for (const Env& member : members) {
      if (output.filter.id == kNone || Get(output.filter, member) > 0)
        values.push_back(
            output.kind == Output::Kind::SumHere && !IsHere() ? 0 : Get(output.term, member));
    }
    return values;
  }

  /// Of a group's equal values the least one comes out.
  int ColumnOf(const Term& term, const Bindings& members) {
    int least = kNull;
    for (const Env& member : members) {
      const int value = Get(term, member);
      least = least == kNull || value == kNull ? std::max(least, value) : std::min(least, value);
    }
    return least;
  }

  /// Both are there, and not equal.
  bool Differ(Value a, Value b, const Env& env) {
    return EqualOf(ValueOf(a, env), ValueOf(b, env), world_.tree.domain(a)) != Truth::True;
  }

  bool IsHere() const { return place_.shard == kEverywhere; }

  const Upper& AboveOf(const Query& query) const {
    return world_.uppers[static_cast<std::size_t>(query.id)];
  }

 private:
  /// `total`: of the empty grouping set.
  Row GroupRow(const Upper& upper, const Bindings& members, bool total, const Env& env) {
    Row row;
    for (std::size_t i = 0; i < upper.outputs.size(); i++) {
      const Output& output = upper.outputs[i];
      int& value = row.values[i];
      if (output.IsAggregate()) value = ResultOf(output.kind, ArgumentsOf(output, members));
      if (output.kind == Output::Kind::Column && !total) value = ColumnOf(output.term, members);
      if (output.kind == Output::Kind::Scalar) value = Scalar(output.condition->subqueries[0], env);
      if (output.kind == Output::Kind::OnlyHere) value = IsHere() ? 1 : 0;
    }
    return row;
  }

  Row PlainRow(const Upper& upper, const Env& binding, const Bindings& bindings) {
    Row row;
    for (std::size_t i = 0; i < upper.outputs.size(); i++) {
      const Output& output = upper.outputs[i];
      if (output.kind == Output::Kind::Scalar) {
        row.values[i] = Scalar(output.condition->subqueries[0], binding);
      } else if (output.kind == Output::Kind::OnlyHere) {
        row.values[i] = IsHere() ? 1 : 0;
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
    std::vector<Row> left = Answer(*query.left, env), right = Answer(*query.right, env);
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
    if (!result.empty())
      std::rotate(result.begin(),
                  result.begin() + place_.rotation % static_cast<int>(result.size()), result.end());
    const int limit = world_.uppers[static_cast<std::size_t>(query.id)].limit;
    if (limit != kNone && static_cast<int>(result.size()) > limit)
      result.resize(static_cast<std::size_t>(limit));
    return result;
  }

  const World& world_;
  Place place_;
  Answerer* answerer_;
  std::deque<Row> store_;
};

}  // namespace locus_test
