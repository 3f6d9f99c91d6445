// SPDX-License-Identifier: PostgreSQL
// Query -> text, by PostgreSQL's exported deparser.
#include "altius/deparse/deparse.hpp"
#include "assignments.hpp"
#include "altius/pg/node.hpp"
#include "altius/pg/search_path.hpp"
#include "altius/pg/text_forms.hpp"
#include "altius/pg/walk.hpp"

extern "C" {
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/tlist.h"
#include "utils/lsyscache.h"
#include "utils/ruleutils.h"
}

namespace altius::deparse {

namespace {

/// A view's columns may have been renamed or added since the query was stored; as a whole its row has the names of today.
void NameAsView(RangeTblEntry *rte, Oid row_type) {
  const Oid view = get_typ_typrelid(getBaseType(row_type));
  if (!OidIsValid(view)) return;
  List *names = NIL;
  const int count = ExecCleanTargetListLength(rte->subquery->targetList);
  for (int i = 1; i <= count; i++) {
    char *name = get_attname(view, static_cast<AttrNumber>(i), true);
    if (name == nullptr) return;
    names = lappend(names, makeString(name));
  }
  rte->eref->colnames = names;
}

bool WholeRowWalker(Node *node, void *data) {
  if (node == nullptr) return false;
  auto *levels = static_cast<List *>(data);
  if (IsA(node, Var)) {
    const auto *var = reinterpret_cast<Var *>(node);
    if (var->varattno != InvalidAttrNumber || var->vartype == RECORDOID) return false;
    if (static_cast<int>(var->varlevelsup) >= list_length(levels)) return false;
    RangeTblEntry *rte = pg::Rte(static_cast<Query *>(list_nth(levels, static_cast<int>(var->varlevelsup)))->rtable, var->varno);
    if (rte->rtekind == RTE_SUBQUERY) NameAsView(rte, var->vartype);
    return false;
  }
  if (!IsA(node, Query)) return pg::Walk(node, WholeRowWalker, data);
  auto *query = reinterpret_cast<Query *>(node);
  return pg::WalkQuery(query, WholeRowWalker, lcons(query, list_copy(levels)));
}

/// A view's columns may have been renamed, which its query is not told of.
bool HasOtherNames(const RangeTblEntry *rte) {
  if (rte->rtekind != RTE_SUBQUERY) return false;
  const ListCell *name = list_head(rte->eref->colnames);
  ListCell *cell;
  foreach (cell, rte->subquery->targetList) {
    const auto *target = lfirst_node(TargetEntry, cell);
    if (target->resjunk) continue;
    if (name == nullptr) return false;
    if (target->resname == nullptr || strcmp(target->resname, strVal(lfirst(name))) != 0) return true;
    name = lnext(rte->eref->colnames, name);
  }
  return false;
}

/// Every relation and subquery gets an alias, so that column references still resolve when a shard's name is put in place of the table's.
/// EXCLUDED of ON CONFLICT, which looks like one, is not noted as one.
bool AliasRelations(Node *node, void *relations) {
  if (node == nullptr) return false;
  if (IsA(node, RangeTblEntry)) {
    auto *rte = reinterpret_cast<RangeTblEntry *>(node);
    if (rte->rtekind == RTE_RELATION && rte->relkind != RELKIND_COMPOSITE_TYPE) {
      auto **noted = static_cast<List **>(relations);
      *noted = lappend_oid(*noted, rte->relid);
    }
    const bool named = rte->rtekind == RTE_RELATION || rte->rtekind == RTE_SUBQUERY;
    if (named && rte->alias == nullptr) rte->alias = makeAlias(rte->eref->aliasname, NIL);
    if (named && rte->alias->colnames == NIL && HasOtherNames(rte))
      rte->alias = makeAlias(rte->alias->aliasname, pg::Copy(rte->eref->colnames));
    if (rte->security_barrier) rte->alias->aliasname = pstrdup(pg::kBarrierAlias);
    return false;
  }
  if (IsA(node, Query)) {
    return pg::WalkQuery(reinterpret_cast<Query *>(node), AliasRelations, relations, QTW_EXAMINE_RTES_BEFORE);
  }
  return pg::Walk(node, AliasRelations, relations);
}

/// A row that is compared with a subquery's only column would be read as one that is compared with several.
void KeepRowTogether(SubLink *link) {
  if (link->testexpr == nullptr || !IsA(link->testexpr, OpExpr)) return;
  ListCell *left = list_head(reinterpret_cast<OpExpr *>(link->testexpr)->args);
  if (!IsA(lfirst(left), RowExpr)) return;
  auto *row = makeNode(CoalesceExpr);
  row->coalescetype = exprType(static_cast<Node *>(lfirst(left)));
  row->args = list_make1(lfirst(left));
  row->location = -1;
  lfirst(left) = row;
}

bool IsResultName(const Query *query, const TargetEntry *target, const char *name) {
  ListCell *cell;
  foreach (cell, query->targetList) {
    const auto *other = lfirst_node(TargetEntry, cell);
    if (other->resjunk || other->resname == nullptr || strcmp(other->resname, name) != 0) continue;
    if (!equal(other->expr, target->expr)) return true;
  }
  return false;
}

/// In ORDER BY a bare name is first that of a result.
bool IsMistaken(const Query *query, const SortGroupClause *clause) {
  const TargetEntry *target = get_sortgroupclause_tle(const_cast<SortGroupClause *>(clause), query->targetList);
  if (!IsA(target->expr, Var)) return false;
  const auto *var = reinterpret_cast<const Var *>(target->expr);
  if (var->varlevelsup > 0 || var->varattno <= 0) return false;
  const RangeTblEntry *rte = pg::Rte(query->rtable, static_cast<int>(var->varno));
  return var->varattno <= list_length(rte->eref->colnames) &&
         IsResultName(query, target, strVal(list_nth(rte->eref->colnames, var->varattno - 1)));
}

/// The deparser writes bare names where FROM has one item; with two it says of which they are.
void QualifyOrder(Query *query) {
  if (list_length(query->rtable) != 1) return;
  bool mistaken = false;
  for (const List *clauses : {query->sortClause, query->hasDistinctOn ? query->distinctClause : NIL}) {
    ListCell *cell;
    foreach (cell, clauses) mistaken = mistaken || IsMistaken(query, lfirst_node(SortGroupClause, cell));
  }
  if (!mistaken) return;
  auto *nothing = makeNode(RangeTblEntry);
  nothing->rtekind = RTE_RESULT;
  nothing->eref = makeAlias("altius_nothing", NIL);
  query->rtable = lappend(query->rtable, nothing);
}

bool SpellingWalker(Node *node, void *context) {
  if (node == nullptr) return false;
  if (IsA(node, SubLink)) KeepRowTogether(reinterpret_cast<SubLink *>(node));
  if (!IsA(node, Query)) return pg::Walk(node, SpellingWalker, context);
  auto *query = reinterpret_cast<Query *>(node);
  if (query->commandType == CMD_UPDATE || query->commandType == CMD_INSERT) SpellAssignments(&query->targetList);
  if (query->commandType == CMD_UPDATE) SpellGenerated(query, &query->targetList);
  if (query->onConflict != nullptr && query->onConflict->action == ONCONFLICT_UPDATE) {
    SpellAssignments(&query->onConflict->onConflictSet);
    SpellGenerated(query, &query->onConflict->onConflictSet);
  }
  ListCell *cell;
  foreach (cell, query->mergeActionList) {
    auto *action = lfirst_node(MergeAction, cell);
    SpellAssignments(&action->targetList);
    if (action->commandType == CMD_UPDATE) SpellGenerated(query, &action->targetList);
  }
  return pg::WalkQuery(query, SpellingWalker, context);
}

}  // namespace

char *QueryText(Query *query, List **relations) {
  List *ignored = NIL;
  WholeRowWalker(reinterpret_cast<Node *>(query), nullptr);
  AliasRelations(reinterpret_cast<Node *>(query), relations != nullptr ? relations : &ignored);
  SpellingWalker(reinterpret_cast<Node *>(query), nullptr);
  QualifyOrder(query);
  const pg::SearchPath saved = pg::PushCatalogSearchPath();
  const int level = pg::BeginPortableText();
  char *text = pg_get_querydef(query, false);
  pg::EndPortableText(level);
  pg::PopSearchPath(saved);
  return text;
}

}  // namespace altius::deparse
