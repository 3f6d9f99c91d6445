// SPDX-License-Identifier: PostgreSQL
#include "expressions.hpp"

#include <algorithm>

namespace evaluation_test {

using Kind = Expr::Kind;

std::string TextOf(const Result& result) { return result ? std::to_string(*result) : "-"; }

std::string TextOf(const Expr& expr) {
  constexpr const char* kNames[] = {"c", "", "s", "q", "call", "", "sum", "is", "$", "shielded$", "only$"};
  constexpr const char* kShapes[] = {"all", "case", "caseof", "coalesce", "and", "or", "inturn"};
  std::string text = expr.kind == Kind::Operands ? kShapes[static_cast<int>(expr.shape) - (expr.shape == Shape::InTurn ? 1 : 0)]
                                                 : kNames[static_cast<int>(expr.kind)];
  if (expr.kind == Kind::Constant) return TextOf(expr.constant);
  if (expr.kind == Kind::Stable && !expr.there) text = "S";
  if (expr.kind == Kind::Test) text += std::to_string(static_cast<int>(expr.guard));
  if (expr.args.empty()) text += std::to_string(expr.number);
  if (expr.several) text += expr.array ? "*" : "**";
  if (expr.loud) text += "!";
  for (std::size_t i = 0; i < expr.args.size(); i++) text += (i == 0 ? "(" : ", ") + TextOf(*expr.args[i]);
  return expr.args.empty() ? text : text + ")";
}

std::string TextOf(const Universe& universe) {
  constexpr const char* kOutcomes[] = {"null", "0", "1", "error", "several"};
  std::string text = "leaves";
  for (const Outcome leaf : universe.leaves) text += std::string(" ") + kOutcomes[static_cast<int>(leaf)];
  for (const auto& row : universe.rows) text += " row " + TextOf(row[0]) + "," + TextOf(row[1]);
  return text;
}

Tree Make(Expr expr) { return std::make_shared<const Expr>(std::move(expr)); }

bool Holds(Guard guard, const Result& condition) {
  switch (guard) {
    case Guard::True:
      return condition == 1;
    case Guard::NotTrue:
      return condition != 1;
    case Guard::NotFalse:
      return condition != 0;
    case Guard::Null:
      return !condition;
    case Guard::Unknown:
      break;
  }
  return true;
}

namespace {

Result CallOf(const Expr& expr, const std::vector<Result>& args) {
  int sum = 0;
  for (const Result& arg : args) {
    if (!arg) return {};
    sum += *arg;
  }
  if (expr.loud && sum % 2 == 1) throw Raised{};
  return sum % 2;
}

Argument LeafOf(const Expr& expr, const Universe& universe) {
  switch (universe.leaves[static_cast<std::size_t>(expr.number)]) {
    case Outcome::Null:
      return {};
    case Outcome::One:
      return {1};
    case Outcome::Raises:
      if (expr.loud) throw Raised{};
      return {1};
    case Outcome::Several:
      return {0, expr.several};
    default:
      return {0};
  }
}

/// NULL for a Case without a default.
Result Operands(const Expr& expr, const Context& context) {
  const std::vector<Tree>& args = expr.args;
  std::size_t i = 0;
  switch (expr.shape) {
    case Shape::CaseOfValue:
    case Shape::Case: {
      Result value = 1;
      if (expr.shape == Shape::CaseOfValue) value = Evaluate(*args[i++], context);
      for (; i + 1 < args.size(); i += 2) {
        const Result condition = Evaluate(*args[i], context);
        if (condition && condition == value) return Evaluate(*args[i + 1], context);
      }
      return i < args.size() ? Evaluate(*args[i], context) : Result{};
    }
    case Shape::InTurn:
      if (const Result first = Evaluate(*args[0], context)) return CallOf(expr, {first, Evaluate(*args[1], context)});
      return {};
    default:
      break;
  }
  Result last;
  bool null = false;
  for (const Tree& arg : args) {
    last = Evaluate(*arg, context);
    const bool decided = expr.shape == Shape::Coalesce ? last.has_value() : last == (expr.shape == Shape::Or ? 1 : 0);
    if (decided) return last;
    null = null || !last;
  }
  return null ? Result{} : last;
}

}  // namespace

Argument EvaluateArgument(const Expr& expr, const Universe& universe) {
  const Context context = {&universe, nullptr, nullptr};
  if (expr.kind == Kind::Query) {
    const Argument leaf = LeafOf(expr, universe);
    if (leaf.several && !expr.array) throw Raised{};
    return leaf;
  }
  if (expr.kind == Kind::Operands && expr.shape == Shape::Case && expr.args.size() == 2) {
    return Evaluate(*expr.args[0], context) == 1 ? EvaluateArgument(*expr.args[1], universe) : Argument{};
  }
  return {Evaluate(expr, context)};
}

Result Evaluate(const Expr& expr, const Context& context) {
  switch (expr.kind) {
    case Kind::Column:
      return (*context.row)[static_cast<std::size_t>(expr.number)];
    case Kind::Constant:
      return expr.constant;
    case Kind::Stable:
    case Kind::Query: {
      const Argument leaf = LeafOf(expr, *context.universe);
      if (leaf.several) throw Raised{};
      return leaf.value;
    }
    case Kind::Call: {
      std::vector<Result> args;
      for (const Tree& arg : expr.args) args.push_back(Evaluate(*arg, context));
      return CallOf(expr, args);
    }
    case Kind::Operands:
      return Operands(expr, context);
    case Kind::Test:
      return Holds(expr.guard, Evaluate(*expr.args[0], context)) ? 1 : 0;
    case Kind::Sum:
      return {};
    case Kind::Sent:
    case Kind::Shielded:
    case Kind::OnlyElement:
      break;
  }
  const Argument& argument = (*context.arguments)[static_cast<std::size_t>(expr.number)];
  if (argument.several) throw Raised{};
  return argument.value;
}

/// --- the planner of a node ---

namespace {

bool IsConstant(const Tree& expr) { return expr->kind == Kind::Constant; }

Tree Constant(const Result& value) { return Make({.constant = value}); }

Tree SimplifiedCase(const Expr& expr, const Context& context) {
  Expr result = expr;
  result.args.clear();
  std::size_t i = 0;
  const bool of_value = expr.shape == Shape::CaseOfValue;
  Tree value = Constant(1);
  if (of_value) result.args.push_back(value = Simplified(expr.args[i++], context));
  for (; i + 1 < expr.args.size(); i += 2) {
    const Tree condition = Simplified(expr.args[i], context);
    const bool known = IsConstant(condition) && IsConstant(value);
    const bool holds = known && condition->constant.has_value() && condition->constant == value->constant;
    if (known && !holds) continue;
    const Tree outcome = Simplified(expr.args[i + 1], context);
    if (holds) {
      if (result.args.size() == (of_value ? 1 : 0)) return outcome;
      result.args.push_back(outcome);  // the default
      return Make(result);
    }
    result.args.push_back(condition);
    result.args.push_back(outcome);
  }
  const Tree otherwise = i < expr.args.size() ? Simplified(expr.args[i], context) : Constant({});
  if (result.args.size() == (of_value ? 1 : 0)) return otherwise;
  result.args.push_back(otherwise);
  return Make(result);
}

Tree SimplifiedList(const Expr& expr, const Context& context) {
  Expr result = expr;
  result.args.clear();
  const bool coalesce = expr.shape == Shape::Coalesce;
  const int decisive = expr.shape == Shape::Or ? 1 : 0;
  bool null = false;
  for (const Tree& arg : expr.args) {
    const Tree known = Simplified(arg, context);
    if (!IsConstant(known)) {
      result.args.push_back(known);
    } else if (!known->constant) {
      null = true;
    } else if (coalesce) {
      if (result.args.empty()) return known;
      result.args.push_back(known);
      return Make(result);
    } else if (known->constant == decisive) {
      return known;
    }
  }
  if (result.args.empty()) return Constant(null ? Result{} : Result{1 - decisive});
  if (null && !coalesce) result.args.push_back(Constant({}));
  return Make(result);
}

}  // namespace

Tree Simplified(const Tree& expr, const Context& context) {
  if (expr->kind == Kind::Sent) return Constant(Evaluate(*expr, context));
  const bool operands = expr->kind == Kind::Operands;
  if (operands && (expr->shape == Shape::Case || expr->shape == Shape::CaseOfValue)) return SimplifiedCase(*expr, context);
  if (operands && expr->shape != Shape::InTurn) return SimplifiedList(*expr, context);
  if (expr->args.empty()) return expr;
  Expr result = *expr;
  for (Tree& arg : result.args) arg = Simplified(arg, context);
  const bool constant = expr->kind != Kind::Sum && std::all_of(result.args.begin(), result.args.end(), IsConstant);
  return constant ? Constant(Evaluate(result, context)) : Make(result);
}

/// --- what core is told ---

bool Has(const Expr& expr, Kind kind) {
  return expr.kind == kind || std::any_of(expr.args.begin(), expr.args.end(), [&](const Tree& arg) { return Has(*arg, kind); });
}

bool MayRaise(const Expr& expr) {
  return expr.loud || std::any_of(expr.args.begin(), expr.args.end(), [](const Tree& arg) { return MayRaise(*arg); });
}

bool MayBeArgument(const Expr& expr) {
  if (expr.kind == Kind::Stable || expr.kind == Kind::Query) return true;
  return expr.kind == Kind::Call && !Has(expr, Kind::Column) && !Has(expr, Kind::Query) && Has(expr, Kind::Stable);
}

/// --- what goes to a node ---

namespace {

class Extraction {
 public:
  Extraction(Extracted* extracted, bool needs_row, const std::vector<Tree>& gates) : extracted_(extracted), gates_(gates) {
    place_.needs_row = needs_row;
  }

