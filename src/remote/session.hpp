// SPDX-License-Identifier: PostgreSQL
// What a connection is inside floor remote.  Plain structs in TopMemoryContext: an ereport may jump
// over every frame here, and libpq's results are owned by the connection so that none leaks.
#pragma once

#include "altius/core/door/proof.hpp"
#include "altius/core/txn/node_settings.hpp"
#include "altius/pg/compat_lock.hpp"
#include "altius/pg/compat_wait.hpp"
#include "altius/remote/control.hpp"
#include "book.hpp"

extern "C" {
#include "utils/timestamp.h"
}

namespace altius::remote {

enum class State : uint8_t { Closed, Connecting, Ready, Broken };

/// One libpq command in flight, in the order sent.
enum class ItemKind : uint8_t {
  Hidden,   // its rows and notices interest nobody; an error fails the statement behind it
  Prepare,  // Parse of a named statement
  Main,     // the statement of a request
  Sync,     // end of what fails together; finishes the request
};

struct Item {
  ItemKind kind;
  Request* request;  // Main and its Sync; null when nobody waits any more
  uint64 prepared;   // Prepare and Main: number of the prepared statement, 0: none
  int level;         // of the request, also when that is gone
  bool undone;       // what it does is rolled back
};

struct Prepared {
  char* sql;
  Oid* types;
  int param_count;
  uint64 number;  // its name is altius_<number>
  uint64 used;    // clock of the last use
};

/// The first rows of a result, until it is known whether there are more: a server that is stopped at once sends what it had ready
/// of an answer, and a statement that was not answered can still be run again.
struct HeldRows {
  static constexpr int kMost = 128;
  static constexpr int64 kMostBytes = 16384;  // beyond a server's send buffer the rows come in several pieces anyway

  PGresult* results[kMost + 1];  // the one behind them is kept while they are delivered
  int count;
  int64 bytes;
};

/// Each shard has statements of its own, so a few statements of a client are many here.
inline constexpr int kMostPrepared = 1024;

/// Settings that change what statements mean on the node; kept equal to the asking backend's.
enum Tracked {
  kSearchPath,
  kTimeZone,
  kDateStyle,
  kIntervalStyle,
  kTextSearch,
  kLcMonetary,
  kLcNumeric,
  kLcTime,
  kLockTimeout,
  kTriggerDepth,
  kTrackedCount
};
inline constexpr int kPlainlyTracked = kTriggerDepth;  // without the one that only nodes may say

}  // namespace altius::remote

/// Public as an opaque type.
struct altius::remote::Connection {
  int group;  // -1: known by address only
  bool separate;
  bool own;  // for the extension's own work (OwnConnectionTo): settings are fixed and follow nobody's
  bool standby;  // to a standby of the group, for reads
  Oid user_id;  // who has logged in; InvalidOid when known by address
  bool follows_role;  // and works as whoever is at work here (role.hpp)
  char user[NAMEDATALEN];
  char* host;
  int port;
  char name[300];  // host:port
  int node_id;
  int64 greeted_as;  // global pid of this session, as the node knows it
  uint64 version_seen;   // of the address book, when its entry was last compared
  uint64 generation;     // of the entry when the address was taken; 0: there was none
  uint64 catalog_seen;   // version of pg_dist_node, then
  uint64 gate_checked;   // of the address book, when the gate was last seen open
  const char* unusable;  // why the group has no address that may be used now; null: it has
  bool ahead;  // it is opened nevertheless, before the standby that will lead is promoted

  State state;
  uint32 session;  // counts how often it was opened
  bool pinned;
  bool holds_fd;
  bool in_copy;
  int copy_level;  // transaction nesting level at which COPY began
  bool next_decisive;
  bool unsynced;       // commands were queued since the last sync
  bool ended_at_sync;  // a sync that failed (deferred constraints) is followed by an end of
                       // results, once
  bool group_failed;   // the current sync group has an error
  bool group_hides;    // of a command in front of the statement
  PGconn* pg;
  WaitEventSet* events;  // latch, postmaster, socket
  uint32 watching;       // socket events in `events`
  TimestampTz checked;   // start of the transaction in which the idle socket was last looked at
  TimestampTz give_up;   // end of the connection attempt
  TimestampTz opened;
  int budget;  // where it is counted (budget.hpp); 0: it is not

  Item* items;  // ring of in-flight commands
  int head;
  int count;
  int capacity;
  PGresult* current;  // being looked at; freed by whoever comes next
  HeldRows held;      // of the head command
  struct WaitingEvent* waiting_events;  // of the head command's sync group, or of COPY
  EventSink* copy_events;
  bool events_lost;  // there was no memory to keep one
  int unheard;       // level of the transaction in which events came that nobody waits for; 0: none did
  PGresult* group_error;
  char* failure;           // the last error of a statement, for those that fail because of it
  char failure_state[6];
  char* lost;          // why it is broken
  char lost_state[6];  // SQLSTATE of the node's last words; empty: it said none

  Prepared* prepared;  // kMostPrepared of them, allocated with the first
  uint32* prepared_hashes;
  int prepared_count;
  uint64 clock;
  uint64 schema_seen;  // the generation of relations that the prepared statements know

  core::NodeSettings settings;  // what the node has
  core::door::Issuer issuer;    // signs what only nodes may ask
  long moved_statements;        // of kMovedParameter, as last seen
  void* attachment;
};

