// SPDX-License-Identifier: PostgreSQL
// Modifications that run beside the data: one fragment, executed on each shard group (or each copy)
// it concerns. What can't is left to ship.cpp: its rows are computed first and then sent to the
// shards.
#include "modify.hpp"

#include "altius/core/locus/change.hpp"
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
#include "planner/nodes/assigned.hpp"
#include "planner/nodes/queries.hpp"
#include "planner/planning.hpp"
#include "planner/select/cut.hpp"
#include "planner/select/rewrite.hpp"
#include "copies.hpp"
#include "local_merge.hpp"
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
#include "utils/typcache.h"
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

bool KeepsKey(Query* query, const catalog::Table& table, Node* key, Node* assigned) {
  const Level level = {query, nullptr, false};
  const Scope& scope = *AnalyzeFrom(&level);
  Translation& translation = *scope.translation;
  const Oid equality = lookup_type_cache(table.key_type, TYPECACHE_EQ_OPR)->eq_opr;
  return locus::KeepsKey(*scope.located, translation.ValueOf(key, equality), translation.ValueOf(assigned, equality));
}

/// Whether an UPDATE may give rows another key.  `SET k = k` does not, nor `SET k = 5 WHERE k = 5`, which becomes the former.
bool ChangesKey(Query* query, const catalog::Table& table) {
  if (query->commandType != CMD_UPDATE || table.key == 0) return false;
  TargetEntry* target = KeyTarget(query, table);
  if (target == nullptr || IsColumn(target->expr, query->resultRelation, table.key)) return false;
  Node* assigned = pg::AsNode(target->expr);
  const Oid type = exprType(assigned);
  if (!EqualIsSame(type) || type != get_atttype(table.relid, table.key)) return true;
  Var* key = makeVar(query->resultRelation, table.key, type, -1, InvalidOid, 0);
  if (!KeepsKey(query, table, pg::AsNode(key), assigned)) return true;
  target->expr = reinterpret_cast<Expr*>(key);
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

/// What a modification computes beside the rows.
class Computed {
 public:
  explicit Computed(const Scope& scope) : translation_(*scope.translation) {}

  void Add(void* expr) {
    if (expr != nullptr) expressions_.Add(translation_.tree.arena, translation_.Expression(static_cast<Node*>(expr)));
  }

  void AddAssigned(const List* assignments) {
    ListCell* cell;
    foreach (cell, assignments) {
      Node* expr = pg::AsNode(lfirst_node(TargetEntry, cell)->expr);
      VisitAssigned(&expr, [&](Node** node, AssignedPart) {
        Add(*node);
        return true;
      });
    }
  }

  void AddConflict(const OnConflictExpr* conflict) {
    if (conflict == nullptr) return;
    AddAssigned(conflict->onConflictSet);
    Add(conflict->arbiterElems);
    Add(conflict->arbiterWhere);
    Add(conflict->onConflictWhere);
  }

  const locus::List<const locus::Condition*>& expressions() const { return expressions_; }

 private:
  Translation& translation_;
  locus::List<const locus::Condition*> expressions_;
};

Computed ComputedBy(const Query* query, const Scope& scope) {
  Computed computed(scope);
  computed.AddAssigned(query->targetList);
  computed.Add(query->returningList);
  computed.AddConflict(query->onConflict);
  return computed;
}

/// A fragment to be, and what restricts it.
struct Beside {
  bool possible;
  bool copies;  // of a reference table
  Reachable reachable;
};

constexpr Beside kElsewhere = {};

locus::Relation::Kind KindOf(const catalog::Table& table) {
  using Kind = locus::Relation::Kind;
  switch (table.kind) {
    case catalog::TableKind::Reference:
      return Kind::Reference;
    case catalog::TableKind::SingleShard:
      return Kind::SingleShard;
    default:
      return Kind::Hash;
  }
}

locus::Target DescribeTarget(const catalog::Table& table, Translation* translation) {
  const int domain = table.key == 0 ? locus::kNone : translation->DomainOfType(table.key_type, table.key_collation);
  return {KindOf(table), table.colocation, domain, table.kind == catalog::TableKind::Reference && CanBeCarried(table)};
}

Beside Answer(locus::Beside beside, const Reachable& reachable) {
  return {beside != locus::Beside::No, beside == locus::Beside::Copies, reachable};
}

/// UPDATE, DELETE: target and sources are one part.
Beside JoinBeside(Query* query, const catalog::Table& table, const Level* level) {
  const Scope& scope = *AnalyzeFrom(level);
  const locus::Target target = DescribeTarget(table, scope.translation);
  const Computed computed = ComputedBy(query, scope);
  const locus::Beside beside = locus::ChangeBeside(scope.analysis, *scope.located, target, computed.expressions());
  return beside == locus::Beside::No ? kElsewhere : Answer(beside, {scope.parts[0]->pruned, scope.parts[0]->prunes});
}

/// INSERT ... VALUES (one row): computed here, sent as arguments.
Beside RowBeside(Query* query, const catalog::Table& table) {
  const Scope& values = *ScopeOfValues(query);
  Computed computed(values);
  computed.Add(query->returningList);
  computed.AddConflict(query->onConflict);
  const locus::Target target = DescribeTarget(table, values.translation);
  return Answer(locus::RowBeside(values.analysis, *values.located, target, computed.expressions()), {false, NIL});
}

RangeTblEntry* SourceOf(Query* query) {
  List* from = query->jointree->fromlist;
  if (list_length(from) != 1 || !IsA(linitial(from), RangeTblRef)) return nullptr;
  return pg::Rte(query->rtable, linitial_node(RangeTblRef, from)->rtindex);
}

/// The source's column that becomes the distribution column as it is.
int KeyColumn(Query* query, const catalog::Table& table) {
  const TargetEntry* key = table.key == 0 ? nullptr : KeyTarget(query, table);
  if (key == nullptr || !IsA(key->expr, Var)) return locus::kNone;
  const auto* var = reinterpret_cast<const Var*>(key->expr);
  const bool of_source = var->varno == linitial_node(RangeTblRef, query->jointree->fromlist)->rtindex;
  return of_source ? var->varattno : locus::kNone;
}

/// INSERT ... SELECT: each row belongs to the shard that it comes from.
Beside SelectBeside(Query* query, const catalog::Table& table, const Level* level) {
  const RangeTblEntry* source = SourceOf(query);
  if (source == nullptr || source->rtekind != RTE_SUBQUERY || source->subquery->limitCount != nullptr) return kElsewhere;
  LocatedQuery located(source->subquery);
  const QueryLocus rows = located.Whole();
  if (!rows.whole) return kElsewhere;
  const Scope& scope = *AnalyzeFrom(level);
  const locus::Target target = DescribeTarget(table, located.translation());
  const Computed computed = ComputedBy(query, scope);
  const locus::Beside beside = locus::InsertBeside(scope.analysis, *scope.located, *rows.located, target,
                                                   KeyColumn(query, table), computed.expressions());
  return Answer(beside, {rows.located->prunes.known, rows.prunes});
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
  if (ChangesKey(query, table)) return PlanMove(query, table, request);
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
  // What RETURNING computes here it computes of all rows, whether anyone reads them or not.
  const bool nested = ChangesKey(query, *table) || IsComputedHere(query);
  const Beside beside = nested ? kElsewhere : FindBeside(query, *table, &own);
  if (beside.possible) {
    Query* select = SelectFromModification(query, beside, &own, NIL, Planning::PlaceAmongFirst(cte->ctename));
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
