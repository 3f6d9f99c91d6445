// SPDX-License-Identifier: PostgreSQL
// The target pulls a shard's rows from the source: COPY there, PostgreSQL's own COPY here, nothing in between.
#include "altius/ddl/table_commands.hpp"
#include "altius/pg/bridge.hpp"
#include "altius/pg/compat_copy.hpp"
#include "altius/remote/control.hpp"
#include "altius/txn/shared.hpp"
#include "bare.hpp"
#include "binary_types.hpp"
#include "limit.hpp"

extern "C" {
#include "access/table.h"
#include "lib/stringinfo.h"
#include "nodes/makefuncs.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
}

namespace altius::rebalance {

namespace {

/// The stream being read; COPY's callback has no argument.
struct Source {
  Bare* bare;
  char* buffer;  // libpq's
  int length;
  int taken;
  bool ended;
  Limit limit;
};
Source source;

bool NextBuffer() {
  if (source.buffer != nullptr) PQfreemem(source.buffer);
  source.buffer = nullptr;
  source.length = source.taken = 0;
  source.length = ReadCopyData(source.bare, &source.buffer, -1);
  if (source.length <= 0) {
    source.length = 0;
    source.ended = true;
    return false;
  }
  KeepLimit(&source.limit, source.length);
  return true;
}

int Read(void* out, int least, int most) {
  int given = 0;
  while (given < least && !source.ended) {
    if (source.taken == source.length && !NextBuffer()) break;
    const int some = std::min(source.length - source.taken, most - given);
    memcpy(static_cast<char*>(out) + given, source.buffer + source.taken, some);
    source.taken += some;
    given += some;
  }
  return given;
}

int ReadEntry(void* out, int least, int most) {
  return pg::Entry([&] { return Read(out, least, most); });
}

struct Columns {
  List* names;  // of String
  char* list;   // (a, b)
  bool binary;
};

Columns ColumnsOf(Relation relation) {
  Columns columns{};
  columns.binary = true;
  StringInfoData list;
  initStringInfo(&list);
  for (int i = 0; i < RelationGetNumberOfAttributes(relation); i++) {
    Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(relation), i);
    if (attribute->attisdropped || attribute->attgenerated != '\0') continue;
    columns.names = lappend(columns.names, makeString(pstrdup(NameStr(attribute->attname))));
    appendStringInfo(&list, "%s%s", list.len == 0 ? "" : ", ", quote_identifier(NameStr(attribute->attname)));
    columns.binary = columns.binary && TravelsInBinary(attribute->atttypid);
  }
  columns.list = list.data;
  return columns;
}

/// `from`: what stands in COPY .. TO on the source.
int64 CopyInto(Relation relation, const char* from, const Columns& columns) {
  ExecuteBare(source.bare, psprintf("COPY %s TO STDOUT%s", from, columns.binary ? " (FORMAT binary)" : ""));
  ParseState* pstate = make_parsestate(nullptr);
  addRangeTableEntryForRelation(pstate, relation, RowExclusiveLock, nullptr, false, false);
  List* options = NIL;
  if (columns.binary)
    options = list_make1(makeDefElem(pstrdup("format"), reinterpret_cast<Node*>(makeString(pstrdup("binary"))), -1));
  CopyFromState state = BeginCopyFrom(pstate, relation, nullptr, nullptr, false, ReadEntry, columns.names, options);
  const auto rows = static_cast<int64>(CopyFrom(state));
  EndCopyFrom(state);
  free_parsestate(pstate);
  return rows;
}

/// Those of the rows whose distribution value hashes into the range of `part`.
char* RowsOfPart(const catalog::Table& table, const catalog::Shard& part, const Columns& columns) {
  catalog::Shard whole{};
  whole.id = catalog::ForeseenParent(part.id);
  const char* name = quote_literal_cstr(quote_qualified_identifier(table.schema, table.name));
  return psprintf("(SELECT %s FROM ONLY %s WHERE altius_internal.key_hash(%s::pg_catalog.regclass, %s) BETWEEN %d AND %d)",
                  columns.list, catalog::QualifiedShardName(table, whole), name,
                  quote_identifier(get_attname(table.relid, table.key, false)), part.min, part.max);
}

/// From the shard itself on another node, or from the one that it is a part of.
int64 CopyFromNode(const catalog::Table& table, const catalog::Shard& shard, bool is_part, int group,
                   const char* snapshot) {
  const Oid relid = get_relname_relid(catalog::ShardName(table, shard), get_rel_namespace(table.relid));
  const Relation relation = table_open(relid, RowExclusiveLock);
  const Columns columns = ColumnsOf(relation);
  int64 rows = 0;
  if (columns.names != NIL) {
    source = Source{};
    source.bare = ConnectBare(group, false);
    ExecuteBare(source.bare, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    if (snapshot != nullptr)
      ExecuteBare(source.bare, psprintf("SET TRANSACTION SNAPSHOT %s", quote_literal_cstr(snapshot)));
    const char* from = is_part ? RowsOfPart(table, shard, columns)
                               : psprintf("%s (%s)", catalog::QualifiedShardName(table, shard), columns.list);
    rows = CopyInto(relation, from, columns);
    txn::StopPoint("copy: shard copied");
    DisconnectBare(source.bare);
  }
  table_close(relation, NoLock);
  return rows;
}

int64 CopyById(FunctionCallInfo fcinfo, bool is_part) {
  int index = 0;
  const catalog::Table* table = catalog::FindTableOfShard(PG_GETARG_INT64(0), &index);
  if (table == nullptr)
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("shard " INT64_FORMAT " does not exist", PG_GETARG_INT64(0))));
  const char* snapshot = PG_ARGISNULL(2) ? nullptr : text_to_cstring(PG_GETARG_TEXT_PP(2));
  return CopyFromNode(*table, table->shards[index], is_part, PG_GETARG_INT32(1), snapshot);
}

}  // namespace

}  // namespace altius::rebalance

/// copy_shard_from(shard_id bigint, source_group integer, snapshot text)
ALTIUS_FUNCTION(altius_copy_shard_from) { PG_RETURN_INT64(altius::rebalance::CopyById(fcinfo, false)); }

/// copy_part_from(shard_id bigint, source_group integer, snapshot text): the rows of a foreseen part, from the whole.
ALTIUS_FUNCTION(altius_copy_part_from) { PG_RETURN_INT64(altius::rebalance::CopyById(fcinfo, true)); }
