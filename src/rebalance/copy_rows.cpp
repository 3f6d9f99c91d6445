// SPDX-License-Identifier: PostgreSQL
// The target pulls a shard's rows from the source: COPY there, PostgreSQL's own COPY here, nothing in between.
#include "altius/ingest/shard_rows.hpp"
#include "altius/pg/bridge.hpp"
#include "altius/remote/control.hpp"
#include "altius/txn/shared.hpp"
#include "bare.hpp"
#include "binary_types.hpp"
#include "limit.hpp"
#include "move.hpp"

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

/// `command`: the COPY on the source.  Rows arrive as they are there: nothing fires.
int64 CopyInto(Relation relation, const char* command, const Columns& columns) {
  ExecuteBare(source.bare, command);
  List* options = NIL;
  if (columns.binary)
    options = list_make1(makeDefElem(pstrdup("format"), reinterpret_cast<Node*>(makeString(pstrdup("binary"))), -1));
  return static_cast<int64>(ingest::FillTable(relation, columns.names, options, ReadEntry));
}

const char* CopyShardCommand(const char* shard, const Columns& columns) {
  return psprintf("COPY %s (%s) TO STDOUT%s", shard, columns.list, columns.binary ? " (FORMAT binary)" : "");
}

/// The superuser reads what has the name there: it must be the shard, under a lock that keeps it so.
void RequireAtSource(const catalog::Table& table, const catalog::Shard& shard) {
  ExecuteBare(source.bare, RequireShardSql(shard.id, catalog::QualifiedShardName(table, shard)));
}

/// From the shard itself on another node, or from the one that it is a part of.
int64 CopyFromNode(const catalog::Table& table, const catalog::Shard& shard, bool is_part, int group,
                   const char* snapshot) {
  const Relation relation = ingest::OpenShard(table, shard, RowExclusiveLock);
  const Columns columns = ColumnsOf(relation);
  int64 rows = 0;
  if (columns.names != NIL) {
    source = Source{};
    source.bare = ConnectBare(group, false);
    ExecuteBare(source.bare, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    if (snapshot != nullptr)
      ExecuteBare(source.bare, psprintf("SET TRANSACTION SNAPSHOT %s", quote_literal_cstr(snapshot)));
    catalog::Shard read = shard;
    if (is_part) read.id = catalog::ForeseenParent(shard.id);
    RequireAtSource(table, read);
    const char* name = catalog::QualifiedShardName(table, read);
    const char* command = is_part ? ingest::CopyPartCommand(name, columns.list, table, shard, columns.binary)
                                  : CopyShardCommand(name, columns);
    rows = CopyInto(relation, command, columns);
    txn::StopPoint("copy: shard copied");
    DisconnectBare(source.bare);
  }
  table_close(relation, NoLock);
  return rows;
}

int64 CopyById(FunctionCallInfo fcinfo, bool is_part) {
  if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
    ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("shard and source must not be null")));
  int index = 0;
  const catalog::Table* table = catalog::FindTableOfShard(PG_GETARG_INT64(0), &index);
  if (table == nullptr || (is_part && table->kind != catalog::TableKind::Hash))
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
