// SPDX-License-Identifier: PostgreSQL
// A modification in two halves: a SELECT that PostgreSQL plans like any other (with fragments as leaves), and a statement
// that each shard runs on the rows meant for it.  Rows to insert find their shard by the key; rows to update or delete were
// locked where they lie (of a reference table: on the leading copy), and name their shard and ctid.
#include "ship.hpp"

#include "altius/core/order/with.hpp"
#include "altius/deparse/deparse.hpp"
#include "altius/pg/node.hpp"
#include "altius/pg/walk.hpp"
#include "altius/plan/instantiate.hpp"
#include "altius/trigger/trigger.hpp"
#include "planner/fragment/late_values.hpp"
#include "planner/level.hpp"
#include "planner/locus/shippable.hpp"
#include "planner/nodes/column_map.hpp"
#include "planner/nodes/place_calls.hpp"
#include "planner/nodes/queries.hpp"
#include "planner/nodes/records.hpp"
#include "planner/normalize/security.hpp"
#include "planner/select/rewrite.hpp"
#include "copies.hpp"
#include "foreseen.hpp"
#include "move_key.hpp"
#include "multi_assign.hpp"
#include "nested.hpp"
#include "ship_merge.hpp"
#include "shipping.hpp"
#include "target_rows.hpp"

extern "C" {
#include "access/sysattr.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/pg_class.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "nodes/extensible.h"
#include "nodes/makefuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "optimizer/tlist.h"
#include "parser/parse_oper.h"
#include "rewrite/rewriteManip.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
}

