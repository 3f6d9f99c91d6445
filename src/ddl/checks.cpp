// SPDX-License-Identifier: PostgreSQL
#include "checks.hpp"

#include "altius/pg/compat.hpp"
#include "key_types.hpp"
#include "rows.hpp"
#include "sql.hpp"

extern "C" {
#include "access/sysattr.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
}

namespace altius::ddl {

Shape ShapeOf(const catalog::Table& table) {
  return {table.relid, table.kind, table.key, table.colocation};
}

void RequireCoordinator() {
  if (catalog::IsCoordinator()) return;
  char* where = nullptr;
  const auto nodes = catalog::ActivePrimaries();
  for (const catalog::Node* node : nodes)
    if (node->group == catalog::kCoordinatorGroup)
      where = psprintf("%s:%d", node->host, node->port);
  ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                  errmsg("this operation starts on the coordinator"),
                  where != nullptr ? errhint("Run this on the coordinator, %s.", where)
                                   : errhint("Run this on the coordinator.")));
}

void RequireOwner(Oid relid) {
  if (!pg::OwnsRelation(relid, GetUserId()))
    aclcheck_error(ACLCHECK_NOT_OWNER, get_relkind_objtype(get_rel_relkind(relid)),
                   get_rel_name(relid));
}

namespace {

/// Rules would rewrite statements of the node where they are typed only.
void RefuseRules(Oid relid) {
  List* rules = QueryTexts("SELECT rulename FROM pg_catalog.pg_rewrite WHERE ev_class = $1 ORDER BY rulename", {OidValue(relid)});
  if (rules == NIL) return;
  ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                  errmsg("cannot distribute \"%s\", it has the rule \"%s\"", get_rel_name(relid),
                         static_cast<char*>(linitial(rules))),
                  errhint("Write it as a trigger, or as a view with INSTEAD OF triggers.")));
}

/// A table's row type exists where the table does.
void CheckRowTypes(Oid relid) {
  List* rows = QueryRows(R"(
SELECT a.attname, c.relname FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_catalog.pg_type e ON e.typarray = t.oid JOIN pg_catalog.pg_class c ON c.oid IN (t.typrelid, e.typrelid)
WHERE a.attrelid = $1 AND a.attnum > 0 AND c.relkind <> 'c' AND c.oid >= 16384
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_dist_partition WHERE logicalrelid = c.oid)
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_dist_object WHERE classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND objid = c.oid)
ORDER BY a.attnum LIMIT 1)",
                         {OidValue(relid)});
  if (rows == NIL) return;
  char** row = static_cast<char**>(linitial(rows));
  ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("cannot distribute \"%s\"", get_rel_name(relid)),
                  errdetail("Column \"%s\" is of the row type of \"%s\", which other nodes do not have.", row[0], row[1]),
                  errhint("Distribute that table first, or make a composite type of its own for the column.")));
}

}  // namespace

void CheckDistributable(Oid relid) {
  const char* name = get_rel_name(relid);
  const char kind = get_rel_relkind(relid);
  if (catalog::FindTable(relid) != nullptr)
    ereport(ERROR, (errcode(ERRCODE_INVALID_TABLE_DEFINITION),
                    errmsg("table \"%s\" is already distributed", name)));
  if (kind != RELKIND_RELATION && kind != RELKIND_PARTITIONED_TABLE)
    ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE), errmsg("\"%s\" is not a table", name),
                    errdetail("Only plain and partitioned tables can be distributed.")));
  if (get_rel_persistence(relid) == RELPERSISTENCE_TEMP)
    ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
                    errmsg("cannot distribute temporary table \"%s\"", name)));
  if (relid < FirstNormalObjectId || catalog::IsShardRelation(relid))
    ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE), errmsg("cannot distribute \"%s\"", name),
                    errdetail("It is part of the system or a shard.")));
  RefuseRules(relid);
  CheckRowTypes(relid);
  RefuseTableOids(relid);
  if (kind == RELKIND_RELATION &&
      (has_subclass(relid) || (has_superclass(relid) && !get_rel_relispartition(relid))))
    ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                    errmsg("cannot distribute \"%s\", it takes part in table inheritance", name),
                    errhint("Use declarative partitioning instead.")));
}

