// SPDX-License-Identifier: PostgreSQL
// The same writes as statements for another node.  Tables, types and objects travel by name: oids
// differ between nodes.
#include "altius/catalog/writer.hpp"

#include "relations.hpp"

extern "C" {
#include "catalog/objectaddress.h"
#include "catalog/pg_collation.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
}

namespace altius::catalog {
namespace {

char* QualifiedLiteral(const Table& table) {
  return quote_literal_cstr(quote_qualified_identifier(table.schema, table.name));
}

char* CollationName(Oid collation) {
  if (!OidIsValid(collation)) return pstrdup("-");
  ObjectAddress address{};
  ObjectAddressSet(address, CollationRelationId, collation);
  return getObjectIdentity(&address, false);
}

char* PartitionCommand(const Table& table) {
  const Method method = MethodOf(table.kind);
  const char* key = table.kind == TableKind::Hash
                        ? quote_literal_cstr(get_attname(table.relid, table.key, false))
                        : "NULL";
  return psprintf("SELECT altius_internal.insert_partition(%s, '%c', %s, %d, '%c')",
                  QualifiedLiteral(table), method.partmethod, key, table.colocation,
                  method.repmodel);
}

char* ShardsCommand(const Table& table) {
  StringInfoData ids, mins, maxs;
  initStringInfo(&ids);
  initStringInfo(&mins);
  initStringInfo(&maxs);
  for (int i = 0; i < table.shard_count; i++) {
    const char* comma = i == 0 ? "" : ",";
    appendStringInfo(&ids, "%s" INT64_FORMAT, comma, table.shards[i].id);
    appendStringInfo(&mins, "%s%d", comma, table.shards[i].min);
    appendStringInfo(&maxs, "%s%d", comma, table.shards[i].max);
  }
  if (table.kind != TableKind::Hash) {
    return psprintf("SELECT altius_internal.insert_shards(%s, '{%s}', NULL, NULL)",
                    QualifiedLiteral(table), ids.data);
  }
  return psprintf("SELECT altius_internal.insert_shards(%s, '{%s}', '{%s}', '{%s}')",
                  QualifiedLiteral(table), ids.data, mins.data, maxs.data);
}

char* PlacementsCommand(const Table& table) {
  StringInfoData ids, shards, groups;
  initStringInfo(&ids);
  initStringInfo(&shards);
  initStringInfo(&groups);
  for (int i = 0; i < table.shard_count; i++) {
    ScanKeyData key = Equal(placement::kShard, F_INT8EQ, Int64GetDatum(table.shards[i].id));
    Scan(DistRelations().placement, DistRelations().placement_by_shard, &key, 1, AccessShareLock,
         [&](Relation relation, HeapTuple tuple) {
           const char* comma = ids.len == 0 ? "" : ",";
           appendStringInfo(&ids, "%s" INT64_FORMAT, comma,
                            DatumGetInt64(Column(relation, tuple, placement::kId)));
           appendStringInfo(&shards, "%s" INT64_FORMAT, comma, table.shards[i].id);
           appendStringInfo(&groups, "%s%d", comma,
                            DatumGetInt32(Column(relation, tuple, placement::kGroup)));
           return true;
         });
  }
  return psprintf("SELECT altius_internal.insert_placements('{%s}', '{%s}', '{%s}')", ids.data,
                  shards.data, groups.data);
}

char* ArrayLiteral(List* names) {
  if (names == NIL) return pstrdup("'{}'");
  StringInfoData text;
  initStringInfo(&text);
  appendStringInfoString(&text, "ARRAY[");
  ListCell* cell;
  foreach (cell, names) {
    appendStringInfo(&text, "%s%s", foreach_current_index(cell) == 0 ? "" : ", ",
                     quote_literal_cstr(static_cast<char*>(lfirst(cell))));
  }
  appendStringInfoString(&text, "]::text[]");
  return text.data;
}

char* ObjectCommand(const char* function, Oid class_id, Oid object_id) {
  ObjectAddress address{};
  ObjectAddressSet(address, class_id, object_id);
  List* names = NIL;
  List* args = NIL;
  const char* type = getObjectTypeDescription(&address, false);
  getObjectIdentityParts(&address, &names, &args, false);
  return psprintf("SELECT altius_internal.%s(%s, %s, %s)", function, quote_literal_cstr(type),
                  ArrayLiteral(names), ArrayLiteral(args));
}

}  // namespace

List* TableCommands(const Table& table) {
  List* commands = list_make1(PartitionCommand(table));
  if (table.shard_count == 0) return commands;
  commands = lappend(commands, ShardsCommand(table));
  return lappend(commands, PlacementsCommand(table));
}

char* ColocationCommand(int id) {
  char* command = nullptr;
  ScanKeyData key = Equal(colocation::kId, F_INT4EQ, Int32GetDatum(id));
  Scan(DistRelations().colocation, DistRelations().colocation_by_id, &key, 1, AccessShareLock,
       [&](Relation relation, HeapTuple tuple) {
         const auto column = [&](int number) { return Column(relation, tuple, number); };
         const Oid type = DatumGetObjectId(column(colocation::kType));
         const Oid collation = DatumGetObjectId(column(colocation::kCollation));
         command =
             psprintf("SELECT altius_internal.insert_colocation(%d, %d, %d, %s, %s)", id,
                      DatumGetInt32(column(colocation::kShardCount)),
                      DatumGetInt32(column(colocation::kReplication)),
                      quote_literal_cstr(OidIsValid(type) ? format_type_be_qualified(type) : "-"),
                      quote_literal_cstr(CollationName(collation)));
         return false;
       });
  return command;
}

char* InsertObjectCommand(Oid class_id, Oid object_id) {
  return ObjectCommand("insert_object", class_id, object_id);
}

char* DeleteObjectCommand(Oid class_id, Oid object_id) {
  return ObjectCommand("delete_object", class_id, object_id);
}

}  // namespace altius::catalog
