// SPDX-License-Identifier: PostgreSQL
#include "equality.hpp"

#include "altius/pg/node.hpp"
#include "altius/pg/walk.hpp"

extern "C" {
#include "access/nbtree.h"
#include "access/stratnum.h"
#include "access/transam.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"
}

namespace altius::planner {

namespace {

bool AnyVarWalker(Node *node, void *context) {
  if (node == nullptr) return false;
  if (IsA(node, Var)) {
    return static_cast<int>(reinterpret_cast<Var *>(node)->varlevelsup) >= *static_cast<int *>(context);
  }
  if (IsA(node, Query)) {
    // Inside a sublink its own columns are of level 0; only those that reach out count.
    int depth = *static_cast<int *>(context) + 1;
    return pg::WalkQuery(reinterpret_cast<Query *>(node), AnyVarWalker, &depth);
  }
  return pg::Walk(node, AnyVarWalker, context);
}

}  // namespace

Meaning MeaningOfType(Oid type, Oid collation) {
  const TypeCacheEntry *entry = lookup_type_cache(getBaseType(type), TYPECACHE_HASH_OPFAMILY);
  const bool decides = OidIsValid(collation) && collation != DEFAULT_COLLATION_OID && collation != C_COLLATION_OID &&
                       !get_collation_isdeterministic(collation);
  return {entry->hash_opf, decides ? collation : InvalidOid};
}

Meaning MeaningOfOperator(Oid op, Oid type, Oid collation) {
  const Meaning meaning = MeaningOfType(type, collation);
  const bool equality =
      OidIsValid(meaning.family) && get_op_opfamily_strategy(op, meaning.family) == HTEqualStrategyNumber;
  return equality ? meaning : Meaning{InvalidOid, InvalidOid};
}

namespace {

/// Of those that are compared most, which need no look into the catalogs.
bool IsPlain(Oid type) {
  return type == INT4OID || type == INT8OID || type == INT2OID || type == DATEOID || type == TIMESTAMPTZOID || type == TIMESTAMPOID ||
         type == UUIDOID || type == BOOLOID;
}

/// By the support function of B-trees that says so, of each operator family that the operator is the equality of.
bool IsImageEquality(Oid equality, Oid collation) {
  Oid left, right;
  op_input_types(equality, &left, &right);
  if (left != right) return false;
  bool known = false;
  ListCell *cell;
  foreach (cell, get_mergejoin_opfamilies(equality)) {
    const Oid function = get_opfamily_proc(lfirst_oid(cell), left, right, BTEQUALIMAGE_PROC);
    if (!OidIsValid(function)) continue;
    if (!DatumGetBool(OidFunctionCall1Coll(function, collation, ObjectIdGetDatum(left)))) return false;
    known = true;
  }
  return known;
}

}  // namespace

bool IsIdentity(Oid equality, Identity of) {
  const Oid type = getBaseTypeAndTypmod(of.type, &of.typmod);
  if (!OidIsValid(equality)) return false;
  if (equality < FirstNormalObjectId && IsPlain(type)) return true;
  if (OidIsValid(of.collation) && of.collation != DEFAULT_COLLATION_OID && !get_collation_isdeterministic(of.collation)) return false;
  if (type == BPCHAROID || type == NUMERICOID) return of.typmod >= 0;
  return IsImageEquality(equality, of.collation);
}

bool IsIdentity(Oid equality, Node *expr) {
  return IsIdentity(equality, Identity{exprType(expr), exprTypmod(expr), exprCollation(expr)});
}

bool HashAlike(Oid one, Oid other) {
  if (one == other) return true;
  one = getBaseType(one);
  other = getBaseType(other);
  if (one == other) return true;
  if (type_is_rowtype(one) || type_is_rowtype(other)) return false;  // of fields that need not be comparable
  const Oid family = MeaningOfType(one, InvalidOid).family;
  return OidIsValid(family) && family == MeaningOfType(other, InvalidOid).family;
}

bool HasVars(Node *expr) {
  int depth = 0;
  return AnyVarWalker(expr, &depth);
}

namespace {

/// text as varchar is still compared as text; as bpchar or citext it is not.
bool KeepsMeaning(const RelabelType *relabel) {
  const Oid family = MeaningOfType(relabel->resulttype, InvalidOid).family;
  return OidIsValid(family) && family == MeaningOfType(exprType(pg::AsNode(relabel->arg)), InvalidOid).family;
}

}  // namespace

Node *Canonical(Node *expr) {
  while (expr != nullptr && IsA(expr, RelabelType)) {
    auto *relabel = reinterpret_cast<RelabelType *>(expr);
    if (!KeepsMeaning(relabel)) break;
    expr = reinterpret_cast<Node *>(relabel->arg);
  }
  if (expr != nullptr && IsA(expr, Var)) {
    auto *var = reinterpret_cast<Var *>(expr);
    return reinterpret_cast<Node *>(
        makeVar(var->varno, var->varattno, var->vartype, var->vartypmod, var->varcollid, var->varlevelsup));
  }
  return expr;
}

namespace {

bool HasTypes(TupleDesc row, List *values) {
  int column = 0;
  ListCell *cell;
  foreach (cell, values) {
    while (column < row->natts && TupleDescAttr(row, column)->attisdropped) column++;
    if (column == row->natts) return false;
    if (exprType(static_cast<Node *>(lfirst(cell))) != TupleDescAttr(row, column++)->atttypid) return false;
  }
  while (column < row->natts && TupleDescAttr(row, column)->attisdropped) column++;
  return column == row->natts;
}

}  // namespace

bool ComparesFaithfully(Node *column, Node *value) {
  const Oid type = exprType(value);
  if (type == RECORDARRAYOID) return false;
  const Oid row_type = getBaseType(exprType(column));
  if (type != RECORDOID || row_type == RECORDOID || !type_is_rowtype(row_type)) return true;
  if (!IsA(value, RowExpr)) return false;
  TupleDesc row = lookup_rowtype_tupdesc(row_type, -1);
  const bool same = HasTypes(row, reinterpret_cast<RowExpr *>(value)->args);
  ReleaseTupleDesc(row);
  return same;
}

bool IsLevelConstant(Node *expr) {
  if (IsA(expr, Const) || IsA(expr, Param)) return true;
  if (IsA(expr, Var)) return reinterpret_cast<Var *>(expr)->varlevelsup > 0;
  return !HasVars(expr) && !contain_volatile_functions(expr) && !contain_subplans(expr) &&
         !contain_agg_clause(expr) && !contain_window_function(expr);
}

bool EqualitySides(Node *conjunct, Node **left, Node **right, Meaning *meaning) {
  if (!IsA(conjunct, OpExpr)) return false;
  auto *op = reinterpret_cast<OpExpr *>(conjunct);
  if (list_length(op->args) != 2) return false;
  *left = Canonical(static_cast<Node *>(linitial(op->args)));
  *right = Canonical(static_cast<Node *>(lsecond(op->args)));
  if (!IsA(*left, Var) && !IsA(*right, Var)) return false;
  Node *column = IsA(*left, Var) ? *left : *right;
  *meaning = MeaningOfOperator(op->opno, exprType(column), op->inputcollid);
  if (!OidIsValid(meaning->family) || !HashAlike(exprType(*left), exprType(*right))) return false;
  return ComparesFaithfully(column, column == *left ? *right : *left);
}

}  // namespace altius::planner
