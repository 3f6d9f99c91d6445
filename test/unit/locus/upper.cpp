// SPDX-License-Identifier: PostgreSQL
#include "upper.hpp"

#include <set>

namespace locus_test {

namespace {

using Kind = Output::Kind;
using Combine = Aggregate::Combine;

Combine CombineOf(Kind kind) {
  switch (kind) {
    case Kind::Count:
    case Kind::CountDistinct:
      return Combine::Count;
    case Kind::Average:
      return Combine::Average;
    case Kind::Second:
      return Combine::None;
    default:
      return Combine::Same;
  }
}

void Add(const Arena& arena, Condition* sum, const Condition& part) {
  sum->relations = sum->relations.Union(arena, part.relations);
  sum->ships = sum->ships && part.ships;
  sum->subqueries.AddAll(arena, part.subqueries);
}

const Condition* NotShipped(const Arena& arena) {
  auto* condition = arena.Make<Condition>();
  condition->ships = false;
  return condition;
}

int NumberOf(const Term& term, const std::vector<Output>& outputs) {
  int number = 0;
  while (outputs[static_cast<std::size_t>(number)].term != term) number++;
  return number;
}

Aggregate Describe(World* world, const Output& output, const std::vector<Output>& outputs) {
  Aggregate aggregate;
  aggregate.combine = CombineOf(output.kind);
  aggregate.distinct = output.IsDistinct();
  aggregate.ordered = output.kind == Kind::Text;
  aggregate.filtered = output.filter.id != kNone;
  aggregate.call = output.condition;
  if (output.term.id == kNone) return aggregate;
  aggregate.argument = NumberOf(output.term, outputs);
  aggregate.distinct_key = world->tree.ValueOf(output.term, 0);
  return aggregate;
}

}  // namespace

Computed DescribeUpper(World* world, const Query& query) {
  const Arena& arena = world->tree.arena;
  const Upper& upper = world->uppers[static_cast<std::size_t>(query.id)];
  Computed computed;
  auto* results = arena.Make<Condition>();
  auto* grouped = arena.Make<Condition>();
  for (const Condition* expression : query.expressions) Add(arena, results, *expression);
  for (const Output& output : upper.outputs) {
    if (output.IsAggregate() && query.grouped)
      computed.aggregates.Add(arena, Describe(world, output, upper.outputs));
    if (output.condition != nullptr && (output.IsAggregate() || output.kind == Kind::Column))
      Add(arena, grouped, *output.condition);
  }
  computed.results = results;
  if (query.grouped) computed.grouped = grouped;
  if (upper.having == Upper::Having::EmptyHere) computed.having = NotShipped(arena);
  if (!upper.group.empty()) {
    auto* groups = arena.Make<Condition>();
    groups->ships = !upper.group_here;
    for (const Term& term : upper.group) {
      if (term.relation != kNone) groups->relations = groups->relations.With(arena, term.relation);
    }
    computed.groups = groups;
  }
  computed.limited = upper.limit != kNone;
  computed.ungroupable = upper.ungroupable;
  computed.aggregates_within = upper.within;
  if (upper.within) computed.grouped = nullptr;
  computed.readable = !upper.unreadable;
  return computed;
}

namespace {

/// What a shard group has of a group; or all of them.
struct Partial {
  std::vector<int> columns;                       // of each result column that is one
  std::vector<std::vector<int>> results, counts;  // of each aggregate, from each shard group
  std::set<int> values;                           // of the one argument
};

class Partly {
 public:
  Partly(const Query& query, const Upper& upper, bool values)
      : query_(query),
        outputs_(upper.outputs),
        keys_(upper.group.size()),
        empty_(upper.having != Upper::Having::Anything),
        values_(values) {}

  void AddShard(const Fetched& fetched) {
    Run::Groups groups = fetched.run->GroupsOf(query_, fetched.rows);
    if (keys_ == 0) groups[{}];
    for (const auto& [key, members] : groups) AddGroup(key, *fetched.run, members);
  }

  std::vector<Row> Rows() {
    if (query_.empty_group) Of({});
    std::vector<Row> rows;
    for (const auto& [key, partial] : groups_) {
      const Row row = RowOf(partial, key.size() < keys_);
      if (!empty_ || IsEmpty(row)) rows.push_back(row);
    }
    return rows;
  }

 private:
  Partial& Of(const std::vector<int>& key) {
    Partial& partial = groups_[key];
    partial.columns.resize(outputs_.size(), kNull);
    partial.results.resize(outputs_.size());
    partial.counts.resize(outputs_.size());
    return partial;
  }

  void AddGroup(const std::vector<int>& key, Run& run, const Bindings& members) {
    AddTo(&Of(key), run, members);
    if (query_.grouping_sets && !key.empty()) AddTo(&Of({}), run, members);
  }

