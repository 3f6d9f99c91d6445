// SPDX-License-Identifier: PostgreSQL
#include "normalize.hpp"

#include "column_map.hpp"
#include "leaf.hpp"

#include "altius/catalog/metadata.hpp"
#include "altius/pg/node.hpp"
#include "altius/pg/permissions.hpp"
#include "altius/pg/walk.hpp"

extern "C" {
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/sysattr.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "utils/fmgroids.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "nodes/makefuncs.h"
#include "optimizer/clauses.h"
#include "rewrite/rewriteManip.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "catalog/pg_constraint.h"
#include "access/table.h"
}

namespace altius::planner {

namespace {

struct InlineContext {
  const CommonTableExpr *cte;
  int depth;
};

/// Replaces references to the CTE by its query.
bool InlineWalker(Node *node, void *data) {
  if (node == nullptr) return false;
  auto *context = static_cast<InlineContext *>(data);
  if (IsA(node, Query)) {
    context->depth++;
    pg::WalkQuery(reinterpret_cast<Query *>(node), InlineWalker, data, QTW_EXAMINE_RTES_AFTER);
    context->depth--;
    return false;
  }
  if (!IsA(node, RangeTblEntry)) return pg::Walk(node, InlineWalker, data);
  auto *rte = reinterpret_cast<RangeTblEntry *>(node);
  if (rte->rtekind != RTE_CTE || static_cast<int>(rte->ctelevelsup) != context->depth) return false;
  if (strcmp(rte->ctename, context->cte->ctename) != 0) return false;
  auto *query = pg::Copy(reinterpret_cast<Query *>(context->cte->ctequery));
  if (context->depth > 0) IncrementVarSublevelsUp(pg::AsNode(query), context->depth, 1);
  rte->rtekind = RTE_SUBQUERY;
  rte->subquery = query;
  rte->security_barrier = false;
  rte->ctename = nullptr;
  rte->ctelevelsup = 0;
  rte->self_reference = false;
  rte->coltypes = rte->coltypmods = rte->colcollations = NIL;
  // The subquery's columns have names of their own; those that the query around knows are the CTE's.
  rte->alias = makeAlias(rte->eref->aliasname, pg::Copy(rte->eref->colnames));
  return false;
}

/// What PostgreSQL would inline too; see "Common Table Expression Materialization" in its manual.
bool MayInline(const CommonTableExpr *cte) {
  auto *query = reinterpret_cast<Query *>(cte->ctequery);
  if (cte->cterecursive || query->commandType != CMD_SELECT || query->rowMarks != NIL) return false;
  if (cte->ctematerialized == CTEMaterializeAlways) return false;
  if (cte->ctematerialized == CTEMaterializeDefault && cte->cterefcount != 1) return false;
  return !contain_volatile_functions(cte->ctequery);
}

struct CteUse {
  const CommonTableExpr *cte;
  int depth;
};

/// True when somebody but the CTE itself reads it.
bool ReadsCteWalker(Node *node, void *data) {
  if (node == nullptr) return false;
  auto *use = static_cast<CteUse *>(data);
  if (static_cast<const void *>(node) == use->cte) return false;
  if (IsA(node, Query)) {
    use->depth++;
    const bool found =
        pg::WalkQuery(reinterpret_cast<Query *>(node), ReadsCteWalker, data, QTW_EXAMINE_RTES_BEFORE);
    use->depth--;
    return found;
  }
  if (!IsA(node, RangeTblEntry)) return pg::Walk(node, ReadsCteWalker, data);
  auto *rte = reinterpret_cast<RangeTblEntry *>(node);
  return rte->rtekind == RTE_CTE && static_cast<int>(rte->ctelevelsup) == use->depth &&
         strcmp(rte->ctename, use->cte->ctename) == 0;
}

/// PostgreSQL does not run SELECTs that nobody reads; with a fragment they would go along.  Later ones read earlier ones.
void DropUnreadCtes(Query *query) {
  for (int i = list_length(query->cteList) - 1; i >= 0; i--) {
    auto *cte = static_cast<CommonTableExpr *>(list_nth(query->cteList, i));
    CteUse use = {cte, -1};
    if (reinterpret_cast<Query *>(cte->ctequery)->commandType != CMD_SELECT) continue;
    if (!ReadsCteWalker(pg::AsNode(query), &use)) query->cteList = list_delete_nth_cell(query->cteList, i);
  }
}

void InlineCtes(Query *query) {
  DropUnreadCtes(query);
  List *kept = NIL;
  ListCell *cell;
  foreach (cell, query->cteList) {
    auto *cte = lfirst_node(CommonTableExpr, cell);
    if (query->hasRecursive || !MayInline(cte)) {
      kept = lappend(kept, cte);
      continue;
    }
    InlineContext context = {cte, -1};
    InlineWalker(pg::AsNode(query), &context);
  }
  query->cteList = kept;
}

void FlattenRangeTable(Query *query) {
  ListCell *cell;
  foreach (cell, query->rtable) {
    auto *rte = static_cast<RangeTblEntry *>(lfirst(cell));
    if (rte->rtekind == RTE_SUBQUERY && rte->lateral) {
      rte->subquery = reinterpret_cast<Query *>(pg::FlattenJoinAliases(query, pg::AsNode(rte->subquery)));
    } else if (rte->rtekind == RTE_FUNCTION) {
      rte->functions = reinterpret_cast<List *>(pg::FlattenJoinAliases(query, pg::AsNode(rte->functions)));
    } else if (rte->rtekind == RTE_TABLEFUNC) {
      rte->tablefunc = reinterpret_cast<TableFunc *>(pg::FlattenJoinAliases(query, pg::AsNode(rte->tablefunc)));
    } else if (rte->rtekind == RTE_VALUES) {
      rte->values_lists = reinterpret_cast<List *>(pg::FlattenJoinAliases(query, pg::AsNode(rte->values_lists)));
    }
  }
}

bool HasJoins(Query *query) {
  ListCell *cell;
  foreach (cell, query->rtable) {
    if (static_cast<RangeTblEntry *>(lfirst(cell))->rtekind == RTE_JOIN) return true;
  }
  return false;
}

template <typename T>
void Flatten(Query *query, T **field) {
  *field = reinterpret_cast<T *>(pg::FlattenJoinAliases(query, pg::AsNode(*field)));
}

/// A column of a named join knows it as the place to print it from.
bool ForgetNames(Node *node, void *context) {
  if (node == nullptr) return false;
  if (IsA(node, Query)) return pg::WalkQuery(reinterpret_cast<Query *>(node), ForgetNames, context);
  if (IsA(node, Var)) reinterpret_cast<Var *>(node)->varnosyn = 0;
  if (IsA(node, JoinExpr)) {
    auto *join = reinterpret_cast<JoinExpr *>(node);
    join->alias = join->join_using_alias = nullptr;
  }
  return pg::Walk(node, ForgetNames, context);
}

/// With the columns of joins go their names, which would hide those of the joined relations.
void UnnameJoins(Query *query) {
  pg::WalkQuery(query, ForgetNames, nullptr);
  ListCell *cell;
  foreach (cell, query->rtable) {
    auto *rte = static_cast<RangeTblEntry *>(lfirst(cell));
    if (rte->rtekind == RTE_JOIN) rte->alias = rte->join_using_alias = nullptr;
  }
}

void FlattenAliases(Query *query) {
  if (!HasJoins(query)) return;
  FlattenRangeTable(query);
  Flatten(query, &query->targetList);
  Flatten(query, &query->returningList);
  Flatten(query, &query->jointree);
  Flatten(query, &query->havingQual);
  Flatten(query, &query->limitOffset);
  Flatten(query, &query->limitCount);
  Flatten(query, &query->onConflict);
  Flatten(query, &query->mergeActionList);
  UnnameJoins(query);
}

/// (SELECT every column FROM table WHERE row security allows): same column numbers as the table's.
Query *SecuredTable(RangeTblEntry *rte) {
  auto *inner = pg::Copy(rte);
  auto *query = makeNode(Query);
  query->commandType = CMD_SELECT;
  query->querySource = QSRC_ORIGINAL;
  query->canSetTag = true;
  pg::ForgetPermissions(inner);
  inner->securityQuals = NIL;
  inner->lateral = false;
  query->rtable = list_make1(inner);
  auto *ref = makeNode(RangeTblRef);
  ref->rtindex = 1;
  Node *quals = pg::AsNode(make_ands_explicit(pg::Copy(rte->securityQuals)));
  query->jointree = makeFromExpr(list_make1(ref), quals);
  query->hasSubLinks = checkExprHasSubLink(quals);
  Relation relation = table_open(rte->relid, NoLock);
  TupleDesc columns = RelationGetDescr(relation);
  for (int i = 0; i < columns->natts; i++) {
    Form_pg_attribute column = TupleDescAttr(columns, i);
    Expr *expr = column->attisdropped
                     ? reinterpret_cast<Expr *>(makeNullConst(INT4OID, -1, InvalidOid))
                     : reinterpret_cast<Expr *>(makeVar(1, i + 1, column->atttypid, column->atttypmod,
                                                        column->attcollation, 0));
    query->targetList =
        lappend(query->targetList, makeTargetEntry(expr, i + 1, pstrdup(NameStr(column->attname)), false));
  }
  table_close(relation, NoLock);
  return query;
}

bool ComesThroughView(const Query *query) {
  ListCell *cell;
  foreach (cell, query->rtable) {
    if (static_cast<RangeTblEntry *>(lfirst(cell))->relkind == RELKIND_VIEW) return true;
  }
  return false;
}

bool HasRowSecurity(Oid relid) {
  Relation relation = table_open(relid, NoLock);
  const bool result = relation->rd_rel->relrowsecurity;
  table_close(relation, NoLock);
  return result;
}

/// The condition, asked only for rows that barriers let pass.
Node *BehindBarrier(Node *condition, List *barriers) {
  auto *when = makeNode(CaseWhen);
  when->expr = make_ands_explicit(pg::Copy(barriers));
  when->result = reinterpret_cast<Expr *>(condition);
  when->location = -1;
  auto *result = makeNode(CaseExpr);
  result->casetype = BOOLOID;
  result->args = list_make1(when);
  result->defresult = reinterpret_cast<Expr *>(makeBoolConst(false, false));
  result->location = -1;
  return pg::AsNode(result);
}

/// Conditions of security barrier views on the table that is changed: no statement can say them but in WHERE, where one that could
/// tell of hidden rows comes after them.  Policies of the table itself hold on its shards, too.
void SpellBarriers(Query *query) {
  if (query->resultRelation == 0 || query->commandType == CMD_INSERT) return;
  RangeTblEntry *target = pg::Rte(query->rtable, query->resultRelation);
  if (target->rtekind != RTE_RELATION || target->securityQuals == NIL || catalog::FindTable(target->relid) == nullptr) return;
  if (HasRowSecurity(target->relid) && !ComesThroughView(query)) return;
  List *barriers = NIL;
  ListCell *cell;
  foreach (cell, target->securityQuals) {
    barriers = list_concat(barriers, make_ands_implicit(static_cast<Expr *>(lfirst(cell))));
  }
  target->securityQuals = NIL;
  List *conditions = list_copy(barriers);
  foreach (cell, make_ands_implicit(reinterpret_cast<Expr *>(query->jointree->quals))) {
    auto *condition = static_cast<Node *>(lfirst(cell));
    conditions = lappend(conditions, contain_leaked_vars(condition) ? BehindBarrier(condition, barriers) : condition);
  }
  query->jointree->quals = pg::AsNode(make_ands_explicit(conditions));
  query->hasSubLinks = query->hasSubLinks || checkExprHasSubLink(query->jointree->quals);
}

void WrapSecuredTables(Query *query) {
  int index = 0;
  ListCell *cell;
  foreach (cell, query->rtable) {
    auto *rte = static_cast<RangeTblEntry *>(lfirst(cell));
    if (++index == query->resultRelation || rte->rtekind != RTE_RELATION || rte->securityQuals == NIL) continue;
    if (catalog::FindTable(rte->relid) == nullptr) continue;
    // The conditions' columns are numbered for the outer range table.
    ChangeVarNodes(pg::AsNode(rte->securityQuals), index, 1, 0);
    Query *secured = SecuredTable(rte);
    pg::ForgetPermissions(rte);
    rte->rtekind = RTE_SUBQUERY;
    rte->relid = InvalidOid;
    rte->subquery = secured;
    rte->security_barrier = true;
    rte->securityQuals = NIL;
    rte->inh = false;
  }
}

/// tableoid of a managed table: the oid, on this node, of the table that the row's shard belongs to.
Node *SpellTableOid(Node *node, void *data) {
  if (IsPlaceCall(node)) return node;  // asks for the shard's
  if (!IsA(node, Var)) return nullptr;
  auto *var = reinterpret_cast<Var *>(node);
  auto *query = static_cast<Query *>(data);
  if (var->varattno != TableOidAttributeNumber || static_cast<int>(var->varno) == query->resultRelation) return nullptr;
  RangeTblEntry *rte = pg::Rte(query->rtable, var->varno);
  if (rte->rtekind != RTE_RELATION || catalog::FindTable(rte->relid) == nullptr) return nullptr;
  Expr *name = reinterpret_cast<Expr *>(makeFuncExpr(TableOfFunction(), TEXTOID, list_make1(pg::Copy(var)), InvalidOid,
                                                     DEFAULT_COLLATION_OID, COERCE_EXPLICIT_CALL));
  Expr *relation = reinterpret_cast<Expr *>(
      makeFuncExpr(F_REGCLASS, REGCLASSOID, list_make1(name), InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL));
  return pg::AsNode(makeRelabelType(relation, OIDOID, -1, InvalidOid, COERCE_EXPLICIT_CAST));
}

bool TableOidWalker(Node *node, void *context) {
  if (node == nullptr) return false;
  if (IsA(node, Var)) return reinterpret_cast<Var *>(node)->varattno == TableOidAttributeNumber;
  if (IsA(node, Query)) return pg::WalkQuery(reinterpret_cast<Query *>(node), TableOidWalker, context);
  return pg::Walk(node, TableOidWalker, context);
}

/// ON CONFLICT ON CONSTRAINT by the constraint's columns: on the shards it has another name.
void SpellArbiter(Query *query) {
  OnConflictExpr *conflict = query->onConflict;
  if (conflict == nullptr || !OidIsValid(conflict->constraint)) return;
  if (catalog::FindTable(pg::Rte(query->rtable, query->resultRelation)->relid) == nullptr) return;
  Relation index = index_open(get_constraint_index(conflict->constraint), AccessShareLock);
  if (!index->rd_index->indisunique) {
    ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                    errmsg("ON CONFLICT ON CONSTRAINT is supported for primary keys and unique constraints only"),
                    errdetail("\"%s\" is an exclusion constraint of a distributed table.",
                              get_constraint_name(conflict->constraint))));
  }
  for (int i = 0; i < index->rd_index->indnkeyatts; i++) {
    TupleDesc columns = RelationGetDescr(index);
    Form_pg_attribute column = TupleDescAttr(columns, i);
    auto *element = makeNode(InferenceElem);
    element->expr = pg::AsNode(makeVar(query->resultRelation, index->rd_index->indkey.values[i], column->atttypid,
                                       column->atttypmod, column->attcollation, 0));
    conflict->arbiterElems = lappend(conflict->arbiterElems, element);
  }
  conflict->constraint = InvalidOid;
  index_close(index, NoLock);
}