namespace altius::remote {

constexpr const char* kInFailedTransaction = "25P02";
constexpr const char* kNoSuchSavepoint = "3B001";

// results.cpp
/// Rows that were not delivered are of no use any more.
void DropHeldRows(Connection* connection);

struct FixedSetting {
  const char* name;
  const char* value;
};
/// Texts of statements and of results mean the same in every session between nodes.
inline constexpr FixedSetting kAtStart[] = {
    {"extra_float_digits", "3"}, {"bytea_output", "hex"}, {"array_nulls", "on"}, {"standard_conforming_strings", "on"}};

// settings.cpp
extern char* node_conninfo;
extern const core::SettingMemory setting_memory;
extern int connection_timeout_ms;
extern int max_cached_connections;
extern int max_cached_lifetime_ms;
extern int max_prepared;
void DefineSettings();
const char* TrackedName(int setting);
const char* TrackedValue(int setting);

extern int failover_timeout_ms;
extern int gate_timeout_ms;
extern int tcp_user_timeout_ms;
extern bool allow_cleartext_passwords;
extern bool trust_etcd;
/// Whether libpq's option may be set for all connections between nodes.
bool IsConnectionOption(const char* keyword);

// open.cpp
/// This session's, as citus_backend_gpid() says it; 0 when unknown.
int64 OwnGlobalPid();

// routing.cpp
inline constexpr const char* kDemoted = "The node is being demoted and has no address now.";
void TakeAddress(Connection* connection, const Address& address);
/// Takes the group's address as it is now; closes the connection when it goes elsewhere.
void FollowAddress(Connection* connection);
/// Whether the address book says that the connection's server is not the group's primary any more.
bool IsDeposed(Connection* connection);

// hold.cpp
/// Sleeps until the latch is set (the address book changed, say) or the time is over; interrupts are
/// served.
void Rest(long ms, uint32 event);
/// One wait for a group to be reachable, over several attempts.
struct Hold {
  uint64 version = BookVersion();  // before the attempt: what happens meanwhile counts
  TimestampTz deadline = 0;
  int pause_ms = 0;
};
/// After a failed attempt: false when the time is over (altius.failover_timeout); else returns when
/// another attempt makes sense.
bool WaitForChange(int group, Hold* hold);
/// Waits while the group's gate is shut.  *seen_open: version of the book when it was last seen
/// open.
void PassGate(int group, uint64* seen_open);

// standbys.cpp
void DefineStandbySettings();

// connections.cpp
/// The session's connection to the group's primary as it is now, or to this standby; null when it
/// can't be had in that time.  Nobody waits for a group to come back.
Connection* PrimaryWithin(int group, int ms);
Connection* StandbyWithin(int group, const Address& address, int ms);
/// Once a transaction: closes it when the server has hung up.
void CheckStandby(Connection* connection);

// open.cpp
void StartOpening(Connection* connection);
/// Lets the node know whose connection it is, if that can be done soon: a server that was about to stop waits for it, and this
/// backend may wait for something else first, for a row's lock on another node.
void SayFirst(Connection* connection);
/// Null, or why the node can't be reached; the connection is closed then.  *may_recover: another
/// attempt may succeed.
const char* FinishOpening(Connection* connection, bool* may_recover);
void CloseQuietly(Connection* connection);

// surplus.cpp
/// Closes connections whose opening nobody goes on with for the time being: a server that waits for
/// a client's first message is not shut down before authentication_timeout.
void CloseHalfOpen();

// copy.cpp
/// Ends a COPY that this backend gave up; false when that takes too long.  Never raises.
bool AbandonCopy(Connection* connection, TimestampTz deadline);

// results.cpp
/// Handles the answers that have arrived, stopping once `until` is finished or has got `rows` more
/// rows.
void Process(Connection* connection, const Request* until, int64 rows, bool quiet);
/// A cursor's read may fail before anybody asks for its rows, or a COPY while another statement wants the connection, and then all
/// statements after it do: they say why.
void NoteFailure(Connection* connection);
void MarkBroken(Connection* connection, const char* reason, const char* state = "");
void ArmHead(Connection* connection);

// send.cpp
void Append(Connection* connection, ItemKind kind, Request* request, uint64 prepared);
Item* ItemAt(const Connection* connection, int index);
Request* NewRequest(Connection* connection, RowSink* sink);
void FailRequest(Request* request, const char* reason);
void ForgetPreparedNumber(Connection* connection, uint64 number);
/// From now on prepared statements are dropped when relations change.
void WatchSchema();
void QueueSync(Connection* connection, Request* request);
/// Queues what makes the node's settings equal to this session's, but on connections for our own work.
void FollowSettings(Connection* connection);
/// Queues a statement without a sync, as QueueHidden does a command.
void QueueHiddenStatement(Connection* connection, const StatementText& statement);

// wait.cpp
inline constexpr int kCancelAgainMs = 500;  // a cancel that comes between two statements is lost
inline constexpr int kCancelPatienceMs = 10000;  // from the first one on, for a node to say how a statement has ended
enum class Waited { Ready, Timeout, PostmasterGone };
/// Sleeps until the socket is ready or the latch is set, then reads and writes what it takes.
Waited Sleep(Connection* connection, long timeout_ms);
void ServeInterrupts(Request* request);

// events.cpp
/// The severity of a message that is an event: nothing that SQL can raise has it.
inline constexpr const char* kEventSeverity = "EVENT";
/// From within libpq: raises nothing.
void KeepEvent(Connection* connection, const char* text) noexcept;
/// To the sink, in the order in which they came.
void DeliverEvents(Connection* connection, EventSink* sink, int level);
void DropEvents(Connection* connection) noexcept;
/// The statement has ended well, and there is nobody to fire what it tells of.
void NoteUnheard(Connection* connection, int level) noexcept;

// notices.cpp
void InstallNotices(Connection* connection);
void EmitNotices();
void DropNotices();

}  // namespace altius::remote