void RefuseTableOids(Oid relid) {
  List* rows = QueryRows(psprintf(R"(
SELECT 'check constraint', conname FROM pg_catalog.pg_constraint WHERE conrelid = $1 AND conbin::text LIKE '%%:varattno %1$d %%'
UNION ALL SELECT 'generated column', attname
FROM pg_catalog.pg_attrdef JOIN pg_catalog.pg_attribute ON attrelid = adrelid AND attnum = adnum
WHERE adrelid = $1 AND adbin::text LIKE '%%:varattno %1$d %%' ORDER BY 1, 2)",
                                  TableOidAttributeNumber),
                         {OidValue(relid)});
  if (rows == NIL) return;
  char** row = static_cast<char**>(linitial(rows));
  ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                  errmsg("%s \"%s\" of table \"%s\" is made of tableoid", row[0], row[1], get_rel_name(relid)),
                  errdetail("It would be computed where the rows are, which is in tables of other names.")));
}

AttrNumber CheckKeyColumn(Oid relid, const char* name) {
  const AttrNumber key = get_attnum(relid, name);
  if (key <= 0)
    ereport(ERROR,
            (errcode(ERRCODE_UNDEFINED_COLUMN),
             errmsg("column \"%s\" of relation \"%s\" does not exist", name, get_rel_name(relid))));
  if (get_attgenerated(relid, key) != '\0')
    ereport(ERROR, (errcode(ERRCODE_INVALID_COLUMN_DEFINITION),
                    errmsg("generated column \"%s\" cannot be the distribution column", name)));
  Oid type;
  Oid collation;
  int32 typmod;
  get_atttypetypmodcoll(relid, key, &type, &typmod, &collation);
  if (catalog::HashFunctionOfType(getBaseType(type)) == nullptr)
    ereport(ERROR,
            (errcode(ERRCODE_UNDEFINED_FUNCTION),
             errmsg("could not identify a hash function for the type of column \"%s\"", name),
             errdetail("The distribution column's type needs a default operator class for hash.")));
  CheckKeyType(name, type);
  if (OidIsValid(collation) && !get_collation_isdeterministic(collation))
    ereport(
        ERROR,
        (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
         errmsg("column \"%s\" cannot be the distribution column", name),
         errdetail("Its collation is not deterministic: equal values may have different hashes.")));
  return key;
}

void CheckUniqueness(const Shape& shape) {
  if (shape.kind != catalog::TableKind::Hash) return;
  List* rows = QueryRows(R"(
SELECT relname, indisprimary, indisexclusion FROM pg_catalog.pg_index JOIN pg_catalog.pg_class c ON c.oid = indexrelid
WHERE indrelid = $1 AND (indisunique OR indisexclusion)
  AND NOT ($2 = ANY (ARRAY(SELECT indkey[i] FROM generate_series(0, indnkeyatts - 1) i)))
ORDER BY relname)",
                         {OidValue(shape.relid), {INT2OID, Int16GetDatum(shape.key)}});
  if (rows == NIL) return;
  char** row = static_cast<char**>(linitial(rows));
  const char* what = row[1][0] == 't'   ? "primary key"
                     : row[2][0] == 't' ? "exclusion constraint"
                                        : "unique index";
  ereport(
      ERROR,
      (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
       errmsg("%s \"%s\" on distributed table \"%s\" must include the distribution column \"%s\"",
              what, row[0], get_rel_name(shape.relid), get_attname(shape.relid, shape.key, false)),
       errdetail("Uniqueness is checked within each shard.")));
}

namespace {

using catalog::TableKind;

struct ForeignKey {
  const char* name;
  Shape from;
  Shape to;
  List* from_columns;  // integer list
  List* to_columns;
  char on_delete;
  char on_update;
  List* set_columns;  // that ON DELETE SET NULL or SET DEFAULT names; NIL: all
};

[[noreturn]] void Refuse(const ForeignKey& key, const char* detail, const char* hint) {
  ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                  errmsg("foreign key \"%s\" from \"%s\" to \"%s\" is not supported", key.name,
                         get_rel_name(key.from.relid), get_rel_name(key.to.relid)),
                  errdetail_internal("%s", detail), hint != nullptr ? errhint("%s", hint) : 0));
  pg_unreachable();
}

