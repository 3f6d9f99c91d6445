// SPDX-License-Identifier: PostgreSQL
// WITH CHECK OPTION of a view that a modification goes through: PostgreSQL checks the rows that its executor writes, but the
// rows of distributed tables are written on the nodes.  So a value of the new row takes the check along:
//   CASE WHEN condition on the new row THEN value ELSE altius_internal.refuse_view_row('view', value, table, row) END
// The function is volatile, which keeps all of it on the asking node.  A row that ON CONFLICT does not insert is checked, too.
#include "view_checks.hpp"

#include "altius/catalog/metadata.hpp"
#include "altius/pg/bridge.hpp"
#include "altius/pg/node.hpp"
#include "altius/pg/row_triggers.hpp"
#include "planner/nodes/column_map.hpp"

extern "C" {
#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_func.h"
#include "rewrite/rewriteManip.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/syscache.h"
}

namespace altius::planner {

namespace {

struct NewRow {
  int rti;  // of the target
  Oid relid;
  const List *targets;
  bool inserted;  // columns that are not named are null; else they stay as they are
};

[[noreturn]] void Refuse(const WithCheckOption *option, const char *why) {
  ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                  errmsg("cannot change a distributed table through view \"%s\", which has a check option", option->relname),
                  errdetail_internal("%s", why), errhint("Change the table itself.")));
  pg_unreachable();
}

const TargetEntry *TargetOf(const NewRow &row, AttrNumber column) {
  ListCell *cell;
  foreach (cell, row.targets) {
    const auto *target = lfirst_node(TargetEntry, cell);
    if (!target->resjunk && target->resno == column) return target;
  }
  return nullptr;
}

struct Check {
  const NewRow *row;
  const WithCheckOption *option;
};

/// A column of the new row by what it is made of.
Node *NewValue(Node *node, void *data) {
  const auto *check = static_cast<Check *>(data);
  const NewRow &row = *check->row;
  if (!IsA(node, Var)) return nullptr;
  auto *var = reinterpret_cast<Var *>(node);
  if (static_cast<int>(var->varno) != row.rti || var->varlevelsup > 0) return nullptr;
  if (var->varattno <= 0) Refuse(check->option, "Its condition is about the whole row.");
  if (get_attgenerated(row.relid, var->varattno) != '\0') Refuse(check->option, "Its condition is about a generated column.");
  const TargetEntry *target = TargetOf(row, var->varattno);
  if (target == nullptr)
    return row.inserted ? pg::AsNode(makeNullConst(var->vartype, var->vartypmod, var->varcollid)) : nullptr;
  Node *value = pg::AsNode(target->expr);
  if (contain_volatile_functions(value)) Refuse(check->option, "A value that its condition is about is volatile.");
  return pg::AsNode(pg::Copy(value));
}

Node *AsText(Node *value) {
  if (exprType(value) == TEXTOID) return value;
  auto *text = makeNode(CoerceViaIO);
  text->arg = reinterpret_cast<Expr *>(value);
  text->resulttype = TEXTOID;
  text->resultcollid = DEFAULT_COLLATION_OID;
  text->coerceformat = COERCE_EXPLICIT_CAST;
  text->location = -1;
  return pg::AsNode(text);
}

/// Dropped ones included.
int ColumnCount(Oid relid) {
  HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
  if (!HeapTupleIsValid(tuple)) return 0;
  const int count = reinterpret_cast<Form_pg_class>(GETSTRUCT(tuple))->relnatts;
  ReleaseSysCache(tuple);
  return count;
}

