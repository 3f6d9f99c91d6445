// SPDX-License-Identifier: PostgreSQL
// The receiving end of a stream of frames: lines that another node has parsed already, with the shard they belong to.
#include "altius/core/copy/frames.hpp"
#include "altius/txn/coordinated.hpp"
#include "lines.hpp"

extern "C" {
#include "commands/copyfrom_internal.h"
#include "commands/defrem.h"
#include "libpq/pqformat.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"

// Of libpq/libpq.h, which can't be included where the headers of GSSAPI are not installed.
extern void pq_startmsgread(void);
extern int pq_getbyte(void);
extern int pq_getmessage(StringInfo message, int most);
}

namespace altius::ingest {

namespace {

constexpr int kFlushBytes = 512 * 1024;
constexpr const char *kLineOptions[] = {"encoding", "delimiter", "null", "quote", "escape", "force_not_null", "force_null"};

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

[[noreturn]] void Broken() {
  ereport(ERROR, (errcode(ERRCODE_BAD_COPY_FILE_FORMAT), errmsg("a frame of rows is broken")));
  pg_unreachable();
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
  WriteLines({receiver->shell, &receiver->format, records->data, records->len}, *receiver->table, receiver->table->shards[index]);
  resetStringInfo(records);
}

/// The table's number of the shard.  The cache may hold the table a second time by now, when other metadata has changed
/// meanwhile: what it says is checked against this one.
int IndexOf(const catalog::Table &table, int64 shard_id) {
  int index = 0;
  const catalog::Table *known = catalog::FindTableOfShard(shard_id, &index);
  const bool of_table = known != nullptr && known->relid == table.relid;
  if (of_table && index < table.shard_count && table.shards[index].id == shard_id) return index;
  ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("shard %lld of table \"%s\" is not known on this node",
                                                           static_cast<long long>(shard_id), table.name)));
  pg_unreachable();
}

void ReceiveFrame(Receiver *receiver, Input *input, const char *header, uint64 *lines) {
  const auto head = core::ReadFrameHead(header);
  if (!head.has_value()) Broken();
  const int index = IndexOf(*receiver->table, head->shard_id);
  const auto length = static_cast<int>(head->length);
  StringInfo buffer = &receiver->buffers[index];
  enlargeStringInfo(buffer, length);
  if (!Take(input, buffer->data + buffer->len, length)) Lost();
  const auto count = core::CountRecords({buffer->data + buffer->len, head->length});
  if (!count.has_value()) Broken();
  *lines += *count;
  buffer->len += length;
  buffer->data[buffer->len] = '\0';
  if (buffer->len >= kFlushBytes) Flush(receiver, index);
}

/// The format of the lines is one that RawFormat or TextFormat makes.
void CheckOptions(const LineFormat &format) {
  ListCell *cell;
  foreach (cell, format.options) {
    auto *option = lfirst_node(DefElem, cell);
    bool known = false;
    for (const char *name : kLineOptions) known = known || strcmp(option->defname, name) == 0;
    if (strcmp(option->defname, "format") == 0) known = strcmp(defGetString(option), "csv") == 0;
    if (known) continue;
    ereport(ERROR, (errcode(ERRCODE_SYNTAX_ERROR), errmsg("option \"%s\" can't go with frames of rows", option->defname)));
  }
}

}  // namespace

uint64 ReceiveFrames(Relation shell, const catalog::Table &table, const LineFormat &format, const char *settings) {
  if (whereToSendOutput != DestRemote) {
    ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("frames of rows come from another node only")));
  }
  CheckOptions(format);
  const int level = NewGUCNestLevel();
  ApplyReadingSettings(settings);
  txn::NoteLocalWrite();
  Receiver receiver = {.shell = shell, .table = &table, .format = format, .buffers = nullptr};
  receiver.buffers = static_cast<StringInfoData *>(palloc0(sizeof(StringInfoData) * table.shard_count));
  for (int i = 0; i < table.shard_count; i++) initStringInfo(&receiver.buffers[i]);
  Input input{};
  Begin(&input);
  uint64 lines = 0;
  char header[core::kFrameHeadBytes];
  while (Take(&input, header, sizeof(header))) ReceiveFrame(&receiver, &input, header, &lines);
  for (int i = 0; i < table.shard_count; i++) Flush(&receiver, i);
  AtEOXact_GUC(true, level);
  return lines;
}

}  // namespace altius::ingest
