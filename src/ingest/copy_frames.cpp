// SPDX-License-Identifier: PostgreSQL
// The receiving end of a stream of frames: lines that another node has parsed already, with the shard they belong to.
#include "altius/txn/coordinated.hpp"
#include "lines.hpp"

extern "C" {
#include "commands/copyfrom_internal.h"
#include "libpq/pqformat.h"
#include "port/pg_bswap.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"

// Of libpq/libpq.h, which can't be included where the headers of GSSAPI are not installed.
extern void pq_startmsgread(void);
extern int pq_getbyte(void);
extern int pq_getmessage(StringInfo message, int most);
}

namespace altius::ingest {

namespace {

constexpr int kHeaderBytes = 12;
constexpr int kRecordHeadBytes = 8;
constexpr int kFlushBytes = 512 * 1024;

/// Bytes from the client's COPY stream, whatever the messages they come in.
struct Input {
  StringInfoData message;
  bool ended;
};

/// Says to the client that it may send.
void Begin(Input *input) {
  auto *state = static_cast<CopyFromState>(palloc0(sizeof(CopyFromStateData)));
  ReceiveCopyBegin(state);
  input->message = *state->fe_msgbuf;
  input->ended = false;
}

[[noreturn]] void Lost() {
  ereport(ERROR, (errcode(ERRCODE_CONNECTION_FAILURE), errmsg("unexpected EOF on client connection with an open transaction")));
  pg_unreachable();
}

/// Reads the next message of data; false at the end of the stream.
bool NextMessage(Input *input) {
  while (!input->ended) {
    HOLD_CANCEL_INTERRUPTS();
    pq_startmsgread();
    const int kind = pq_getbyte();
    if (kind == EOF) Lost();
    if (pq_getmessage(&input->message, kind == 'd' ? MaxAllocSize - 1 : 10000)) Lost();
    RESUME_CANCEL_INTERRUPTS();
    CHECK_FOR_INTERRUPTS();
    switch (kind) {
      case 'd':
        return true;
      case 'c':
        input->ended = true;
        break;
      case 'f':
        ereport(ERROR, (errcode(ERRCODE_QUERY_CANCELED),
                        errmsg("COPY from stdin failed: %s", pq_getmsgstring(&input->message))));
        break;
      case 'H':
      case 'S':
        break;
      default:
        ereport(ERROR, (errcode(ERRCODE_PROTOCOL_VIOLATION),
                        errmsg("unexpected message type 0x%02X during COPY from stdin", kind)));
    }
  }
  return false;
}

/// Copies `count` bytes; false when the stream ends before the first of them.
bool Take(Input *input, char *target, int count) {
  int taken = 0;
  while (taken < count) {
    const int here = input->message.len - input->message.cursor;
    if (here == 0) {
      if (NextMessage(input)) continue;
      if (taken == 0) return false;
      ereport(ERROR, (errcode(ERRCODE_BAD_COPY_FILE_FORMAT), errmsg("a frame of rows is cut short")));
    }
    const int some = std::min(here, count - taken);
    memcpy(target + taken, input->message.data + input->message.cursor, some);
    input->message.cursor += some;
    taken += some;
  }
  return true;
}

uint64 CountRecords(const char *records, int length) {
  uint64 count = 0;
  for (int at = 0; at < length; count++) {
    uint32 line_length;
    memcpy(&line_length, records + at + sizeof(uint32), sizeof(line_length));
    at += kRecordHeadBytes + static_cast<int>(pg_ntoh32(line_length));
  }
  return count;
}

struct Receiver {
  Relation shell;
  const catalog::Table *table;
  LineFormat format;
  StringInfoData *buffers;  // by shard index
};

void Flush(Receiver *receiver, int index) {
  StringInfo records = &receiver->buffers[index];
  if (records->len == 0) return;
  const char *name = catalog::ShardName(*receiver->table, receiver->table->shards[index]);
  WriteLines(receiver->shell, receiver->format, name, records->data, records->len);
  resetStringInfo(records);
}

void ReceiveFrame(Receiver *receiver, Input *input, const char *header, uint64 *lines) {
  uint64 id;
  uint32 length;
  memcpy(&id, header, sizeof(id));
  memcpy(&length, header + sizeof(id), sizeof(length));
  const auto shard_id = static_cast<int64>(pg_ntoh64(id));
  const auto count = static_cast<int>(pg_ntoh32(length));
  int index = 0;
  while (index < receiver->table->shard_count && receiver->table->shards[index].id != shard_id) index++;
  if (index == receiver->table->shard_count) {
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("shard %lld of table \"%s\" is not known on this node",
                                                             static_cast<long long>(shard_id), receiver->table->name)));
  }
  StringInfo buffer = &receiver->buffers[index];
  enlargeStringInfo(buffer, count);
  if (!Take(input, buffer->data + buffer->len, count)) Lost();
  *lines += CountRecords(buffer->data + buffer->len, count);
  buffer->len += count;
  buffer->data[buffer->len] = '\0';
  if (buffer->len >= kFlushBytes) Flush(receiver, index);
}

}  // namespace

uint64 ReceiveFrames(Relation shell, const catalog::Table &table, const LineFormat &format, const char *settings) {
  if (whereToSendOutput != DestRemote) {
    ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("frames of rows come from another node only")));
  }
  const int level = NewGUCNestLevel();
  ApplyReadingSettings(settings);
  txn::NoteLocalWrite();
  Receiver receiver = {.shell = shell, .table = &table, .format = format, .buffers = nullptr};
  receiver.buffers = static_cast<StringInfoData *>(palloc0(sizeof(StringInfoData) * table.shard_count));
  for (int i = 0; i < table.shard_count; i++) initStringInfo(&receiver.buffers[i]);
  Input input{};
  Begin(&input);
  uint64 lines = 0;
  char header[kHeaderBytes];
  while (Take(&input, header, kHeaderBytes)) ReceiveFrame(&receiver, &input, header, &lines);
  for (int i = 0; i < table.shard_count; i++) Flush(&receiver, i);
  AtEOXact_GUC(true, level);
  return lines;
}

}  // namespace altius::ingest
