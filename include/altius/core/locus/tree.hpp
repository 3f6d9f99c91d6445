// SPDX-License-Identifier: PostgreSQL
// A statement as the locus algebra reads it: relations, joins, what is equal to what, what stands
// above.  What it does not need to know of an expression is which relations it reads and whether
// another node can compute it.
//
// Numbers of relations and queries are unique in the whole tree, so a column means the same
// wherever it is mentioned.
#pragma once

#include "altius/core/locus/arena.hpp"

namespace altius::core::locus {

constexpr int kNone = -1;

/// A column, a constant of the statement (relation kNone; id: the caller's number), or nothing of
/// that kind (id kNone).
struct Term {
  int relation = kNone;
  int id = kNone;

  bool operator==(const Term&) const = default;
};

/// A term under one meaning of equality (`domain`: operator family, collation, type semantics); an
/// index into Tree's table. Facts about one value say nothing about the same term in another
/// domain.
using Value = int;

struct Query;

/// A sublink within an expression.
struct Subquery {
  const Query* query = nullptr;
  bool argument =
      false;  // reads no columns from outside: may be computed beforehand and sent as a value
  Set ctes;   // numbers of the queries around it whose WITH it reads
  // IN, = ANY: pairs of equal `left[i]` and result column `right[i]` only, and null is as good as
  // false: it stands where only true counts, or neither side can be null
  bool any = false;
  List<Term> left;
  List<int> right;
  List<int> domains;
};

/// A conjunct, or any other expression.
struct Condition {
  enum class Kind : std::uint8_t {
    Opaque,
    Equal,  // left = right
    Any,    // left = one of the elements of right, a constant
    And,
    Or,
  };
  Kind kind = Kind::Opaque;
  Value left = kNone;
  Value right = kNone;
  List<const Condition*> parts;  // of And, Or
  Set relations;      // whose columns it reads, those read by its subqueries from outside included
  bool ships = true;  // another node computes the same, subqueries aside
  List<Subquery> subqueries;
  int origin = kNone;  // the caller's number
};

struct Relation {
  enum class Kind : std::uint8_t {
    Hash,
    SingleShard,
    Reference,
    Here,  // on the asking node only
    Rows,  // VALUES, functions: computed from expressions, the same everywhere
    Query,
    Cte,
  };
  Kind kind = Kind::Here;
  int colocation = 0;
  int key = kNone;     // of Hash: its column,
  int domain = kNone;  // and what makes two keys equal
  const Query* query = nullptr;
  int home = kNone;                   // of Cte: the query with the WITH
  const Condition* source = nullptr;  // of Rows: what they are computed from; of tables: their sample
  bool sampled = false;               // of Reference: each node takes other rows
  bool locked = false;                // of Reference: its rows are, which only the leading copy does for all
};

/// A node of the join tree.
struct From {
  enum class Kind : std::uint8_t { Leaf, Inner, Left, Full };
  Kind kind = Kind::Leaf;
  int relation = kNone;     // the leaf, or what the join itself is among the relations
  List<const From*> items;  // Left: the kept side, then the nullable one
  List<const Condition*> conditions;
  int origin = kNone;
};

struct Query {
  enum class Operation : std::uint8_t { None, Union, Intersect, Except };

  int id = kNone;
  Operation operation = Operation::None;
  bool all = false;
  const Query* left = nullptr;
  const Query* right = nullptr;

  const From* from = nullptr;
  Set relations;                       // of this level
  Set outer;                           // relations around it that anything in it reads
  List<Term> outputs;                  // result column i is outputs[i - 1]
  List<const Condition*> expressions;  // computed above FROM: result columns, HAVING, LIMIT
  bool grouped = false;
  bool empty_group = false;  // has a group even without rows
  List<Value> group_keys;
  List<List<Value>> windows;  // what each one partitions by
  bool distinct = false;
  List<Value> distinct_keys;
  bool grouping_sets = false;
  bool limited = false;
  bool sorted = false;
  bool order_dependent = false;  // another order of the same rows may give another result
  bool cut = false;              // never whole: changes rows, or is recursive
};

/// Numbers relations, queries and values.
class Tree {
 public:
  explicit Tree(Arena memory) : arena(memory) {}

  int AddRelation(const Relation& relation);
  Query* AddQuery();
  Value ValueOf(const Term& term, int domain);

  Relation* Edit(int index) { return &relations_[index]; }
  const Relation& relation(int index) const { return relations_[index]; }
  int relation_count() const { return relations_.size(); }
  int query_count() const { return queries_; }
  int value_count() const { return values_.size(); }
  const Term& term(Value value) const { return values_[value].term; }
  int domain(Value value) const { return values_[value].domain; }

  Arena arena;

 private:
  struct Known {
    Term term;
    int domain;
    Value next;  // of the same relation
  };

  List<Relation> relations_;
  List<Value> first_;  // of each relation; [0] is that of constants
  List<Known> values_;
  int queries_ = 0;
};

/// Once a query has all it consists of: notes which relations around it are read.
void CloseQuery(const Tree& tree, Query* query);

}  // namespace altius::core::locus
