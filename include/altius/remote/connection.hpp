// SPDX-License-Identifier: PostgreSQL
// The backend's connections to other nodes: one for each node, whoever is at work, libpq in pipeline mode,
// statements in flight in a first-in first-out queue.
//
// A statement is sent without waiting for those before it.  Its rows go to its sink when they
// arrive; whoever waits for a later statement of the same connection thereby drains the earlier
// ones into their sinks (which keep rows in tuplestores), so any number of scans may share one
// connection.  Nothing is read that nobody asks for: TCP holds back the sender.
//
// Not transaction aware: floor txn decides about BEGIN, savepoints and commit and hands connections
// out.
#pragma once

#include "altius/core/route/retry.hpp"
#include "altius/pg/pg.hpp"

extern "C" {
#include "libpq-fe.h"
}

namespace altius::remote {

/// Receives the rows of one statement.  Implementations are plain palloc'd objects and may ereport.
class RowSink {
 public:
  /// Called once before the first row, also when there is none.  `result` has the column
  /// descriptions.
  virtual void Columns(const PGresult*) {}
  /// One call for each row of `result` (usually one row: single-row mode).
  virtual void Row(const PGresult* result, int row) = 0;

 protected:
  ~RowSink() = default;
};

/// Receives what shards tell of triggers (floor trigger), with the nesting level of the transaction in which it happened.  Like a row
/// sink.
class EventSink {
 public:
  virtual void Event(const char* text, int level) = 0;

 protected:
  ~EventSink() = default;
};

/// Where events of statements go that are sent from now on; null: nowhere.
extern EventSink* event_sink;

/// Statements in flight that were sent with it tell nobody any more.
void ForgetEventSink(const EventSink* sink) noexcept;

struct StatementText {
  const char* sql = nullptr;
  int param_count = 0;
  const Oid* param_types = nullptr;           // null: let the node infer
  const char* const* param_values = nullptr;  // text form; null pointer: SQL null
  bool binary_rows = false;                   // ask for binary result columns
  bool may_have_moved = false;                // the caller looks at `moved` of the request
  bool prepare = false;  // keep as a prepared statement of the connection (LRU by text and types)
  bool by_node = false;  // calls what only nodes may call: it goes with a ticket.  Never for a text of users
  const char* claim = nullptr;  // or a ticket for these bytes goes as the last parameter, after those counted
  size_t claim_length = 0;
  bool hides_rows = false;  // errors about a row that does not fit don't show it

  /// Parameters of what is not the user's own text may be rows that the user may not read, and a setting of the node puts them into
  /// an error's context.
  bool hides_parameters() const { return (by_node || claim != nullptr) && param_count > 0; }
};

/// The number of rows by which a node says that it has not run a statement, because it does not
/// hold a shard that the statement is about.
inline constexpr int64 kMovedRows = INT64_MAX - 1;

/// A portal that keeps its result (RETURNING, a modification in WITH) reports the number of rows kept instead.  So the node also
/// reports a parameter of this name, as a server may at any time, with another value each time: in front of the statement's end.
inline constexpr const char* kMovedParameter = "altius.moved_statements";

/// Of the names of statements that a session has prepared on a node.
inline constexpr const char* kPreparedPrefix = "altius_";

class Connection;

/// Whether the detail of such an error has the row that does not fit: with all columns that the statement writes.
inline bool ShowsRow(int sqlerrcode) { return sqlerrcode == ERRCODE_CHECK_VIOLATION || sqlerrcode == ERRCODE_NOT_NULL_VIOLATION; }

/// A row that a statement waited for has been moved to another shard or partition; `function` is that of PostgreSQL which says so, for
/// its message is a translated one.
inline bool IsOfMovedRow(int sqlerrcode, const char* function) {
  if (sqlerrcode != ERRCODE_T_R_SERIALIZATION_FAILURE || function == nullptr) return false;
  return strcmp(function, "heapam_tuple_lock") == 0;
}
inline constexpr char kMovedRow[] = "could not serialize access: a row was moved by a concurrent update";
inline constexpr char kMovedRowDetail[] =
    "An UPDATE of the table's distribution column, or of one that partitions it, moved the row that was waited for.";
inline constexpr char kMovedRowHint[] = "Run the transaction again.";

/// A statement in flight or finished.  Lives in the memory context that was current at Send, and so
/// must its sink; when that context goes, the answers still to come are thrown away.
struct Request {
  Connection* connection;
  RowSink* sink;   // null: rows are thrown away
  EventSink* events;
  bool finished;   // the node has ended it (and committed it, when it is not part of a transaction)
  bool failed;     // raised by Wait unless the caller looks first
  bool moved;      // the node has done nothing, for a shard does not lie there any more
  int64 affected;  // rows affected, from the command tag; 0 if it has none
  PGresult* error;  // the node's error; null when the connection was lost: then `lost` says why
  int64 rows;       // rows received so far
  int64 bytes;      // bytes of those rows