  Tree Of(const Tree& expr) {
    if (!MayBeArgument(*expr)) return Operands(expr);
    const Computed computed = Compute(place_, Describe(*expr));
    if (computed.where == Computed::Where::Here) extracted_->here = true;
    if (computed.where != Computed::Where::There) return Sent(expr, computed);
    const Place before = place_;
    place_ = Within(before, computed);
    Tree result = Operands(expr);
    place_ = before;
    return result;
  }

 private:
  static Value Describe(const Expr& expr) {
    Value value;
    value.subquery = expr.kind == Kind::Query;
    value.may_raise = MayRaise(expr);
    value.several_rows = expr.several;
    value.as_array = expr.several && expr.array;
    value.there = expr.kind == Kind::Call || (expr.kind == Kind::Stable && expr.there);
    return value;
  }

  Tree Sent(const Tree& expr, const Computed& computed) {
    const bool array = computed.where == Computed::Where::SentAsArray;
    Expr sent = *expr;
    sent.array = array;
    Tree argument = Make(sent);
    std::vector<Tree> conditions;
    for (const Tree& gate : gates_) conditions.push_back(Make({.kind = Kind::Test, .guard = Guard::True, .args = {gate}}));
    conditions.insert(conditions.end(), conditions_.begin(), conditions_.end());
    if (computed.guarded && !conditions.empty()) {
      const Tree all = Make({.kind = Kind::Operands, .shape = Shape::And, .args = conditions});
      argument = Make({.kind = Kind::Operands, .shape = Shape::Case, .args = {all, argument}});
    }
    extracted_->arguments.push_back(argument);
    const Kind kind = array ? Kind::OnlyElement : computed.shielded ? Kind::Shielded : Kind::Sent;
    return Make({.kind = kind, .number = static_cast<int>(extracted_->arguments.size()) - 1});
  }

