// SPDX-License-Identifier: PostgreSQL
// Expressions over columns, stable calls and subqueries, some of which raise errors.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "altius/core/evaluation/reached.hpp"
#include "chooser.hpp"

namespace evaluation_test {

using namespace altius::core::evaluation;

struct Raised {};

/// Null, 0 or 1; a condition that is 1 is true.
using Result = std::optional<int>;

struct Expr;
using Tree = std::shared_ptr<const Expr>;

struct Expr {
  enum class Kind {
    Column,
    Constant,
    Stable,  // a call without columns
    Query,   // a scalar subquery without columns
    Call,    // immutable: the sum of its arguments, null if one is null
    Operands,
    Sum,     // the aggregate, of its last argument; the first one is its FILTER
    Test,    // that a condition came out as the guard says
    Sent,    // what the asking node has computed
    Shielded,
    OnlyElement,
  };
  Kind kind = Kind::Constant;
  Shape shape = Shape::All;  // of Operands
  int number = 0;            // of a column, a leaf, an argument
  Result constant{};
  bool loud = false;         // raises an error, if its outcome is that; a Call if its value is 1
  bool there = true;         // of Stable: nodes know it
  bool several = false;      // of Query: it may have several rows
  bool array = false;        // and can travel as an array
  Guard guard = Guard::True;
  std::vector<Tree> args{};
};

/// What leaves come to.
enum class Outcome { Null, Zero, One, Raises, Several };

struct Universe {
  std::vector<Outcome> leaves;
  std::vector<std::vector<Result>> rows;  // columns of each
};

/// What was sent: a value, or an array of a subquery's rows.
struct Argument {
  Result value{};
  bool several = false;
};

struct Context {
  const Universe* universe = nullptr;
  const std::vector<Argument>* arguments = nullptr;
  const std::vector<Result>* row = nullptr;
};

/// As PostgreSQL's executor does.
Result Evaluate(const Expr& expr, const Context& context);

/// An argument, as the asking node computes it.
Argument EvaluateArgument(const Expr& expr, const Universe& universe);

/// As PostgreSQL's planner leaves it: what has only constants is computed, and what constants decide goes away.
Tree Simplified(const Tree& expr, const Context& context);

bool Holds(Guard guard, const Result& condition);
bool Has(const Expr& expr, Expr::Kind kind);
bool MayRaise(const Expr& expr);
bool MayBeArgument(const Expr& expr);

/// An expression of leaves that are numbered from *leaves on.
Tree Random(Chooser& choose, int depth, int* leaves);

Tree Make(Expr expr);

/// For messages: q is a subquery, s a stable call that nodes know, S one that they don't; ! may raise an error, * may have several rows.
std::string TextOf(const Expr& expr);
std::string TextOf(const Universe& universe);
std::string TextOf(const Result& result);

/// The expression as it goes to a node, and the arguments that go with it.
struct Extracted {
  Tree expr;
  bool here = false;  // nothing of it goes: it is computed on the asking node
  std::vector<Tree> arguments;
};

/// `gates`: conjuncts beside it that are evaluated before.
Extracted Extract(const Tree& expr, bool needs_row, const std::vector<Tree>& gates);

}  // namespace evaluation_test
