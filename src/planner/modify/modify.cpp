// SPDX-License-Identifier: PostgreSQL
// Modifications that run beside the data: one fragment, executed on each shard group (or each copy)
// it concerns. What can't is left to ship.cpp: its rows are computed first and then sent to the
// shards.
#include "modify.hpp"

#include "altius/pg/node.hpp"
#include "altius/pg/walk.hpp"
#include "altius/plan/instantiate.hpp"
#include "altius/trigger/trigger.hpp"
#include "planner/fragment/fragment.hpp"
#include "planner/fragment/leaf.hpp"
#include "planner/level.hpp"
#include "planner/locus/scope.hpp"
#include "planner/locus/shippable.hpp"
#include "planner/managed.hpp"
#include "planner/nodes/queries.hpp"
#include "planner/planning.hpp"
#include "planner/select/cut.hpp"
#include "planner/select/rewrite.hpp"
#include "copies.hpp"
#include "local_merge.hpp"
#include "move_key.hpp"
#include "nested.hpp"
#include "returning.hpp"
#include "ship.hpp"

extern "C" {
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "optimizer/tlist.h"
#include "rewrite/rewriteManip.h"
#include "utils/lsyscache.h"
}

namespace altius::planner {

namespace {

const catalog::Table* TargetOf(Query* query) {
  if (query->resultRelation == 0) return nullptr;
  RangeTblEntry* rte = pg::Rte(query->rtable, query->resultRelation);
  return rte->rtekind == RTE_RELATION ? catalog::FindTable(rte->relid) : nullptr;
}

/// The table entry for the distribution column, if the statement sets it.
TargetEntry* KeyTarget(Query* query, const catalog::Table& table) {
  ListCell* cell;
  foreach (cell, query->targetList) {
    auto* target = lfirst_node(TargetEntry, cell);
    if (!target->resjunk && target->resno == table.key) return target;
  }
  return nullptr;
}

/// A row's place is that of its distribution value, also where the statement leaves it null.
void NameKey(Query* query, const catalog::Table& table) {
  if (query->commandType != CMD_INSERT || table.key == 0 || KeyTarget(query, table) != nullptr) return;
  Oid type;
  int32 typmod;
  Oid collation;
  get_atttypetypmodcoll(table.relid, table.key, &type, &typmod, &collation);
  int32 base_typmod = typmod;
  const Oid base = getBaseTypeAndTypmod(type, &base_typmod);
  Node* value = pg::AsNode(makeNullConst(base, base_typmod, collation));
  if (base != type)
    value = coerce_to_domain(value, base, base_typmod, type, COERCION_IMPLICIT, COERCE_IMPLICIT_CAST, -1, false);
  auto* target = makeTargetEntry(reinterpret_cast<Expr*>(value), table.key, get_attname(table.relid, table.key, false), false);
  ListCell* cell;
  int position = 0;  // targets stand in the order of the columns
  foreach (cell, query->targetList) {
    if (lfirst_node(TargetEntry, cell)->resno < table.key) position = foreach_current_index(cell) + 1;
  }
  query->targetList = list_insert_nth(query->targetList, position, target);
}

bool IsColumn(const Expr* expr, int rti, AttrNumber attribute) {
  if (!IsA(expr, Var)) return false;
  const auto* var = reinterpret_cast<const Var*>(expr);
  return static_cast<int>(var->varno) == rti && var->varattno == attribute && var->varlevelsup == 0;
}

/// Types of which equal values look the same.
bool EqualIsSame(Oid type) {
  return type == INT2OID || type == INT4OID || type == INT8OID || type == UUIDOID ||
         type == DATEOID || type == TIMESTAMPOID || type == TIMESTAMPTZOID;
}

/// WHERE k = value, among other conditions.
bool IsPinnedTo(Query* query, const catalog::Table& table, Expr* value) {
  ListCell* cell;
  foreach (cell, make_ands_implicit(reinterpret_cast<Expr*>(query->jointree->quals))) {
    auto* condition = static_cast<Node*>(lfirst(cell));
    if (!is_opclause(condition)) continue;
    auto* comparison = reinterpret_cast<OpExpr*>(condition);
    if (list_length(comparison->args) != 2 ||
        !op_hashjoinable(comparison->opno, exprType(pg::AsNode(value))))
      continue;
    auto* left = static_cast<Expr*>(linitial(comparison->args));
    auto* right = static_cast<Expr*>(lsecond(comparison->args));
    if (IsColumn(right, query->resultRelation, table.key)) std::swap(left, right);
    if (IsColumn(left, query->resultRelation, table.key) && equal(right, value)) return true;
  }
  return false;
}

/// Whether an UPDATE may give rows another key.  `SET k = k` and `SET k = 5 WHERE k = 5` do not;
/// the latter becomes the former.
bool ChangesKey(Query* query, const catalog::Table& table) {
  if (query->commandType != CMD_UPDATE || table.key == 0) return false;
  TargetEntry* target = KeyTarget(query, table);
  if (target == nullptr || IsColumn(target->expr, query->resultRelation, table.key)) return false;
  const bool fixed = IsA(target->expr, Const) || IsA(target->expr, Param);
  const Oid type = exprType(pg::AsNode(target->expr));
  if (!fixed || !EqualIsSame(type) || !IsPinnedTo(query, table, target->expr)) return true;
  target->expr =
      reinterpret_cast<Expr*>(makeVar(query->resultRelation, table.key, type, -1, InvalidOid, 0));
  return false;
}

/// The row that is there already lies in the shard of its key and has to stay there.
void CheckConflictKeepsKey(Query* query, const catalog::Table& table) {
  OnConflictExpr* conflict = query->onConflict;
  if (conflict == nullptr || table.key == 0) return;
  ListCell* cell;
  foreach (cell, conflict->onConflictSet) {
    auto* target = lfirst_node(TargetEntry, cell);
    if (target->resjunk || target->resno != table.key) continue;
    // The rows conflict by a unique index, which includes the key.
    if (IsColumn(target->expr, query->resultRelation, table.key) ||
        IsColumn(target->expr, conflict->exclRelIndex, table.key)) {
      continue;
    }
    ereport(
        ERROR,
        (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
         errmsg(
             "ON CONFLICT DO UPDATE cannot change the distribution column \"%s\" of table \"%s\"",
             get_attname(table.relid, table.key, false), table.name),
         errhint("Run an UPDATE of its own, in the same transaction.")));
  }
}

bool ConflictShips(const OnConflictExpr* conflict, const Scope& scope, const Part* part) {
  return conflict == nullptr || (AreShippable(conflict->onConflictSet, scope, part) &&
                                 IsShippable(pg::AsNode(conflict->arbiterElems), scope, part) &&
                                 IsShippable(conflict->arbiterWhere, scope, part) &&
                                 IsShippable(conflict->onConflictWhere, scope, part));
}

bool UpperShips(Query* query, const Scope& scope, const Part* part) {
  return AreShippable(query->targetList, scope, part) &&
         IsShippable(pg::AsNode(query->returningList), scope, part) &&
         ConflictShips(query->onConflict, scope, part);
}

/// A fragment to be, and what restricts it.
struct Beside {
  bool possible;
  bool copies;  // of a reference table
  Reachable reachable;
};

constexpr Beside kElsewhere = {};

/// UPDATE, DELETE: target and sources are one part.
Beside JoinBeside(Query* query, const catalog::Table& table, const Level* level) {
  const Scope& scope = *AnalyzeFrom(level);
  if (!IsWhole(scope) || scope.parts.size() != 1) return kElsewhere;
  const Part& part = *scope.parts[0];
  if (!UpperShips(query, scope, &part) || !part.within) return kElsewhere;
  const bool copies = table.kind == catalog::TableKind::Reference;
  if (copies != (part.reach == Reach::Replicated)) return kElsewhere;
  if (part.located->once && !(copies && CanBeCarried(table))) return kElsewhere;
  return {true, copies, {part.pruned, part.prunes}};
}

/// INSERT ... VALUES (one row): computed here, sent as arguments.
Beside RowBeside(Query* query, const catalog::Table& table) {
  const Scope& values = *ScopeOfValues(query);
  const Part* row = values.parts[0];
  if (!ConflictShips(query->onConflict, values, row)) return kElsewhere;
  if (!IsShippable(pg::AsNode(query->returningList), values, row)) return kElsewhere;
  return {true, table.kind == catalog::TableKind::Reference, {false, NIL}};
}

RangeTblEntry* SourceOf(Query* query) {
  List* from = query->jointree->fromlist;
  if (list_length(from) != 1 || !IsA(linitial(from), RangeTblRef)) return nullptr;
  return pg::Rte(query->rtable, linitial_node(RangeTblRef, from)->rtindex);
}

/// INSERT ... SELECT: each row belongs to the shard that it comes from.
Beside SelectBeside(Query* query, const catalog::Table& table, const Level* level) {
  RangeTblEntry* source = SourceOf(query);
  if (source == nullptr || source->rtekind != RTE_SUBQUERY) return kElsewhere;
  const QueryLocus whole = LocatedQuery(source->subquery).Whole();
  const locus::Locus& locus = *whole.located;
  if (!locus.whole || !locus.has_tables || source->subquery->limitCount != nullptr)
    return kElsewhere;
  const Scope& scope = *AnalyzeFrom(level);
  if (!IsWhole(scope) || scope.parts.size() != 1 || !UpperShips(query, scope, scope.parts[0]))
    return kElsewhere;
  const Reachable reachable = {locus.prunes.known, whole.prunes};
  if (table.kind == catalog::TableKind::Reference) {
    return locus.reach == Reach::Replicated && (!locus.once || CanBeCarried(table)) ? Beside{true, true, {false, NIL}} : kElsewhere;
  }
  if (locus.reach != Reach::Hashed || locus.colocation != table.colocation) return kElsewhere;
  if (table.kind == catalog::TableKind::SingleShard) {
    return locus.single ? Beside{true, false, reachable} : kElsewhere;
  }
  TargetEntry* key = KeyTarget(query, table);
  if (key == nullptr || !IsA(key->expr, Var)) return kElsewhere;
  auto* var = reinterpret_cast<Var*>(key->expr);
  const bool from_key =
      var->varno == linitial_node(RangeTblRef, query->jointree->fromlist)->rtindex &&
      locus.key_columns.Has(var->varattno);
  return from_key ? Beside{true, false, reachable} : kElsewhere;
}

bool IsOneRow(Query* query) {
  return query->commandType == CMD_INSERT && query->jointree->fromlist == NIL && !query->hasTargetSRFs;
}

Beside FindBeside(Query* query, const catalog::Table& table, const Level* level) {
  if (query->cteList != NIL || query->commandType == CMD_MERGE) return kElsewhere;
  if (IsOneRow(query)) return RowBeside(query, table);
  return query->commandType == CMD_INSERT ? SelectBeside(query, table, level)
                                          : JoinBeside(query, table, level);
}

/// SELECT the RETURNING columns, or what is computed of them, FROM the leaf that does the work.
Query* SelectFromModification(Query* query, const Beside& beside, const Level* level, List* computed,
                              int place_among_first = 0) {
  List* arguments = NIL;
  const catalog::Table& table = *TargetOf(query);
  const plan::Copies copies = beside.copies ? CopiesOf(query, table, level) : plan::Copies{};
  List* targets = query->returningList;
  Query* arm = pg::Copy(query);
  SpellSource(arm);
  plan::Fragment* fragment = IsOneRow(query)
                                 ? MakeInsertFragment(arm, level, table.key, &arguments)
                                 : MakeFragment(arm, nullptr, level, beside.reachable, &arguments);
  if (beside.copies) fragment->kind = plan::FragmentKind::ModifyCopies;
  fragment->copies = copies;
  fragment->place_among_first = place_among_first;
  fragment->changes = trigger::ChangesOf(query, TargetOf(query)->relid);
  Query* select = SelectFromLeaf(MakeLeaf(fragment, arguments, beside.reachable.prunes, NamesOf(targets)), targets);
  if (computed != NIL) select->targetList = computed;
  return select;
}

}  // namespace

PlannedStmt* PlanModification(Query* query, const Request& request) {
  const catalog::Table& table = *TargetOf(query);
  if (ChangesKey(query, table)) {
    PlannedStmt* plan = PlanModification(MoveRows(query, table), request);
    plan->commandType = CMD_UPDATE;
    return plan;
  }
  NameKey(query, table);
  CheckConflictKeepsKey(query, table);
  List* computed = SplitReturning(query);
  const Level level = {query, nullptr, false};
  const Beside beside = FindBeside(query, table, &level);
  if (!beside.possible) return PlanShipping(query, table, computed, request);
  Query* select = SelectFromModification(query, beside, &level, computed);
  const Level leaf = {select, nullptr, false};
  RewriteInner(&leaf);
  PlannedStmt* plan = PlanChange(select, request);
  plan->commandType = query->commandType;
  plan->hasReturning = query->returningList != NIL;
  return plan;
}

void RewriteModifyingCte(CommonTableExpr* cte, const Level* level) {
  auto* query = reinterpret_cast<Query*>(cte->ctequery);
  const catalog::Table* table = TargetOf(query);
  const Level own = {query, level, false};
  if (table == nullptr) {
    RewriteLocalModification(query, &own);
    return;
  }
  NameKey(query, *table);
  CheckConflictKeepsKey(query, *table);
  List* returning = query->returningList;
  List* computed = SplitReturning(query);
  const Beside beside = ChangesKey(query, *table) ? kElsewhere : FindBeside(query, *table, &own);
  if (!beside.possible) query->returningList = returning;
  if (beside.possible) {
    Query* select = SelectFromModification(query, beside, &own, computed, Planning::PlaceAmongFirst(cte->ctename));
    const Level leaf = {select, level, false};
    RewriteInner(&leaf);
    cte->ctequery = pg::AsNode(select);
  } else {
    cte->ctequery = pg::AsNode(NestedModification(query, &own, Planning::PlaceAmongFirst(cte->ctename)));
  }
  // It runs whether anyone reads it or not, and once.
  cte->ctematerialized = CTEMaterializeAlways;
  cte->cterefcount = std::max(cte->cterefcount, 1);
}

namespace {

/// The check options of a view with INSTEAD OF triggers are about the new row, though they name the view as a source, too.
void NameTargetInChecks(Query* query) {
  if (query->resultRelation == 0 || pg::Rte(query->rtable, query->resultRelation)->relkind != RELKIND_VIEW) return;
  ListCell* cell;
  foreach (cell, query->withCheckOptions) {
    Node* condition = lfirst_node(WithCheckOption, cell)->qual;
    const Bitmapset* named = pull_varnos(nullptr, condition);
    for (int rti = -1; (rti = bms_next_member(named, rti)) >= 0;) ChangeVarNodes(condition, rti, query->resultRelation, 0);
  }
}

}  // namespace

void RewriteLocalModification(Query* query, const Level* level) {
  if (!HasManagedTables(query)) return;
  NameTargetInChecks(query);
  if (query->commandType == CMD_MERGE) {
    IsolateSource(query);
  } else if (query->commandType != CMD_INSERT) {
    CutParts(level, AnalyzeFrom(level));
  }
  RewriteInner(level);
}

}  // namespace altius::planner
