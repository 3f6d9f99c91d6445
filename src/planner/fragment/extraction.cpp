// SPDX-License-Identifier: PostgreSQL
// Arguments are taken out of the query of a fragment: values that the asking node computes, once.
#include "extraction.hpp"

#include "altius/catalog/metadata.hpp"
#include "altius/pg/node.hpp"
#include "altius/pg/walk.hpp"
#include "planner/locus/equality.hpp"
#include "planner/locus/shippable.hpp"
#include "planner/nodes/column_map.hpp"
#include "planner/nodes/place_calls.hpp"
#include "planner/nodes/records.hpp"
#include "late_values.hpp"

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
}

namespace altius::planner {

namespace {

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

}  // namespace

Query *Extract(Query *query, Extraction *extraction) {
  extraction->depth = -1;
  return castNode(Query, ExtractMutator(pg::AsNode(query), extraction));
}

}  // namespace altius::planner