namespace altius::planner {

int AddRowColumn(Shipping *shipping, Expr *expr) {
  RefuseAnonymousRow(exprType(pg::AsNode(expr)));
  const int column = list_length(shipping->rows->targetList) + 1;
  shipping->rows->targetList =
      lappend(shipping->rows->targetList, makeTargetEntry(expr, column, psprintf("c%d", column), false));
  return column;
}

RangeTblEntry *ShippedRows(const Shipping &shipping, Index levels_up) {
  auto *rte = makeNode(RangeTblEntry);
  rte->rtekind = RTE_CTE;
  rte->ctename = pstrdup("altius_rows");
  rte->ctelevelsup = levels_up;
  List *names = NIL;
  ListCell *cell;
  foreach (cell, shipping.rows->targetList) {
    auto *target = lfirst_node(TargetEntry, cell);
    Node *expr = pg::AsNode(target->expr);
    names = lappend(names, makeString(pstrdup(target->resname)));
    rte->coltypes = lappend_oid(rte->coltypes, exprType(expr));
    rte->coltypmods = lappend_int(rte->coltypmods, exprTypmod(expr));
    rte->colcollations = lappend_oid(rte->colcollations, exprCollation(expr));
  }
  rte->eref = makeAlias("altius_rows", names);
  rte->inFromCl = true;
  return rte;
}

Var *ShippedColumn(const Shipping &shipping, int rti, int column) {
  auto *target = static_cast<TargetEntry *>(list_nth(shipping.rows->targetList, column - 1));
  return ColumnLike(pg::AsNode(target->expr), rti, column);
}

namespace {

/// (SELECT column FROM altius_rows LIMIT 1): the same in every row.
Node *ReadOneRow(const Shipping &shipping, int column) {
  Query *query = SelectFrom(ShippedRows(shipping, 1));
  auto *expr = reinterpret_cast<Expr *>(ShippedColumn(shipping, 1, column));
  query->targetList = list_make1(makeTargetEntry(expr, 1, pstrdup("c"), false));
  query->limitOption = LIMIT_OPTION_COUNT;
  query->limitCount =
      pg::AsNode(makeConst(INT8OID, -1, InvalidOid, sizeof(int64), Int64GetDatum(1), false, FLOAT8PASSBYVAL));
  auto *link = makeNode(SubLink);
  link->subLinkType = EXPR_SUBLINK;
  link->subselect = pg::AsNode(query);
  link->location = -1;
  return pg::AsNode(link);
}

Node *SubstituteConstant(Node *node, void *data) {
  auto *shipping = static_cast<Shipping *>(data);
  if (!MayBeArgument(node)) return nullptr;
  SubLink *array = AsArray(node);
  if (array != nullptr) return OnlyElement(ReadOneRow(*shipping, AddRowColumn(shipping, reinterpret_cast<Expr *>(array))), node);
  return ReadOneRow(*shipping, AddRowColumn(shipping, reinterpret_cast<Expr *>(pg::Copy(node))));
}

/// Constants, where they stand.
struct Spelling {
  Shipping *shipping;
  Guards guards;
};

Node *SpellConstant(Spelling *spelling, Node *node, const evaluation::Computed &computed) {
  const bool array = computed.where == evaluation::Computed::Where::SentAsArray;
  Node *value = array ? pg::AsNode(AsArray(node)) : pg::Copy(node);
  if (computed.guarded) value = Guarded(spelling->guards, value);
  Node *read = ReadOneRow(*spelling->shipping, AddRowColumn(spelling->shipping, reinterpret_cast<Expr *>(value)));
  return array ? OnlyElement(read, node) : read;
}

Node *SpellMutator(Node *node, void *data);

Node *SpellWithin(Node *node, Spelling *spelling) {
  if (!IsGuarded(node)) return pg::Mutate(node, SpellMutator, spelling);
  node = pg::Copy(node);
  (void)VisitGuarded(node, &spelling->guards, [&](Node **operand) { *operand = SpellMutator(*operand, spelling); });
  return node;
}

Node *SpellMutator(Node *node, void *data) {
  if (node == nullptr) return nullptr;
  auto *spelling = static_cast<Spelling *>(data);
  if (IsA(node, Query)) return ReplaceInExpr(node, SubstituteConstant, spelling->shipping);
  const evaluation::Place before = spelling->guards.place;
  if (MayBeArgument(node)) {
    const evaluation::Computed computed = evaluation::Compute(before, DescribeValue(node));
    if (computed.where != evaluation::Computed::Where::There) return SpellConstant(spelling, node, computed);
    spelling->guards.place = evaluation::Within(before, computed);
  }
  Node *result = SpellWithin(node, spelling);
  spelling->guards.place = before;
  return result;
}

}  // namespace

Node *SpellConstants(Shipping *shipping, Node *expr, const evaluation::Place &place) {
  Spelling spelling = {shipping, {NIL, place, NIL, nullptr}};
  return SpellMutator(expr, &spelling);
}

namespace {

Query *RowsOf(Query *query) {
  Query *rows = pg::Copy(query);
  rows->commandType = CMD_SELECT;
  rows->resultRelation = 0;
  rows->returningList = NIL;
  rows->onConflict = nullptr;
  rows->override = OVERRIDING_NOT_SET;
  rows->targetList = NIL;
  return rows;
}

/// WITH altius_rows(c1, ...) AS (SELECT a1::type1, ... FROM unnest($1::text[], ...) u(a1, ...))
char *RowsClause(const Shipping &shipping) {
  StringInfoData names, casts, arrays, aliases;
  for (StringInfo buffer : {&names, &casts, &arrays, &aliases}) initStringInfo(buffer);
  for (int i = 1; i <= shipping.ship.column_count; i++) {
    auto *target = static_cast<TargetEntry *>(list_nth(shipping.rows->targetList, i - 1));
    Node *expr = pg::AsNode(target->expr);
    const char *comma = i == 1 ? "" : ", ";
    const char *type = format_type_extended(exprType(expr), exprTypmod(expr),
                                            FORMAT_TYPE_TYPEMOD_GIVEN | FORMAT_TYPE_FORCE_QUALIFY);
    appendStringInfo(&names, "%sc%d", comma, i);
    // A cast to xml would ask xmloption whether a document is wanted.
    appendStringInfo(&casts, exprType(expr) == XMLOID ? "%sxmlparse(CONTENT a%d)" : "%sa%d::%s", comma, i, type);
    appendStringInfo(&arrays, "%s$%d::text[]", comma, i);
    appendStringInfo(&aliases, "%sa%d", comma, i);
  }
  return psprintf("WITH altius_rows(%s) AS (SELECT %s FROM ROWS FROM (unnest(%s)) AS u(%s)) ", names.data, casts.data,
                  arrays.data, aliases.data);
}

void CheckReadsNothingElsewhere(Node *expr) {
  if (!ReadsElsewhere(expr)) return;
  ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                  errmsg("a subquery on a distributed table can't depend on the changed row in RETURNING or ON CONFLICT"),
                  errhint("Read the other table in a statement of its own, in the same transaction.")));
}

}  // namespace

