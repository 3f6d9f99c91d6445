// SPDX-License-Identifier: PostgreSQL
// Statements whose values are sent as core says, and as PostgreSQL computes them: the same rows, and an error in both or in none.
#include <algorithm>
#include <string>

#include "../catch.hpp"
#include "expressions.hpp"

namespace {

using namespace evaluation_test;
using Kind = Expr::Kind;

/// SELECT target FROM t WHERE conjuncts
struct Statement {
  Tree target;
  std::vector<Tree> conjuncts;
  int leaves = 0;
};

struct Ran {
  bool raised = false;
  bool planned = false;  // before that the planner was through
  bool gated = false;    // by a conjunct that reads no rows and raises no error
  bool looked = false;   // at a row
  bool reached = false;  // the target was computed for some row
  std::string rows;
};

/// PostgreSQL's order: once what reads no rows (what can't raise an error first), then for each row as they stand, which it does not
/// promise.
std::vector<Tree> Ordered(const std::vector<Tree>& conjuncts, const std::vector<Tree>& originals) {
  std::vector<Tree> ordered;
  for (const int turn : {0, 1, 2}) {
    for (std::size_t i = 0; i < conjuncts.size(); i++) {
      const bool by_rows = Has(*originals[i], Kind::Column) || Has(*originals[i], Kind::Query);
      if ((by_rows ? 2 : MayRaise(*originals[i]) ? 1 : 0) == turn) ordered.push_back(conjuncts[i]);
    }
  }
  return ordered;
}

Ran Run(Tree target, std::vector<Tree> conjuncts, const Context& all) {
  Ran ran;
  Context context = all;
  int sum = 0;
  if (target->kind == Kind::Sum) ran.rows = "0";
  try {
    target = Simplified(target, context);
    for (Tree& conjunct : conjuncts) conjunct = Simplified(conjunct, context);
    ran.planned = true;
    // Without rows, too: what reads none is looked at once.
    for (const Tree& conjunct : conjuncts) {
      if (Has(*conjunct, Kind::Column) || Has(*conjunct, Kind::Query) || Evaluate(*conjunct, context) == 1) continue;
      ran.gated = !MayRaise(*conjunct);
      return ran;
    }
    for (const std::vector<Result>& row : context.universe->rows) {
      context.row = &row;
      ran.looked = true;
      if (!std::all_of(conjuncts.begin(), conjuncts.end(), [&](const Tree& one) { return Evaluate(*one, context) == 1; })) continue;
      ran.reached = true;
      if (target->kind != Kind::Sum) {
        ran.rows += TextOf(Evaluate(*target, context)) + " ";
      } else if (Evaluate(*target->args[0], context) == 1) {
        const Result value = Evaluate(*target->args[1], context);
        sum += value ? *value + 1 : 0;
      }
    }
  } catch (const Raised&) {
    ran.raised = true;
  }
  if (target->kind == Kind::Sum) ran.rows = std::to_string(sum);
  return ran;
}

std::vector<Tree> GatesBeside(const std::vector<Tree>& conjuncts, std::size_t self) {
  std::vector<Tree> gates;
  for (std::size_t i = 0; i < conjuncts.size(); i++) {
    const Expr& conjunct = *conjuncts[i];
    const bool by_rows = Has(conjunct, Kind::Column) || Has(conjunct, Kind::Query);
    if (i != self && IsGate({by_rows, MayRaise(conjunct)})) gates.push_back(conjuncts[i]);
  }
  return gates;
}

/// A statement as a node runs it.
struct Sent {
  Tree target;
  std::vector<Tree> conjuncts;
  std::vector<Tree> arguments;
  int here = 0, computed_there = 0;

  explicit Sent(const Statement& statement) {
    target = Add(Extract(statement.target, statement.target->kind != Kind::Sum, {}));
    for (std::size_t i = 0; i < statement.conjuncts.size(); i++) {
      conjuncts.push_back(Add(Extract(statement.conjuncts[i], false, GatesBeside(statement.conjuncts, i))));
    }
  }

  Tree Add(const Extracted& extracted) {
    here += extracted.here ? 1 : 0;
    const int base = static_cast<int>(arguments.size());
    arguments.insert(arguments.end(), extracted.arguments.begin(), extracted.arguments.end());
    return Renumbered(extracted.expr, base);
  }

  static Tree Renumbered(const Tree& expr, int base) {
    Expr result = *expr;
    if (expr->kind == Kind::Sent || expr->kind == Kind::Shielded || expr->kind == Kind::OnlyElement) result.number += base;
    for (Tree& arg : result.args) arg = Renumbered(arg, base);
    return Make(result);
  }

