// SPDX-License-Identifier: PostgreSQL
// Which values within an expression that a node computes are computed once on the asking node and sent.  Some places of an expression are
// reached for some rows only, or not at all: nothing may be computed beforehand that raises an error there.
#pragma once

#include <cstdint>

namespace altius::core::evaluation {

/// Of which of its operands an expression evaluates all, and which depend on what others came to.
enum class Shape : std::uint8_t {
  All,
  Case,         // conditions and results in turn, then the default
  CaseOfValue,  // the same, the conditions being about a value
  Coalesce,
  And,
  Or,
  Filtered,  // FILTER, then the aggregate's arguments
  InTurn,    // (a, b) < (c, d), array[subscript]: a later one may be left out
};

/// What a condition must have come to.
enum class Guard : std::uint8_t { True, NotTrue, NotFalse, Null, Unknown };

/// For operands after a condition: the `next` one, which is a CASE's result, or those that are `later`.
enum class Following : std::uint8_t { Next, Later };
Guard GuardOf(Shape shape, Following following);

/// What is known of an operand that later ones depend on, or of a conjunct.
struct Condition {
  bool by_rows = false;    // reads columns, aggregates, subqueries, or is volatile
  bool may_raise = false;  // an error that depends on values
};

/// Where something stands.
struct Place {
  bool guarded = false;    // conditions without columns have to hold: the caller's list
  bool by_rows = false;    // and rows decide, too
  bool needs_row = false;  // it is computed for each of the level's rows: not at all if there are none
  bool within = false;     // within an expression that is computed There
};

/// What comes next is reached only if the condition turned out so.  True: the condition is one for the caller's list.
bool Pass(Place* place, const Condition& condition, Guard guard);

/// Whether PostgreSQL evaluates the conjunct once, before all that read rows: what stands beside it is reached only if it holds.
bool IsGate(const Condition& conjunct);

/// An expression without columns whose value may be sent.
struct Value {
  bool parameter = false;     // it has a value already
  bool subquery = false;
  bool may_raise = false;     // an error, of what it computes
  bool several_rows = false;  // a subquery that may have more rows than the one it should have,
  bool as_array = false;      // and can travel as an array of them
  bool there = false;         // the node can compute it as well
};

struct Computed {
  enum class Where : std::uint8_t {
    Sent,         // once, on the asking node
    SentAsArray,  // so are all of the subquery's rows; the node takes the only one when it gets there
    There,        // by the node, when it gets there; what stands within is sent, if that may be
    Here,         // the whole expression is computed on the asking node
  };
  Where where = Where::Sent;
  bool guarded = false;   // of what is sent: computed only if the conditions and the gates hold
  bool shielded = false;  // of what is sent: kept from the node's planner, which computes ahead what has no columns
};

Computed Compute(const Place& place, const Value& value);

/// Whether it depends on the value where it is computed; elsewhere all are sent.
constexpr bool IsUncertain(const Place& place) { return place.by_rows || place.needs_row; }

/// The place of what stands within an expression that is computed There.
Place Within(const Place& place, const Computed& computed);

/// Whether a value can say which shard groups are asked: that is computed before any row is looked for.
bool MayPrune(const Place& place, bool may_raise);

}  // namespace altius::core::evaluation