/// The rewriter leaves the EXCLUDED of a view beside that of its table; only one may have the name.
void KeepOneExcluded(Query *query) {
  int index = 0;
  ListCell *cell;
  foreach (cell, query->rtable) {
    auto *rte = static_cast<RangeTblEntry *>(lfirst(cell));
    if (++index == query->onConflict->exclRelIndex || rte->relkind != RELKIND_COMPOSITE_TYPE) continue;
    if (strcmp(rte->eref->aliasname, "excluded") != 0) continue;
    rte->alias = nullptr;
    rte->eref->aliasname = pstrdup("excluded_of_view");
  }
}

/// A target that came out of a view stands in the view's FROM, as if it were a source too.
void NormalizeTarget(Query *query) {
  if (query->commandType == CMD_SELECT || query->resultRelation == 0) return;
  RangeTblEntry *target = pg::Rte(query->rtable, query->resultRelation);
  const catalog::Table *table = target->rtekind == RTE_RELATION ? catalog::FindTable(target->relid) : nullptr;
  if (table == nullptr) return;
  target->inFromCl = false;
  if (query->onConflict != nullptr) KeepOneExcluded(query);
  SpellViewChecks(query, *table);
}

bool NormalizeWalker(Node *node, void *context) {
  if (node == nullptr) return false;
  if (IsA(node, Query)) {
    Normalize(reinterpret_cast<Query *>(node));
    return false;
  }
  return pg::Walk(node, NormalizeWalker, context);
}

}  // namespace

void Normalize(Query *query) {
  InlineCtes(query);
  FlattenAliases(query);
  SpellArbiter(query);
  NormalizeTarget(query);
  SpellBarriers(query);
  WrapSecuredTables(query);
  if (pg::WalkQuery(query, TableOidWalker, nullptr)) ReplaceInQuery(query, SpellTableOid, query);
  pg::WalkQuery(query, NormalizeWalker, nullptr);
}

}  // namespace altius::planner
