// SPDX-License-Identifier: PostgreSQL
// Runs statements on all rows, and whole or in parts as the algebra says.
#include <algorithm>
#include <map>
#include <set>

#include "upper.hpp"

namespace locus_test {

namespace {

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
      if (world.ShardOfValue(value, locus.domain, locus.colocation) != place.shard)
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

/// A query in parts: fragments below, the rest on all rows.
class CutQuery {
 public:
  CutQuery(World& world, const Query& query, Answerer* answerer)
      : world_(world),
        analysis_(&world.tree, query.id),
        rest_(world, {}, answerer),
        query_(query),
        scope_(*analysis_.ScopeOf(query, false)) {}

  std::vector<Row> Rows(const Env& env) {
    const Computed computed = DescribeUpper(&world_, query_);
    const auto upper = UpperOf(&analysis_, world_.tree, query_, scope_, computed);
    if (upper.cut == Cut::From) return rest_.UpperRows(query_, Side(scope_, env), env);
    return RowsAbove(world_, query_, upper, Fetch(*scope_.parts[0]), env, &rest_);
  }

  bool any = false;

 private:
  Bindings Side(const Scope& scope, const Env& base) {
    Bindings result = {base};
    std::vector<const Part*> parts;
    for (const Part* part : scope.parts) {
      if (part->owner == &scope) parts.push_back(part);
    }
    // What is lateral comes after what it reads.
    std::sort(parts.begin(), parts.end(), [](const Part* a, const Part* b) {
      return RunsAlone(*a) != RunsAlone(*b) ? RunsAlone(*a) : First(a->relations) < First(b->relations);
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

  /// Knows nothing of the rows around it.
  const std::vector<Fetched>& Fetch(const Part& part) {
    const auto [known, missing] = fetched_.try_emplace(&part);
    if (!missing) return known->second;
    any = true;
    for (Place place : PlacesOf(world_, part.reach, part.single, part.colocation, part.prunes)) {
      place.cut = query_.id;
      Run* run = runs_.emplace_back(std::make_unique<Run>(world_, place)).get();
      Bindings rows = {Env{}};
      for (const From* node : InOrder(part.nodes)) rows = run->Extend(rows, *node);
      known->second.push_back({run, run->Where(rows, part.conditions)});
    }
    return known->second;
  }

  const Bindings& LeafRows(const Part& part) {
    const auto [known, missing] = leaves_.try_emplace(&part);
    if (!missing) return known->second;
    for (const Fetched& fetched : Fetch(part))
      known->second.insert(known->second.end(), fetched.rows.begin(), fetched.rows.end());
    return known->second;
  }

  Bindings PartRows(const Part& part, const Env& env) {
    if (RunsAlone(part)) return Run::Overlay(env, LeafRows(part), {});
    Bindings result;
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

  World& world_;
  Analysis analysis_;
  Run rest_;
  const Query& query_;
  const Scope& scope_;
  std::vector<std::unique_ptr<Run>> runs_;
  std::map<const Part*, std::vector<Fetched>> fetched_;
  std::map<const Part*, Bindings> leaves_;
};

/// Each query as the planner does it: whole when the algebra says so and nothing outside is read,
/// or else cut, and so are those within it.
class AsSaid : public Answerer {
 public:
  AsSaid(World& world, Outcome* outcome)
      : world_(world), outcome_(outcome), analysis_(&world.tree, kNone) {}

  std::vector<Row> RowsOf(const Query& query, const Env& env) override {
    const Locus& locus = analysis_.LocusOf(query);
    const bool root = &query == world_.root;
    if (root) outcome_->whole = locus.whole;
    if (WhyNotAlone(query, locus, !world_.uppers[static_cast<std::size_t>(query.id)].unreadable) ==
        Reason::None) return WholeRows(query, locus);
    // Cut, and LIMIT takes any rows: those of one node.
    if (!root && world_.uppers[static_cast<std::size_t>(query.id)].limit != kNone)
      return Run(world_, {}).Rows(query, env);
    if (query.operation != Query::Operation::None) return Run(world_, {}, this).Rows(query, env);
    std::unique_ptr<CutQuery>& cut = cuts_[query.id];
    if (cut == nullptr) cut = std::make_unique<CutQuery>(world_, query, this);
    std::vector<Row> rows = cut->Rows(env);
    outcome_->parts = outcome_->parts || cut->any;
    return rows;
  }

 private:
  const std::vector<Row>& WholeRows(const Query& query, const Locus& locus) {
    const auto [known, missing] = known_.try_emplace(query.id);
    if (!missing) return known->second;
    for (const Place& place :
         PlacesOf(world_, locus.reach, locus.single, locus.colocation, locus.prunes)) {
      const std::vector<Row> rows = Run(world_, place).Rows(query, {});
      known->second.insert(known->second.end(), rows.begin(), rows.end());
      if (outcome_->claims.empty()) outcome_->claims = CheckClaims(world_, locus, place, rows);
    }
    return known->second;
  }

  World& world_;
  Outcome* outcome_;
  Analysis analysis_;
  std::map<int, std::unique_ptr<CutQuery>> cuts_;
  std::map<int, std::vector<Row>> known_;
};

}  // namespace

std::vector<Row> RunOnAll(const World& world) { return Run(world, {}).Rows(*world.root, {}); }

Outcome RunAsSaid(World& world) {
  Outcome outcome;
  outcome.rows = AsSaid(world, &outcome).RowsOf(*world.root, {});
  return outcome;
}

}  // namespace locus_test
