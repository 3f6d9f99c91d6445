// SPDX-License-Identifier: PostgreSQL
// Modifications inside WITH whose rows must be computed before they can be sent: each becomes a statement of its own, which
// the asking node plans and runs when the leaf that stands for it is first read.
#include "nested.hpp"

#include "altius/core/order/with.hpp"
#include "altius/pg/node.hpp"
#include "altius/pg/permissions.hpp"
#include "altius/pg/walk.hpp"
#include "planner/fragment/fragment.hpp"
#include "planner/fragment/leaf.hpp"
#include "planner/level.hpp"
#include "planner/nodes/assigned.hpp"
#include "planner/nodes/column_map.hpp"
#include "planner/nodes/queries.hpp"
#include "apart.hpp"

extern "C" {
#include "catalog/pg_collation_d.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "optimizer/clauses.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rls.h"
#include "rewrite/rewriteManip.h"
}

namespace altius::planner {

namespace order = core::order;

namespace {

struct CteSearch {
  const char *name;
  int depth;
};

bool ReadsCteWalker(Node *node, void *data) {
  if (node == nullptr) return false;
  auto *search = static_cast<CteSearch *>(data);
  if (IsA(node, Query)) {
    CteSearch inner = {search->name, search->depth + 1};
    return pg::WalkQuery(reinterpret_cast<Query *>(node), ReadsCteWalker, &inner, QTW_EXAMINE_RTES_BEFORE);
  }
  if (!IsA(node, RangeTblEntry)) return pg::Walk(node, ReadsCteWalker, data);
  auto *rte = reinterpret_cast<RangeTblEntry *>(node);
  return rte->rtekind == RTE_CTE && static_cast<int>(rte->ctelevelsup) == search->depth &&
         strcmp(rte->ctename, search->name) == 0;
}

/// Whether the query (one level below the WITH) reads the CTE.
bool ReadsCte(Query *query, const CommonTableExpr *cte) {
  CteSearch search = {cte->ctename, 0};
  return ReadsCteWalker(pg::AsNode(query), &search);
}

/// References to the WITH around the query become references to its own.
bool LowerCteWalker(Node *node, void *data) {
  if (node == nullptr) return false;
  const int depth = *static_cast<int *>(data);
  if (IsA(node, Query)) {
    int inner = depth + 1;
    return pg::WalkQuery(reinterpret_cast<Query *>(node), LowerCteWalker, &inner, QTW_EXAMINE_RTES_BEFORE);
  }
  if (!IsA(node, RangeTblEntry)) return pg::Walk(node, LowerCteWalker, data);
  auto *rte = reinterpret_cast<RangeTblEntry *>(node);
  if (rte->rtekind == RTE_CTE && static_cast<int>(rte->ctelevelsup) > depth) rte->ctelevelsup--;
  return false;
}

constexpr int kLevelsToAround = 3;  // from a subquery in a CTE of the modification in WITH

Node *AsText(Node *value, Oid type, Oid collation) {
  auto *cast = makeNode(CoerceViaIO);
  cast->arg = reinterpret_cast<Expr *>(value);
  cast->resulttype = type;
  cast->resultcollid = collation;
  cast->coerceformat = COERCE_EXPLICIT_CAST;
  cast->location = -1;
  return pg::AsNode(cast);
}

/// Of arrays there are no arrays, and unnest makes several columns of a row: they go as text.
bool GoesAsText(Oid type) { return !OidIsValid(get_array_type(type)) || type_is_rowtype(type); }

/// ARRAY(SELECT column FROM the CTE around)
Node *ArrayOfColumn(const CommonTableExpr *cte, int column) {
  auto *select = makeNode(Query);
  select->commandType = CMD_SELECT;
  select->canSetTag = true;
  auto *rte = makeNode(RangeTblEntry);
  rte->rtekind = RTE_CTE;
  rte->ctename = pstrdup(cte->ctename);
  rte->ctelevelsup = kLevelsToAround;
  rte->coltypes = list_copy(cte->ctecoltypes);
  rte->coltypmods = list_copy(cte->ctecoltypmods);
  rte->colcollations = list_copy(cte->ctecolcollations);
  rte->eref = makeAlias(cte->ctename, pg::Copy(cte->ctecolnames));
  rte->inFromCl = true;
  select->rtable = list_make1(rte);
  auto *ref = makeNode(RangeTblRef);
  ref->rtindex = 1;
  select->jointree = makeFromExpr(list_make1(ref), nullptr);
  const Oid type = list_nth_oid(cte->ctecoltypes, column - 1);
  Node *value = pg::AsNode(makeVar(1, column, type, list_nth_int(cte->ctecoltypmods, column - 1),
                                   list_nth_oid(cte->ctecolcollations, column - 1), 0));
  if (GoesAsText(type)) value = AsText(value, TEXTOID, DEFAULT_COLLATION_OID);
  select->targetList = list_make1(makeTargetEntry(reinterpret_cast<Expr *>(value), 1, pstrdup("c"), false));
  auto *link = makeNode(SubLink);
  link->subLinkType = ARRAY_SUBLINK;
  link->subselect = pg::AsNode(select);
  link->location = -1;
  return pg::AsNode(link);
}

[[noreturn]] void RefuseColumn(const CommonTableExpr *cte, int column) {
  ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                  errmsg("the result of the modification \"%s\" is read by several modifications in WITH", cte->ctename),
                  errdetail("Its column %d is a row without a named type.", column),
                  errhint("Run the modifications as statements of their own, in one transaction.")));
  pg_unreachable();
}

