// SPDX-License-Identifier: PostgreSQL
#include "altius/core/replication/pgoutput.hpp"

#include <cstdio>
#include <cstring>

namespace altius::core {

namespace {

/// Takes numbers and texts off the front; once something is missing everything is zero and `ok` false.
struct Reader {
  const char *at;
  const char *end;
  bool ok = true;

  const char *Take(int64_t count) {
    if (!ok || count < 0 || end - at < count) {
      ok = false;
      return nullptr;
    }
    const char *taken = at;
    at += count;
    return taken;
  }
  uint64_t Number(int bytes) {
    const char *taken = Take(bytes);
    uint64_t number = 0;
    for (int i = 0; taken != nullptr && i < bytes; i++) number = number << 8 | static_cast<uint8_t>(taken[i]);
    return number;
  }
  uint8_t Byte() { return static_cast<uint8_t>(Number(1)); }
  char Char() { return static_cast<char>(Number(1)); }
  int Short() { return static_cast<int16_t>(Number(2)); }
  int32_t Int() { return static_cast<int32_t>(Number(4)); }
  uint32_t Oid() { return static_cast<uint32_t>(Number(4)); }
  uint64_t Long() { return Number(8); }
  const char *Text() {
    const void *zero = ok ? std::memchr(at, 0, static_cast<size_t>(end - at)) : nullptr;
    if (zero == nullptr) {
      ok = false;
      return "";
    }
    const char *taken = at;
    at = static_cast<const char *>(zero) + 1;
    return taken;
  }
};

void ReadRow(Reader *reader, RowImage *row) {
  row->count = reader->Short();
  if (row->count < 0 || row->count > kMostColumns) reader->ok = false;
  for (int i = 0; reader->ok && i < row->count; i++) {
    ColumnValue *value = &row->columns[i];
    *value = ColumnValue{static_cast<ColumnKind>(reader->Char()), nullptr, 0};
    switch (value->kind) {
      case ColumnKind::Null:
      case ColumnKind::Unchanged:
        break;
      case ColumnKind::Text:
      case ColumnKind::Binary:
        value->length = reader->Int();
        value->data = reader->Take(value->length);
        break;
      default:
        reader->ok = false;
    }
  }
}

void ReadRelation(Reader *reader, Message *message) {
  message->relation = reader->Oid();
  message->schema = reader->Text();
  if (message->schema[0] == '\0') message->schema = "pg_catalog";  // sent as an empty text
  message->name = reader->Text();
  message->identity = reader->Char();
  message->column_count = reader->Short();
  if (message->column_count < 0 || message->column_count > kMostColumns) reader->ok = false;
  for (int i = 0; reader->ok && i < message->column_count; i++) {
    RelationColumn *column = &message->columns[i];
    column->key = (reader->Byte() & 1) != 0;
    column->name = reader->Text();
    column->type = reader->Oid();
    reader->Int();  // type modifier
  }
}

void ReadChange(Reader *reader, Message *message) {
  message->relation = reader->Oid();
  message->old_kind = OldRow::None;
  char part = reader->Char();
  if (part == 'K' || part == 'O') {
    message->old_kind = static_cast<OldRow>(part);
    ReadRow(reader, &message->old_row);
    part = message->kind == MessageKind::Delete ? 'N' : reader->Char();
  }
  const bool must_have_old = message->kind == MessageKind::Delete;
  if (part != 'N' || (must_have_old && message->old_kind == OldRow::None) ||
      (message->kind == MessageKind::Insert && message->old_kind != OldRow::None)) {
    reader->ok = false;
    return;
  }
  if (message->kind != MessageKind::Delete) ReadRow(reader, &message->new_row);
}

void ReadTruncate(Reader *reader, Message *message) {
  const int count = reader->Int();
  const uint8_t options = reader->Byte();
  message->cascade = (options & 1) != 0;
  message->restart_identity = (options & 2) != 0;
  if (count < 0 || count > kMostColumns) reader->ok = false;
  for (int i = 0; reader->ok && i < count; i++) message->truncated[i] = reader->Oid();
  message->truncated_count = reader->ok ? count : 0;
}

void Put(char **at, uint64_t number, int bytes) {
  for (int i = bytes - 1; i >= 0; i--) *(*at)++ = static_cast<char>(number >> (8 * i));
}

}  // namespace

bool ParseMessage(const char *data, int length, Message *message) {
  Reader reader{data, data + length};
  message->kind = static_cast<MessageKind>(reader.Char());
  switch (message->kind) {
    case MessageKind::Begin:
      message->lsn = reader.Long();
      reader.Long();  // time
      message->xid = reader.Oid();
      break;
    case MessageKind::Commit:
      reader.Byte();  // flags
      reader.Long();  // where the commit record begins
      message->lsn = reader.Long();
      reader.Long();  // time
      break;
    case MessageKind::Relation:
      ReadRelation(&reader, message);
      break;
    case MessageKind::Insert:
    case MessageKind::Update:
    case MessageKind::Delete:
      ReadChange(&reader, message);
      break;
    case MessageKind::Truncate:
      ReadTruncate(&reader, message);
      break;
    default:
      message->kind = MessageKind::Other;
  }
  return reader.ok;
}

bool ParseFrame(const char *data, int length, Frame *frame) {
  Reader reader{data, data + length};
  *frame = Frame{};
  frame->kind = static_cast<FrameKind>(reader.Char());
  switch (frame->kind) {
    case FrameKind::Data:
      frame->start = reader.Long();
      frame->end = reader.Long();
      reader.Long();  // time
      frame->payload = reader.at;
      frame->length = static_cast<int>(reader.end - reader.at);
      break;
    case FrameKind::Keepalive:
      frame->end = reader.Long();
      reader.Long();  // time
      frame->wants_reply = reader.Byte() != 0;
      break;
    default:
      frame->kind = FrameKind::Unknown;
  }
  return reader.ok;
}

void FormatStatus(uint64_t written, uint64_t flushed, int64_t now, bool reply, char *out) {
  *out++ = 'r';
  Put(&out, written, 8);
  Put(&out, flushed, 8);
  Put(&out, flushed, 8);  // applied
  Put(&out, static_cast<uint64_t>(now), 8);
  *out = reply ? 1 : 0;
}

int FormatLsn(uint64_t lsn, char *out) {
  return std::snprintf(out, 18, "%X/%X", static_cast<uint32_t>(lsn >> 32), static_cast<uint32_t>(lsn));
}

bool ParseLsn(const char *text, uint64_t *lsn) {
  unsigned high = 0;
  unsigned low = 0;
  int used = 0;
  if (std::sscanf(text, "%8X/%8X%n", &high, &low, &used) != 2 || text[used] != '\0') return false;
  *lsn = static_cast<uint64_t>(high) << 32 | low;
  return true;
}

}  // namespace altius::core
