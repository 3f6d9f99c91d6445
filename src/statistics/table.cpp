// SPDX-License-Identifier: PostgreSQL
#include "table.hpp"

#include <algorithm>

#include "altius/pg/compat_size.hpp"

extern "C" {
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "commands/vacuum.h"
#include "storage/lmgr.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
}

namespace altius::statistics {
namespace {

bool HasChildren(Oid relid) { return get_rel_relkind(relid) == RELKIND_PARTITIONED_TABLE; }

/// Rows and pages as pg_class has them; a relation that was never analysed has none.
void ReadSize(Oid relid, Table *found) {
  HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
  if (!HeapTupleIsValid(tuple)) return;
  const auto *row = reinterpret_cast<Form_pg_class>(GETSTRUCT(tuple));
  found->rows = std::max(0.0, static_cast<double>(row->reltuples));
  found->pages = std::max(0, row->relpages);
  ReleaseSysCache(tuple);
}

Table OfRelation(Oid relid) {
  Table found{};
  ReadSize(relid, &found);
  Relation relation = table_open(relid, NoLock);
  const TupleDesc columns = RelationGetDescr(relation);
  for (int i = 0; i < columns->natts; i++) {
    const Form_pg_attribute attribute = TupleDescAttr(columns, i);
    NamedColumn one{pstrdup(NameStr(attribute->attname)), attribute->atttypid, {}};
    if (attribute->attisdropped || !Read(relid, attribute->attnum, one.type, HasChildren(relid), &one.column)) continue;
    one.column.rows = found.rows;
    found.columns.push_back(one);
  }
  table_close(relation, NoLock);
  return found;
}

/// The column of each part that has it.  Owners may have changed a shard by its name: values of another type are none of it.
pg::Array<Column> ColumnsLike(const pg::Array<Table> &parts, Form_pg_attribute attribute) {
  pg::Array<Column> found;
  for (const Table &part : parts)
    for (const NamedColumn &one : part.columns)
      if (strcmp(one.name, NameStr(attribute->attname)) == 0 && one.type == attribute->atttypid) found.push_back(one.column);
  return found;
}

/// So much detail as the parts have, and at least what is usual.
int DetailOf(const pg::Array<Column> &parts) {
  int detail = std::max(1, default_statistics_target);
  for (const Column &part : parts) detail = std::max({detail, part.common.size(), part.bounds.size() - 1});
  return detail;
}

/// Without an order values are not compared.
void ForgetValues(const pg::Array<Column> &parts) {
  for (Column &part : parts) {
    part.common.clear();
    part.fractions.clear();
    part.bounds.clear();
  }
}

}  // namespace

Table OfShardsHere(const catalog::Table &table) {
  pg::Array<Table> parts;
  for (int i = 0; i < table.shard_count; i++) {
    if (!catalog::HasPlacement(table.shards[i], catalog::LocalGroup())) continue;
    const Oid relid = catalog::RelationOfShard(table, table.shards[i], AccessShareLock);
    if (OidIsValid(relid)) parts.push_back(OfRelation(relid));
  }
  return MergeTables(table, parts);
}

Table MergeTables(const catalog::Table &table, const pg::Array<Table> &parts) {
  Table whole{};
  for (const Table &part : parts) {
    whole.rows += part.rows;
    whole.pages += part.pages;
  }
  Relation relation = table_open(table.relid, AccessShareLock);
  const TupleDesc columns = RelationGetDescr(relation);
  for (int i = 0; i < columns->natts; i++) {
    const Form_pg_attribute attribute = TupleDescAttr(columns, i);
    const pg::Array<Column> found = ColumnsLike(parts, attribute);
    if (attribute->attisdropped || found.empty()) continue;
    const Kind kind = KindOf(attribute->atttypid, attribute->attcollation);
    if (kind.compare == nullptr) ForgetValues(found);
    const Column column = Merge(kind, found, attribute->attnum == table.key, DetailOf(found));
    if (column.rows > 0) whole.columns.push_back({pstrdup(NameStr(attribute->attname)), attribute->atttypid, column});
  }
  table_close(relation, NoLock);
  return whole;
}

void Keep(Oid relid, const Table &found) {
  if (!ConditionalLockRelationOid(relid, ShareUpdateExclusiveLock)) return;
  Relation relation = table_open(relid, NoLock);
  const BlockNumber pages = static_cast<BlockNumber>(std::min(found.pages, 4e9));
  pg::KeepSize(relation, HasChildren(relid) ? static_cast<BlockNumber>(-1) : pages, found.rows);
  for (const NamedColumn &one : found.columns) {
    const AttrNumber number = get_attnum(relid, one.name);
    if (number <= InvalidAttrNumber) continue;
    const Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(relation), number - 1);
    if (attribute->atttypid != one.type) continue;  // changed since
    Write(relid, number, HasChildren(relid), KindOf(attribute->atttypid, attribute->attcollation), one.column);
  }
  table_close(relation, NoLock);
  CommandCounterIncrement();
}

}  // namespace altius::statistics
