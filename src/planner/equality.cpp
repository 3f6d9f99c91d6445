// SPDX-License-Identifier: PostgreSQL
#include "equality.hpp"

#include "altius/pg/walk.hpp"

extern "C" {
#include "access/stratnum.h"
#include "nodes/makefuncs.h"
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

bool IsKeyEquality(Oid op, Node *side) {
  if (!IsA(side, Var)) return true;
  const TypeCacheEntry *type =
      lookup_type_cache(getBaseType(reinterpret_cast<Var *>(side)->vartype), TYPECACHE_HASH_OPFAMILY);
  return OidIsValid(type->hash_opf) && get_op_opfamily_strategy(op, type->hash_opf) == HTEqualStrategyNumber;
}

bool HasVars(Node *expr) {
  int depth = 0;
  return AnyVarWalker(expr, &depth);
}

Node *Canonical(Node *expr) {
  while (expr != nullptr && IsA(expr, RelabelType)) {
    expr = reinterpret_cast<Node *>(reinterpret_cast<RelabelType *>(expr)->arg);
  }
  if (expr != nullptr && IsA(expr, Var)) {
    auto *var = reinterpret_cast<Var *>(expr);
    return reinterpret_cast<Node *>(
        makeVar(var->varno, var->varattno, var->vartype, var->vartypmod, var->varcollid, var->varlevelsup));
  }
  return expr;
}

bool IsLevelConstant(Node *expr) {
  if (IsA(expr, Const) || IsA(expr, Param)) return true;
  if (IsA(expr, Var)) return reinterpret_cast<Var *>(expr)->varlevelsup > 0;
  return !HasVars(expr) && !contain_volatile_functions(expr) && !contain_subplans(expr) &&
         !contain_agg_clause(expr) && !contain_window_function(expr);
}

bool EqualitySides(Node *conjunct, Node **left, Node **right) {
  if (!IsA(conjunct, OpExpr)) return false;
  auto *op = reinterpret_cast<OpExpr *>(conjunct);
  if (list_length(op->args) != 2) return false;
  *left = Canonical(static_cast<Node *>(linitial(op->args)));
  *right = Canonical(static_cast<Node *>(lsecond(op->args)));
  return IsKeyEquality(op->opno, *left) && IsKeyEquality(op->opno, *right);
}

int Equalities::Root(int index) const {
  while (parents_[index] != index) index = parents_[index];
  return index;
}

int Equalities::Find(Node *expr) const {
  expr = Canonical(expr);
  for (int i = 0; i < parents_.size(); i++) {
    if (parents_[i] == i && list_member(members_[i], expr)) return i;
  }
  return -1;
}

int Equalities::NewClass() {
  parents_.push_back(parents_.size());
  members_.push_back(NIL);
  return parents_.size() - 1;
}

int Equalities::ClassOf(Node *expr) {
  const int found = Find(expr);
  if (found >= 0) return found;
  const int made = NewClass();
  members_[made] = list_make1(Canonical(expr));
  return made;
}

void Equalities::Unite(int a, int b) {
  a = Root(a);
  b = Root(b);
  if (a == b) return;
  parents_[b] = a;
  members_[a] = list_concat_unique(members_[a], members_[b]);
}

List *Equalities::Constants(int index) const {
  List *result = NIL;
  ListCell *cell;
  foreach (cell, Members(index)) {
    auto *member = static_cast<Node *>(lfirst(cell));
    if (IsLevelConstant(member)) result = lappend(result, member);
  }
  return result;
}

void Equalities::Learn(Node *conjunct) {
  Node *left, *right;
  if (!EqualitySides(conjunct, &left, &right)) return;
  const bool left_usable = IsA(left, Var) || IsLevelConstant(left);
  const bool right_usable = IsA(right, Var) || IsLevelConstant(right);
  if (left_usable && right_usable) Unite(ClassOf(left), ClassOf(right));
}

int Equalities::Import(const Equalities &other) {
  const int offset = parents_.size();
  for (int i = 0; i < other.parents_.size(); i++) {
    parents_.push_back(other.Root(i) + offset);
    members_.push_back(list_copy(other.members_[i]));
  }
  for (int i = 0; i < other.parents_.size(); i++) {
    if (other.parents_[i] != i) continue;
    ListCell *cell;
    foreach (cell, other.members_[i]) {
      const int known = Find(static_cast<Node *>(lfirst(cell)));
      if (known >= 0) Unite(known, i + offset);
    }
  }
  return offset;
}

}  // namespace altius::planner
