// SPDX-License-Identifier: PostgreSQL
// The locus algebra: where the rows of a query lie, and which parts of it run whole beside the
// data.
#pragma once

#include "altius/core/locus/tree.hpp"

namespace altius::core::locus {

enum class Reach : std::uint8_t {
  Here,        // rows lie on the asking node only, or the part can't be shipped
  Replicated,  // the same rows on every node
  Hashed,      // spread over the shard groups of a colocation
};

/// Why something is cut.
enum class Reason : std::uint8_t {
  None,
  Local,          // a relation of the asking node
  Modifies,       // a modification or a recursive query
  NotShippable,   // an expression that only the asking node can compute
  Subquery,       // a sublink that finds its rows elsewhere
  Correlated,     // columns of a query that is cut
  Unreadable,     // rows of which the asking node could not tell the fields
  NoKeyEquality,  // relations joined, but not by their distribution columns
  NullExtended,   // an outer join that would add its nulls on every shard group
  NotOneAnswer,  // rows of a reference table taken in no certain order: each shard group could take
                 // others
  OneRowEach,    // an aggregate without GROUP BY that would give a row on every shard group
  Groups,        // GROUP BY without the distribution column
  Windows,       // a window that does not partition by it
  Distinct,      // DISTINCT without it
  LimitOrOrder,  // LIMIT or ORDER BY over all shard groups
  SetOperation,  // arms of which equal rows do not lie together
};

/// Which values are known to be equal.
class Equalities {
 public:
  bool Same(Value a, Value b) const { return a >= 0 && b >= 0 && Root(a) == Root(b); }
  void Unite(const Arena& arena, Value a, Value b);
  /// Takes all facts of another set over.
  void Import(const Arena& arena, const Equalities& other);

 private:
  Value Root(Value value) const {
    while (value < parents_.size() && parents_[value] != value) value = parents_[value];
    return value;
  }
  void Reach(const Arena& arena, Value value);

  List<Value> parents_;
  List<int> sizes_;  // of the classes, by root
};

/// Only the shard groups of these values can have rows.
struct Prunes {
  bool known = false;
  List<Value> values;
};

struct Scope;

/// Relations of a level whose join runs whole somewhere.
struct Part {
  int id = 0;                    // its own in the analysis
  const Scope* owner = nullptr;  // in whose join tree it stands; an outer join lends its parts to
                                 // the scope around it
  Reach reach = Reach::Here;
  Reason reason = Reason::None;  // of Here
  int colocation = 0;
  bool single = false;  // of Hashed: one shard group without a key
  Value key = kNone;    // of Hashed: by which rows are spread
  bool loud = false;  // of Hashed: gives rows on shard groups where it has none, so it may run only
                      // where `places` say
  List<Value> places;  // of loud: any of them is right
  bool once = false;   // of Replicated: two nodes may give different rows
  Prunes prunes;
  bool has_tables = false;
  bool frozen =
      false;  // below an outer join that is cut: conditions may enter, but it merges with nothing
  Set relations;            // those of joins included
  Set lateral;              // relations elsewhere that it reads
  List<const From*> nodes;  // inner-joined
  List<const Condition*> conditions;
  const Scope* left = nullptr;  // of an outer join that is cut: its sides
  const Scope* right = nullptr;
  List<const Condition*> join_conditions;  // and what of ON stays with it
};

/// FROM and WHERE of a level.
struct Scope {
  int id = 0;  // its own in the analysis
  const Query* query = nullptr;
  bool ships_outer =
      false;             // columns of outer levels may be read: those levels are shipped as well
  bool matched = false;  // of an outer join: what holds for pairs of rows that match, only
  Equalities equalities;
  List<Part*> parts;
  List<const Condition*> conditions;  // in no part
};

/// What a whole query is to the query around it.
struct Locus {
  bool whole = false;
  Reason reason = Reason::None;  // when it is not
  Reach reach = Reach::Replicated;
  int colocation = 0;
  int domain = kNone;
  bool single = false;
  bool loud = false;
  bool once = false;
  bool has_tables = false;
  Prunes prunes;
  List<Value> pins;  // constant within an evaluation of the query: equal to the key of all rows, or
                     // places when it is loud
  List<int> key_columns;  // result columns that carry the key
};

/// Every query is looked at once.  `cut_root`: the one with this number is being cut, so its WITH
/// is not shipped.
class Analysis {
 public:
  Analysis(Tree* tree, int cut_root) : tree_(tree), cut_root_(cut_root) {}

  const Locus& LocusOf(const Query& query);

  /// FROM and WHERE of the query: `shipped` as they are together with all around them, or else
  /// being cut.
  const Scope* ScopeOf(const Query& query, bool shipped);

  /// Whether the expression can be computed beside the rows of the part (null: beside no rows at
  /// all).
  bool Ships(const Condition& condition, const Scope& scope, const Part* part);

  /// Whether two nodes may compute different values.
  bool IsOnce(const Condition& condition);

 private:
  friend class ScopeBuilder;

  void MakeRoom();
  Locus PlainLocus(const Query& query);
  Locus SetLocus(const Query& query);
  Locus ArmsLocus(const Query& query, const Locus& left, const Locus& right);
  bool IsSentAsValue(const Subquery& subquery) const;
  bool SubqueryShips(const Subquery& subquery, const Scope& scope, const Part* part);

  Tree* tree_;
  int cut_root_;
  int parts_ = 0;
  int sides_ = 0;
  List<const Locus*> known_;   // by number of the query
  List<const Scope*> scopes_;  // of those that are shipped
};

/// Whether the scope is one part with nothing left over.
bool IsWhole(const Scope& scope);

/// Why the query, as a whole, is no statement for the shard groups (None: it is one).  `readable`: the
/// asking node can read its result columns.
Reason WhyNotAlone(const Query& query, const Locus& locus, bool readable);

/// Whether the part becomes a statement for the shard groups where the scope is cut: it knows nothing
/// of rows around it.
bool RunsAlone(const Part& part);

/// Whether all rows of the part lie on one shard group for each evaluation of the level, whatever
/// stands above.
bool IsPinned(const Tree& tree, const Scope& scope, const Part& part);

/// Whether one of the values is the key of the part.
bool HasKey(const Scope& scope, const Part& part, const List<Value>& values);

/// Whether the value is the same for all rows of the level: a constant, or a column of a level
/// around it.
bool IsPin(const Tree& tree, const Scope& scope, Value value);

/// As EXPLAIN shows it.
const char* ToText(Reason reason);

}  // namespace altius::core::locus