  void AddTo(Partial* partial, Run& run, const Bindings& members) {
    for (std::size_t i = 0; i < outputs_.size(); i++) {
      const Output& output = outputs_[i];
      if (output.kind == Kind::Column) {
        const int value = run.ColumnOf(output.term, members);
        int& least = partial->columns[i];
        least = least == kNull || value == kNull ? std::max(least, value) : std::min(least, value);
        continue;
      }
      if (!output.IsAggregate()) continue;
      const std::vector<int> arguments = run.ArgumentsOf(output, members);
      partial->values.insert(arguments.begin(), arguments.end());
      const Kind kind = output.kind == Kind::Average ? Kind::Sum : output.kind;
      partial->results[i].push_back(ResultOf(kind, arguments));
      partial->counts[i].push_back(ResultOf(Kind::Count, NotNull(arguments)));
    }
  }

  static std::vector<int> NotNull(std::vector<int> values) {
    std::erase(values, kNull);
    return values;
  }

  /// Counts are summed, zero where there are none.
  static int Total(const std::vector<int>& counts) {
    return std::max(0, ResultOf(Kind::Sum, counts));
  }

  int Final(const Output& output, const Partial& partial, std::size_t i) const {
    if (values_) return ResultOf(output.kind, {partial.values.begin(), partial.values.end()});
    const int result = ResultOf(Kind::Sum, partial.results[i]);
    switch (CombineOf(output.kind)) {
      case Combine::Count:
        return Total(partial.results[i]);
      case Combine::Average:
        return result == kNull ? kNull : 100 * result / Total(partial.counts[i]);
      default:
        return output.kind == Kind::SumDistinct ? result
                                                : ResultOf(output.kind, partial.results[i]);
    }
  }

  Row RowOf(const Partial& partial, bool total) const {
    Row row;
    for (std::size_t i = 0; i < outputs_.size(); i++) {
      if (outputs_[i].IsAggregate()) row.values[i] = Final(outputs_[i], partial, i);
      if (outputs_[i].kind == Kind::Column && !total) row.values[i] = partial.columns[i];
      if (outputs_[i].kind == Kind::OnlyHere) row.values[i] = 1;
    }
    return row;
  }

  /// HAVING count(*) = 0
  bool IsEmpty(const Row& row) const {
    for (std::size_t i = 0; i < outputs_.size(); i++) {
      if (outputs_[i].kind == Kind::Count) return row.values[i] == 0;
    }
    return false;
  }

  const Query& query_;
  const std::vector<Output>& outputs_;
  std::size_t keys_;
  bool empty_, values_;
  std::map<std::vector<int>, Partial> groups_;
};

/// What only the asking node computes of the rows of groups.
void ComputeHere(const Upper& upper, std::vector<Row>* rows) {
  for (Row& row : *rows) {
    for (std::size_t i = 0; i < upper.outputs.size(); i++) {
      if (upper.outputs[i].kind == Kind::OnlyHere) row.values[i] = 1;
    }
  }
}

bool CanBeDone(const Upper& above, Cut cut) {
  const bool partly = cut == Cut::Partial || cut == Cut::Values;
  if (above.ungroupable && partly) return false;
  if (above.within && (partly || cut == Cut::Groups)) return false;
  return !(above.unreadable && cut == Cut::Results);
}

}  // namespace

std::vector<Row> RowsAbove(const World& world, const Query& query,
                           const altius::core::locus::Upper& upper,
                           const std::vector<Fetched>& fetched, const Env& env, Run* here) {
  using Distinct = altius::core::locus::Upper::Distinct;
  const Upper& above = world.uppers[static_cast<std::size_t>(query.id)];
  if (!CanBeDone(above, upper.cut)) return {{{99, 99, 99}}};
  std::vector<Row> rows;
  Partly partly(query, above, upper.cut == Cut::Values);
  for (const Fetched& shard : fetched) {
    if (upper.cut == Cut::Partial || upper.cut == Cut::Values) {
      partly.AddShard(shard);
      continue;
    }
    std::vector<Row> some = shard.run->ComputedRows(query, shard.rows, env);
    if (upper.cut == Cut::Groups) ComputeHere(above, &some);
    if (upper.cut == Cut::Results && upper.distinct != Distinct::Above)
      shard.run->Distinct(query, &some);
    if (upper.cut == Cut::Results && upper.top) shard.run->Limit(query, &some);
    rows.insert(rows.end(), some.begin(), some.end());
  }
  if (upper.cut == Cut::Partial || upper.cut == Cut::Values) rows = partly.Rows();
  const bool distinct =
      query.distinct && !(upper.cut == Cut::Results && upper.distinct == Distinct::There);
  if (distinct) here->Distinct(query, &rows);
  here->Limit(query, &rows);
  return rows;
}

}  // namespace locus_test
