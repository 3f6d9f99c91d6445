// SPDX-License-Identifier: PostgreSQL
#include "stream.hpp"

#include "altius/pg/compat_guc.hpp"
#include "altius/remote/address_book.hpp"
#include "watch.hpp"

extern "C" {
#include "utils/builtins.h"
#include "utils/timestamp.h"
}

namespace altius::rebalance {

namespace {

constexpr int64 kTellEach = 1000 * 1000;  // microseconds
constexpr int64 kAskEach = 4 * 1000;
constexpr long kWaitMs = 4;

void Tell(Stream* stream, TimestampTz now, bool reply) {
  char status[core::kStatusSize];
  // Nothing begins anew where it ended: the source may forget what was handed out.
  core::FormatStatus(stream->position, stream->position, now, reply, status);
  WriteCopyData(stream->bare, status, core::kStatusSize);
  stream->told = now;
  if (reply) stream->asked = now;
}

void Free(Stream* stream) {
  if (stream->buffer != nullptr) PQfreemem(stream->buffer);
  stream->buffer = nullptr;
}

/// One frame; false when it is no message of pgoutput.
bool TakeFrame(Stream* stream, int received, char** data, int* length) {
  core::Frame frame;
  if (!core::ParseFrame(stream->buffer, received, &frame))
    ereport(ERROR, (errcode(ERRCODE_PROTOCOL_VIOLATION),
                    errmsg("the stream of changes is not well formed")));
  if (frame.kind == core::FrameKind::Keepalive) {
    stream->position = std::max(stream->position, frame.end);
    if (frame.wants_reply) Tell(stream, GetCurrentTimestamp(), false);
    return false;
  }
  if (frame.kind != core::FrameKind::Data) return false;
  stream->position = std::max(stream->position, frame.start);
  *data = const_cast<char*>(frame.payload);
  *length = frame.length;
  return true;
}

/// A server that is about to stop waits until everybody has read its log to the end.
void HangUpIfLeaving(Stream* stream) {
  const uint64 version = remote::BookVersion();
  if (version == stream->book_seen) return;
  stream->book_seen = version;
  if (!IsLeaving(stream->source, stream->generation)) return;
  ereport(ERROR, (errcode(ERRCODE_CANNOT_CONNECT_NOW), errmsg("the source of the changes gets another primary"),
                  errhint("Try again.")));
}

/// The server's own limit stays when it is the shorter one.
void LimitSilence(Stream* stream) {
  ExecuteBare(stream->bare,
              psprintf("SELECT pg_catalog.set_config('wal_sender_timeout', '%d', false) FROM pg_catalog.pg_settings "
                       "WHERE name = 'wal_sender_timeout' AND NOT setting::int BETWEEN 1 AND %d",
                       kStreamTimeoutMs, kStreamTimeoutMs));
}

}  // namespace

void OpenStream(Stream* stream, int source) {
  *stream = Stream{};
  stream->source = source;
  stream->generation = GenerationOf(source);
  stream->bare = ConnectBare(source, true);
  // Values are told as this session reads them, and the session may idle while rows are copied.
  for (const char* setting :
       {"datestyle = ISO", "intervalstyle = postgres", "extra_float_digits = 3",
        "bytea_output = hex", "lock_timeout = 0"})
    ExecuteBare(stream->bare, psprintf("SET %s", setting));
  LimitSilence(stream);
  for (const char* timeout : pg::kTimeouts) ExecuteBare(stream->bare, psprintf("SET %s = 0", timeout));
}

void CloseStream(Stream* stream) {
  Free(stream);
  if (stream->bare != nullptr) DisconnectBare(stream->bare);
  stream->bare = nullptr;
}

char* MakeSlot(Stream* stream, const char* slot) {
  char* values[3] = {};
  ExecuteBare(stream->bare,
              psprintf("CREATE_REPLICATION_SLOT %s TEMPORARY LOGICAL pgoutput (SNAPSHOT 'export')",
                       quote_identifier(slot)),
              values, 3);
  if (values[1] == nullptr || values[2] == nullptr || !core::ParseLsn(values[1], &stream->position))
    elog(ERROR, "unexpected answer to CREATE_REPLICATION_SLOT");
  return values[2];
}

void StartStream(Stream* stream, const char* slot, const char* publication, bool binary) {
  char from[32];
  core::FormatLsn(stream->position, from);
  // Messages in the log are told, too: they show how far the sender is without being asked.
  ExecuteBare(
      stream->bare,
      psprintf("START_REPLICATION SLOT %s LOGICAL %s (proto_version '1', publication_names %s, "
               "binary '%s', messages 'true')",
               quote_identifier(slot), from, quote_literal_cstr(quote_identifier(publication)),
               binary ? "true" : "false"));
  stream->told = GetCurrentTimestamp();
}

void KeepAlive(Stream* stream) {
  const TimestampTz now = GetCurrentTimestamp();
  if (now - stream->told > kTellEach) Tell(stream, now, false);
}

bool NextMessage(Stream* stream, uint64 until, long wait_ms, char** data, int* length) {
  const TimestampTz give_up = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), wait_ms);
  while (stream->position < until) {
    Free(stream);
    HangUpIfLeaving(stream);
    KeepAlive(stream);
    const TimestampTz now = GetCurrentTimestamp();
    int received = ReadCopyData(stream->bare, &stream->buffer, 0);
    if (received == 0) {
      if (now >= give_up) return false;
      if (now - stream->asked >= kAskEach) Tell(stream, now, true);
      received = ReadCopyData(stream->bare, &stream->buffer, kWaitMs);
    }
    if (received < 0)
      ereport(ERROR, (errcode(ERRCODE_CONNECTION_FAILURE),
                      errmsg("the source has ended the stream of changes")));
    if (received > 0 && TakeFrame(stream, received, data, length)) return true;
  }
  return false;
}

}  // namespace altius::rebalance
