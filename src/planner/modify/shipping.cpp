// SPDX-License-Identifier: PostgreSQL
// The rows of a shipped modification and the statement that takes them: columns of the one as the other reads them, and what means
// something on the asking node only.
#include "shipping.hpp"

#include "altius/pg/node.hpp"
#include "altius/pg/walk.hpp"
#include "planner/fragment/late_values.hpp"
#include "planner/locus/shippable.hpp"
#include "planner/nodes/column_map.hpp"
#include "planner/nodes/queries.hpp"
#include "planner/nodes/records.hpp"
#include "foreseen.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
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

void CheckReadsNothingElsewhere(Node *expr) {
  if (!ReadsElsewhere(expr)) return;
  ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                  errmsg("a subquery on a distributed table can't depend on the changed row in RETURNING or ON CONFLICT"),
                  errhint("Read the other table in a statement of its own, in the same transaction.")));
}

void SpellReturningConstants(Shipping *shipping, Query *statement) {
  Node *returning = pg::AsNode(statement->returningList);
  statement->returningList = reinterpret_cast<List *>(SpellConstants(shipping, returning, PlaceOfReturning(statement)));
  CheckReadsNothingElsewhere(pg::AsNode(statement->returningList));
}

}  // namespace altius::planner
