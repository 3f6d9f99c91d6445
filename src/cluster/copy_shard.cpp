// SPDX-License-Identifier: PostgreSQL
// The rows travel as lines of COPY's text format, some at a time as the argument of a function on the new node, which writes them
// as the table's owner.  They are read in-process when this server has the shard, else on a node that has it.
#include "copy_shard.hpp"

#include "altius/ingest/shard_rows.hpp"
#include "altius/pg/array.hpp"
#include "altius/pg/bridge.hpp"
#include "altius/pg/text_forms.hpp"
#include "altius/txn/coordinated.hpp"

extern "C" {
#include "access/table.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "nodes/value.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
}

namespace altius::cluster {
namespace {

constexpr int kBatchBytes = 256 * 1024;
constexpr int kInFlight = 4;

/// Lines on their way to the new node.
struct Batches {
  remote::Connection* connection;
  const char* shard_id;
  const char* columns;  // {a,b}
  StringInfoData lines;
  remote::Request* requests[kInFlight];
  int next;
};

void Await(Batches* batches, int number) {
  if (batches->requests[number] != nullptr) remote::Wait(batches->requests[number]);
  batches->requests[number] = nullptr;
}

void Flush(Batches* batches) {
  static const Oid kTypes[] = {INT8OID, TEXTARRAYOID, TEXTOID};
  if (batches->lines.len == 0) return;
  Await(batches, batches->next);
  const char* values[] = {batches->shard_id, batches->columns, batches->lines.data};
  remote::StatementText statement;
  statement.sql = "SELECT altius_internal.fill_shard($1, $2, $3)";
  statement.param_count = lengthof(kTypes);
  statement.param_types = kTypes;
  statement.param_values = values;
  batches->requests[batches->next] = remote::Send(batches->connection, statement, nullptr);
  batches->next = (batches->next + 1) % kInFlight;
  resetStringInfo(&batches->lines);
}

void Add(Batches* batches, const char* line, int length) {
  appendBinaryStringInfo(&batches->lines, line, length);
  if (batches->lines.len >= kBatchBytes) Flush(batches);
}

void Finish(Batches* batches) {
  Flush(batches);
  for (int i = 0; i < kInFlight; i++) Await(batches, i);
}

/// Rows of the source node.
class LineSink final : public remote::RowSink {
 public:
  explicit LineSink(Batches* batches) : batches_(batches) {}
  void Row(const PGresult* result, int row) override { Add(batches_, PQgetvalue(result, row, 0), PQgetlength(result, row, 0)); }

 private:
  Batches* batches_;
};

/// Of the columns that travel, as an array's literal; null when there are none.
const char* ColumnNames(Oid relid) {
  pg::Array<Datum> names;
  Relation relation = table_open(relid, AccessShareLock);
  TupleDesc descriptor = RelationGetDescr(relation);
  for (int i = 0; i < descriptor->natts; i++) {
    Form_pg_attribute attribute = TupleDescAttr(descriptor, i);
    if (!attribute->attisdropped && attribute->attgenerated == '\0')
      names.push_back(CStringGetTextDatum(NameStr(attribute->attname)));
  }
  table_close(relation, NoLock);
  if (names.empty()) return nullptr;
  ArrayType* array = construct_array(names.data(), names.size(), TEXTOID, -1, false, TYPALIGN_INT);
  return OidOutputFunctionCall(F_ARRAY_OUT, PointerGetDatum(array));
}

void ReadShard(const catalog::Table& table, const catalog::Shard& shard, ingest::LineConsumer consume, void* argument) {
  Relation relation = ingest::OpenShard(table, shard, AccessShareLock);
  // Not the snapshot of the calling statement: that is from before writers were held off.
  Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());
  ingest::ReadLines(relation, snapshot, consume, argument);
  UnregisterSnapshot(snapshot);
  table_close(relation, NoLock);
}

void PassRemoteRows(const catalog::Shard& shard, Batches* batches) {
  LineSink sink(batches);
  remote::StatementText statement;
  statement.sql = psprintf("SELECT line FROM altius_internal.shard_lines(%s) AS it (line)", batches->shard_id);
  remote::Wait(remote::Send(txn::Enlist(shard.groups[0], txn::Access::Read), statement, &sink));
}

const catalog::Table& RequireTable(int64 shard_id, int* index) {
  const catalog::Table* table = catalog::FindTableOfShard(shard_id, index);
  if (table == nullptr)
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("shard " INT64_FORMAT " does not exist", shard_id)));
  return *table;
}

