// SPDX-License-Identifier: PostgreSQL
// The target's own connections to the source: for COPY, and for the stream of changes.  They end with the transaction that
// fails, and with the session.
#pragma once

#include "altius/catalog/metadata.hpp"
#include "altius/remote/control.hpp"

namespace altius::rebalance {

struct Bare;

Bare* ConnectBare(int group, bool replication);
void DisconnectBare(Bare* bare);

/// Runs a command; the first row's columns when `values` has room for `count`, as palloc'd texts.  COPY TO and
/// START_REPLICATION leave the connection streaming.
void ExecuteBare(Bare* bare, const char* sql, char** values = nullptr, int count = 0);

/// The next message of the stream: its length, 0 when none comes in `timeout_ms` (-1: waits for it), -1 at the end.  libpq
/// owns the buffer: PQfreemem.
int ReadCopyData(Bare* bare, char** buffer, long timeout_ms);

/// Sends a message into a stream that goes both ways.
void WriteCopyData(Bare* bare, const char* data, int length);

void InitBare();

}  // namespace altius::rebalance
