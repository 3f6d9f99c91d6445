// SPDX-License-Identifier: PostgreSQL
// The rows travel as COPY's text format.  The source is read in-process when this server has the
// shard, else from a node that has it.
#include "copy_shard.hpp"

#include "altius/pg/array.hpp"
#include "altius/txn/coordinated.hpp"

extern "C" {
#include "access/relation.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
}

namespace altius::cluster {
namespace {

constexpr int kFlushBytes = 64 * 1024;
constexpr int kFetchRows = 1000;

/// Writes rows of text values to a COPY stream.
struct CopyStream {
  remote::Connection* connection;
  StringInfoData buffer;

  void Begin(int group, const char* sql) {
    initStringInfo(&buffer);
    connection = txn::Enlist(group, txn::Access::Write);
    remote::BeginCopyIn(connection, sql);
  }
  void Value(int column, const char* value) {
    if (column > 0) appendStringInfoChar(&buffer, '\t');
    if (value == nullptr) {
      appendStringInfoString(&buffer, "\\N");
      return;
    }
    for (; *value != '\0'; value++) {
      switch (*value) {
        case '\\':
          appendStringInfoString(&buffer, "\\\\");
          break;
        case '\n':
          appendStringInfoString(&buffer, "\\n");
          break;
        case '\r':
          appendStringInfoString(&buffer, "\\r");
          break;
        case '\t':
          appendStringInfoString(&buffer, "\\t");
          break;
        default:
          appendStringInfoCharMacro(&buffer, *value);
      }
    }
  }
  void EndRow() {
    appendStringInfoChar(&buffer, '\n');
    if (buffer.len >= kFlushBytes) Flush();
  }
  void Flush() {
    remote::SendCopyData(connection, buffer.data, buffer.len);
    resetStringInfo(&buffer);
  }
  void End() {
    if (buffer.len > 0) Flush();
    remote::EndCopyIn(connection, nullptr);
  }
};

/// Rows of the source node go straight into the stream.
class StreamSink final : public remote::RowSink {
 public:
  explicit StreamSink(CopyStream* stream) : stream_(stream) {}
  void Row(const PGresult* result, int row) override {
    for (int i = 0; i < PQnfields(result); i++) {
      stream_->Value(i, PQgetisnull(result, row, i) ? nullptr : PQgetvalue(result, row, i));
    }
    stream_->EndRow();
  }

 private:
  CopyStream* stream_;
};

/// The columns that can be written, as a list for SQL.
char* WritableColumns(Oid relid) {
  StringInfoData columns;
  initStringInfo(&columns);
  Relation relation = relation_open(relid, AccessShareLock);
  TupleDesc descriptor = RelationGetDescr(relation);
  for (int i = 0; i < descriptor->natts; i++) {
    Form_pg_attribute attribute = TupleDescAttr(descriptor, i);
    if (attribute->attisdropped || attribute->attgenerated != '\0') continue;
    appendStringInfo(&columns, "%s%s", columns.len == 0 ? "" : ", ",
                     quote_identifier(NameStr(attribute->attname)));
  }
  relation_close(relation, NoLock);
  return columns.data;
}

void PassLocalRows(const char* query, CopyStream* stream) {
  SPI_connect();
  SPIPlanPtr plan = SPI_prepare(query, 0, nullptr);
  // Not read-only: that would use the snapshot of the calling statement, from before writers were
  // held off.
  Portal portal = SPI_cursor_open(nullptr, plan, nullptr, nullptr, false);
  for (;;) {
    SPI_cursor_fetch(portal, true, kFetchRows);
    if (SPI_processed == 0) break;
    for (uint64 row = 0; row < SPI_processed; row++) {
      for (int i = 1; i <= SPI_tuptable->tupdesc->natts; i++) {
        char* value = SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, i);
        stream->Value(i - 1, value);
        if (value != nullptr) pfree(value);
      }
      stream->EndRow();
    }
    SPI_freetuptable(SPI_tuptable);
  }
  SPI_cursor_close(portal);
  SPI_finish();
}

void PassRemoteRows(int group, const char* query, CopyStream* stream) {
  StreamSink sink(stream);
  remote::StatementText statement;
  statement.sql = query;
  remote::Wait(remote::Send(txn::Enlist(group, txn::Access::Read), statement, &sink));
}

}  // namespace

void CopyShardRows(const catalog::Table& table, const catalog::Shard& shard, int target_group) {
  if (shard.group_count == 0) {
    ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED),
                    errmsg("shard %lld of \"%s\" has no placement",
                           static_cast<long long>(shard.id), table.name)));
  }
  const char* columns = WritableColumns(table.relid);
  const char* name = catalog::QualifiedShardName(table, shard);
  if (columns[0] == '\0') return;

  // Dates and intervals in a form that any session reads the same way.
  const int settings = NewGUCNestLevel();
  const auto set = [](const char* setting, const char* value) {
    set_config_option(setting, value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
  };
  set("datestyle", "ISO");
  set("intervalstyle", "postgres");

  CopyStream stream;
  stream.Begin(target_group, psprintf("COPY %s (%s) FROM STDIN", name, columns));
  const char* query = psprintf("SELECT %s FROM %s", columns, name);
  if (catalog::HasPlacement(shard, catalog::LocalGroup())) {
    PassLocalRows(query, &stream);
  } else {
    PassRemoteRows(shard.groups[0], query, &stream);
  }
  stream.End();
  AtEOXact_GUC(true, settings);
}

}  // namespace altius::cluster