/// What COPY reads; its callback has no argument.
struct Lines {
  const char* next;
  int left;
};
Lines lines;

int ReadLinesOf(void* out, int, int most) {
  const int some = std::min(lines.left, most);
  memcpy(out, lines.next, some);
  lines.next += some;
  lines.left -= some;
  return some;
}

List* NamesOf(ArrayType* array) {
  Datum* values;
  int count;
  deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &values, nullptr, &count);
  List* names = NIL;
  for (int i = 0; i < count; i++) names = lappend(names, makeString(TextDatumGetCString(values[i])));
  return names;
}

}  // namespace

void CopyShardRows(const catalog::Table& table, const catalog::Shard& shard, int target_group) {
  if (shard.group_count == 0) {
    ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED),
                    errmsg("shard %lld of \"%s\" has no placement", static_cast<long long>(shard.id), table.name)));
  }
  if (get_rel_relkind(table.relid) != RELKIND_RELATION) return;  // the rows are its partitions'
  Batches batches{};
  batches.columns = ColumnNames(table.relid);
  if (batches.columns == nullptr) return;
  batches.connection = txn::Enlist(target_group, txn::Access::Write);
  batches.shard_id = psprintf(INT64_FORMAT, shard.id);
  initStringInfo(&batches.lines);
  if (catalog::HasPlacement(shard, catalog::LocalGroup())) {
    ReadShard(table, shard, [](StringInfo line, void* to) { Add(static_cast<Batches*>(to), line->data, line->len); }, &batches);
  } else {
    PassRemoteRows(shard, &batches);
  }
  Finish(&batches);
}

}  // namespace altius::cluster

/// fill_shard(shard_id bigint, columns text[], lines text): on the node where the rows shall go.
ALTIUS_FUNCTION(altius_fill_shard) {
  using namespace altius;
  int index = 0;
  const catalog::Table& table = cluster::RequireTable(PG_GETARG_INT64(0), &index);
  const text* rows = PG_GETARG_TEXT_PP(2);
  const cluster::Lines before = cluster::lines;
  cluster::lines = {VARDATA_ANY(rows), static_cast<int>(VARSIZE_ANY_EXHDR(rows))};
  Relation relation = ingest::OpenShard(table, table.shards[index], RowExclusiveLock);
  const int level = pg::BeginPortableText();
  (void)ingest::FillTable(relation, cluster::NamesOf(PG_GETARG_ARRAYTYPE_P(1)), NIL, cluster::ReadLinesOf);
  pg::EndPortableText(level);
  table_close(relation, NoLock);
  cluster::lines = before;
  PG_RETURN_VOID();
}

/// shard_lines(shard_id bigint) returns setof text: on a node that has the shard.
ALTIUS_FUNCTION(altius_shard_lines) {
  using namespace altius;
  int index = 0;
  const catalog::Table& table = cluster::RequireTable(PG_GETARG_INT64(0), &index);
  InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
  cluster::ReadShard(
      table, table.shards[index],
      [](StringInfo line, void* to) {
        auto* result = static_cast<ReturnSetInfo*>(to);
        Datum value = PointerGetDatum(cstring_to_text_with_len(line->data, line->len));
        bool null = false;
        tuplestore_putvalues(result->setResult, result->setDesc, &value, &null);
        pfree(DatumGetPointer(value));
      },
      fcinfo->resultinfo);
  PG_RETURN_NULL();
}