/// "{1,2}"; a null pointer is none.
List* NumbersOf(const char* array) {
  List* numbers = NIL;
  if (array == nullptr) return NIL;
  for (const char* at = array + 1; *at != '\0' && *at != '}';) {
    char* end;
    numbers = lappend_int(numbers, static_cast<int>(strtol(at, &end, 10)));
    at = *end == ',' ? end + 1 : end;
  }
  return numbers;
}

bool KeysMeet(const ForeignKey& key) {
  ListCell* from;
  ListCell* to;
  forboth(from, key.from_columns, to, key.to_columns) if (lfirst_int(from) == key.from.key &&
                                                          lfirst_int(to) == key.to.key) return true;
  return false;
}

void CheckActions(const ForeignKey& key) {
  if (!list_member_int(key.from_columns, key.from.key)) return;
  const bool all = key.set_columns == NIL || list_member_int(key.set_columns, key.from.key);
  if ((strchr("nd", key.on_delete) != nullptr && all) || strchr("cnd", key.on_update) != nullptr)
    Refuse(key, "Its action would change the distribution column.",
           "Use NO ACTION, RESTRICT, ON DELETE CASCADE, or ON DELETE SET NULL with a list of other columns.");
}

void CheckFromHash(const ForeignKey& key) {
  if (key.to.kind == TableKind::Reference) return CheckActions(key);
  if (key.to.kind != TableKind::Hash || key.to.colocation != key.from.colocation)
    Refuse(key, "The tables are not colocated.",
           "Distribute both tables with colocate_with, or make the referenced table a reference "
           "table.");
  if (!KeysMeet(key))
    Refuse(key, "It does not include the distribution columns of both tables in the same position.",
           nullptr);
  CheckActions(key);
}

void CheckOne(const ForeignKey& key) {
  switch (key.from.kind) {
    case TableKind::Hash:
      return CheckFromHash(key);
    case TableKind::Reference:
      if (key.to.kind == TableKind::Reference) return;
      Refuse(key, "A reference table can only refer to reference tables.", nullptr);
    case TableKind::SingleShard:
      if (key.to.kind == TableKind::Reference) return;
      if (key.to.kind == TableKind::SingleShard && key.to.colocation == key.from.colocation) return;
      Refuse(key, "The tables are not colocated.", "Distribute both tables with colocate_with.");
    case TableKind::Local:
      if (key.to.kind == TableKind::Local || key.to.kind == TableKind::Reference) return;
      if (!HasLocalRows(key.from.relid)) return;  // a schema just created: this one's turn comes
      Refuse(key, "A local table can not refer to a distributed table.",
             "Distribute both tables while they are empty, or add the constraint after "
             "distributing them.");
  }
}

Shape ShapeOfOther(Oid relid, const Shape& self) {
  if (relid == self.relid) return self;
  const catalog::Table* table = catalog::FindTable(relid);
  if (table != nullptr) return ShapeOf(*table);
  return {relid, TableKind::Local, 0, 0};
}

}  // namespace

void CheckForeignKeys(const Shape& shape) {
  List* rows = QueryRows(R"(
SELECT conname, conrelid::oid, confrelid::oid, conkey, confkey, confdeltype, confupdtype, confdelsetcols FROM pg_catalog.pg_constraint
WHERE contype = 'f' AND conparentid = 0 AND $1 IN (conrelid, confrelid) ORDER BY conname)",
                         {OidValue(shape.relid)});
  ListCell* cell;
  foreach (cell, rows) {
    char** row = static_cast<char**>(lfirst(cell));
    const ForeignKey key = {row[0],
                            ShapeOfOther(static_cast<Oid>(strtoul(row[1], nullptr, 10)), shape),
                            ShapeOfOther(static_cast<Oid>(strtoul(row[2], nullptr, 10)), shape),
                            NumbersOf(row[3]),
                            NumbersOf(row[4]),
                            row[5][0],
                            row[6][0],
                            NumbersOf(row[7])};
    CheckOne(key);
  }
}

}  // namespace altius::ddl
