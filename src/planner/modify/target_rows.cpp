// SPDX-License-Identifier: PostgreSQL
#include "target_rows.hpp"

#include "altius/pg/node.hpp"
#include "planner/nodes/place_calls.hpp"
#include "copies.hpp"

extern "C" {
#include "access/sysattr.h"
#include "access/table.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "parser/parse_oper.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"
}

namespace altius::planner {

namespace {

Var *TargetVar(const Shipping &shipping, AttrNumber attribute) {
  const int rti = shipping.original->resultRelation;
  if (attribute == SelfItemPointerAttributeNumber) return makeVar(rti, attribute, TIDOID, -1, InvalidOid, 0);
  if (attribute == TableOidAttributeNumber) return makeVar(rti, attribute, OIDOID, -1, InvalidOid, 0);
  Oid type, collation;
  int32 typmod;
  get_atttypetypmodcoll(shipping.table->relid, attribute, &type, &typmod, &collation);
  return makeVar(rti, attribute, type, typmod, collation, 0);
}

void AddMatch(Shipping *shipping, pg::Array<Match> *matches, AttrNumber attribute) {
  Var *var = TargetVar(*shipping, attribute);
  matches->push_back({attribute, AddRowColumn(shipping, reinterpret_cast<Expr *>(pg::Copy(var))), var});
}

void AddPrimaryKey(Shipping *shipping, pg::Array<Match> *matches) {
  Relation relation = table_open(shipping->table->relid, NoLock);
  Bitmapset *columns = RelationGetIndexAttrBitmap(relation, INDEX_ATTR_BITMAP_PRIMARY_KEY);
  table_close(relation, NoLock);
  if (bms_is_empty(columns)) {
    ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                    errmsg("reference table \"%s\" needs a primary key for this statement", shipping->table->name),
                    errdetail("The new values are computed once and then written to every copy of the row."),
                    errhint("Add a primary key with ALTER TABLE ... ADD PRIMARY KEY.")));
  }
  for (int member = -1; (member = bms_next_member(columns, member)) >= 0;) {
    AddMatch(shipping, matches, member + FirstLowInvalidHeapAttributeNumber);
  }
  shipping->ship.column_count = list_length(shipping->rows->targetList);
}

Expr *ShardOfTarget(const Shipping &shipping) {
  List *args = list_make1(TargetVar(shipping, TableOidAttributeNumber));
  return reinterpret_cast<Expr *>(
      makeFuncExpr(ShardOfFunction(), INT8OID, args, InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL));
}

/// A ctid is unique within one partition only.
bool IsPartitioned(const Shipping &shipping) {
  return get_rel_relkind(shipping.table->relid) == RELKIND_PARTITIONED_TABLE;
}

void AddPlace(Shipping *shipping, pg::Array<Match> *matches) {
  AddMatch(shipping, matches, SelfItemPointerAttributeNumber);
  const int shard = AddRowColumn(shipping, ShardOfTarget(*shipping));
  shipping->ship.shard_column = shard - 1;
  shipping->ship.column_count = IsPartitioned(*shipping) ? shard : shard - 1;
}

}  // namespace

Node *ShardOfRow(const Shipping &shipping) { return pg::AsNode(ShardOfTarget(shipping)); }

bool HasPlaces(const catalog::Table &table) { return table.kind != catalog::TableKind::Reference || CanBeCarried(table); }

pg::Array<Match> AddMatches(Shipping *shipping) {
  pg::Array<Match> matches;
  shipping->ship.shard_column = -1;
  if (HasPlaces(*shipping->table)) {
    AddPlace(shipping, &matches);
  } else {
    AddPrimaryKey(shipping, &matches);
  }
  return matches;
}

Node *IsMatch(const Shipping &shipping, const pg::Array<Match> &matches, int rti) {
  List *quals = NIL;
  for (const Match &match : matches) {
    quals = lappend(quals, Equals(pg::AsNode(match.var), pg::AsNode(ShippedColumn(shipping, rti, match.column))));
  }
  if (shipping.ship.shard_column >= 0 && IsPartitioned(shipping)) {
    Var *shard = ShippedColumn(shipping, rti, shipping.ship.shard_column + 1);
    quals = lappend(quals, Equals(pg::AsNode(ShardOfTarget(shipping)), pg::AsNode(shard)));
  }
  return pg::AsNode(make_ands_explicit(quals));
}

void LockRows(Query *query, int rti) {
  auto *mark = makeNode(RowMarkClause);
  mark->rti = rti;
  mark->strength = LCS_FORUPDATE;
  mark->waitPolicy = LockWaitBlock;
  query->rowMarks = lappend(query->rowMarks, mark);
  query->hasForUpdate = true;
}

Node *Compare(const char *name, Node *left, Node *right) {
  List *qualified = list_make2(makeString(pstrdup("pg_catalog")), makeString(pstrdup(name)));
  return pg::AsNode(make_op(nullptr, qualified, left, right, nullptr, -1));
}

Node *Equals(Node *left, Node *right) { return Compare("=", left, right); }

}  // namespace altius::planner
