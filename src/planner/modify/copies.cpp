// SPDX-License-Identifier: PostgreSQL
#include "copies.hpp"

#include "altius/pg/node.hpp"
#include "altius/pg/walk.hpp"
#include "altius/task/copies.hpp"
#include "altius/task/differing.hpp"
#include "planner/locus/shippable.hpp"
#include "planner/select/cut.hpp"

extern "C" {
#include "access/table.h"
#include "access/transam.h"
#include "access/stratnum.h"
#include "access/sysattr.h"
#include "catalog/pg_class.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "nodes/bitmapset.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "rewrite/rewriteHandler.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/typcache.h"
}

namespace altius::planner {

namespace {

bool IsComputedBefore(Node* node, void* level) { return level != nullptr && MayBeArgument(node); }

bool IsProven(Node* expr, const Level* level) { return !task::MayDiffer(expr, {IsComputedBefore, const_cast<Level*>(level)}); }

/// --- the table ---

Bitmapset* PrimaryKey(Relation relation) { return RelationGetIndexAttrBitmap(relation, INDEX_ATTR_BITMAP_PRIMARY_KEY); }

/// --- one row ---

bool IsColumn(Node* expr, int rti, AttrNumber attribute) {
  while (IsA(expr, RelabelType)) expr = pg::AsNode(reinterpret_cast<RelabelType*>(expr)->arg);
  if (!IsA(expr, Var)) return false;
  const auto* var = reinterpret_cast<const Var*>(expr);
  return static_cast<int>(var->varno) == rti && var->varattno == attribute && var->varlevelsup == 0;
}

/// WHERE column = value, by the equality of the index.
bool IsPinned(Query* query, Relation relation, AttrNumber column) {
  const Oid type = TupleDescAttr(RelationGetDescr(relation), column - 1)->atttypid;
  const Oid family = lookup_type_cache(type, TYPECACHE_BTREE_OPFAMILY)->btree_opf;
  ListCell* cell;
  foreach (cell, make_ands_implicit(reinterpret_cast<Expr*>(query->jointree->quals))) {
    auto* condition = static_cast<Node*>(lfirst(cell));
    if (!is_opclause(condition)) continue;
    auto* comparison = reinterpret_cast<OpExpr*>(condition);
    if (list_length(comparison->args) != 2) continue;
    auto* left = static_cast<Node*>(linitial(comparison->args));
    auto* right = static_cast<Node*>(lsecond(comparison->args));
    if (IsColumn(right, query->resultRelation, column)) std::swap(left, right);
    if (!IsColumn(left, query->resultRelation, column) || contain_var_clause(right)) continue;
    if (get_op_opfamily_strategy(comparison->opno, family) == BTEqualStrategyNumber) return true;
  }
  return false;
}

bool IsOneRow(Query* query, Relation relation) {
  if (query->commandType == CMD_INSERT) return query->jointree->fromlist == NIL;
  Bitmapset* key = PrimaryKey(relation);
  for (int member = -1; (member = bms_next_member(key, member)) >= 0;) {
    if (!IsPinned(query, relation, member + FirstLowInvalidHeapAttributeNumber)) return false;
  }
  return !bms_is_empty(key);
}

/// --- the statement ---

bool ReadsOthers(Query* query) {
  const Bitmapset* relations = IndexesIn(pg::AsNode(query->jointree));
  const int sources = bms_num_members(relations) - (bms_is_member(query->resultRelation, relations) ? 1 : 0);
  return sources > 0;  // subqueries are arguments, or nothing is proven
}

bool IsProven(Query* query, const Level* level) {
  // A row that is inserted is computed beforehand.
  const bool insert = query->commandType == CMD_INSERT;
  if (!insert && !IsProven(pg::AsNode(query->targetList), level)) return false;
  return IsProven(query->jointree->quals, level) && IsProven(pg::AsNode(query->onConflict), level);
}

core::CopyStatement Describe(Query* query, Relation relation) {
  return task::DescribeCopies(relation, query->commandType == CMD_INSERT && query->onConflict == nullptr, 0);
}

}  // namespace

bool CanBeCarried(const catalog::Table& table) { return get_rel_relkind(table.relid) != RELKIND_PARTITIONED_TABLE; }

plan::Copies CopiesOf(Query* query, const catalog::Table& table, const Level* level) {
  Relation relation = table_open(table.relid, NoLock);
  core::CopyStatement statement = Describe(query, relation);
  statement.one_row = IsOneRow(query, relation);
  statement.reads_others = ReadsOthers(query);
  statement.proven = statement.proven && IsProven(query, level);
  const plan::Copies copies = task::CopiesFor(statement, relation);
  table_close(relation, NoLock);
  return copies;
}

plan::Copies CopiesOfShipped(Query* query, const catalog::Table& table) {
  Relation relation = table_open(table.relid, NoLock);
  // An INSERT writes the same values everywhere; other rows are known by their places on the leading copy.
  const plan::Copies copies = task::CopiesFor(Describe(query, relation), relation);
  table_close(relation, NoLock);
  return copies;
}

}  // namespace altius::planner
