// SPDX-License-Identifier: PostgreSQL
// Numbers of a sequence that all nodes know come from the coordinator, whatever node draws them: no
// two rows get the same, and a column may be as narrow as smallint.  On other nodes nextval() and
// identity columns in a query are replaced, before it is planned, by a function that asks there.
#include "sequences.hpp"

#include "altius/catalog/writer.hpp"
#include "altius/pg/bridge.hpp"
#include "altius/pg/settings.hpp"
#include "altius/pg/walk.hpp"
#include "altius/txn/coordinated.hpp"
#include "sql.hpp"

extern "C" {
#include "catalog/dependency.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "commands/sequence.h"
#include "nodes/makefuncs.h"
#include "optimizer/planner.h"
#include "parser/parse_coerce.h"
#include "parser/parse_func.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
}

namespace altius::ddl {

namespace {

planner_hook_type previous_planner = nullptr;

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
    FuncExpr* copy = Copy(reinterpret_cast<FuncExpr*>(call));
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

bool MustAsk(Query* query) {
  return query->commandType != CMD_UTILITY && !pg::settings::plan_locally && catalog::IsActive() &&
         !catalog::IsCoordinator() && HasSequenceCall(reinterpret_cast<Node*>(query), nullptr);
}

PlannedStmt* Plan(Query* query, const char* source, int cursor_options, ParamListInfo params) {
  return pg::Entry([&] {
    if (MustAsk(query)) {
      static constexpr Oid kArgument = REGCLASSOID;
      List* name = list_make2(makeString(pstrdup("altius_internal")),
                              makeString(pstrdup("nextval_on_coordinator")));
      Oid function = LookupFuncName(name, 1, &kArgument, true);
      if (OidIsValid(function)) {
        query = reinterpret_cast<Query*>(ReplaceCalls(reinterpret_cast<Node*>(query), &function));
      }
    }
    return previous_planner != nullptr ? previous_planner(query, source, cursor_options, params)
                                       : standard_planner(query, source, cursor_options, params);
  });
}

int64 Draw(Oid relid) {
  if (catalog::IsCoordinator() || !IsSharedSequence(relid)) return nextval_internal(relid, true);
  remote::Connection* connection = txn::OutsideTransaction(catalog::kCoordinatorGroup);
  const char* value = remote::FetchValue(
      connection,
      psprintf("SELECT pg_catalog.nextval(%s)", quote_literal_cstr(QualifiedName(relid))));
  if (value == nullptr) {
    ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR),
                    errmsg("sequence \"%s\" gave no value", get_rel_name(relid))));
  }
  return strtoll(value, nullptr, 10);
}

}  // namespace

bool IsSharedSequence(Oid relid) {
  if (get_rel_relkind(relid) != RELKIND_SEQUENCE) return false;
  if (catalog::IsDistributedObject(RelationRelationId, relid)) return true;
  Oid table;
  int32 column;
  const bool owned = sequenceIsOwned(relid, DEPENDENCY_AUTO, &table, &column) ||
                     sequenceIsOwned(relid, DEPENDENCY_INTERNAL, &table, &column);
  return owned && catalog::FindTable(table) != nullptr;
}

void InitSequences() {
  previous_planner = planner_hook;
  planner_hook = Plan;
}

}  // namespace altius::ddl

/// nextval_on_coordinator(regclass): the next number of a sequence; of one that only this node has,
/// its own.
ALTIUS_FUNCTION(altius_nextval_on_coordinator) {
  PG_RETURN_INT64(altius::ddl::Draw(PG_GETARG_OID(0)));
}
