// SPDX-License-Identifier: PostgreSQL
#include "altius/plan/instantiate.hpp"
#include "altius/txn/coordinated.hpp"
#include "lines.hpp"

extern "C" {
#include "port/pg_bswap.h"
}

namespace altius::ingest {

namespace {

constexpr int kFrameBytes = 64 * 1024;
constexpr int kLocalBytes = 512 * 1024;
constexpr Size kMostBytesOfAll = 32 * 1024 * 1024;

Stream *StreamTo(Router *router, int group) {
  for (Stream &stream : router->streams) {
    if (stream.group == group) return &stream;
  }
  remote::Connection *connection = txn::Enlist(group, txn::Access::Write);
  remote::BeginCopyIn(connection, StreamCommand(router->shell, router->format));
  router->streams.push_back(Stream{.group = group, .connection = connection});
  return &router->streams.back();
}

void SendFrame(Router *router, int group, int64 shard_id, StringInfo records) {
  const Stream *stream = StreamTo(router, group);
  char header[12];
  const uint64 id = pg_hton64(static_cast<uint64>(shard_id));
  const uint32 length = pg_hton32(static_cast<uint32>(records->len));
  memcpy(header, &id, sizeof(id));
  memcpy(header + sizeof(id), &length, sizeof(length));
  remote::SendCopyData(stream->connection, header, sizeof(header));
  remote::SendCopyData(stream->connection, records->data, records->len);
}

void Flush(Router *router, int shard_index) {
  StringInfo records = &router->buffers[shard_index];
  if (records->len == 0) return;
  const catalog::Shard &shard = router->table->shards[shard_index];
  const int here = catalog::LocalGroup();
  for (int i = 0; i < shard.group_count; i++) {
    if (shard.groups[i] != here) SendFrame(router, shard.groups[i], shard.id, records);
  }
  if (catalog::HasPlacement(shard, here)) {
    txn::NoteLocalWrite();
    WriteLines(router->shell, router->format, catalog::ShardName(*router->table, shard), records->data, records->len);
  }
  router->bytes -= records->len;
  resetStringInfo(records);
}

bool IsLocal(const Router &router, int shard_index) {
  return catalog::HasPlacement(router.table->shards[shard_index], catalog::LocalGroup());
}

void FlushLargest(Router *router) {
  int largest = 0;
  for (int i = 1; i < router->table->shard_count; i++) {
    if (router->buffers[i].len > router->buffers[largest].len) largest = i;
  }
  Flush(router, largest);
}

}  // namespace

Router MakeRouter(const catalog::Table &table, Relation shell, const LineFormat &format) {
  Router router{};
  router.table = &table;
  router.shell = shell;
  router.format = format;
  router.buffers = static_cast<StringInfoData *>(palloc0(sizeof(StringInfoData) * table.shard_count));
  for (int i = 0; i < table.shard_count; i++) initStringInfo(&router.buffers[i]);
  return router;
}

void RouteLine(Router *router, int shard_index, uint32 line_number, const char *line, int length) {
  StringInfo buffer = &router->buffers[shard_index];
  const uint32 head[2] = {pg_hton32(line_number), pg_hton32(static_cast<uint32>(length))};
  appendBinaryStringInfo(buffer, reinterpret_cast<const char *>(head), sizeof(head));
  appendBinaryStringInfo(buffer, line, length);
  router->bytes += sizeof(head) + length;
  router->lines++;
  if (buffer->len >= kFrameBytes && (buffer->len >= kLocalBytes || !IsLocal(*router, shard_index))) {
    Flush(router, shard_index);
  }
  if (router->bytes >= kMostBytesOfAll) FlushLargest(router);
}

void FinishRouter(Router *router) {
  // What goes to other nodes leaves first: they work while this one does.
  for (int i = 0; i < router->table->shard_count; i++) {
    if (!IsLocal(*router, i)) Flush(router, i);
  }
  for (int i = 0; i < router->table->shard_count; i++) Flush(router, i);
  for (const Stream &stream : router->streams) remote::EndCopyIn(stream.connection, nullptr);
  router->streams.clear();
}

int ShardOfRow(const catalog::Table &table, const Datum *values, const bool *nulls) {
  if (table.kind != catalog::TableKind::Hash) return 0;
  if (nulls[table.key - 1]) plan::RaiseNullKey(table);
  return catalog::ShardIndexOfValue(table, values[table.key - 1]);
}

}  // namespace altius::ingest
