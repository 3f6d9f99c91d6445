// SPDX-License-Identifier: PostgreSQL
// The other end of WithLentRights: a node checks the ticket and runs the statement.
#include "altius/core/door/context.hpp"
#include "altius/door/door.hpp"
#include "altius/pg/bridge.hpp"
#include "altius/pg/stored_input.hpp"
#include "altius/task/lent_rights.hpp"
#include "altius/task/local.hpp"
#include "altius/task/ownership.hpp"
#include "capture.hpp"
#include "claim.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
}

namespace altius::task {

namespace {

void RequireTicket(const Claim &claim, const char *ticket) {
  const StringInfoData *bytes = BytesOf(claim);
  if (door::AdmitsClaim(ticket, bytes->data, bytes->len)) return;
  ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("the statement does not come from a node of this cluster"),
                  errdetail("Its ticket is not for this statement of this session, or was used before.")));
}

/// Of the arguments of run_with_lent_rights.
Claim ClaimOf(FunctionCallInfo fcinfo) {
  Claim claim = {text_to_cstring(PG_GETARG_TEXT_PP(0)), PG_GETARG_BOOL(1), NameStr(*PG_GETARG_NAME(2)), PG_GETARG_BOOL(3), 0, nullptr,
                 nullptr};
  ArrayType *types = PG_GETARG_ARRAYTYPE_P(4);
  ArrayType *values = PG_GETARG_ARRAYTYPE_P(5);
  Datum *items;
  bool *nulls;
  int type_count;
  deconstruct_array(types, OIDOID, sizeof(Oid), true, TYPALIGN_INT, &items, nullptr, &type_count);
  auto *oids = static_cast<Oid *>(palloc(sizeof(Oid) * std::max(type_count, 1)));
  for (int i = 0; i < type_count; i++) oids[i] = DatumGetObjectId(items[i]);
  deconstruct_array(values, TEXTOID, -1, false, TYPALIGN_INT, &items, &nulls, &claim.count);
  if (claim.count != type_count) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("there are %d types of %d values", type_count, claim.count)));
  }
  auto **texts = static_cast<const char **>(palloc0(sizeof(char *) * std::max(claim.count, 1)));
  for (int i = 0; i < claim.count; i++) texts[i] = nulls[i] ? nullptr : TextDatumGetCString(items[i]);
  claim.types = oids;
  claim.values = texts;
  return claim;
}

LocalStatement StatementOf(const Claim &claim) {
  auto *values = static_cast<Datum *>(palloc0(sizeof(Datum) * std::max(claim.count, 1)));
  auto *nulls = static_cast<bool *>(palloc0(std::max(claim.count, 1)));
  for (int i = 0; i < claim.count; i++) {
    nulls[i] = claim.values[i] == nullptr;
    if (nulls[i]) continue;
    Oid function;
    Oid param;
    FmgrInfo input;
    getTypeInputInfo(claim.types[i], &function, &param);
    fmgr_info(function, &input);
    pg::ReadAsStored(&input, claim.types[i], -1);
    values[i] = InputFunctionCall(&input, const_cast<char *>(claim.values[i]), param, -1);
  }
  return {.sql = claim.sql,
          .arg_count = claim.count,
          .arg_types = claim.types,
          .arg_values = values,
          .arg_nulls = nulls,
          .mode = LocalMode::Lock,  // it may lock rows, or change them
          .snapshot = nullptr,
          .keep_plan = claim.count > 0,
          .lending = {true, *claim.target == '\0' ? InvalidOid : get_role_oid(claim.target, false), claim.unread}};
}

/// Errors and PG_CONTEXT of the body have nothing of what is around it, where a setting of the session shows the arguments.
template <typename Body>
void WithoutOuterContext(Body &&body) {
  ErrorContextCallback *around = error_context_stack;
  ErrorContextCallback end = {nullptr, [](void *) { errcontext("%s", core::door::kContextEnd); }, nullptr};
  error_context_stack = &end;
  body();
  error_context_stack = around;
}

/// The rows are the function's; what the statement did is what the query around it says that it did.
void Run(const Claim &claim, ReturnSetInfo *info) {
  const MemoryContext before = MemoryContextSwitchTo(info->econtext->ecxt_per_query_memory);
  const TupleDesc desc = CreateTupleDescCopy(info->expectedDesc);
  RowStore *store = MakeRowStore(desc, true);
  CaptureWithin();
  int64 affected = 0;
  WithoutOuterContext([&] { affected = RunHere(StatementOf(claim), store); });
  EState *around = info->econtext->ecxt_estate;
  if (affected == kMoved || claim.modifies) AnswerInstead(around, affected);
  info->returnMode = SFRM_Materialize;
  info->setResult = store->tuples;
  info->setDesc = desc;
  MemoryContextSwitchTo(before);
}

}  // namespace

}  // namespace altius::task

/// run_with_lent_rights(statement text, modifies boolean, target name, unread boolean, types oid[], arguments text[], ticket text): the
/// statement's rows.
ALTIUS_FUNCTION(altius_run_with_lent_rights) {
  using namespace altius;
  auto *info = reinterpret_cast<ReturnSetInfo *>(fcinfo->resultinfo);
  if (info == nullptr || !IsA(info, ReturnSetInfo) || (info->allowedModes & SFRM_Materialize) == 0 || info->expectedDesc == nullptr) {
    ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("altius_internal.run_with_lent_rights must stand in FROM"),
                    errhint("Nodes of the cluster call it; it is of no use to anybody else.")));
  }
  const task::Claim claim = task::ClaimOf(fcinfo);
  task::RequireTicket(claim, text_to_cstring(PG_GETARG_TEXT_PP(6)));
  task::Run(claim, info);
  PG_RETURN_NULL();
}
