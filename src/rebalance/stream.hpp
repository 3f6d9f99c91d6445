// SPDX-License-Identifier: PostgreSQL
// The changes of tables on another node, as that node's log tells them: a slot, its snapshot, and
// then the messages of pgoutput.  Belongs to the session that opened it, ends with a transaction
// that fails.
#pragma once

#include "altius/core/replication/pgoutput.hpp"
#include "bare.hpp"

extern "C" {
#include "datatype/timestamp.h"
}

namespace altius::rebalance {

struct Stream {
  Bare* bare;
  uint64
      position;  // every change of a transaction that was committed before it has been handed out
  TimestampTz told;   // when the sender heard of us
  TimestampTz asked;  // when it was asked how far it is
  char* buffer;       // libpq's; what was handed out last
  int source;         // group
  uint64 generation;  // of its entry in the address book when the stream was opened; 0: none
  uint64 book_seen;   // the book's version when that was last looked at
};

/// Fills `stream`, which outlives the connection.
void OpenStream(Stream* stream, int source);
void CloseStream(Stream* stream);

/// Waits for every transaction that writes on the source at this moment.  The slot goes with the
/// connection.  The result is the name of a snapshot that has all the stream is not going to tell;
/// it can be used until StartStream.
char* MakeSlot(Stream* stream, const char* slot);
void StartStream(Stream* stream, const char* slot, const char* publication, bool binary);

/// Tells the source that somebody reads, when it has not heard of that for a while.
void KeepAlive(Stream* stream);

/// The next message of pgoutput, valid until the next call; false when none came in `wait_ms` or
/// `position` has reached `until`.
bool NextMessage(Stream* stream, uint64 until, long wait_ms, char** data, int* length);

}  // namespace altius::rebalance
