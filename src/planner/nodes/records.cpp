// SPDX-License-Identifier: PostgreSQL
#include "records.hpp"

extern "C" {
#include "access/tupdesc.h"
#include "executor/executor.h"
#include "funcapi.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/tlist.h"
#include "parser/parse_relation.h"
#include "parser/parsetree.h"
#include "utils/typcache.h"
}

namespace altius::planner {

namespace {

/// A query, and those around it.
struct Around {
  const Query *query;
  const Around *outer;
  const Query *arms;
};

/// The fields that were found; null as long as there were only nulls.
using Fields = TupleDesc;

bool Agree(Node *expr, const Around &around, Fields *fields);

bool AllAgree(const List *exprs, const Around &around, Fields *fields) {
  ListCell *cell;
  foreach (cell, exprs) {
    if (!Agree(static_cast<Node *>(lfirst(cell)), around, fields)) return false;
  }
  return true;
}

int32 Register(Node *expr, const Around &around) {
  Fields fields = nullptr;
  if (!Agree(expr, around, &fields) || fields == nullptr) return -1;
  return BlessTupleDesc(fields)->tdtypmod;
}

bool Reconcile(Fields found, Fields *fields) {
  if (found == nullptr) return false;
  if (*fields == nullptr) *fields = found;
  if ((*fields)->natts != found->natts) return false;
  for (int i = 0; i < found->natts; i++) {
    const Form_pg_attribute one = TupleDescAttr(*fields, i);
    const Form_pg_attribute other = TupleDescAttr(found, i);
    if (one->atttypid != other->atttypid) return false;
    if (pg::IsAnonymousRow(one->atttypid) && one->atttypmod != other->atttypmod) return false;
  }
  return true;
}

Fields FieldsOfRow(const List *values, const List *names, const Around &around) {
  Fields fields = CreateTemplateTupleDesc(list_length(values));
  ListCell *cell;
  foreach (cell, values) {
    auto *value = static_cast<Node *>(lfirst(cell));
    const int number = foreach_current_index(cell) + 1;
    const bool nested = pg::IsAnonymousRow(exprType(value));
    const int32 typmod = nested ? Register(value, around) : exprTypmod(value);
    if (nested && typmod < 0) return nullptr;
    const char *name = number <= list_length(names) ? strVal(list_nth(names, number - 1)) : psprintf("f%d", number);
    TupleDescInitEntry(fields, number, name, exprType(value), typmod, 0);
    TupleDescInitEntryCollation(fields, number, exprCollation(value));
  }
  return fields;
}

/// A result column of a query; those of all its arms where it is a UNION or the like.
bool ColumnAgrees(const Query *query, int number, const Around *outer, const Query *arms, Fields *fields);

bool ArmsAgree(const Node *node, const Around &around, int number, Fields *fields) {
  if (!IsA(node, RangeTblRef)) {
    const auto *operation = reinterpret_cast<const SetOperationStmt *>(node);
    return ArmsAgree(operation->larg, around, number, fields) && ArmsAgree(operation->rarg, around, number, fields);
  }
  const RangeTblEntry *rte = pg::Rte(around.query->rtable, reinterpret_cast<const RangeTblRef *>(node)->rtindex);
  return rte->rtekind == RTE_SUBQUERY && ColumnAgrees(rte->subquery, number, &around, nullptr, fields);
}

bool ColumnAgrees(const Query *query, int number, const Around *outer, const Query *arms, Fields *fields) {
  const Around around = {query, outer, arms};
  if (query->setOperations != nullptr) return ArmsAgree(query->setOperations, around, number, fields);
  const List *targets = query->commandType == CMD_SELECT ? query->targetList : query->returningList;
  const TargetEntry *target = get_tle_by_resno(const_cast<List *>(targets), static_cast<AttrNumber>(number));
  return target != nullptr && Agree(pg::AsNode(target->expr), around, fields);
}

bool CteColumnAgrees(const RangeTblEntry *rte, const Around &around, int number, Fields *fields) {
  if (around.arms != nullptr && rte->ctelevelsup == 0) return ColumnAgrees(around.arms, number, nullptr, nullptr, fields);
  const Around *owner = &around;
  for (Index up = rte->ctelevelsup; up > 0 && owner != nullptr; up--) owner = owner->outer;
  if (owner == nullptr) return false;
  ListCell *cell;
  foreach (cell, owner->query->cteList) {
    const auto *cte = lfirst_node(CommonTableExpr, cell);
    if (strcmp(cte->ctename, rte->ctename) != 0) continue;
    return ColumnAgrees(reinterpret_cast<const Query *>(cte->ctequery), number, owner, nullptr, fields);
  }
  return false;
}

bool ValuesAgree(const RangeTblEntry *rte, const Around &around, int number, Fields *fields) {
  ListCell *cell;
  foreach (cell, rte->values_lists) {
    auto *row = static_cast<List *>(lfirst(cell));
    if (!Agree(static_cast<Node *>(list_nth(row, number - 1)), around, fields)) return false;
  }
  return true;
}

bool VarAgrees(const Var *var, const Around &inner, Fields *fields) {
  const Around *around = &inner;
  for (Index up = var->varlevelsup; up > 0 && around != nullptr; up--) around = around->outer;
  if (around == nullptr) return false;
  RangeTblEntry *rte = pg::Rte(around->query->rtable, static_cast<int>(var->varno));
  if (var->varattno == InvalidAttrNumber) {
    List *names, *columns;
    expandRTE(rte, static_cast<int>(var->varno), 0, -1, false, &names, &columns);
    return Reconcile(FieldsOfRow(columns, names, *around), fields);
  }
  switch (rte->rtekind) {
    case RTE_SUBQUERY:
      return ColumnAgrees(rte->subquery, var->varattno, around, nullptr, fields);
    case RTE_CTE:
      return CteColumnAgrees(rte, *around, var->varattno, fields);
    case RTE_VALUES:
      return ValuesAgree(rte, *around, var->varattno, fields);
    case RTE_JOIN:
      return Agree(static_cast<Node *>(list_nth(rte->joinaliasvars, var->varattno - 1)), *around, fields);
    default:
      return false;
  }
}

/// Of a function whose result has the type of an argument (min, lag, array_agg): the fields are those of the argument's rows.
bool AnyRowAgrees(const List *args, const Around &around, Fields *fields) {
  ListCell *cell;
  foreach (cell, args) {
    auto *arg = static_cast<Node *>(lfirst(cell));
    if (IsA(arg, TargetEntry)) arg = pg::AsNode(reinterpret_cast<TargetEntry *>(arg)->expr);
    if (pg::IsAnonymousRow(exprType(arg)) && !Agree(arg, around, fields)) return false;
  }
  return *fields != nullptr;
}

bool CaseAgrees(const CaseExpr *expr, const Around &around, Fields *fields) {
  ListCell *cell;
  foreach (cell, expr->args) {
    if (!Agree(pg::AsNode(lfirst_node(CaseWhen, cell)->result), around, fields)) return false;
  }
  return expr->defresult == nullptr || Agree(pg::AsNode(expr->defresult), around, fields);
}

bool SubLinkAgrees(const SubLink *link, const Around &around, Fields *fields) {
  const auto *query = reinterpret_cast<const Query *>(link->subselect);
  ListCell *cell;
  foreach (cell, query->targetList) {
    const auto *target = lfirst_node(TargetEntry, cell);
    if (!target->resjunk) return ColumnAgrees(query, target->resno, &around, nullptr, fields);
  }
  return false;
}

/// What a function with OUT parameters returns, or one of the type of an argument; of a null anything agrees.
bool CallAgrees(Node *expr, const Around &around, Fields *fields) {
  if (IsA(expr, FuncExpr)) {
    const Fields declared = get_expr_result_tupdesc(expr, true);
    if (declared != nullptr) return Reconcile(declared, fields);
    return AnyRowAgrees(reinterpret_cast<FuncExpr *>(expr)->args, around, fields);
  }
  return IsA(expr, Const) && reinterpret_cast<Const *>(expr)->constisnull;
}

bool Agree(Node *expr, const Around &around, Fields *fields) {
  switch (nodeTag(expr)) {
    case T_RowExpr: {
      const auto *row = reinterpret_cast<RowExpr *>(expr);
      return Reconcile(FieldsOfRow(row->args, row->colnames, around), fields);
    }
    case T_Var:
      return VarAgrees(reinterpret_cast<Var *>(expr), around, fields);
    case T_CaseExpr:
      return CaseAgrees(reinterpret_cast<CaseExpr *>(expr), around, fields);
    case T_CoalesceExpr:
      return AllAgree(reinterpret_cast<CoalesceExpr *>(expr)->args, around, fields);
    case T_MinMaxExpr:
      return AllAgree(reinterpret_cast<MinMaxExpr *>(expr)->args, around, fields);
    case T_NullIfExpr:
      return Agree(static_cast<Node *>(linitial(reinterpret_cast<NullIfExpr *>(expr)->args)), around, fields);
    case T_ArrayExpr:
      return AllAgree(reinterpret_cast<ArrayExpr *>(expr)->elements, around, fields);
    case T_SubscriptingRef:
      return Agree(pg::AsNode(reinterpret_cast<SubscriptingRef *>(expr)->refexpr), around, fields);
    case T_Aggref:
      return AnyRowAgrees(reinterpret_cast<Aggref *>(expr)->args, around, fields);
    case T_WindowFunc:
      return AnyRowAgrees(reinterpret_cast<WindowFunc *>(expr)->args, around, fields);
    case T_RelabelType:
      return Agree(pg::AsNode(reinterpret_cast<RelabelType *>(expr)->arg), around, fields);
    case T_SubLink:
      return SubLinkAgrees(reinterpret_cast<SubLink *>(expr), around, fields);
    default:
      return CallAgrees(expr, around, fields);
  }
}

}  // namespace

void RefuseAnonymousRow(Oid type) {
  if (!pg::IsAnonymousRow(type)) return;
  ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("a row without a named type can't be sent to other nodes"),
                  errhint("Cast it to a composite type, or use its fields.")));
}

int32 ResultTypmod(Node *expr, const Query *query, const Query *arms) {
  if (!pg::IsAnonymousRow(exprType(expr))) return exprTypmod(expr);
  const Around around = {query, nullptr, arms};
  return Register(expr, around);
}

bool AreReadable(const List *targets, const Query *query) {
  ListCell *cell;
  foreach (cell, targets) {
    Node *expr = pg::AsNode(lfirst_node(TargetEntry, cell)->expr);
    if (pg::IsAnonymousRow(exprType(expr)) && ResultTypmod(expr, query, nullptr) < 0) return false;
  }
  return true;
}

}  // namespace altius::planner