void SpellReturningConstants(Shipping *shipping, Query *statement) {
  Node *returning = pg::AsNode(statement->returningList);
  statement->returningList = reinterpret_cast<List *>(SpellConstants(shipping, returning, PlaceOfReturning(statement)));
  CheckReadsNothingElsewhere(pg::AsNode(statement->returningList));
}

namespace {

void ShipConstants(Shipping *shipping, Query *statement) {
  SpellReturningConstants(shipping, statement);
  statement->onConflict = reinterpret_cast<OnConflictExpr *>(SpellConstants(shipping, pg::AsNode(statement->onConflict), kByRows));
  CheckReadsNothingElsewhere(pg::AsNode(statement->onConflict));
}

/// --- INSERT ---

/// INSERT INTO target (columns) SELECT c1, ... FROM altius_rows ...
void MakeInsertStatement(Shipping *shipping, List *column_of_target) {
  Query *statement = shipping->statement = pg::Copy(shipping->original);
  Query *select = SelectFrom(ShippedRows(*shipping, 1));
  for (int i = 1; i <= list_length(column_of_target); i++) {
    auto *expr = reinterpret_cast<Expr *>(ShippedColumn(*shipping, 1, i));
    select->targetList = lappend(select->targetList, makeTargetEntry(expr, i, psprintf("c%d", i), false));
  }
  const int rti = ReplaceSource(statement, select);
  statement->hasTargetSRFs = false;
  statement->override = OVERRIDING_NOT_SET;
  statement->cteList = NIL;
  ListCell *cell;
  foreach (cell, statement->targetList) {
    const int column = list_nth_int(column_of_target, foreach_current_index(cell));
    lfirst_node(TargetEntry, cell)->expr = reinterpret_cast<Expr *>(ShippedColumn(*shipping, rti, column));
  }
}

void ShipInsert(Shipping *shipping) {
  Query *query = shipping->original;
  List *column_of_target = NIL;
  ListCell *cell;
  foreach (cell, query->targetList) {
    auto *target = lfirst_node(TargetEntry, cell);
    const int column = AddRowColumn(shipping, pg::Copy(target->expr));
    column_of_target = lappend_int(column_of_target, column);
    if (target->resno == shipping->table->key) shipping->ship.key_column = column - 1;
  }
  BlankEntry(pg::Rte(shipping->rows->rtable, query->resultRelation));
  if (query->onConflict != nullptr && query->onConflict->exclRelIndex > 0) {
    BlankEntry(pg::Rte(shipping->rows->rtable, query->onConflict->exclRelIndex));
  }
  const bool foreseen = IsInsertForeseen(*shipping);
  if (!foreseen) ShipConstants(shipping, query);
  shipping->ship.column_count = list_length(shipping->rows->targetList);
  MakeInsertStatement(shipping, column_of_target);
  if (foreseen) ReturnForeseen(shipping);
}

/// --- UPDATE, DELETE ---

bool HoldsAnonymousRow(Node *node, void *) {
  if (node == nullptr) return false;
  if (IsA(node, Var)) return pg::IsAnonymousRow(reinterpret_cast<Var *>(node)->vartype);
  return IsA(node, SubLink) || pg::Walk(node, HoldsAnonymousRow, nullptr);
}

/// What is made of the row of a subquery, which can't be shipped itself: row_to_json(q), q IS NULL.
bool IsMadeOfSourceRow(Node *node, int target) {
  if (IsA(node, List) || IsA(node, CaseWhen) || pg::IsAnonymousRow(exprType(node)) || !HoldsAnonymousRow(node, nullptr)) return false;
  return !checkExprHasSubLink(node) && !contain_volatile_functions(node) && !bms_is_member(target, pull_varnos(nullptr, node));
}

/// In RETURNING: columns of the target stay, those of other relations come with the shipped rows.
Node *SubstituteSource(Node *node, void *data) {
  auto *shipping = static_cast<Shipping *>(data);
  Node *foreseen = ForeseenSubquery(*shipping, node);
  if (foreseen != nullptr) return pg::AsNode(ColumnLike(node, shipping->sources.rti, -shipping->sources.Add(foreseen)));
  if (!IsA(node, Var) && !IsMadeOfSourceRow(node, shipping->original->resultRelation)) return nullptr;
  auto *var = reinterpret_cast<Var *>(node);
  if (IsA(node, Var)) {
    const int varno = static_cast<int>(var->varno);
    if (varno == shipping->original->resultRelation || varno == shipping->sources.rti || var->varlevelsup > 0) return nullptr;
    if (var->varattno == InvalidAttrNumber && pg::IsAnonymousRow(var->vartype)) return nullptr;  // about to be spelled out
  }
  const int index = shipping->sources.Add(node);
  return pg::AsNode(ColumnLike(node, shipping->sources.rti, -index));
}

/// Numbers of source columns are known only when all columns are: they were noted as negative ones.
Node *NumberSource(Node *node, void *data) {
  auto *shipping = static_cast<Shipping *>(data);
  if (!IsA(node, Var)) return nullptr;
  auto *var = reinterpret_cast<Var *>(node);
  if (var->varno != shipping->sources.rti || var->varattno > 0) return nullptr;
  const int column = list_length(shipping->original->targetList) - var->varattno;
  return pg::AsNode(ColumnLike(node, var->varno, column));
}

void ReadSourcesInReturning(Shipping *shipping) {
  Query *statement = shipping->statement;
  statement->returningList =
      reinterpret_cast<List *>(ReplaceInExpr(pg::AsNode(statement->returningList), SubstituteSource, shipping));
}

void ShipChange(Shipping *shipping) {
  Query *query = shipping->original;
  if (query->commandType == CMD_DELETE) query->targetList = NIL;
  Query *statement = shipping->statement = pg::Copy(query);
  const int rti = shipping->sources.rti = list_length(query->rtable) + 1;
  ListCell *cell;
  foreach (cell, query->targetList) AddRowColumn(shipping, pg::Copy(lfirst_node(TargetEntry, cell)->expr));
  ReadSourcesInReturning(shipping);
  ExpandWholeRows(statement, bms_del_member(bms_add_range(nullptr, 1, rti - 1), query->resultRelation));
  ReadSourcesInReturning(shipping);  // of the rows that were expanded
  foreach (cell, shipping->sources.exprs) AddRowColumn(shipping, pg::Copy(static_cast<Expr *>(lfirst(cell))));
  shipping->rows->hasSubLinks = query->hasSubLinks;
  statement->returningList =
      reinterpret_cast<List *>(ReplaceInExpr(pg::AsNode(statement->returningList), NumberSource, shipping));
  ShipConstants(shipping, statement);

  const pg::Array<Match> matches = AddMatches(shipping);
  LockRows(shipping->rows, query->resultRelation);
  ListCell *entry;
  foreach (entry, statement->rtable) {
    if (foreach_current_index(entry) + 1 != query->resultRelation) {
      BlankEntry(static_cast<RangeTblEntry *>(lfirst(entry)));
    }
  }
  statement->rtable = lappend(statement->rtable, ShippedRows(*shipping, 0));
  statement->jointree = makeFromExpr(list_make2(RefTo(query->resultRelation), RefTo(rti)),
                                     IsMatch(*shipping, matches, rti));
  statement->cteList = NIL;
  foreach (cell, statement->targetList) {
    lfirst_node(TargetEntry, cell)->expr =
        reinterpret_cast<Expr *>(ShippedColumn(*shipping, rti, foreach_current_index(cell) + 1));
  }
}

/// --- the plan ---

void DescribeResult(CustomScan *scan, const Query *query) {
  ListCell *cell;
  foreach (cell, query->returningList) {
    auto *target = lfirst_node(TargetEntry, cell);
    Node *expr = pg::AsNode(target->expr);
    const Oid type = exprType(expr), collation = exprCollation(expr);
    const int32 typmod = ResultTypmod(expr, query, nullptr);
    const int column = foreach_current_index(cell) + 1;
    auto *null_of_type = reinterpret_cast<Expr *>(makeNullConst(type, typmod, collation));
    scan->custom_scan_tlist =
        lappend(scan->custom_scan_tlist, makeTargetEntry(null_of_type, column, target->resname, false));
    auto *var = reinterpret_cast<Expr *>(makeVar(INDEX_VAR, column, type, typmod, collation, 0));
    scan->scan.plan.targetlist =
        lappend(scan->scan.plan.targetlist, makeTargetEntry(var, column, target->resname, false));
  }
}

constexpr int kShipNodeId = 1 << 20;  // beyond the child's, which are numbered from 0

struct Arguments {
  plan::Ship *ship;
  List *params;  // of Param, in the order of their new numbers
};

/// The client's parameters get numbers behind those of the columns.
Node *NumberParam(Node *node, void *data) {
  auto *arguments = static_cast<Arguments *>(data);
  if (!IsA(node, Param) || reinterpret_cast<Param *>(node)->paramkind != PARAM_EXTERN) return nullptr;
  int index = 0;
  while (index < list_length(arguments->params) && !equal(list_nth(arguments->params, index), node)) index++;
  if (index == list_length(arguments->params)) {
    arguments->params = lappend(arguments->params, pg::Copy(node));
    arguments->ship->arg_types = lappend_oid(arguments->ship->arg_types, reinterpret_cast<Param *>(node)->paramtype);
  }
  auto *numbered = reinterpret_cast<Param *>(pg::Copy(node));
  numbered->paramid = arguments->ship->column_count + index + 1;
  return pg::AsNode(numbered);
}

Node *SpellRowOfTable(Node *node, void *data) {
  if (!IsA(node, Var) || reinterpret_cast<Var *>(node)->varattno != InvalidAttrNumber) return nullptr;
  auto *var = reinterpret_cast<Var *>(node);
  RangeTblEntry *rte = pg::Rte(static_cast<Query *>(data)->rtable, static_cast<int>(var->varno));
  return rte->rtekind == RTE_RELATION ? SpelledRow(rte, var) : nullptr;
}

bool IsUsersStable(Oid function, void *) {
  return function >= FirstNormalObjectId && func_volatile(function) == PROVOLATILE_STABLE;
}

/// Such a function may read the target; volatile ones see what was changed before on one server, too.
bool UsersStableWalker(Node *node, void *context) {
  if (node == nullptr) return false;
  if (IsA(node, Query)) return pg::WalkQuery(reinterpret_cast<Query *>(node), UsersStableWalker, context);
  return check_functions_in_node(node, IsUsersStable, nullptr) || pg::Walk(node, UsersStableWalker, context);
}

/// The scan's columns go by another number than those of relation 1.
Node *SubstituteResult(Node *node, void *) {
  if (!IsA(node, Var)) return nullptr;
  auto *column = reinterpret_cast<Var *>(node);
  return pg::AsNode(ColumnLike(node, INDEX_VAR, column->varattno));
}

List *ComputedTargets(List *computed) {
  List *targets = NIL;
  ListCell *cell;
  foreach (cell, computed) {
    auto *target = flatCopyTargetEntry(lfirst_node(TargetEntry, cell));
    Node *expr = ReplaceInExpr(pg::AsNode(target->expr), SubstituteResult, nullptr);
    target->expr = expression_planner(reinterpret_cast<Expr *>(expr));
    targets = lappend(targets, target);
  }
  return targets;
}

plan::Template TextOf(Shipping *shipping, Query *statement) {
  const char *mark = shipping->ship.moved_column >= 0 ? plan::kMoveMark : "";
  return deparse::TemplateOf(statement, &shipping->ship.tables, psprintf("%s%s", mark, RowsClause(*shipping)));
}

CustomScan *MakeScan(Shipping *shipping, PlannedStmt *child, List *computed) {
  auto *scan = makeNode(CustomScan);
  Plan *below = child->planTree;
  scan->scan.plan.startup_cost = below->total_cost;
  scan->scan.plan.total_cost = below->total_cost;
  scan->scan.plan.plan_rows = below->plan_rows;
  scan->scan.plan.plan_node_id = kShipNodeId;
  scan->scan.plan.extParam = bms_copy(below->extParam);
  scan->scan.plan.allParam = bms_copy(below->allParam);
  scan->custom_plans = list_make1(below);
  scan->methods = GetCustomScanMethods(plan::kShipScan, false);
  shipping->ship.returning = shipping->original->returningList != NIL && shipping->ship.returned_column < 0;
  DescribeResult(scan, shipping->original);
  if (computed != NIL) scan->scan.plan.targetlist = ComputedTargets(computed);
  Arguments arguments = {&shipping->ship, NIL};
  ReplaceInQuery(shipping->statement, NumberParam, &arguments);
  ReplaceInQuery(shipping->statement, SpellRowOfTable, shipping->statement);
  scan->custom_exprs = arguments.params;
  shipping->ship.statement = TextOf(shipping, shipping->statement);
  if (shipping->ship.moved_column >= 0) {
    shipping->ship.leave = TextOf(shipping, shipping->moves.leave);
    shipping->ship.arrive = TextOf(shipping, shipping->moves.arrive);
  }
  scan->custom_private = plan::ToList(shipping->ship);
  return scan;
}

}  // namespace