  // Private to floor remote.
  const char* lost;
  char lost_state[6];  // SQLSTATE of the node's last words when it hung up; empty: it said none
  int level;           // transaction nesting level at Send
  bool hides_context;
  bool hides_rows;
  bool columns_known;
  bool may_have_moved;
  uint32 session;      // of the connection, in which it was sent
  bool unsent;         // nothing of it was given to the network
  bool orphan;         // forgotten: its rows are thrown away
  bool decisive;       // commits by itself: a cancel waits for what the node says
  int64 cancel_again;  // the time to pass a cancel on again (TimestampTz); 0: none was passed on
  int64 give_up_at;    // by then the node must have said what became of it (TimestampTz)
  char tag[24];        // command tag
  MemoryContextCallback release;
};

/// Where a group's primary listens: from the address book where a follower runs, else from the
/// catalog.
struct Address {
  const char* host;
  int port;
  int node_id;
};
Address AddressOfGroup(int group);

/// The session's connection to the group's primary, opened when there is none.  What is sent runs as the current user.
/// Waits at the gate of a switchover, and for a node that can't be reached until it or its
/// successor can, at most altius.failover_timeout; then raises 08006 with host and port in the
/// message.
Connection* ConnectionTo(int group);

/// A connection to an address that need not be a registered node (used while nodes are added). Kept
/// like any other.
Connection* ConnectionToAddress(const char* host, int port, const char* user);

/// Starts opening connections to these groups at once, without waiting; a later ConnectionTo
/// finishes the work.
void OpenAhead(const int* groups, int count);

int GroupOf(const Connection* connection);

/// Queues the statement and flushes what the socket takes; never waits for an answer.
Request* Send(Connection* connection, const StatementText& statement, RowSink* sink);

/// Reads until at least one row of the request was given to its sink or it is finished; at most
/// about `max_rows` rows are read beyond that.  Raises the statement's error (SQLSTATE, detail,
/// hint kept; node in the context).
void WaitForRows(Request* request, int max_rows = 1000);

/// Reads until the request is finished; raises its error.
void Wait(Request* request);

/// Waits for all, reading from all sockets as they become ready; raises the first error after all
/// have finished.
void WaitAll(Request* const* requests, int count);

/// As WaitAll but raises nothing: look at `failed`.
void WaitAllQuietly(Request* const* requests, int count);

/// What the failed request did; the caller knows whether rows of it were used, and what else the
/// transaction did there.
core::Failure FailureOf(const Request* request);

/// Whether the connection was opened anew since the request was sent.
bool IsOfOldSession(const Request* request);

/// As WaitForRows, but raises no error of the statement: look at `failed`.
void WaitForRowsQuietly(Request* request, int max_rows = 1000);

/// Raises the error of a failed request.
[[noreturn]] void RaiseError(Request* request);

/// The caller wants no more rows: the statement is cancelled when `may_cancel`, else its rows are
/// discarded on arrival.
void Forget(Request* request, bool may_cancel);

/// One statement, all answers, in one call.  `sql` may not contain several statements.
void Execute(Connection* connection, const char* sql);

/// Runs `sql` on the connection and returns the single value of the single row as palloc'd text
/// (null for SQL null).
char* FetchValue(Connection* connection, const char* sql);
/// The same for one that calls what only nodes may call.
char* FetchValueByNode(Connection* connection, const char* sql);

/// --- COPY ---
/// Leaves pipeline mode, starts COPY ... FROM STDIN, as a node's statement.
void BeginCopyIn(Connection* connection, const char* sql);
void SendCopyData(Connection* connection, const char* data, int length);
/// Ends it (with an error message: makes it fail), raises the node's error, returns the rows
/// copied.
int64 EndCopyIn(Connection* connection, const char* error_or_null);

/// Whether a COPY runs on the connection.  One at most does, and nothing else meanwhile: whoever needs the connection ends it first
/// (EndCopy), and the sender, who looks, begins another one with its next rows.
bool IsCopying(const Connection* connection);
void EndCopy(Connection* connection);

/// Whether the connection's socket is known to be dead.
bool IsBroken(const Connection* connection);

}  // namespace altius::remote