  void Pass(const Tree& condition, Guard guard) {
    const bool by_rows = Has(*condition, Kind::Column) || Has(*condition, Kind::Query);
    if (!altius::core::evaluation::Pass(&place_, {by_rows, MayRaise(*condition)}, guard)) return;
    conditions_.push_back(Make({.kind = Kind::Test, .guard = guard, .args = {condition}}));
  }

  Tree Operands(const Tree& expr) {
    if (expr->args.empty()) return expr;
    const Place before = place_;
    const std::vector<Tree> conditions = conditions_;
    Expr result = *expr;
    const bool of_value = expr->shape == Shape::CaseOfValue;
    const bool cases = expr->kind == Kind::Operands && (expr->shape == Shape::Case || of_value);
    for (std::size_t i = 0; i < expr->args.size(); i++) {
      if (expr->kind == Kind::Sum) place_.needs_row = true;
      const Tree& arg = expr->args[i];
      result.args[i] = Of(arg);
      if (cases && of_value && i == 0) {
        Pass(arg, GuardOf(expr->shape, Following::Next));
      } else if (cases && (i % 2 == 1) == of_value && i + 1 < expr->args.size()) {
        const Place here = place_;
        const std::vector<Tree> known = conditions_;
        Pass(arg, GuardOf(expr->shape, Following::Next));
        result.args[i + 1] = Of(expr->args[i + 1]);
        place_ = here;
        conditions_ = known;
        Pass(arg, GuardOf(expr->shape, Following::Later));
        i++;
      } else if (expr->kind == Kind::Operands || expr->kind == Kind::Sum) {
        const Shape shape = expr->kind == Kind::Sum ? Shape::Filtered : expr->shape;
        if (i + 1 < expr->args.size()) Pass(arg, GuardOf(shape, Following::Later));
      }
    }
    place_ = before;
    conditions_ = conditions;
    return Make(result);
  }