/// The columns of an inserted row for the error's detail; a null where the statement does not have them all.
Node *InsertedRow(const NewRow &row) {
  auto *columns = makeNode(ArrayExpr);
  columns->array_typeid = TEXTARRAYOID;
  columns->element_typeid = TEXTOID;
  columns->array_collid = DEFAULT_COLLATION_OID;
  columns->location = -1;
  const int count = ColumnCount(row.relid);
  for (int i = 1; i <= count; i++) {
    const auto column = static_cast<AttrNumber>(i);
    if (get_atttype(row.relid, column) == InvalidOid) continue;  // dropped
    const TargetEntry *target = TargetOf(row, column);
    const bool known = get_attgenerated(row.relid, column) == '\0' &&
                       (target == nullptr || !contain_volatile_functions(pg::AsNode(target->expr)));
    if (!row.inserted || !known) return pg::AsNode(makeNullConst(TEXTARRAYOID, -1, DEFAULT_COLLATION_OID));
    Node *value = target == nullptr ? pg::AsNode(makeNullConst(TEXTOID, -1, DEFAULT_COLLATION_OID))
                                    : AsText(pg::AsNode(pg::Copy(target->expr)));
    columns->elements = lappend(columns->elements, value);
  }
  return pg::AsNode(columns);
}

Expr *RefuseRow(const WithCheckOption *option, const NewRow &row, Expr *value) {
  Node *node = pg::AsNode(value);
  const Oid argument_types[] = {TEXTOID, ANYELEMENTOID, OIDOID, TEXTARRAYOID};
  List *name = list_make2(makeString(pstrdup("altius_internal")), makeString(pstrdup("refuse_view_row")));
  auto *view = makeConst(TEXTOID, -1, DEFAULT_COLLATION_OID, -1, CStringGetTextDatum(option->relname), false, false);
  auto *table = makeConst(OIDOID, -1, InvalidOid, sizeof(Oid), ObjectIdGetDatum(row.relid), false, true);
  List *arguments = list_make4(view, pg::Copy(value), table, InsertedRow(row));
  return reinterpret_cast<Expr *>(makeFuncExpr(LookupFuncName(name, 4, argument_types, false), exprType(node), arguments,
                                               exprCollation(node), exprCollation(node), COERCE_EXPLICIT_CALL));
}

/// Any value of the row will do; the distribution column's is needed as it is.
TargetEntry *Carrier(List *targets, AttrNumber key) {
  TargetEntry *carrier = nullptr;
  ListCell *cell;
  foreach (cell, targets) {
    auto *target = lfirst_node(TargetEntry, cell);
    if (target->resjunk) continue;
    if (target->resno != key) return target;
    carrier = target;
  }
  return carrier;
}

/// Checks the rows that `targets` make; of what they are made says `row`, whose values are not checked ones.
void SpellCheck(WithCheckOption *option, const NewRow &row, List *targets, AttrNumber key) {
  TargetEntry *carrier = Carrier(targets, key);
  if (carrier == nullptr) Refuse(option, "The row has no values.");
  Check check = {&row, option};
  Node *value = pg::AsNode(carrier->expr);
  auto *when = makeNode(CaseWhen);
  when->expr = reinterpret_cast<Expr *>(ReplaceInExpr(pg::AsNode(pg::Copy(option->qual)), NewValue, &check));
  when->result = carrier->expr;
  when->location = -1;
  auto *checked = makeNode(CaseExpr);
  checked->casetype = exprType(value);
  checked->casecollid = exprCollation(value);
  checked->args = list_make1(when);
  checked->defresult = RefuseRow(option, row, carrier->expr);
  checked->location = -1;
  carrier->expr = reinterpret_cast<Expr *>(checked);
}

/// PostgreSQL checks the row as such a trigger has left it, on the node of the shard.
bool TriggersMayChange(Oid relid, bool inserted) {
  return pg::HasRowTriggers(relid, TRIGGER_TYPE_BEFORE | (inserted ? TRIGGER_TYPE_INSERT : TRIGGER_TYPE_UPDATE));
}

