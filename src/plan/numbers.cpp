// SPDX-License-Identifier: PostgreSQL
#include "altius/plan/numbers.hpp"

#include "altius/catalog/metadata.hpp"
#include "altius/pg/walk.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "parser/parse_coerce.h"
#include "parser/parse_func.h"
#include "utils/fmgroids.h"
}

namespace altius::plan {

namespace {

bool IsSequenceCall(Node* node) {
  if (IsA(node, NextValueExpr)) return true;
  return IsA(node, FuncExpr) && reinterpret_cast<FuncExpr*>(node)->funcid == F_NEXTVAL;
}

bool HasSequenceCall(Node* node, void* context) {
  if (node == nullptr) return false;
  if (IsA(node, Query)) {
    return pg::WalkQuery(reinterpret_cast<Query*>(node), HasSequenceCall, context);
  }
  return IsSequenceCall(node) || pg::Walk(node, HasSequenceCall, context);
}

Node* CallCoordinator(Node* call, Oid function) {
  if (IsA(call, FuncExpr)) {
    FuncExpr* copy = static_cast<FuncExpr*>(copyObjectImpl(call));
    copy->funcid = function;
    return reinterpret_cast<Node*>(copy);
  }
  auto* identity = reinterpret_cast<NextValueExpr*>(call);
  Const* sequence = makeConst(REGCLASSOID, -1, InvalidOid, sizeof(Oid),
                              ObjectIdGetDatum(identity->seqid), false, true);
  FuncExpr* asked = makeFuncExpr(function, INT8OID, list_make1(sequence), InvalidOid, InvalidOid,
                                 COERCE_EXPLICIT_CALL);
  return coerce_to_target_type(nullptr, reinterpret_cast<Node*>(asked), INT8OID, identity->typeId,
                               -1, COERCION_ASSIGNMENT, COERCE_IMPLICIT_CAST, -1);
}

Node* ReplaceCalls(Node* node, void* context) {
  if (node == nullptr) return nullptr;
  if (IsA(node, Query)) {
    return reinterpret_cast<Node*>(
        pg::MutateQuery(reinterpret_cast<Query*>(node), ReplaceCalls, context));
  }
  if (IsSequenceCall(node)) return CallCoordinator(node, *static_cast<Oid*>(context));
  return pg::Mutate(node, ReplaceCalls, context);
}

/// InvalidOid while the extension is older than this library.
Oid AskingFunction() {
  static constexpr Oid kArgument = REGCLASSOID;
  List* name = list_make2(makeString(pstrdup("altius_internal")),
                          makeString(pstrdup("nextval_on_coordinator")));
  return LookupFuncName(name, 1, &kArgument, true);
}

}  // namespace

Node* AskForNumbers(Node* node) {
  if (!catalog::IsActive() || catalog::IsCoordinator() || !HasSequenceCall(node, nullptr))
    return node;
  Oid function = AskingFunction();
  return OidIsValid(function) ? ReplaceCalls(node, &function) : node;
}

}  // namespace altius::plan
