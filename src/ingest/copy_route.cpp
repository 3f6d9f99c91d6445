// SPDX-License-Identifier: PostgreSQL
#include "altius/core/copy/frames.hpp"
#include "altius/plan/instantiate.hpp"
#include "altius/task/ownership.hpp"
#include "altius/txn/coordinated.hpp"
#include "lines.hpp"

namespace altius::ingest {

namespace {

constexpr int kFrameBytes = 64 * 1024;
constexpr int kLocalBytes = 512 * 1024;
constexpr Size kMostBytesOfAll = 32 * 1024 * 1024;

/// A function that a default or a condition of the COPY calls may have needed the connection meanwhile: then the COPY has ended.
Stream *StreamTo(Router *router, int group) {
  Stream *stream = nullptr;
  for (Stream &known : router->streams) {
    if (known.group == group) stream = &known;
  }
  if (stream != nullptr && remote::IsCopying(stream->connection)) return stream;
  remote::Connection *connection = txn::Enlist(group, txn::Access::Write);
  remote::BeginCopyIn(connection, StreamCommand(router->shell, router->format));
  if (stream != nullptr) return stream;
  router->streams.push_back(Stream{.group = group, .connection = connection});
  return &router->streams.back();
}

void SendFrame(Router *router, int group, int64 shard_id, StringInfo records) {
  const Stream *stream = StreamTo(router, group);
  char header[core::kFrameHeadBytes];
  core::WriteFrameHead({shard_id, static_cast<uint32>(records->len)}, header);
  remote::SendCopyData(stream->connection, header, sizeof(header));
  remote::SendCopyData(stream->connection, records->data, records->len);
}

void EndStream(Router *router, int group) {
  for (int i = 0; i < router->streams.size(); i++) {
    if (router->streams[i].group != group) continue;
    remote::EndCopy(router->streams[i].connection);
    router->streams[i] = router->streams.back();
    router->streams.pop_back();
    return;
  }
}

/// The router's number of a shard of the table as it is known now; -1 for the part of one that was split.
int NumberOf(const Router &router, const catalog::Shard &shard, int hint) {
  return catalog::ShardIndexOfRange(*router.table, shard.min, shard.max, hint);
}

/// Claims all the table's shards of the group at once: most COPYs write to all of them.
void ClaimOn(Router *router, const catalog::Table &table, int group) {
  EndStream(router, group);
  pg::Array<int64> ids;
  pg::Array<int> numbers;
  for (int i = 0; i < table.shard_count; i++) {
    const catalog::Shard &shard = table.shards[i];
    const int number = NumberOf(*router, shard, i);
    if (number < 0 || router->holders[number] >= 0 || shard.group_count == 0 || shard.groups[0] != group) continue;
    ids.push_back(shard.id);
    numbers.push_back(number);
  }
  const pg::Array<int64> elsewhere = task::ClaimShardsOn(group, ids);
  for (int i = 0; i < ids.size(); i++) {
    const bool moved = std::find(elsewhere.begin(), elsewhere.end(), ids[i]) != elsewhere.end();
    if (!moved) router->holders[numbers[i]] = group;
  }
}

/// Where the shard lies now, as far as this node knows.
const catalog::Shard &NowOf(const Router &router, const catalog::Table &table, int shard_index) {
  const catalog::Shard &shard = router.table->shards[shard_index];
  const int now = catalog::ShardIndexOfRange(table, shard.min, shard.max, shard_index);
  if (now >= 0) return table.shards[now];
  ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
                  errmsg("a shard of \"%s\" was split while rows for it were read", table.name),
                  errhint("Run the statement again.")));
}

/// The group that holds the shard and will until the transaction ends: moves of the shard wait.
int HolderOf(Router *router, int shard_index) {
  for (int attempt = 0; router->holders[shard_index] < 0; attempt++) {
    task::AwaitNewPlacement(attempt);
    const catalog::Table *found = catalog::FindTable(RelationGetRelid(router->shell));
    const catalog::Table &table = found != nullptr ? *found : *router->table;
    const catalog::Shard &shard = NowOf(*router, table, shard_index);
    if (shard.group_count == 0) {
      catalog::Refresh();  // it is being split
    } else if (shard.groups[0] != catalog::LocalGroup()) {
      ClaimOn(router, table, shard.groups[0]);
    } else if (OidIsValid(task::ClaimShard(*router->table, shard))) {
      router->holders[shard_index] = shard.groups[0];
    }
  }
  return router->holders[shard_index];
}

void WriteHere(Router *router, const catalog::Shard &shard, StringInfo records) {
  txn::NoteLocalWrite();
  WriteLines({router->shell, &router->format, records->data, records->len}, *router->table, shard);
}

/// A reference table's rows go to all its copies.
void FlushToCopies(Router *router, const catalog::Shard &shard, StringInfo records) {
  const int here = catalog::LocalGroup();
  for (int i = 0; i < shard.group_count; i++) {
    if (shard.groups[i] != here) SendFrame(router, shard.groups[i], shard.id, records);
  }
  if (catalog::HasPlacement(shard, here)) WriteHere(router, shard, records);
}

void Flush(Router *router, int shard_index) {
  StringInfo records = &router->buffers[shard_index];
  if (records->len == 0) return;
  const catalog::Shard &shard = router->table->shards[shard_index];
  if (shard.group_count != 1) {
    FlushToCopies(router, shard, records);
  } else {
    const int holder = HolderOf(router, shard_index);
    if (holder == catalog::LocalGroup()) {
      WriteHere(router, shard, records);
    } else {
      SendFrame(router, holder, shard.id, records);
    }
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
  catalog::RequireShards(table);
  Router router{};
  router.table = &table;
  router.shell = shell;
  router.format = format;
  router.buffers = static_cast<StringInfoData *>(palloc0(sizeof(StringInfoData) * table.shard_count));
  router.holders = static_cast<int *>(palloc(sizeof(int) * table.shard_count));
  for (int i = 0; i < table.shard_count; i++) {
    initStringInfo(&router.buffers[i]);
    router.holders[i] = -1;
  }
  return router;
}

void RouteLine(Router *router, int shard_index, uint32 line_number, const char *line, int length) {
  StringInfo buffer = &router->buffers[shard_index];
  char head[core::kRecordHeadBytes];
  core::WriteRecordHead(line_number, static_cast<uint32>(length), head);
  appendBinaryStringInfo(buffer, head, sizeof(head));
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
  for (const Stream &stream : router->streams) remote::EndCopy(stream.connection);
  router->streams.clear();
}

int ShardOfRow(const catalog::Table &table, const Datum *values, const bool *nulls) {
  if (table.kind != catalog::TableKind::Hash) return 0;
  return catalog::ShardIndexOfKey(table, values[table.key - 1], nulls[table.key - 1]);
}

}  // namespace altius::ingest