/// SELECT the rows of a modification that stays where it is: FROM ROWS FROM (unnest($1), unnest($2), ...)
CommonTableExpr *RowsHandedOver(CommonTableExpr *cte) {
  auto *rte = makeNode(RangeTblEntry);
  rte->rtekind = RTE_FUNCTION;
  rte->eref = rte->alias = makeAlias("altius_rows", pg::Copy(cte->ctecolnames));
  rte->inFromCl = true;
  Query *select = SelectFrom(rte);
  select->hasSubLinks = true;
  for (int column = 1; column <= list_length(cte->ctecoltypes); column++) {
    const Oid type = list_nth_oid(cte->ctecoltypes, column - 1);
    const Oid collation = list_nth_oid(cte->ctecolcollations, column - 1);
    const int32 typmod = list_nth_int(cte->ctecoltypmods, column - 1);
    if (pg::IsAnonymousRow(type)) RefuseColumn(cte, column);
    const bool as_text = GoesAsText(type);
    const Oid travels = as_text ? DEFAULT_COLLATION_OID : collation;
    auto *call = makeFuncExpr(F_UNNEST_ANYARRAY, as_text ? TEXTOID : type, list_make1(ArrayOfColumn(cte, column)), travels, travels,
                              COERCE_EXPLICIT_CALL);
    call->funcretset = true;
    auto *function = makeNode(RangeTblFunction);
    function->funcexpr = pg::AsNode(call);
    function->funccolcount = 1;
    rte->functions = lappend(rte->functions, function);
    auto *var = reinterpret_cast<Expr *>(as_text ? AsText(pg::AsNode(makeVar(1, column, TEXTOID, -1, travels, 0)), type, collation)
                                                 : pg::AsNode(makeVar(1, column, type, typmod, collation, 0)));
    char *name = pstrdup(strVal(list_nth(cte->ctecolnames, column - 1)));
    select->targetList = lappend(select->targetList, makeTargetEntry(var, column, name, false));
  }
  cte->cterefcount += list_length(cte->ctecoltypes);
  auto *result = pg::Copy(cte);
  result->ctequery = pg::AsNode(select);
  return result;
}

/// The modification that is taken out, and the query around it.
struct TakenOut {
  Query *query;
  Query *around;
};

CommonTableExpr *CteAt(const Query *around, int index) { return static_cast<CommonTableExpr *>(list_nth(around->cteList, index)); }

bool ReadsEntry(const void *context, int reader, int other) {
  const auto *out = static_cast<const TakenOut *>(context);
  const CommonTableExpr *cte = CteAt(out->around, other);
  auto *query = reader < 0 ? out->query : reinterpret_cast<Query *>(CteAt(out->around, reader)->ctequery);
  if (reader >= 0 && query == out->query) return false;
  return reinterpret_cast<Query *>(cte->ctequery) != query && ReadsCte(query, cte);
}

order::Entry Describe(const CommonTableExpr *cte) {
  order::Entry entry;
  entry.modifies = reinterpret_cast<Query *>(cte->ctequery)->commandType != CMD_SELECT;
  entry.is_volatile = contain_volatile_functions(cte->ctequery);
  entry.several = cte->cterefcount > 1;
  entry.read_before = IsReadBefore(cte);
  return entry;
}

CommonTableExpr *Taken(CommonTableExpr *cte, order::Travel travel) {
  switch (travel) {
    case order::Travel::HandedOver:
      return RowsHandedOver(cte);
    case order::Travel::Copied:
      return pg::Copy(cte);
    default:
      return cte;
  }
}

/// The CTEs that the query needs come along.
void TakeCtesAlong(Query *query, Query *around) {
  const TakenOut out = {query, around};
  const int count = list_length(around->cteList);
  auto *entries = static_cast<order::Entry *>(palloc(sizeof(order::Entry) * (count + 1)));
  auto *travels = static_cast<order::Travel *>(palloc(sizeof(order::Travel) * (count + 1)));
  for (int i = 0; i < count; i++) entries[i] = Describe(CteAt(around, i));
  order::TakeAlong(entries, count, ReadsEntry, &out, travels);
  List *taken = NIL;
  for (int i = count - 1; i >= 0; i--) {
    if (travels[i] == order::Travel::No) continue;
    CommonTableExpr *cte = CteAt(around, i);
    query->hasRecursive = query->hasRecursive || cte->cterecursive;
    taken = lcons(Taken(cte, travels[i]), taken);
    if (travels[i] != order::Travel::Moved) continue;
    around->cteList = list_delete_nth_cell(around->cteList, i);
    query->hasModifyingCTE = true;
  }
  int depth = 0;
  pg::WalkQuery(query, LowerCteWalker, &depth, QTW_EXAMINE_RTES_BEFORE);
  query->cteList = list_concat(taken, query->cteList);
}

}  // namespace

