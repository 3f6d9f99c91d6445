// SPDX-License-Identifier: PostgreSQL
// What comes out of a logical replication slot: the frames of the streaming protocol and, in them, the messages of
// pgoutput (protocol version 1).  Everything points into the bytes that were given; nothing is copied and nothing raised,
// so that code which must not be jumped over can use it, too.
#pragma once

#include <cstdint>

namespace altius::core {

inline constexpr int kMostColumns = 1664;  // PostgreSQL's limit of a target list

enum class ColumnKind : char { Null = 'n', Unchanged = 'u', Text = 't', Binary = 'b' };

struct ColumnValue {
  ColumnKind kind;
  const char *data;  // of Text and Binary; not terminated
  int length;
};

struct RowImage {
  int count;
  ColumnValue columns[kMostColumns];
};

struct RelationColumn {
  bool key;  // part of the replica identity
  const char *name;
  uint32_t type;
};

enum class MessageKind : char {
  Begin = 'B',
  Commit = 'C',
  Relation = 'R',
  Insert = 'I',
  Update = 'U',
  Delete = 'D',
  Truncate = 'T',
  Other = '?',  // types, origins, messages: of no interest
};

enum class OldRow : char { None = 0, Key = 'K', Whole = 'O' };

/// One message.  Large: kept once for a stream and filled again and again.
struct Message {
  MessageKind kind;
  uint32_t relation;  // Relation, Insert, Update, Delete
  uint64_t lsn;       // Begin: of the commit; Commit: its end
  uint32_t xid;       // Begin

  const char *schema;  // Relation
  const char *name;
  char identity;
  int column_count;
  RelationColumn columns[kMostColumns];

  OldRow old_kind;  // Update, Delete
  RowImage old_row;
  RowImage new_row;  // Insert, Update

  bool cascade;  // Truncate
  bool restart_identity;
  int truncated_count;
  uint32_t truncated[kMostColumns];
};

/// Reads one message of pgoutput; false when it is not well formed.
bool ParseMessage(const char *data, int length, Message *message);

enum class FrameKind : char { Data = 'w', Keepalive = 'k', Unknown = '?' };

/// One CopyData message of the streaming protocol.
struct Frame {
  FrameKind kind;
  uint64_t start;       // Data: where the message begins in the log
  uint64_t end;         // the sender has decoded everything before this
  bool wants_reply;     // Keepalive
  const char *payload;  // Data
  int length;
};

bool ParseFrame(const char *data, int length, Frame *frame);

/// The standby's answer: what it has; `reply`: asks for a keepalive at once.  Always kStatusSize bytes.
inline constexpr int kStatusSize = 34;
void FormatStatus(uint64_t written, uint64_t flushed, int64_t now, bool reply, char *out);

/// `X/X` as PostgreSQL prints positions of the log; at least 18 bytes.
int FormatLsn(uint64_t lsn, char *out);
bool ParseLsn(const char *text, uint64_t *lsn);

}  // namespace altius::core
