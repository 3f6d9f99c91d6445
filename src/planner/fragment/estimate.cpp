// SPDX-License-Identifier: PostgreSQL
// PostgreSQL's planner plans the arm over the shells, which have the tables' statistics, and only its estimate is kept.
#include "estimate.hpp"

#include <algorithm>

#include "altius/catalog/metadata.hpp"
#include "altius/pg/bridge.hpp"
#include "altius/pg/node.hpp"
#include "altius/pg/walk.hpp"
#include "fragment.hpp"

extern "C" {
#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "catalog/pg_statistic.h"
#include "miscadmin.h"
#include "optimizer/optimizer.h"
#include "optimizer/planner.h"
#include "parser/parsetree.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/rls.h"
#include "utils/syscache.h"
}

namespace altius::planner {

namespace {

int estimating = 0;

class Estimating {
 public:
  Estimating() noexcept { estimating++; }
  ~Estimating() { estimating--; }
  Estimating(const Estimating &) = delete;
  Estimating &operator=(const Estimating &) = delete;
};

struct Size {
  double rows;   // negative: never analysed
  double pages;
};

Size SizeOf(Oid relid) {
  HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
  if (!HeapTupleIsValid(tuple)) return {-1, 0};
  const auto *row = reinterpret_cast<Form_pg_class>(GETSTRUCT(tuple));
  const Size size = {row->reltuples, static_cast<double>(row->relpages)};
  ReleaseSysCache(tuple);
  return size;
}

/// An empty shell that PostgreSQL itself has analysed has no rows, and says nothing of the table.
bool AllAnalysed(const plan::Fragment &fragment) {
  ListCell *cell;
  foreach (cell, fragment.tables)
    if (SizeOf(lfirst_oid(cell)).rows <= 0) return false;
  return fragment.tables != NIL;
}

struct Origin {
  Oid relid;  // InvalidOid: it is no table's column
  AttrNumber column;
};

/// Where the value of an expression of this level comes from unchanged.
Origin OriginOf(const Query *query, const Node *expr) {
  if (!IsA(expr, Var)) return {};
  const auto *var = reinterpret_cast<const Var *>(expr);
  if (var->varlevelsup > 0 || var->varattno <= 0) return {};
  const auto *rte = rt_fetch(var->varno, query->rtable);
  if (rte->rtekind == RTE_RELATION) return {rte->relid, var->varattno};
  if (rte->rtekind != RTE_SUBQUERY || rte->subquery->setOperations != nullptr) return {};
  const TargetEntry *target = get_tle_by_resno(rte->subquery->targetList, var->varattno);
  return target == nullptr ? Origin{} : OriginOf(rte->subquery, reinterpret_cast<const Node *>(target->expr));
}

/// Of a column of the leaf.
Origin OriginOfColumn(const plan::Fragment &fragment, const Node *expr) {
  if (fragment.upper_query == nullptr) return OriginOf(fragment.arm_query, expr);
  if (!IsA(expr, Var)) return {};
  const List *targets = DeliveredTargets(fragment.arm_query);
  const AttrNumber column = reinterpret_cast<const Var *>(expr)->varattno;
  if (column <= 0 || column > list_length(targets)) return {};
  return OriginOf(fragment.arm_query, pg::AsNode(static_cast<TargetEntry *>(list_nth(targets, column - 1))->expr));
}

HeapTuple StatisticsOf(const Origin &origin) {
  if (!OidIsValid(origin.relid)) return nullptr;
  const bool with_children = get_rel_relkind(origin.relid) == RELKIND_PARTITIONED_TABLE;
  return SearchSysCache3(STATRELATTINH, ObjectIdGetDatum(origin.relid), Int16GetDatum(origin.column), BoolGetDatum(with_children));
}

/// How many different values; negative when that is not known.
double DistinctValuesOf(const Origin &origin) {
  HeapTuple tuple = StatisticsOf(origin);
  if (!HeapTupleIsValid(tuple)) return -1;
  const double distinct = reinterpret_cast<Form_pg_statistic>(GETSTRUCT(tuple))->stadistinct;
  ReleaseSysCache(tuple);
  return distinct > 0 ? distinct : distinct < 0 ? -distinct * SizeOf(origin.relid).rows : -1;
}

int NodesOf(const plan::Fragment &fragment) {
  Bitmapset *groups = nullptr;
  const catalog::Table *table = catalog::FindTable(linitial_oid(fragment.tables));
  for (int i = 0; table != nullptr && i < table->shard_count; i++)
    for (int j = 0; j < table->shards[i].group_count; j++) groups = bms_add_member(groups, table->shards[i].groups[j]);
  return std::max(1, bms_num_members(groups));
}

/// What `upper` leaves of the arms' rows on all nodes: the groups on each, or one row.
double RowsAbove(const plan::Fragment &fragment, double rows) {
  const Query *upper = fragment.upper_query;
  const List *keys = upper->groupClause != NIL ? upper->groupClause : upper->distinctClause;
  double groups = 1;
  ListCell *cell;
  foreach (cell, keys) {
    const TargetEntry *target = get_sortgroupclause_tle(lfirst_node(SortGroupClause, cell), upper->targetList);
    const double values = DistinctValuesOf(OriginOfColumn(fragment, pg::AsNode(target->expr)));
    if (values < 0) return std::max(1.0, rows / 10);
    groups *= values;
  }
  if (keys == NIL && !upper->hasAggs) return std::max(1.0, rows / 10);
  return std::min(rows, groups * NodesOf(fragment));
}

/// What the asking node computes stands in the arm as a sublink, also where the arm had none before.
bool ExpectSubLinks(Node *node, void *context) {
  if (node == nullptr) return false;
  if (!IsA(node, Query)) return pg::Walk(node, ExpectSubLinks, context);
  reinterpret_cast<Query *>(node)->hasSubLinks = true;
  return pg::WalkQuery(reinterpret_cast<Query *>(node), ExpectSubLinks, context);
}

/// Statistics show values: not to those who may not read the column's table as a whole.
bool MayKnow(Oid relid) {
  return pg_class_aclcheck(relid, GetUserId(), ACL_SELECT) == ACLCHECK_OK && check_enable_rls(relid, InvalidOid, true) != RLS_ENABLED;
}

Origin ColumnOfRelation(const PlannerInfo *root, const Node *expr) {
  if (expr == nullptr || !IsA(expr, Var)) return {};
  const auto *var = reinterpret_cast<const Var *>(expr);
  const RangeTblEntry *rte = root->simple_rte_array[var->varno];
  if (var->varlevelsup > 0 || var->varattno <= 0 || rte->rtekind != RTE_RELATION) return {};
  return {rte->relid, var->varattno};
}

/// The table's column that a shard's is. An owner may have changed one of them alone, and statistics are read as the type that they are of.
Origin OriginOfShard(const Origin &shard) {
  const catalog::Table *table = OidIsValid(shard.relid) ? catalog::TableOfShardRelation(shard.relid) : nullptr;
  if (table == nullptr || SizeOf(table->relid).rows <= 0) return {};
  const AttrNumber column = get_attnum(table->relid, get_attname(shard.relid, shard.column, false));
  if (column <= 0) return {};
  Oid type, own_type, collation, own_collation;
  int32 typmod;
  get_atttypetypmodcoll(shard.relid, shard.column, &own_type, &typmod, &own_collation);
  get_atttypetypmodcoll(table->relid, column, &type, &typmod, &collation);
  return type == own_type && collation == own_collation ? Origin{table->relid, column} : Origin{};
}

/// A node gets its shards as UNION ALL of an arm for each, which PostgreSQL's planner makes the children of one relation. The table's
/// column that its column is in all of them; none in a UNION ALL of the user's over other columns.
Origin OriginInArms(const PlannerInfo *root, const RangeTblEntry *rte, AttrNumber column) {
  Origin common = {};
  ListCell *cell;
  foreach (cell, root->append_rel_list) {
    const auto *child = lfirst_node(AppendRelInfo, cell);
    if (root->simple_rte_array[child->parent_relid] != rte || column > list_length(child->translated_vars)) continue;
    const auto *expr = static_cast<const Node *>(list_nth(child->translated_vars, column - 1));
    const Origin origin = OriginOfShard(ColumnOfRelation(root, expr));
    if (!OidIsValid(origin.relid)) return {};
    if (OidIsValid(common.relid) && (common.relid != origin.relid || common.column != origin.column)) return {};
    common = origin;
  }
  return common;
}

bool Find(const Origin &origin, VariableStatData *found) {
  HeapTuple tuple = StatisticsOf(origin);
  if (!HeapTupleIsValid(tuple)) return false;
  found->statsTuple = tuple;
  found->freefunc = [](HeapTuple one) { ReleaseSysCache(one); };
  found->acl_ok = MayKnow(origin.relid);
  return true;
}

}  // namespace

double EstimateRows(const plan::Fragment &fragment) {
  if (fragment.arm_query == nullptr || fragment.arm_query->commandType != CMD_SELECT || !AllAnalysed(fragment)) return -1;
  const Estimating guard;
  const double rows = pg::Call([&] {
    auto *query = static_cast<Query *>(copyObjectImpl(fragment.arm_query));
    ExpectSubLinks(pg::AsNode(query), nullptr);
    return standard_planner(query, nullptr, 0, nullptr)->planTree->plan_rows;
  });
  return fragment.upper_query == nullptr ? rows : RowsAbove(fragment, rows);
}

double EstimateTuples(const plan::Fragment &fragment, double rows) {
  return list_length(fragment.tables) == 1 ? std::max(rows, SizeOf(linitial_oid(fragment.tables)).rows) : rows;
}

bool FindColumnStatistics(const plan::Fragment &fragment, AttrNumber column, VariableStatData *found) {
  const Query *top = fragment.upper_query != nullptr ? fragment.upper_query : fragment.arm_query;
  if (top == nullptr || column <= 0) return false;
  const List *targets = DeliveredTargets(top);
  if (column > list_length(targets)) return false;
  const Origin origin = OriginOfColumn(fragment, pg::AsNode(static_cast<TargetEntry *>(list_nth(targets, column - 1))->expr));
  return Find(origin, found);
}

bool FindArmStatistics(const PlannerInfo *root, const RangeTblEntry *rte, AttrNumber column, VariableStatData *found) {
  if (rte->rtekind != RTE_SUBQUERY || !rte->inh || root->simple_rte_array == nullptr) return false;
  if (column <= 0 || !catalog::IsActive()) return false;
  return Find(OriginInArms(root, rte, column), found);
}

void SetSize(Oid relid, RelOptInfo *rel) {
  if (estimating == 0 || catalog::FindTable(relid) == nullptr) return;
  const Size size = SizeOf(relid);
  if (size.rows < 0) return;
  rel->tuples = size.rows;
  rel->pages = static_cast<BlockNumber>(std::max(1.0, size.pages));
}

bool IsEstimating() { return estimating > 0; }

}  // namespace altius::planner