  Extracted* extracted_;
  const std::vector<Tree>& gates_;
  Place place_;
  std::vector<Tree> conditions_;
};

}  // namespace

Extracted Extract(const Tree& expr, bool needs_row, const std::vector<Tree>& gates) {
  Extracted extracted;
  extracted.expr = Extraction(&extracted, needs_row, gates).Of(expr);
  if (extracted.here) return {expr, true, {}};
  return extracted;
}

/// --- any expression ---

namespace {

Tree Leaf(Chooser& choose, int* leaves) {
  Expr leaf;
  switch (choose.Any(6)) {
    case 0:
    case 1:
      leaf.kind = Kind::Column;
      leaf.number = choose.Any(2);
      break;
    case 2:
      leaf.constant = choose.Any(3) == 0 ? Result{} : Result{choose.Any(2)};
      break;
    case 3:
      leaf.kind = Kind::Query;
      leaf.loud = choose.Any(4) == 0;
      leaf.several = choose.Any(3) != 0;
      leaf.array = choose.Any(2) == 0;
      leaf.number = (*leaves)++;
      break;
    default:
      leaf.kind = Kind::Stable;
      leaf.loud = choose.Any(2) == 0;
      leaf.there = choose.Any(2) == 0;
      leaf.number = (*leaves)++;
  }
  return Make(leaf);
}

}  // namespace

Tree Random(Chooser& choose, int depth, int* leaves) {
  if (depth == 0 || choose.Any(5) == 0) return Leaf(choose, leaves);
  Expr expr;
  expr.kind = choose.Any(4) == 0 ? Kind::Call : Kind::Operands;
  constexpr Shape kShapes[] = {Shape::Case, Shape::CaseOfValue, Shape::Coalesce, Shape::And, Shape::Or, Shape::InTurn};
  int args = 1 + choose.Any(2);
  if (expr.kind == Kind::Call) {
    expr.loud = choose.Any(2) == 0;
  } else {
    expr.shape = kShapes[choose.Any(6)];
    args = 2;
    if (expr.shape == Shape::Case) args = 2 + choose.Any(3);
    if (expr.shape == Shape::CaseOfValue) args = 3 + choose.Any(3);
    if (expr.shape == Shape::And || expr.shape == Shape::Or) args = 2 + choose.Any(2);
  }
  for (int i = 0; i < args; i++) expr.args.push_back(Random(choose, depth - 1, leaves));
  return Make(expr);
}

}  // namespace evaluation_test