namespace {

/// What stands beside the source of an INSERT as a column of the SELECT that becomes its source; the column.
Node *AddColumn(Query *select, Node *value, int rti) {
  const int column = list_length(select->targetList) + 1;
  IncrementVarSublevelsUp(value, 1, 1);
  auto *target = makeTargetEntry(reinterpret_cast<Expr *>(value), column, psprintf("c%d", column), false);
  select->targetList = lappend(select->targetList, target);
  return pg::AsNode(ColumnLike(value, rti, column));
}

/// What stands in FROM of an INSERT.
Bitmapset *SourcesOf(const Query *insert) {
  Bitmapset *sources = nullptr;
  ListCell *cell;
  foreach (cell, insert->jointree->fromlist) sources = bms_add_member(sources, lfirst_node(RangeTblRef, cell)->rtindex);
  return sources;
}

}  // namespace

int ReplaceSource(Query *insert, Query *select) {
  const Bitmapset *sources = SourcesOf(insert);
  for (int source = -1; (source = bms_next_member(sources, source)) >= 0;) BlankEntry(pg::Rte(insert->rtable, source));
  insert->rtable = lappend(insert->rtable, SubqueryEntry(select, "altius_source"));
  const int rti = list_length(insert->rtable);
  insert->jointree = FromOne(rti);
  return rti;
}

void SpellSource(Query *insert) {
  if (insert->commandType != CMD_INSERT || insert->jointree->fromlist == NIL) return;
  auto *select = makeNode(Query);
  select->commandType = CMD_SELECT;
  select->canSetTag = true;
  select->rtable = pg::Copy(insert->rtable);
  select->jointree = pg::Copy(insert->jointree);
  select->hasSubLinks = insert->hasSubLinks;
  const int rti = list_length(insert->rtable) + 1;
  const Bitmapset *sources = SourcesOf(insert);
  ListCell *cell;
  int index = 0;
  foreach (cell, select->rtable) {
    auto *entry = static_cast<RangeTblEntry *>(lfirst(cell));
    entry->inFromCl = true;
    if (!bms_is_member(++index, sources)) BlankEntry(entry);
  }
  // What stood beside the target stands one level deeper now.
  IncrementVarSublevelsUp(pg::AsNode(select), 1, 1);
  foreach (cell, insert->targetList) {
    Node **expr = reinterpret_cast<Node **>(&lfirst_node(TargetEntry, cell)->expr);
    VisitAssigned(expr, [&](Node **value, AssignedPart part) {
      if (part == AssignedPart::Value) *value = AddColumn(select, *value, rti);
      return true;
    });
  }
  (void)ReplaceSource(insert, select);
}

namespace {

/// The statement is rewritten anew, for the user: policies that hold for the owner of a view would give way to the user's.
void RefuseOthersPolicies(Query *query) {
  const pg::RelationUses uses = pg::CollectRelations(query);
  for (int i = 0; i < list_length(uses.entries); i++) {
    const pg::Requirement requirement = pg::RequirementOf(uses, i);
    const bool as_other = OidIsValid(requirement.role) && requirement.role != GetUserId();
    if (!as_other || check_enable_rls(requirement.relid, InvalidOid, true) == RLS_NONE) continue;
    ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                    errmsg("a modification in WITH through a view of another role can't be a statement of its own here"),
                    errdetail("Row security of table \"%s\" would be that of the user.", get_rel_name(requirement.relid)),
                    errhint("Run it as a statement, not in WITH.")));
  }
}

}  // namespace

Query *NestedModification(Query *query, const Level *level, int place_among_first) {
  RefuseOthersPolicies(query);
  TakeCtesAlong(query, level->parent->query);
  List *targets = query->returningList;
  Query *statement = pg::Copy(query);
  SpellSource(statement);
  // Values of identity columns were made already, or were allowed already.
  if (statement->commandType == CMD_INSERT) statement->override = OVERRIDING_SYSTEM_VALUE;
  List *arguments = NIL;
  plan::Fragment *fragment = MakeStatementFragment(statement, level, &arguments);
  fragment->place_among_first = place_among_first;
  return SelectFromLeaf(MakeLeaf(fragment, arguments, NIL, NamesOf(targets)), targets);
}

}  // namespace altius::planner
