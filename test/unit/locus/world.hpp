// SPDX-License-Identifier: PostgreSQL
// Tiny tables on imaginary shard groups, and statements over them whose expressions have a meaning.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <random>
#include <vector>

#include "altius/core/locus/analysis.hpp"

namespace locus_test {

using namespace altius::core::locus;

constexpr int kNull = -1;
constexpr int kColumns = 2;
constexpr int kMaxRelations = 40;

/// Equality of domain 1 is coarser: 0 = 1, 2 = 3.
inline int ClassOf(int value, int domain) {
  return domain == 0 || value == kNull ? value : value / 2;
}

struct Row {
  int values[3] = {kNull, kNull, kNull};

  auto operator<=>(const Row&) const = default;
};

/// Where a relation's row comes from; none: a row of nulls, or nothing.
struct Env {
  const Row* rows[kMaxRelations] = {};
};

/// What an opaque condition says, or an output of a query is.
struct Meaning {
  enum class Kind { Less, NotEqual, IsNull, Exists, NotExists, In, NotIn, ScalarLess, OnlyHere };
  Kind kind = Kind::Less;
  Term left, right;
};

struct Output {
  enum class Kind {
    Column,
    Count,  // of rows
    Sum,
    Max,
    Average,
    Second,         // the second largest: no two parts of the rows tell it
    Text,           // all values in their order
    SumHere,        // of what the asking node computes
    CountDistinct,  // of values
    SumDistinct,
    Scalar,
    OnlyHere,  // 1 where the asking node computes it
  };
  Kind kind = Kind::Column;
  Term term;
  const Condition* condition = nullptr;  // what is computed; of Scalar: with the subquery
  Term filter;                           // of an aggregate: rows where this is more than 0

  bool IsAggregate() const { return kind >= Kind::Count && kind <= Kind::SumDistinct; }
  bool IsDistinct() const { return kind == Kind::CountDistinct || kind == Kind::SumDistinct; }
};

struct Upper {
  std::vector<Output> outputs;
  std::vector<Term> group;  // with domains
  std::vector<int> group_domains;
  int distinct_domain = kNone;
  bool distinct_on = false;  // over the first output only, or else over all
  bool group_here = false;   // computed by the asking node
  // Shard groups can't: group by a column that depends on the others; compute what a subquery makes of
  // aggregates; give result columns that the asking node can read.
  bool ungroupable = false, within = false, unreadable = false;
  enum class Having {
    Anything,
    Empty,
    EmptyHere
  } having = Having::Anything;  // count(*) = 0; the second: as the asking node sees it
  int limit = kNone;
  std::vector<Term> partition;
  std::vector<int> partition_domains;
};

/// One statement and the tables it reads.
struct World {
  World() : tree(Arena{Allocate, this}) {}
  World(const World&) = delete;

  static void* Allocate(void* context, std::size_t size) {
    auto* world = static_cast<World*>(context);
    world->memory.push_back(
        std::make_unique<std::max_align_t[]>(size / sizeof(std::max_align_t) + 1));
    return world->memory.back().get();
  }

  std::vector<std::unique_ptr<std::max_align_t[]>> memory;
  Tree tree;
  int shards = 2;
  bool null_keys = true;
  std::vector<Meaning> meanings;         // by Condition::origin
  std::vector<Upper> uppers;             // by Query::id
  std::vector<int> constants;            // by id
  std::vector<std::vector<int>> arrays;  // by id - 1000
  std::vector<std::vector<Row>> tables;  // rows of each relation, if it has any
  std::map<int, Term> computed;          // relations of one row (the term, 1)
  const Query* root = nullptr;

  /// Equal ones have one id, as in a translated statement.
  Term ConstantOf(int value) {
    std::size_t id = 0;
    while (id < constants.size() && constants[id] != value) id++;
    if (id == constants.size()) constants.push_back(value);
    return {kNone, static_cast<int>(id)};
  }

  int ShardOf(int relation, const Row& row) const {
    const Relation& info = tree.relation(relation);
    return ShardOfValue(row.values[info.key - 1], info.domain, info.colocation);
  }
  int ShardOfValue(int value, int domain, int colocation) const {
    return ((value == kNull ? 1 : ClassOf(value, domain)) + colocation) % shards;
  }
};

/// Decides what is built next: at random, or everything in turn.
class Chooser {
 public:
  explicit Chooser(unsigned seed) : random_(seed) {}
  Chooser() : exhaustive_(true) {}

  /// A number below `limit`.
  int operator()(int limit) {
    if (!exhaustive_) return static_cast<int>(random_() % static_cast<unsigned>(limit));
    if (at_ == path_.size()) path_.push_back({0, limit});
    return path_[at_++].choice;
  }
  /// The same, but never in turn.
  int Any(int limit) { return static_cast<int>(random_() % static_cast<unsigned>(limit)); }
  bool Percent(int chance) { return exhaustive_ ? (*this)(2) == 1 : (*this)(100) < chance; }
  bool exhaustive() const { return exhaustive_; }

  /// False when everything has been chosen.
  bool Next() {
    at_ = 0;
    if (!exhaustive_) return true;
    while (!path_.empty() && path_.back().choice + 1 == path_.back().limit) path_.pop_back();
    if (path_.empty()) return false;
    path_.back().choice++;
    return true;
  }

 private:
  struct Step {
    int choice, limit;
  };
  bool exhaustive_ = false;
  std::mt19937 random_;
  std::vector<Step> path_;
  std::size_t at_ = 0;
};

/// Builds a statement of at most `relations` tables.
std::unique_ptr<World> Generate(Chooser& choose, int relations);

/// The same of named pieces (shapes.cpp).
std::unique_ptr<World> GeneratePieces(Chooser& choose, int pieces);

/// c1, c2, ...: each joins the one before with itself.
const Query* ChainOfCtes(World& world, int length);

/// Tables joined one to the next: by their keys when they shall be `together`, or else by another
/// column.
const Query* JoinOfTables(World& world, From::Kind kind, int relations, bool together);

/// A text of it, for messages.
std::string Describe(const World& world);

/// The statement on all rows.
std::vector<Row> RunOnAll(const World& world);

/// The statement as the algebra says: whole on each shard group it names, or in parts with the rest
/// above.  `claims`: what the algebra said of the result and isn't so.  `shipped`: whether anything
/// ran on the shards.
struct Outcome {
  std::vector<Row> rows;
  std::string claims;
  bool whole = false;
  bool parts = false;
};
Outcome RunAsSaid(World& world);

/// What a modification beside its rows would do wrong with the statement as its source; nothing: empty.
std::string CheckChanges(World& world);

}  // namespace locus_test
