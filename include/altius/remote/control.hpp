// SPDX-License-Identifier: PostgreSQL
// What floor txn needs of connections beyond sending statements: hidden commands in front of the
// next statement, cancelling, draining within a bound, waits that never raise.  Others use
// connection.hpp.
#pragma once

#include "altius/remote/connection.hpp"

namespace altius::remote {

/// Queues a command without a sync: it travels with the next statement, which fails when it fails.
void QueueHidden(Connection* connection, const char* sql);

// The transaction block of the node's session.  What is sent through these, and nothing else, begins and ends it: settings that
// are undone on the node with a part of it are sent again.
void QueueBegin(Connection* connection, const char* sql);
/// 0: no block; 1: BEGIN; more: that many savepoints but one.
int BlockLevel(const Connection* connection);
void QueueSavepoint(Connection* connection);
/// The innermost savepoint.
void QueueRelease(Connection* connection);
void QueueRollBack(Connection* connection);
/// As SendCommand: COMMIT and PREPARE TRANSACTION keep settings, ROLLBACK does not.
Request* SendEnd(Connection* connection, const char* sql, bool keeps_settings);
/// PREPARE TRANSACTION under a name that is kept for the cluster, with a ticket.
Request* SendPrepare(Connection* connection, const char* gid);
/// COMMIT or ROLLBACK.
Request* SendEndOfPrepared(Connection* connection, const char* verb, const char* gid);

/// Sends hidden commands on their way without a statement behind them; nobody waits for their
/// answers.
void Push(Connection* connection);

/// Queues `SELECT set_config(name, value, true)` the same way, from a prepared statement.
void QueueSetLocal(Connection* connection, const char* name, const char* value);

/// The value with a ticket of the connection behind it, separated by a blank; it must be queued next.
char* SignedValue(Connection* connection, const char* value);

/// A command that may have changed settings of the session runs, or has run.
void NoteSettingChange();

/// The next statement on the connection commits by itself: a cancel of this backend is passed on to
/// the node, whose answer decides, so that nothing is committed that the client was told is not.
void MarkNextDecisive(Connection* connection);

/// Sends a command with its sync; never raises (a broken connection makes the request fail).
Request* SendCommand(Connection* connection, const char* sql);

/// Waits for the request at most until `deadline` (0: no bound).  Never raises, ignores cancels;
/// false when it is not finished.
bool WaitUntil(Request* request, TimestampTz deadline);

/// As Wait, but gives up at the deadline and raises no error of the statement: whether it is
/// finished.  Rows are delivered.
bool WaitBounded(Request* request, TimestampTz deadline);

/// Reads until nothing is in flight.  The first may raise; the second never does and gives up at
/// the deadline.
void Drain(Connection* connection);
bool DrainUntil(Connection* connection, TimestampTz deadline);

/// Nothing in flight and nothing queued.
bool IsIdle(const Connection* connection);

/// Takes what has arrived, without waiting and without giving rows to anybody.
void Poll(Connection* connection);

/// Whether somebody of a nesting level above `level` waits for a statement in flight.
bool HasRequestsBefore(const Connection* connection, int level);

/// Throws away what requests of `level` and deeper still deliver.
void OrphanFrom(Connection* connection, int level);
/// A subtransaction was committed: its requests belong to the parent now.
void LowerLevel(Connection* connection, int level);

/// Raises an error when a query on the node has set off triggers that nobody here has fired: what it has changed must not stay.
void RaiseIfUnheard(const Connection* connection);
/// What was done at `level` and deeper is undone.
void ForgetUnheard(Connection* connection, int level) noexcept;

/// Statements of `level` and deeper end: their rows are thrown away, and what the node still runs
/// of them is cancelled.  False when that takes too long.  Never raises.
bool StopFrom(Connection* connection, int level, TimestampTz deadline);

/// Asks the node to cancel what it runs for this connection.  Blocks shortly; never raises.  False when its server does not answer
/// within two seconds.
bool SendCancel(Connection* connection);

/// Cuts the connection if the address book says that its server is not the group's primary any more.  Never raises.
void CutIfDeposed(Connection* connection);

/// Whether statements may wait for a lost node at all (altius.failover_timeout).
bool MayHold();

/// Waits a little, longer each time, before a statement is tried again; interrupts are served.
void PauseBeforeRetry(int attempt);

/// Whether the node has ended the session, in which nothing is in flight, or the connection was lost.  Never waits.
bool HasLeft(const Connection* connection);

/// Closes the socket; requests in flight fail.  Never raises.
void Close(Connection* connection, const char* reason);

/// The connection stays as it is while it takes part in a transaction, also when the group's
/// address changes.
void Pin(Connection* connection, bool pinned);

/// The slot where floor txn keeps what it knows of a connection.
void*& Attachment(Connection* connection);

/// Drops the connection's prepared statements (after DDL).
void ForgetPrepared(Connection* connection);
void ForgetAllPrepared();

/// Every connection of this backend.
int ConnectionCount();
Connection* ConnectionAt(int index);

/// A second connection to the group, for work outside of transactions.
Connection* SeparateConnectionTo(int group);

/// A connection to the group (this server's own, too) that nobody else gets until it is given back;
/// giving it back closes it, which rolls back what it has open and ends what it runs.  Never
/// pinned; the caller drains it.  It is for the extension's own work: its settings are fixed, and no
/// setting of this session gets there.
Connection* OwnConnectionTo(int group);
void GiveBack(Connection* connection);

/// The same in two steps, so that several open at once.  The second is false when the node can't be
/// reached until then.
Connection* StartOwnConnection(int group);
bool FinishOwnConnection(Connection* connection, TimestampTz deadline);

/// A bare libpq connection to the group's primary as the current user, with the fixed settings of
/// OwnConnectionTo; `replication`: a walsender of this database.  Blocking calls are the
/// caller's to avoid.  Finish it with CloseBare.
PGconn* OpenBare(int group, bool replication);
void CloseBare(PGconn* connection);

/// Begins a bare connection to a server of the group, not its primary perhaps, and waits for nothing: the
/// caller goes on with GoOnConnecting.  Null when memory is short, or with *refused, the reason why it must
/// not be; finish it with CloseBare in any case.  Reads metadata.
PGconn* StartProbe(int group, const char* host, int port, const char** refused);

/// PQconnectPoll for connections between nodes; another one may take the connection's place.  *refused: why it has failed, null
/// when libpq knows.
PostgresPollingStatusType GoOnConnecting(PGconn** connection, const char** refused);

/// From now on addresses that this process is given, and pg_dist_node does not have, are what etcd says.
void AddressesComeFromEtcd();

/// At the end of a transaction: closes connections that are half open, and idle ones that are not to
/// be kept.
void CloseSurplus();

/// Starts opening such connections without waiting.
void OpenSeparateAhead(const int* groups, int count);

/// The same, null when the node can't be reached.
Connection* TrySeparateConnectionTo(int group);

/// A connection to an address that need not be a registered node, null when it can't be reached.
Connection* TryConnectionToAddress(const char* host, int port, const char* user);

/// `host:port` of the connection.
const char* NameOf(const Connection* connection);

/// The server version of the node.
int ServerVersion(const Connection* connection);

/// Called while waiting, before interrupts are served; may raise.
extern void (*wait_hook)();

/// Called when this backend asks for its global pid; 0 when unknown.
extern int64 (*global_pid_hook)();

/// Settings and the exit callback.  From _PG_init.
void Init();

}  // namespace altius::remote
