// SPDX-License-Identifier: PostgreSQL
#include "key_types.hpp"

#include "altius/pg/type_parts.hpp"
#include "sql.hpp"

extern "C" {
#include "nodes/makefuncs.h"
#include "nodes/parsenodes.h"
#include "parser/parse_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
}

namespace altius::ddl {

namespace {

/// A distributed table whose distribution column's values are made of such a type; null when there is none.
char* TableWithKeyOf(Oid wanted) {
  List* types = QueryOids("SELECT DISTINCT distributioncolumntype FROM pg_catalog.pg_dist_colocation "
                          "WHERE distributioncolumntype <> 0",
                          {});
  ListCell* cell;
  foreach (cell, types) {
    const Oid type = lfirst_oid(cell);
    if (!pg::IsMadeOf(type, [wanted](Oid part) { return part == wanted; })) continue;
    char* table = QueryText("SELECT p.logicalrelid::text FROM pg_catalog.pg_dist_partition p JOIN pg_catalog.pg_dist_colocation c USING "
                            "(colocationid) WHERE p.partmethod = 'h' AND c.distributioncolumntype = $1 ORDER BY 1 LIMIT 1",
                            {OidValue(type)});
    if (table != nullptr) return table;
  }
  return nullptr;
}

[[noreturn]] void RefuseChange(Oid type, const char* table, const char* what) {
  ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("cannot %s type %s", what, format_type_be(type)),
                  errdetail("It is the type of the distribution column of \"%s\": its rows would not be found any more.", table),
                  errhint("undistribute_table, change the type, and distribute the table again.")));
}

Oid TypeNamed(List* names) { return typenameTypeId(nullptr, makeTypeNameFromNameList(names)); }

}  // namespace

void CheckKeyType(const char* column, Oid type) {
  const char* detail = nullptr;
  if (pg::IsMadeOf(type, pg::IsObjectNumber)) {
    detail = "Objects have other numbers on other nodes.";
  } else if (!type_is_enum(getBaseType(type)) && pg::IsMadeOf(type, [](Oid part) { return type_is_enum(part); })) {
    detail = "Its values are made of an enum's, which have other numbers on other nodes.";
  }
  if (detail == nullptr) return;
  ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                  errmsg("column \"%s\" of type %s cannot be the distribution column", column, format_type_be(type)),
                  errdetail_internal("%s", detail)));
}

void CheckTypeChange(Node* statement) {
  if (IsA(statement, AlterEnumStmt)) {
    auto* change = reinterpret_cast<AlterEnumStmt*>(statement);
    if (change->oldVal == nullptr) return;
    const Oid type = TypeNamed(change->typeName);
    char* table = TableWithKeyOf(type);
    if (table != nullptr) RefuseChange(type, table, "rename a value of");
  }
  if (IsA(statement, AlterTableStmt) && reinterpret_cast<AlterTableStmt*>(statement)->objtype == OBJECT_TYPE) {
    RangeVar* name = reinterpret_cast<AlterTableStmt*>(statement)->relation;
    const Oid type = TypeNamed(name->schemaname == nullptr ? list_make1(makeString(name->relname))
                                                           : list_make2(makeString(name->schemaname), makeString(name->relname)));
    char* table = TableWithKeyOf(type);
    if (table != nullptr) RefuseChange(type, table, "change the attributes of");
  }
}

}  // namespace altius::ddl
