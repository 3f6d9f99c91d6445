// SPDX-License-Identifier: PostgreSQL
// A query that runs whole on a shard group becomes a fragment: arguments taken out, text made, split at the tables.
#include "fragment.hpp"

#include "altius/catalog/metadata.hpp"
#include "altius/deparse/deparse.hpp"
#include "altius/pg/node.hpp"
#include "altius/pg/walk.hpp"
#include "planner/level.hpp"
#include "planner/locus/conditional.hpp"
#include "planner/locus/equality.hpp"
#include "planner/locus/shippable.hpp"
#include "planner/nodes/column_map.hpp"
#include "planner/nodes/records.hpp"
#include "late_values.hpp"
#include "planner/nodes/place_calls.hpp"

extern "C" {
#include "access/sysattr.h"
#include "access/transam.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/tlist.h"
#include "rewrite/rewriteManip.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
}

namespace altius::planner {

namespace {

struct Extraction {
  const Level *level;
  List *arguments;
  List *types;
  List *queries;  // of Query: those around the node, innermost first
  int depth;      // queries below the fragment's own
  bool constants_too;  // of operators: statements that differ in them only are the same to the node, which keeps their plan
  bool one_row;   // INSERT of one row: its values are arguments, volatile ones too
  AttrNumber key;
  int key_argument;
  Guards guards;
  bool here;  // a statement that this node runs
};

/// The number of an equal argument: one expression in two places has to stay one to the node, which looks for what GROUP BY and the
/// like name.  Constants stay apart, lest the text depend on which of them are equal; values of a row are nowhere named.
int KnownArgument(const Extraction *extraction, Node *argument) {
  if (extraction->one_row || IsA(argument, Const)) return 0;
  ListCell *cell;
  foreach (cell, extraction->arguments) {
    if (equal(lfirst(cell), argument)) return foreach_current_index(cell) + 1;
  }
  return 0;
}

/// $n for the argument.  Types made by users have other oids on other nodes: such a value travels as text and is cast.
Node *ParameterFor(Extraction *extraction, Node *argument) {
  Node *outer = pg::Copy(argument);
  if (extraction->depth > 0) IncrementVarSublevelsUp(outer, -extraction->depth, 0);
  const Oid type = exprType(argument);
  RefuseAnonymousRow(type);
  const bool builtin = type < FirstNormalObjectId;
  const int known = KnownArgument(extraction, outer);
  if (known == 0) {
    extraction->arguments = lappend(extraction->arguments, outer);
    extraction->types = lappend_oid(extraction->types, builtin ? type : TEXTOID);
  }

  auto *param = makeNode(Param);
  param->paramkind = PARAM_EXTERN;
  param->paramid = known > 0 ? known : list_length(extraction->arguments);
  param->paramtype = builtin ? type : TEXTOID;
  param->paramtypmod = -1;
  param->paramcollid = builtin ? exprCollation(argument) : DEFAULT_COLLATION_OID;
  param->location = -1;
  if (builtin) return pg::AsNode(param);
  auto *cast = makeNode(CoerceViaIO);
  cast->arg = reinterpret_cast<Expr *>(param);
  cast->resulttype = type;
  cast->resultcollid = exprCollation(argument);
  cast->coerceformat = COERCE_EXPLICIT_CAST;
  cast->location = -1;
  return pg::AsNode(cast);
}

bool OuterJoinWalker(Node *node, void *context) {
  if (node == nullptr) return false;
  if (IsA(node, JoinExpr) && reinterpret_cast<JoinExpr *>(node)->jointype != JOIN_INNER) return true;
  if (IsA(node, Query)) return false;
  return pg::Walk(node, OuterJoinWalker, context);
}

Node *ReplaceVar(Extraction *extraction, Var *var) {
  if (var->varattno != InvalidAttrNumber) return nullptr;
  if (static_cast<int>(var->varlevelsup) >= list_length(extraction->queries)) return nullptr;
  auto *query = static_cast<Query *>(list_nth(extraction->queries, var->varlevelsup));
  RangeTblEntry *rte = pg::Rte(query->rtable, var->varno);
  if (rte->rtekind != RTE_RELATION || catalog::FindTable(rte->relid) == nullptr) return nullptr;
  Node *row = SpelledRow(rte, var);
  return OuterJoinWalker(pg::AsNode(query->jointree), nullptr) ? RowIfFound(row, var) : row;
}

struct CteSearch {
  int inside;   // queries between the expression and here
  int outside;  // queries of the fragment around the expression of which WITH goes along
};

bool ShippedCteWalker(Node *node, void *data) {
  if (node == nullptr) return false;
  auto *search = static_cast<CteSearch *>(data);
  if (IsA(node, RangeTblEntry)) {
    auto *rte = reinterpret_cast<RangeTblEntry *>(node);
    const int up = static_cast<int>(rte->ctelevelsup);
    return rte->rtekind == RTE_CTE && up >= search->inside && up < search->inside + search->outside;
  }
  if (IsA(node, Query)) {
    CteSearch inner = {search->inside + 1, search->outside};
    return pg::WalkQuery(reinterpret_cast<Query *>(node), ShippedCteWalker, &inner, QTW_EXAMINE_RTES_BEFORE);
  }
  return pg::Walk(node, ShippedCteWalker, data);
}

/// Whether the expression reads a CTE that goes along with the fragment.
bool NeedsShippedCte(Node *node, int outside) {
  CteSearch search = {0, outside};
  return ShippedCteWalker(node, &search);
}

/// How many queries around the expression, its own being the first, take their WITH along.
int LevelsShipped(const Extraction &extraction) { return extraction.depth + (extraction.level->whole ? 1 : 0); }

Node *ExtractMutator(Node *node, void *data);

/// A constant that means the same as a parameter of its type.
bool IsSendable(Node *node) {
  if (!IsA(node, Const)) return false;
  auto *constant = reinterpret_cast<Const *>(node);
  return !constant->constisnull && constant->consttype < FirstNormalObjectId && constant->consttype != UNKNOWNOID;
}

Node *SendConstants(OpExpr *operation, Extraction *extraction) {
  auto *result = reinterpret_cast<OpExpr *>(pg::Mutate(pg::AsNode(operation), ExtractMutator, extraction));
  ListCell *cell;
  foreach (cell, result->args) {
    auto *arg = static_cast<Node *>(lfirst(cell));
    if (IsSendable(arg)) lfirst(cell) = ParameterFor(extraction, arg);
  }
  return pg::AsNode(result);
}

bool IsMultiParamWalker(Node *node, void *context) {
  if (node == nullptr) return false;
  if (IsA(node, Param)) return reinterpret_cast<Param *>(node)->paramkind == PARAM_MULTIEXPR;
  return pg::Walk(node, IsMultiParamWalker, context);
}

/// A value of the row to insert, or of ON CONFLICT ... SET and RETURNING where it depends on no column.
Node *ValueOfRow(TargetEntry *target, Extraction *extraction, bool is_key) {
  Node *expr = pg::AsNode(target->expr);
  if (HasVars(expr) || pg::IsAnonymousRow(exprType(expr)) || IsMultiParamWalker(expr, nullptr)) return nullptr;
  if (IsA(expr, Const) && !is_key && !IsSendable(expr)) return nullptr;
  TargetEntry *result = flatCopyTargetEntry(target);
  result->expr = reinterpret_cast<Expr *>(ParameterFor(extraction, expr));
  if (is_key) extraction->key_argument = list_length(extraction->arguments);
  return pg::AsNode(result);
}

/// What stands for the argument: PostgreSQL computes no subquery, and no part of CASE, before it is reached.
Node *SentValue(Extraction *extraction, Node *node, const evaluation::Computed &computed) {
  const bool array = computed.where == evaluation::Computed::Where::SentAsArray;
  Node *argument = array ? pg::AsNode(AsArray(node)) : node;
  if (computed.guarded) argument = Guarded(extraction->guards, argument);
  Node *param = ParameterFor(extraction, argument);
  if (array) return OnlyElement(param, node);
  return computed.shielded ? WhenReached(param) : param;
}

/// The conjuncts of WHERE or ON.
Node *ExtractConjuncts(Node *quals, Extraction *extraction) {
  const Guards before = extraction->guards;
  extraction->guards.conjuncts = make_ands_implicit(reinterpret_cast<Expr *>(quals));
  List *result = NIL;
  ListCell *cell;
  foreach (cell, extraction->guards.conjuncts) {
    extraction->guards.self = static_cast<Node *>(lfirst(cell));
    result = lappend(result, ExtractMutator(extraction->guards.self, extraction));
  }
  extraction->guards = before;
  return result == NIL ? nullptr : pg::AsNode(make_ands_explicit(result));
}

Node *ExtractConditional(Node *node, Extraction *extraction) {
  if (IsA(node, FromExpr) || IsA(node, JoinExpr)) {
    Node **quals = IsA(node, FromExpr) ? &reinterpret_cast<FromExpr *>(node)->quals : &reinterpret_cast<JoinExpr *>(node)->quals;
    Node *original = *quals;
    *quals = nullptr;
    Node *result = pg::Mutate(node, ExtractMutator, extraction);
    *quals = original;
    Node *extracted = ExtractConjuncts(original, extraction);
    if (IsA(node, FromExpr)) {
      reinterpret_cast<FromExpr *>(result)->quals = extracted;
    } else {
      reinterpret_cast<JoinExpr *>(result)->quals = extracted;
    }
    return result;
  }
  if (!IsGuarded(node)) return pg::Mutate(node, ExtractMutator, extraction);
  node = pg::Copy(node);
  (void)VisitGuarded(node, &extraction->guards, [&](Node **operand) { *operand = ExtractMutator(*operand, extraction); });
  return node;
}

/// An argument, or what the node computes of arguments.
Node *ExtractArgument(Node *node, Extraction *extraction) {
  const evaluation::Place before = extraction->guards.place;
  evaluation::Computed computed = evaluation::Compute(before, DescribeValue(node));
  if (extraction->here && computed.where == evaluation::Computed::Where::Here) computed.where = evaluation::Computed::Where::There;
  if (computed.where != evaluation::Computed::Where::There) return SentValue(extraction, node, computed);
  extraction->guards.place = evaluation::Within(before, computed);
  Node *result = ExtractConditional(node, extraction);
  extraction->guards.place = before;
  return result;
}

/// Whether a SELECT's result columns are computed for rows that it may not have: an aggregate without GROUP BY always has one.
bool NeedsRow(const Query *query) {
  if (query->commandType != CMD_SELECT || query->jointree->fromlist == NIL) return false;
  return !query->hasAggs || query->groupClause != NIL || query->groupingSets != NIL || query->havingQual != nullptr;
}

/// Result columns, and HAVING, which has to have the same expressions as these.
Query *ExtractWithRow(Query *query, Extraction *extraction) {
  const Guards before = extraction->guards;
  List *targets = query->targetList;
  Node *having = query->havingQual;
  extraction->guards.place.needs_row = true;
  Node *extracted_targets = ExtractMutator(pg::AsNode(targets), extraction);
  Node *extracted_having = ExtractMutator(having, extraction);
  extraction->guards = before;
  query->targetList = NIL;
  query->havingQual = nullptr;
  Query *result = pg::MutateQuery(query, ExtractMutator, extraction);
  query->targetList = targets;
  query->havingQual = having;
  result->targetList = reinterpret_cast<List *>(extracted_targets);
  result->havingQual = extracted_having;
  return result;
}

Query *ExtractWithReturning(Query *query, Extraction *extraction) {
  const evaluation::Place before = extraction->guards.place;
  List *returning = std::exchange(query->returningList, NIL);
  Query *result = pg::MutateQuery(query, ExtractMutator, extraction);
  query->returningList = returning;
  extraction->guards.place = PlaceOfReturning(query);
  result->returningList = reinterpret_cast<List *>(ExtractMutator(pg::AsNode(returning), extraction));
  extraction->guards.place = before;
  return result;
}

Query *ExtractLevel(Query *query, Extraction *extraction) {
  if (NeedsRow(query)) return ExtractWithRow(query, extraction);
  const bool returns = extraction->here && query->commandType != CMD_SELECT && query->returningList != NIL;
  return returns ? ExtractWithReturning(query, extraction) : pg::MutateQuery(query, ExtractMutator, extraction);
}

Query *ExtractQuery(Query *query, Extraction *extraction) {
  extraction->queries = lcons(query, extraction->queries);
  extraction->depth++;
  Query *result = ExtractLevel(query, extraction);
  extraction->depth--;
  extraction->queries = list_delete_first(extraction->queries);
  return result;
}

/// What ON CONFLICT DO UPDATE computes, or RETURNING where it may do nothing: rows decide whether it is reached.
Node *ExtractByRows(Node *node, Extraction *extraction) {
  const evaluation::Place before = std::exchange(extraction->guards.place, kByRows);
  Node *result = pg::Mutate(node, ExtractMutator, extraction);
  extraction->guards.place = before;
  return result;
}

/// Whether it does no harm to compute it for a row that turns out not to need it, or it can't be computed by the node.
bool IsSentByRows(Node *expr) { return contain_volatile_functions(expr) || !(MayRaise(expr) || checkExprHasSubLink(expr)); }

/// SET (a, b) = (SELECT ...): the node assigns the subquery's columns, with their lengths.
bool IsOfMultiAssignment(Node *coercion) {
  const Node *value = strip_implicit_coercions(coercion);
  return IsA(value, Param) && reinterpret_cast<const Param *>(value)->paramkind == PARAM_MULTIEXPR;
}

Node *ExtractMutator(Node *node, void *data) {
  if (node == nullptr) return nullptr;
  auto *extraction = static_cast<Extraction *>(data);
  if (extraction->one_row && extraction->depth == 0 && IsA(node, TargetEntry)) {
    auto *target = reinterpret_cast<TargetEntry *>(node);
    auto *insert = static_cast<Query *>(linitial(extraction->queries));
    const bool inserted = list_member_ptr(insert->targetList, target);
    const bool always = inserted || insert->onConflict == nullptr || IsSentByRows(pg::AsNode(target->expr));
    Node *value = always ? ValueOfRow(target, extraction, inserted && target->resno == extraction->key) : nullptr;
    if (value != nullptr) return value;
    if (!inserted && insert->onConflict != nullptr) return ExtractByRows(node, extraction);
  }
  if (IsA(node, OnConflictExpr) && extraction->depth == 0) return ExtractByRows(node, extraction);
  if (IsA(node, Var)) {
    Node *replaced = ReplaceVar(extraction, reinterpret_cast<Var *>(node));
    return replaced != nullptr ? replaced : pg::Copy(node);
  }
  if (IsA(node, Query)) {
    return pg::AsNode(ExtractQuery(reinterpret_cast<Query *>(node), extraction));
  }
  if (IsPlaceCall(node)) return pg::Copy(node);
  if (pg::IsStrictLengthCoercion(node) && !IsOfMultiAssignment(node)) {
    // Printed as a cast it would cut the value off, where an assignment refuses it.
    auto *call = reinterpret_cast<FuncExpr *>(pg::Mutate(node, ExtractMutator, data));
    call->funcformat = COERCE_EXPLICIT_CALL;
    return pg::AsNode(call);
  }
  if (MayBeArgument(node) && !NeedsShippedCte(node, LevelsShipped(*extraction))) return ExtractArgument(node, extraction);
  if (extraction->constants_too && extraction->depth == 0 && IsA(node, OpExpr)) {
    return SendConstants(reinterpret_cast<OpExpr *>(node), extraction);
  }
  return ExtractConditional(node, extraction);
}

/// A look-up or change by key: no clause has to find an expression of another clause again, constants and all.
bool IsByKey(const Query *arm, const Query *upper, const Reachable &reachable) {
  if (upper != nullptr || list_length(reachable.prunes) != 1) return false;
  if (OidIsValid(get_element_type(exprType(static_cast<Node *>(linitial(reachable.prunes)))))) return false;
  return arm->groupClause == NIL && arm->groupingSets == NIL && arm->distinctClause == NIL && arm->sortClause == NIL &&
         arm->windowClause == NIL && arm->setOperations == nullptr && arm->commandType != CMD_INSERT;
}

/// The results of `query`, whose altius_arms (if it reads any) are `arms`.
void DescribeColumns(plan::Fragment *fragment, const Query *query, const Query *arms) {
  const List *targets = query->commandType == CMD_SELECT ? query->targetList : query->returningList;
  ListCell *cell;
  foreach (cell, targets) {
    if (lfirst_node(TargetEntry, cell)->resjunk) continue;
    Node *expr = pg::AsNode(lfirst_node(TargetEntry, cell)->expr);
    fragment->column_types = lappend_oid(fragment->column_types, exprType(expr));
    fragment->column_typmods = lappend_int(fragment->column_typmods, ResultTypmod(expr, query, arms));
    fragment->column_collations = lappend_oid(fragment->column_collations, exprCollation(expr));
  }
}

/// Rows may be locked in a subquery, too.
bool LocksRowsWalker(Node *node, void *context) {
  if (node == nullptr) return false;
  if (!IsA(node, Query)) return pg::Walk(node, LocksRowsWalker, context);
  auto *query = reinterpret_cast<Query *>(node);
  return query->rowMarks != NIL || pg::WalkQuery(query, LocksRowsWalker, context);
}

/// Junk columns are results like others once they have to cross the wire.
void ExposeColumns(Query *query, List **names, const char *prefix) {
  ListCell *cell;
  foreach (cell, DeliveredTargets(query)) {
    auto *target = lfirst_node(TargetEntry, cell);
    target->resjunk = false;
    target->resname = psprintf("%s%d", prefix, target->resno);
    if (names != nullptr) *names = lappend(*names, makeString(target->resname));
  }
}

Query *Extract(Query *query, Extraction *extraction) {
  extraction->depth = -1;
  return castNode(Query, ExtractMutator(pg::AsNode(query), extraction));
}

}  // namespace

List *DeliveredTargets(const Query *query) {
  if (query->distinctClause == NIL || query->hasDistinctOn) return query->targetList;
  List *result = NIL;
  ListCell *cell;
  foreach (cell, query->targetList) {
    if (!lfirst_node(TargetEntry, cell)->resjunk) result = lappend(result, lfirst(cell));
  }
  return result;
}

plan::Fragment *MakeInsertFragment(Query *insert, const Level *level, AttrNumber key, List **arguments) {
  auto *fragment = static_cast<plan::Fragment *>(palloc0(sizeof(plan::Fragment)));
  Extraction extraction = {level, NIL, NIL, NIL, -1, false, true, key, 0, {}};
  fragment->command = CMD_INSERT;
  fragment->kind = plan::FragmentKind::Modify;
  Query *arm = Extract(insert, &extraction);
  DescribeColumns(fragment, arm, nullptr);
  fragment->arm = deparse::TemplateOf(arm, &fragment->tables);
  fragment->arg_types = extraction.types;
  fragment->every_shard = key == 0;
  fragment->key_argument = extraction.key_argument;
  *arguments = extraction.arguments;
  return fragment;
}

plan::Fragment *MakeStatementFragment(Query *statement, const Level *level, List **arguments) {
  auto *fragment = static_cast<plan::Fragment *>(palloc0(sizeof(plan::Fragment)));
  Extraction extraction = {level, NIL, NIL, NIL, -1, false, false, 0, 0, {}, true};
  fragment->command = statement->commandType;
  fragment->kind = plan::FragmentKind::Statement;
  Query *extracted = Extract(statement, &extraction);
  DescribeColumns(fragment, extracted, nullptr);
  fragment->arm = {list_make1(makeString(deparse::QueryText(extracted))), NIL};
  fragment->arg_types = extraction.types;
  *arguments = extraction.arguments;
  return fragment;
}

plan::Fragment *MakeFragment(Query *arm, Query *upper, const Level *level, Reachable reachable, List **arguments) {
  auto *fragment = static_cast<plan::Fragment *>(palloc0(sizeof(plan::Fragment)));
  Extraction extraction = {level, NIL, NIL, NIL, -1, IsByKey(arm, upper, reachable), false, 0, 0, {}, false};
  fragment->command = arm->commandType;
  fragment->kind = arm->commandType == CMD_SELECT ? plan::FragmentKind::Rows : plan::FragmentKind::Modify;
  fragment->every_shard = !reachable.pruned;
  fragment->cut = level->cut;
  fragment->row_marks = LocksRowsWalker(pg::AsNode(arm), nullptr);
  fragment->prune_count = list_length(reachable.prunes);

  arm = Extract(arm, &extraction);
  if (arm->commandType == CMD_SELECT) ExposeColumns(arm, &fragment->arm_columns, "c");
  if (upper != nullptr) {
    upper = Extract(upper, &extraction);
    ExposeColumns(upper, nullptr, "c");
    fragment->upper = deparse::QueryText(upper);
  }
  DescribeColumns(fragment, upper != nullptr ? upper : arm, upper != nullptr ? arm : nullptr);
  fragment->arm = deparse::TemplateOf(arm, &fragment->tables);
  fragment->arm_query = arm;
  fragment->upper_query = upper;
  fragment->arg_types = extraction.types;
  *arguments = extraction.arguments;
  return fragment;
}

}  // namespace altius::planner