namespace {

Shipping Begin(Query *query, const catalog::Table &table) {
  if (query->commandType == CMD_UPDATE) SpellMultiAssignments(query);
  Shipping shipping = {&table, query, RowsOf(query), nullptr, {0, NIL}, {}, {}};
  shipping.ship.command = query->commandType;
  shipping.ship.target = table.relid;
  shipping.ship.changes = trigger::ChangesOf(query, table.relid);
  shipping.ship.key_column = shipping.ship.shard_column = shipping.ship.moved_column = shipping.ship.returned_column = -1;
  shipping.ship.tables = list_make1_oid(table.relid);
  return shipping;
}

bool GoesAtOnce(const Shipping &shipping) {
  core::order::Rows rows;
  rows.merges = shipping.ship.command == CMD_MERGE;
  rows.moves = shipping.ship.moved_column >= 0;
  rows.reads_unseen = UsersStableWalker(pg::AsNode(shipping.rows), nullptr);
  return core::order::GoAtOnce(rows);
}

PlannedStmt *PlanShipped(Shipping *shipping, List *computed, const Request &request) {
  Query *rows = pg::Copy(shipping->rows);
  WrapSecuredTargets(rows);
  Rewrite(rows, nullptr);
  PlannedStmt *plan = PlanRows(rows, request);
  plan->planTree = &MakeScan(shipping, plan, computed)->scan.plan;
  plan->commandType = shipping->original->commandType;
  plan->hasReturning = shipping->original->returningList != NIL;
  return plan;
}

}  // namespace

PlannedStmt *PlanMove(Query *query, const catalog::Table &table, const Request &request) {
  Shipping shipping = Begin(query, table);
  shipping.moves = ShipMove(&shipping);
  shipping.ship.at_once = GoesAtOnce(shipping);
  return PlanShipped(&shipping, NIL, request);
}

PlannedStmt *PlanShipping(Query *query, const catalog::Table &table, List *computed, const Request &request) {
  Shipping shipping = Begin(query, table);
  if (table.kind == catalog::TableKind::Reference) shipping.ship.copies = CopiesOfShipped(query, table);
  if (query->commandType == CMD_INSERT) {
    ShipInsert(&shipping);
  } else if (query->commandType == CMD_MERGE) {
    ShipMerge(&shipping);
  } else {
    ShipChange(&shipping);
  }
  shipping.ship.at_once = GoesAtOnce(shipping);
  return PlanShipped(&shipping, computed, request);
}

}  // namespace altius::planner