  Ran RunIn(const Universe& universe, const std::vector<Tree>& originals) const {
    std::vector<Argument> values;
    try {
      for (const Tree& argument : arguments) values.push_back(EvaluateArgument(*argument, universe));
    } catch (const Raised&) {
      return {true, true, false, false, false, ""};
    }
    return Run(target, Ordered(conjuncts, originals), {&universe, &values, nullptr});
  }
};

/// As PostgreSQL runs it, in each order that it may choose.
std::vector<Ran> RunPlain(const Statement& statement, const Universe& universe) {
  std::vector<Ran> all;
  std::vector<Tree> conjuncts = statement.conjuncts;
  std::sort(conjuncts.begin(), conjuncts.end());
  do {
    all.push_back(Run(statement.target, Ordered(conjuncts, conjuncts), {&universe, nullptr, nullptr}));
  } while (std::next_permutation(conjuncts.begin(), conjuncts.end()));
  return all;
}

Statement Generate(Chooser& choose) {
  Statement statement;
  statement.target = Random(choose, 1 + choose.Any(3), &statement.leaves);
  if (choose.Any(4) == 0) {
    const Tree filter = Random(choose, 1 + choose.Any(2), &statement.leaves);
    statement.target = Make({.kind = Kind::Sum, .args = {filter, statement.target}});
  }
  for (int i = choose.Any(5) - 1; i > 0; i--) statement.conjuncts.push_back(Random(choose, choose.Any(3), &statement.leaves));
  return statement;
}

Universe Some(Chooser& choose, int leaves) {
  Universe universe;
  for (int i = 0; i < leaves; i++) universe.leaves.push_back(static_cast<Outcome>(choose.Any(5)));
  const auto column = [&] { return choose.Any(4) == 0 ? Result{} : Result{choose.Any(2)}; };
  for (int i = choose.Any(3); i > 0; i--) universe.rows.push_back({column(), column()});
  return universe;
}

/// What constants decide is left out; false: PostgreSQL's own planner raises an error, whatever is sent.
bool Simplify(Statement* statement) {
  const Context context;
  try {
    statement->target = Simplified(statement->target, context);
    for (Tree& conjunct : statement->conjuncts) conjunct = Simplified(conjunct, context);
  } catch (const Raised&) {
    return false;
  }
  return true;
}

bool AreKnownThere(const Expr& expr) {
  if (expr.kind == Kind::Query || (expr.kind == Kind::Stable && expr.loud && !expr.there)) return false;
  return std::all_of(expr.args.begin(), expr.args.end(), [](const Tree& arg) { return AreKnownThere(*arg); });
}

/// Values are computed before it is known whether there is a row.  Where the node can compute all that raises errors in a result column
/// there is no error too many then; what WHERE compares with columns PostgreSQL's planner computes, too, to know how much it finds.
/// And of values that were sent the node's planner may compute more, as it does of parameters.
bool MayRaiseWithoutRows(const Statement& statement, const Ran& said, bool gated, bool looked, bool reached) {
  return !reached && (!said.planned || !AreKnownThere(*statement.target) || (!looked && !gated && !statement.conjuncts.empty()));
}

struct Tally {
  int same = 0, errors = 0, there = 0, here = 0, without_rows = 0;
};

void Compare(const Statement& statement, const Sent& sent, const Universe& universe, Tally* tally) {
  const Ran said = sent.RunIn(universe, statement.conjuncts);
  const std::vector<Ran> plain = RunPlain(statement, universe);
  const auto agrees = [&](const Ran& one) { return one.raised == said.raised && (said.raised || one.rows == said.rows); };
  const bool reached = std::any_of(plain.begin(), plain.end(), [](const Ran& one) { return one.reached; });
  if (std::any_of(plain.begin(), plain.end(), agrees)) {
    tally->same++;
    tally->errors += said.raised ? 1 : 0;
    return;
  }
  std::string text = TextOf(*statement.target) + " sent as " + TextOf(*sent.target);
  for (const Tree& conjunct : statement.conjuncts) text += " WHERE " + TextOf(*conjunct);
  for (const Tree& argument : sent.arguments) text += " $ = " + TextOf(*argument);
  INFO(text << "; " << TextOf(universe) << ": " << (said.raised ? "error" : said.rows));
  const bool looked = std::any_of(plain.begin(), plain.end(), [](const Ran& one) { return one.looked; });
  REQUIRE((said.raised && MayRaiseWithoutRows(statement, said, plain[0].gated, looked, reached)));
  tally->without_rows++;
}

bool ComputesThere(const Expr& expr) {
  if (expr.kind == Kind::Stable) return true;
  return std::any_of(expr.args.begin(), expr.args.end(), [](const Tree& arg) { return ComputesThere(*arg); });
}

}  // namespace

TEST_CASE("what is sent raises the errors that PostgreSQL raises, and no others", "[evaluation]") {
  Chooser choose;
  Tally tally;
  for (int i = 0; i < Share(60000); i++) {
    Statement statement = Generate(choose);
    if (!Simplify(&statement)) continue;
    const Sent sent(statement);
    tally.here += sent.here > 0 ? 1 : 0;
    tally.there += sent.here == 0 && ComputesThere(*sent.target) ? 1 : 0;
    INFO("statement " << i);
    for (int world = 0; world < 8; world++) Compare(statement, sent, Some(choose, statement.leaves), &tally);
  }
  CHECK(tally.same > Share(300000));
  CHECK(tally.errors > Share(30000));
  CHECK(tally.there > Share(1000));
  CHECK(tally.here > Share(1000));
  CHECK(tally.without_rows < tally.same / 8);
}

TEST_CASE("a value prunes where it may be computed beforehand", "[evaluation]") {
  for (int bits = 0; bits < 8; bits++) {
    const Place place = {.guarded = (bits & 1) != 0, .by_rows = (bits & 2) != 0};
    const bool raises = (bits & 4) != 0;
    INFO("choice " << bits);
    REQUIRE(MayPrune(place, raises) == (Compute(place, {.may_raise = raises}).where == Computed::Where::Sent));
  }
}
