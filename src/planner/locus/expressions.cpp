// SPDX-License-Identifier: PostgreSQL
// Expressions as core/locus reads them: which relations they read, what they equate, whether another node computes the same.
#include "altius/catalog/metadata.hpp"
#include "altius/pg/node.hpp"
#include "altius/pg/walk.hpp"
#include "planner/nodes/assigned.hpp"
#include "equality.hpp"
#include "scope.hpp"
#include "shippable.hpp"
#include "translation.hpp"

extern "C" {
#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/tlist.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
}

namespace altius::planner {

namespace {

struct CteUses {
  const locus::Tree *tree;
  const Frame *frame;
  locus::Set homes;  // within the translated queries
  int depth;
};

/// CTEs outside the walked expression that it reads.
bool CteWalker(Node *node, void *data) {
  if (node == nullptr) return false;
  auto *uses = static_cast<CteUses *>(data);
  if (IsA(node, RangeTblEntry)) {
    auto *rte = reinterpret_cast<RangeTblEntry *>(node);
    const int up = static_cast<int>(rte->ctelevelsup) - uses->depth;
    if (rte->rtekind != RTE_CTE || up < 0) return false;
    const Frame *home = uses->frame;
    for (int i = 0; i < up && home != nullptr; i++) home = home->around;
    if (home != nullptr) uses->homes = uses->homes.With(uses->tree->arena, home->translated->id);
    return false;
  }
  if (IsA(node, Query)) {
    uses->depth++;
    pg::WalkQuery(reinterpret_cast<Query *>(node), CteWalker, data, QTW_EXAMINE_RTES_BEFORE);
    uses->depth--;
    return false;
  }
  return pg::Walk(node, CteWalker, data);
}

locus::Set CtesOutside(const locus::Tree &tree, Node *expr, const Frame *frame) {
  CteUses uses = {&tree, frame, {}, 0};
  CteWalker(expr, &uses);
  return uses.homes;
}

/// The text of a field's name is found where the row is made; that of a subquery's row is not (multi_assign.cpp).
bool IsFieldOfSubLink(FieldSelect *field, Query *query) {
  if (!IsA(field->arg, Var)) return false;
  auto *var = reinterpret_cast<Var *>(field->arg);
  if (!pg::IsAnonymousRow(var->vartype) || var->varattno <= 0 || var->varlevelsup > 0) return false;
  RangeTblEntry *rte = pg::Rte(query->rtable, var->varno);
  if (rte->rtekind != RTE_SUBQUERY) return false;
  const TargetEntry *column = get_tle_by_resno(rte->subquery->targetList, var->varattno);
  return column != nullptr && IsA(column->expr, SubLink);
}

/// Other nodes can't read rows without a type, nor those of tables that are here only.
bool CanTravel(Oid type) {
  if (type < FirstNormalObjectId) return !pg::IsAnonymousRow(type);
  const Oid element = get_base_element_type(type);
  const Oid relid = get_typ_typrelid(OidIsValid(element) ? element : getBaseType(type));
  return !OidIsValid(relid) || get_rel_relkind(relid) == RELKIND_COMPOSITE_TYPE || catalog::FindTable(relid) != nullptr ||
         relid < FirstNormalObjectId;
}

bool HasNoText(Node *node, Query *query) {
  switch (nodeTag(node)) {
    case T_NextValueExpr:
    case T_CurrentOfExpr:
    case T_FieldStore:  // has no text of its own; see AreShippable
      return true;
    case T_SubscriptingRef:
      return IsAssignment(node);
    case T_FieldSelect:
      return IsFieldOfSubLink(reinterpret_cast<FieldSelect *>(node), query);
    default:
      return false;
  }
}

}  // namespace

int Translation::RelationOf(const Var *var, const Frame *frame) {
  Index up = var->varlevelsup;
  for (; frame != nullptr; frame = frame->around, up--) {
    if (up == 0) return frame->base + static_cast<int>(var->varno);
  }
  for (const Outside &known : outside_) {
    if (known.up == up && known.varno == static_cast<int>(var->varno)) return known.relation;
  }
  const int relation = tree.AddRelation({});
  outside_.push_back({up, static_cast<int>(var->varno), relation});
  return relation;
}

int Translation::ConstantId(Node *expr) {
  for (int i = 0; i < constants_.size(); i++) {
    if (equal(constants_[i], expr)) return i;
  }
  constants_.push_back(expr);
  return constants_.size() - 1;
}

int Translation::DomainOf(const Meaning &meaning) {
  for (int i = 0; i < domains_.size(); i++) {
    if (domains_[i] == meaning) return i;
  }
  domains_.push_back(meaning);
  return domains_.size() - 1;
}

locus::Term Translation::TermOf(Node *expr, Frame *frame) {
  expr = Canonical(expr);
  if (expr == nullptr) return {};
  if (IsA(expr, Var)) {
    auto *var = reinterpret_cast<Var *>(expr);
    return var->varattno > 0 ? locus::Term{RelationOf(var, frame), var->varattno} : locus::Term{};
  }
  if (!IsLevelConstant(expr)) return {};
  if (IsA(expr, Const) || IsA(expr, Param) || IsA(expr, Var)) return {locus::kNone, ConstantId(expr)};
  // PostgreSQL computes immutable functions while it plans.
  const bool later = checkExprHasSubLink(expr) || contain_mutable_functions(expr);
  const bool raises = later && MayRaise(expr);
  if (!evaluation::MayPrune(guards_.place, raises)) return {};
  return {locus::kNone, ConstantId(raises ? Guarded(guards_, expr) : expr)};
}

locus::Value Translation::ValueOf(Node *expr, Oid equality) {
  const Meaning meaning = MeaningOfOperator(equality, exprType(expr), exprCollation(expr));
  const locus::Term term = TermOf(expr, root_);
  return OidIsValid(meaning.family) && term.id != locus::kNone ? tree.ValueOf(term, DomainOf(meaning)) : locus::kNone;
}

locus::List<locus::Value> Translation::Keys(const List *clauses, List *targets, Frame *frame) {
  locus::List<locus::Value> keys;
  ListCell *cell;
  foreach (cell, clauses) {
    auto *clause = lfirst_node(SortGroupClause, cell);
    Node *expr = get_sortgroupclause_expr(clause, targets);
    const Meaning meaning = MeaningOfOperator(clause->eqop, exprType(expr), exprCollation(expr));
    const locus::Term term = TermOf(expr, frame);
    if (OidIsValid(meaning.family) && term.id != locus::kNone) keys.Add(tree.arena, tree.ValueOf(term, DomainOf(meaning)));
  }
  return keys;
}

/// --- conditions ---

bool Translation::DescribeEqual(locus::Condition *condition, Node *expr, Frame *frame) {
  Node *left, *right;
  Meaning meaning;
  condition->kind = locus::Condition::Kind::Equal;
  if (IsA(expr, ScalarArrayOpExpr)) {
    auto *any = reinterpret_cast<ScalarArrayOpExpr *>(expr);
    left = Canonical(static_cast<Node *>(linitial(any->args)));
    right = static_cast<Node *>(lsecond(any->args));
    if (!any->useOr || !IsA(left, Var) || HasVars(right)) return false;
    meaning = MeaningOfOperator(any->opno, exprType(left), any->inputcollid);
    condition->kind = locus::Condition::Kind::Any;
    if (!OidIsValid(meaning.family) || !HashAlike(exprType(left), get_base_element_type(exprType(right)))) return false;
    if (!ComparesFaithfully(left, right)) return false;
  } else if (!EqualitySides(expr, &left, &right, &meaning)) {
    return false;
  }
  const locus::Term left_term = TermOf(left, frame), right_term = TermOf(right, frame);
  if (left_term.id == locus::kNone || right_term.id == locus::kNone) return false;
  const int domain = DomainOf(meaning);
  condition->left = tree.ValueOf(left_term, domain);
  condition->right = tree.ValueOf(right_term, domain);
  return true;
}

/// What the condition says of equality.
void Translation::Describe(locus::Condition *condition, Node *expr, Frame *frame) {
  if (DescribeEqual(condition, expr, frame)) return;
  condition->kind = locus::Condition::Kind::Opaque;
  if (!IsA(expr, BoolExpr) || reinterpret_cast<BoolExpr *>(expr)->boolop == NOT_EXPR) return;
  auto *junction = reinterpret_cast<BoolExpr *>(expr);
  condition->kind = junction->boolop == AND_EXPR ? locus::Condition::Kind::And : locus::Condition::Kind::Or;
  (void)VisitGuarded(expr, &guards_, [&](Node **operand) {
    auto *part = tree.arena.Make<locus::Condition>();
    Describe(part, *operand, frame);
    condition->parts.Add(tree.arena, part);
  });
}

namespace {

/// The sublinks of a conjunct of WHERE or ON that drop a row by null as they do by false.
List *FilterLinks(Node *expr, List *links) {
  if (IsA(expr, SubLink)) return lappend(links, expr);
  if (!IsA(expr, BoolExpr) || reinterpret_cast<BoolExpr *>(expr)->boolop == NOT_EXPR) return links;
  ListCell *cell;
  foreach (cell, reinterpret_cast<BoolExpr *>(expr)->args) links = FilterLinks(static_cast<Node *>(lfirst(cell)), links);
  return links;
}

/// A column of a table that is declared NOT NULL.
bool IsNotNull(Node *expr, Query *query) {
  if (expr == nullptr || !IsA(expr, Var)) return false;
  auto *var = reinterpret_cast<Var *>(expr);
  if (var->varlevelsup > 0 || var->varattno <= 0) return false;
  RangeTblEntry *rte = pg::Rte(query->rtable, static_cast<int>(var->varno));
  if (rte->rtekind != RTE_RELATION) return false;
  HeapTuple tuple = SearchSysCache2(ATTNUM, ObjectIdGetDatum(rte->relid), Int16GetDatum(var->varattno));
  if (!HeapTupleIsValid(tuple)) return false;
  const bool not_null = reinterpret_cast<Form_pg_attribute>(GETSTRUCT(tuple))->attnotnull;
  ReleaseSysCache(tuple);
  return not_null;
}

/// Whether neither side of the comparisons can be null.  (A column to which an outer join adds nulls is no key.)
bool ComparesNoNulls(SubLink *link, Query *query) {
  auto *inner = castNode(Query, link->subselect);
  if (inner->setOperations != nullptr) return false;
  ListCell *cell;
  foreach (cell, make_ands_implicit(reinterpret_cast<Expr *>(link->testexpr))) {
    auto *test = static_cast<Node *>(lfirst(cell));
    if (!IsA(test, OpExpr)) return false;
    auto *left = static_cast<Node *>(linitial(reinterpret_cast<OpExpr *>(test)->args));
    if (!IsNotNull(Canonical(left), query)) return false;
  }
  foreach (cell, inner->targetList) {
    auto *target = lfirst_node(TargetEntry, cell);
    if (!target->resjunk && !IsNotNull(Canonical(pg::AsNode(target->expr)), inner)) return false;
  }
  return true;
}

}  // namespace

const locus::Condition *Translation::Conjunct(Node *expr, Frame *frame) {
  auto *condition = tree.arena.Make<locus::Condition>();
  condition->origin = conditions_.size();
  conditions_.push_back(expr);
  Collect(condition, expr, frame, FilterLinks(expr, NIL));
  Describe(condition, expr, frame);
  return condition;
}

void Translation::Conjuncts(locus::List<const locus::Condition *> *conditions, Node *quals, Frame *frame) {
  const Guards before = guards_;
  guards_.conjuncts = make_ands_implicit(reinterpret_cast<Expr *>(quals));
  ListCell *cell;
  foreach (cell, guards_.conjuncts) {
    guards_.self = static_cast<Node *>(lfirst(cell));
    conditions->Add(tree.arena, Conjunct(guards_.self, frame));
  }
  guards_ = before;
}

const locus::Condition *Translation::Opaque(Node *expr, Frame *frame) {
  auto *condition = tree.arena.Make<locus::Condition>();
  Collect(condition, expr, frame, NIL);
  return condition;
}

void Translation::Collect(locus::Condition *condition, Node *expr, Frame *frame, List *filters) {
  Walk walk = {this, frame, condition, filters};
  CollectWalker(expr, &walk);
}

bool Translation::CollectWalker(Node *node, void *data) {
  if (node == nullptr) return false;
  auto *walk = static_cast<Walk *>(data);
  return walk->translation->CollectNode(walk, node) ? false : pg::Walk(node, CollectWalker, data);
}

/// True when there is nothing left to do below the node.
bool Translation::CollectNode(Walk *walk, Node *node) {
  locus::Condition *condition = walk->condition;
  using Where = evaluation::Computed::Where;
  const bool argument = MayBeArgument(node);
  evaluation::Computed computed;
  if (!argument) computed.where = Where::There;
  if (argument && evaluation::IsUncertain(guards_.place)) computed = evaluation::Compute(guards_.place, DescribeValue(node));
  if (computed.where != Where::There) {
    if (computed.where == Where::Here) condition->ships = false;
    condition->ships = condition->ships && CanTravel(exprType(node));
    if (IsA(node, SubLink) && !CtesOutside(tree, node, walk->frame).IsEmpty()) {
      AddSubquery(walk, reinterpret_cast<SubLink *>(node), true);
    }
    return true;
  }
  if (IsA(node, SubLink)) {
    AddSubquery(walk, reinterpret_cast<SubLink *>(node), false);
    return true;
  }
  if (IsA(node, Var)) {
    condition->relations = condition->relations.With(tree.arena, RelationOf(reinterpret_cast<Var *>(node), walk->frame));
    return true;
  }
  if (HasNoText(node, walk->frame->query) || IsUnshippableCall(node)) condition->ships = false;
  if (argument) return CollectWithin(walk, node, computed);
  return VisitGuarded(node, &guards_, [&](Node **operand) { CollectWalker(*operand, walk); });
}

bool Translation::CollectWithin(Walk *walk, Node *node, const evaluation::Computed &computed) {
  const evaluation::Place before = guards_.place;
  guards_.place = evaluation::Within(before, computed);
  if (!VisitGuarded(node, &guards_, [&](Node **operand) { CollectWalker(*operand, walk); })) pg::Walk(node, CollectWalker, walk);
  guards_.place = before;
  return true;
}

void Translation::AddSubquery(Walk *walk, SubLink *link, bool argument) {
  locus::Subquery subquery;
  subquery.argument = argument;
  if (argument) subquery.ctes = CtesOutside(tree, pg::AsNode(link), walk->frame);
  subquery.query = Translate(castNode(Query, link->subselect), walk->frame, link->subLinkType == ARRAY_SUBLINK);
  subquery.any = link->subLinkType == ANY_SUBLINK &&
                 (list_member_ptr(walk->filters, link) || ComparesNoNulls(link, walk->frame->query));
  if (subquery.any) AddComparisons(&subquery, link->testexpr, walk->frame);
  locus::Condition *condition = walk->condition;
  condition->relations = condition->relations.Union(tree.arena, subquery.query->outer);
  condition->subqueries.Add(tree.arena, subquery);
  if (link->testexpr != nullptr) CollectWalker(link->testexpr, walk);
}

void Translation::AddComparisons(locus::Subquery *subquery, Node *test, Frame *frame) {
  ListCell *cell;
  foreach (cell, make_ands_implicit(reinterpret_cast<Expr *>(test))) {
    Node *left, *right;
    Meaning meaning;
    if (!EqualitySides(static_cast<Node *>(lfirst(cell)), &left, &right, &meaning) || !IsA(right, Param)) continue;
    auto *param = reinterpret_cast<Param *>(right);
    if (param->paramkind != PARAM_SUBLINK) continue;
    subquery->left.Add(tree.arena, TermOf(left, frame));
    subquery->right.Add(tree.arena, param->paramid);
    subquery->domains.Add(tree.arena, DomainOf(meaning));
  }
}

}  // namespace altius::planner