void SpellChecks(const Query *query, const catalog::Table &table, List *targets, bool inserted) {
  const NewRow row = {query->resultRelation, table.relid, pg::Copy(targets), inserted};
  ListCell *cell;
  foreach (cell, query->withCheckOptions) {
    auto *option = lfirst_node(WithCheckOption, cell);
    if (option->kind != WCO_VIEW_CHECK || option->qual == nullptr) continue;
    if (TriggersMayChange(table.relid, inserted)) Refuse(option, "BEFORE triggers may change the row behind the check.");
    SpellCheck(option, row, targets, table.key);
  }
}

/// Those of row security, which the nodes check.
List *OtherChecks(const Query *query) {
  List *others = NIL;
  ListCell *cell;
  foreach (cell, query->withCheckOptions) {
    if (lfirst_node(WithCheckOption, cell)->kind != WCO_VIEW_CHECK) others = lappend(others, lfirst(cell));
  }
  return others;
}

bool HasSubLinks(const Query *query) {
  return query->hasSubLinks || checkExprHasSubLink(pg::AsNode(query->withCheckOptions));
}

}  // namespace

void SpellViewChecks(Query *query, const catalog::Table &table) {
  if (query->withCheckOptions == NIL) return;
  query->hasSubLinks = HasSubLinks(query);
  const bool writes = query->commandType == CMD_INSERT || query->commandType == CMD_UPDATE;
  if (writes) SpellChecks(query, table, query->targetList, query->commandType == CMD_INSERT);
  if (query->onConflict != nullptr && query->onConflict->onConflictSet != NIL)
    SpellChecks(query, table, query->onConflict->onConflictSet, false);
  ListCell *cell;
  foreach (cell, query->mergeActionList) {
    const auto *action = lfirst_node(MergeAction, cell);
    if (action->commandType == CMD_INSERT || action->commandType == CMD_UPDATE)
      SpellChecks(query, table, action->targetList, action->commandType == CMD_INSERT);
  }
  query->withCheckOptions = OtherChecks(query);
}

}  // namespace altius::planner

namespace {

constexpr int kLongestValue = 64;  // as PostgreSQL shows a row that fails

/// The row as PostgreSQL shows it to those who may read the table.
char *ShownRow(ArrayType *row) {
  Datum *values;
  bool *nulls;
  int count;
  deconstruct_array(row, TEXTOID, -1, false, TYPALIGN_INT, &values, &nulls, &count);
  StringInfoData shown;
  initStringInfo(&shown);
  for (int i = 0; i < count; i++) {
    if (i > 0) appendStringInfoString(&shown, ", ");
    const char *value = nulls[i] ? "null" : TextDatumGetCString(values[i]);
    const int length = static_cast<int>(strlen(value));
    const int kept = pg_mbcliplen(value, length, kLongestValue);
    appendBinaryStringInfo(&shown, value, kept);
    if (kept < length) appendStringInfoString(&shown, "...");
  }
  return shown.data;
}

bool MayRead(Oid relid) {
  return SearchSysCacheExists1(RELOID, ObjectIdGetDatum(relid)) &&
         pg_class_aclcheck(relid, GetUserId(), ACL_SELECT) == ACLCHECK_OK &&
         check_enable_rls(relid, InvalidOid, true) != RLS_ENABLED;
}

}  // namespace

/// refuse_view_row(view text, value anyelement, relation oid, new_row text[])
ALTIUS_FUNCTION(altius_refuse_view_row) {
  const char *view = PG_ARGISNULL(0) ? "" : text_to_cstring(PG_GETARG_TEXT_PP(0));
  const bool shown = !PG_ARGISNULL(2) && !PG_ARGISNULL(3) && MayRead(PG_GETARG_OID(2));
  ereport(ERROR, (errcode(ERRCODE_WITH_CHECK_OPTION_VIOLATION), errmsg("new row violates check option for view \"%s\"", view),
                  shown ? errdetail("Failing row contains (%s).", ShownRow(PG_GETARG_ARRAYTYPE_P(3))) : 0));
  PG_RETURN_NULL();
}
