// SPDX-License-Identifier: PostgreSQL
// Arguments are evaluated once, on the asking node, and travel as text.
#include "altius/pg/text_forms.hpp"
#include "altius/pg/walk.hpp"
#include "state.hpp"

extern "C" {
#include "executor/executor.h"
#include "nodes/nodeFuncs.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
}

namespace altius::executor {

namespace {

/// The value in the type that the statement declares, when the expression has another one.
Datum InDeclaredType(Oid type, Datum value, Oid declared) {
  Oid function;
  Oid param;
  bool varlena;
  getTypeOutputInfo(type, &function, &varlena);
  const int level = pg::BeginPortableText(pg::TextNamesObjects(type));
  char* text_form = OidOutputFunctionCall(function, value);
  pg::EndPortableText(level);
  getTypeInputInfo(declared, &function, &param);
  return OidInputFunctionCall(function, text_form, param, -1);
}

void EvaluateOne(Arguments* arguments, int index, Expr* expr, ExprState* evaluator,
                 ExprContext* context) {
  const Oid type = exprType(reinterpret_cast<Node*>(expr));
  const Oid declared = arguments->declared[index];
  const bool convert = OidIsValid(declared) && declared != type && getBaseType(type) != declared;
  bool is_null;
  Datum value = ExecEvalExprSwitchContext(evaluator, context, &is_null);
  arguments->nulls[index] = is_null;
  arguments->types[index] = convert ? declared : type;
  arguments->own_types[index] = type;
  arguments->values[index] = 0;
  if (is_null) return;
  int16 own_length;
  bool own_by_value;
  get_typlenbyval(type, &own_length, &own_by_value);
  arguments->own_values[index] = datumCopy(value, own_by_value, own_length);
  if (convert) value = InDeclaredType(type, value, declared);
  int16 length;
  bool by_value;
  get_typlenbyval(arguments->types[index], &length, &by_value);
  arguments->values[index] = datumCopy(value, by_value, length);
}


bool FindExecParam(Node *node, void *context) {
  if (node == nullptr) return false;
  if (IsA(node, Param) && castNode(Param, node)->paramkind != PARAM_EXTERN)
    return !bms_is_member(castNode(Param, node)->paramid, static_cast<const Bitmapset *>(context));
  return pg::Walk(node, FindExecParam, context);
}

}  // namespace

bool DependsOnExecution(const List* exprs, const Bitmapset* known) {
  return FindExecParam(reinterpret_cast<Node*>(const_cast<List*>(exprs)), const_cast<Bitmapset*>(known));
}

Arguments EvaluateArguments(FragmentState* state) {
  Arguments arguments{};
  const int count = list_length(state->arg_states);
  arguments.count = count;
  if (count == 0) return arguments;
  arguments.types = static_cast<Oid*>(palloc0(sizeof(Oid) * count));
  arguments.own_types = static_cast<Oid*>(palloc0(sizeof(Oid) * count));
  arguments.own_values = static_cast<Datum*>(palloc0(sizeof(Datum) * count));
  arguments.declared = static_cast<Oid*>(palloc0(sizeof(Oid) * count));
  arguments.values = static_cast<Datum*>(palloc0(sizeof(Datum) * count));
  arguments.nulls = static_cast<bool*>(palloc0(count));
  for (int i = 0; i < count; i++) {
    arguments.declared[i] = list_nth_oid(state->fragment->arg_types, i);
    EvaluateOne(&arguments, i, static_cast<Expr*>(list_nth(state->arg_exprs, i)),
                static_cast<ExprState*>(list_nth(state->arg_states, i)),
                state->css.ss.ps.ps_ExprContext);
  }
  return arguments;
}

void MakeTexts(Arguments* arguments) {
  if (arguments->texts != nullptr || arguments->count == 0) return;
  arguments->texts = static_cast<const char**>(palloc0(sizeof(char*) * arguments->count));
  bool names = false;
  for (int i = 0; i < arguments->count && !names; i++) names = pg::TextNamesObjects(arguments->types[i]);
  const int level = pg::BeginPortableText(names);
  for (int i = 0; i < arguments->count; i++) {
    if (arguments->nulls[i]) continue;
    Oid function;
    bool varlena;
    FmgrInfo output;
    getTypeOutputInfo(arguments->types[i], &function, &varlena);
    fmgr_info(function, &output);
    arguments->texts[i] = OutputFunctionCall(&output, arguments->values[i]);
  }
  pg::EndPortableText(level);
}

}  // namespace altius::executor
