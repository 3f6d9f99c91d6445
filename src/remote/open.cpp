// SPDX-License-Identifier: PostgreSQL
// Opening and closing a connection: libpq's asynchronous connect on our wait loop, with options
// that make results exact.
#include "budget.hpp"
#include "passwords.hpp"
#include "session.hpp"

#include "altius/catalog/metadata.hpp"
#include "altius/door/calling.hpp"
#include "altius/pg/array.hpp"
#include "altius/pg/bridge.hpp"
#include "altius/pg/compat_guc.hpp"
#include "altius/pg/search_path.hpp"

extern "C" {
#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_authid.h"
#include "commands/dbcommands.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "storage/fd.h"
#include "utils/guc.h"
#include "utils/syscache.h"
}

namespace altius::remote {

int64 (*global_pid_hook)() = nullptr;
int64 OwnGlobalPid() { return global_pid_hook != nullptr ? global_pid_hook() : 0; }

namespace {

uint32 connect_event = 0;

bool IsPlain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/// A value for the `options` parameter.  Options end at what the server's locale takes for white
/// space, so all but letters and digits is escaped.
void AppendOption(StringInfo out, const char* name, const char* value) {
  appendStringInfo(out, " -c %s=", name);
  for (const char* c = value; *c != '\0'; c++) {
    if (!IsPlain(*c)) appendStringInfoChar(out, '\\');
    appendStringInfoChar(out, *c);
  }
}

/// A server refuses a first message that is too long; a longer value comes with the first statement.
bool TravelsAtStart(int setting) {
  constexpr size_t kLongest = 512;
  return (setting <= kIntervalStyle || setting == kLockTimeout) && strlen(TrackedValue(setting)) <= kLongest;
}

/// What our own work does on a node depends on no setting of a user: values are read there as they
/// were written elsewhere.
constexpr const char* kFixed =
    " -c timezone=GMT -c datestyle=ISO,MDY -c intervalstyle=postgres"
    " -c lc_monetary=C -c lc_numeric=C -c lc_time=C -c xmloption=content"
    " -c lock_timeout=0";

/// Text results must read back exactly; time-outs are the asking backend's business; a node notices
/// that the asking server is gone also while it waits for a lock.
const char* SessionOptions(const Connection* connection, const char* role) {
  StringInfoData out;
  initStringInfo(&out);
  appendStringInfoString(
      &out,
      "-c default_transaction_read_only=off -c client_connection_check_interval=5s");
  for (const FixedSetting& fixed : kAtStart) AppendOption(&out, fixed.name, fixed.value);
  AppendOption(&out, "search_path", pg::kNodesPath);
  for (const char* timeout : pg::kTimeouts) AppendOption(&out, timeout, "0");
  if (connection->own) appendStringInfoString(&out, kFixed);
  for (int i = 0; i < kTrackedCount && !connection->own; i++) {
    if (TravelsAtStart(i)) AppendOption(&out, TrackedName(i), TrackedValue(i));
  }
  if (role == nullptr) return out.data;
  // It may be the owner of a SECURITY DEFINER function: its code must not become who has called it.
  AppendOption(&out, "role", role);
  AppendOption(&out, "altius.fixed_role", "on");
  return out.data;
}

bool MayLogIn(const char* user) {
  HeapTuple tuple = SearchSysCache1(AUTHNAME, CStringGetDatum(user));
  if (!HeapTupleIsValid(tuple)) return true;  // gone: the node says so
  const bool may_login = reinterpret_cast<Form_pg_authid>(GETSTRUCT(tuple))->rolcanlogin;
  ReleaseSysCache(tuple);
  return may_login;
}

/// A role that may not log in (SET ROLE, the owner of a SECURITY DEFINER function) is taken on by
/// who has logged in here.  Null: the user logs in itself.
const char* LoginInstead(const char* user) {
  if (MayLogIn(user)) return nullptr;
  const char* session_user = GetUserNameFromId(GetSessionUserId(), false);
  // A superuser may have become it altogether, by SET SESSION AUTHORIZATION.
  return MayLogIn(session_user) ? session_user : GetUserNameFromId(GetAuthenticatedUserId(), false);
}

/// What does not belong there (pg_dist_authinfo is not checked when it is written) is left out.
void AddConfigured(Parameters* parameters, const char* text) {
  if (text == nullptr || *text == '\0') return;
  PQconninfoOption* options = PQconninfoParse(text, nullptr);
  if (options == nullptr) return;  // citus.node_conninfo was checked when it was set
  for (PQconninfoOption* option = options; option->keyword != nullptr; option++) {
    const bool allowed = IsConnectionOption(option->keyword) || strcmp(option->keyword, "password") == 0;
    if (option->val != nullptr && allowed) parameters->Set(pstrdup(option->keyword), pstrdup(option->val));
  }
  PQconninfoFree(options);
}

Parameters ParametersOf(const Connection* connection) {
  Parameters parameters;
  parameters.Set("gssencmode", "disable");
  parameters.Set("keepalives", "1");
  if (tcp_user_timeout_ms > 0) {
    // A silent node is asked after a third of the time, and given up when all of it has passed
    // without a sign of life.
    const int interval_s = std::max(1, tcp_user_timeout_ms / 6000);
    parameters.Set("keepalives_idle", psprintf("%d", std::max(1, tcp_user_timeout_ms / 3000)));
    parameters.Set("keepalives_interval", psprintf("%d", interval_s));
    parameters.Set("keepalives_count", "4");
    parameters.Set("tcp_user_timeout", psprintf("%d", tcp_user_timeout_ms));
  }
  AddConfigured(&parameters, node_conninfo);
  const bool here = connection->group == -1;
  const char* login = LoginInstead(connection->user);
  const char* role = login != nullptr ? connection->user : nullptr;
  if (login == nullptr) login = connection->user;
  AddConfigured(&parameters, catalog::AuthInfo(here ? -1 : connection->node_id, login));
  parameters.Set("host", connection->host);
  parameters.Set("port", psprintf("%d", connection->port));
  parameters.Set("user", login);
  parameters.Set("dbname", get_database_name(MyDatabaseId));
  parameters.Set("client_encoding", GetDatabaseEncodingName());
  parameters.Set("application_name", psprintf("altius_internal gpid=" INT64_FORMAT, OwnGlobalPid()));
  parameters.Set("options", SessionOptions(connection, role));
  return parameters;
}

/// Codes are upper case and digits; a severity like FATAL has no digit.
bool LooksLikeState(const char* at) {
  int digits = 0;
  for (int i = 0; i < 5; i++) {
    const auto c = static_cast<unsigned char>(at[i]);
    if (isdigit(c) == 0 && isupper(c) == 0) return false;
    digits += isdigit(c) != 0 ? 1 : 0;
  }
  return digits > 0 && at[5] == ':' && at[6] == ' ';
}

}  // namespace

const char* SqlStateIn(const char* message) {
  for (const char* at = strchr(message, ' '); at != nullptr; at = strchr(at + 1, ' ')) {
    if (LooksLikeState(at + 1)) return at + 1;
  }
  return nullptr;
}

namespace {

/// Whether the node may answer otherwise soon: it starts, stops or recovers.
bool IsPassing(const char* state) { return strncmp(state, "57P0", 4) == 0; }

/// libpq does not say why a certificate was refused.
const char* WithCause(const char* reason) {
  constexpr const char* kRefused = "certificate verify failed";
  const size_t length = strlen(reason);
  if (length < strlen(kRefused) || strcmp(reason + length - strlen(kRefused), kRefused) != 0) return reason;
  return psprintf("%s: it has expired, or no authority in sslrootcert has signed it", reason);
}

/// Closes it; the reason as the user wants to see it.
const char* NotReached(Connection* connection, const char* why, bool* may_recover) {
  char* reason = pstrdup(why);
  char* state = const_cast<char*>(SqlStateIn(reason));
  *may_recover = state == nullptr || IsPassing(state);
  if (state != nullptr) {
    char* end = strchr(state, '\n');
    if (end != nullptr) *end = '\0';  // where in the source it was raised
    memmove(state, state + 7, strlen(state + 7) + 1);
  }
  for (size_t length = strlen(reason); length > 0 && reason[length - 1] == '\n'; length--)
    reason[length - 1] = '\0';
  CloseQuietly(connection);
  return WithCause(reason);
}

/// What RESET would set here, if no client has asked for it: then it is the default of the other nodes, too.
const char* CommonDefault(const char* name) {
  const config_generic* setting = pg::FindSetting(name);
  if (setting == nullptr || setting->reset_source >= PGC_S_CLIENT) return nullptr;
  return GetConfigOptionResetString(name);
}

/// What the node has of our tracked settings right after the start: what we sent, and its own defaults.
void NoteInitialSettings(Connection* connection) {
  connection->settings.Clear(setting_memory);
  for (int i = 0; i < kTrackedCount; i++) {
    const char* value = TravelsAtStart(i) ? TrackedValue(i) : i == kSearchPath ? nullptr : CommonDefault(TrackedName(i));
    if (value != nullptr) connection->settings.SentFixed(setting_memory, i, value);
  }
}

/// A server that has lost its group is a standby, or will be stopped soon.
bool IsStandby(const Connection* connection) {
  const char* standby = PQparameterStatus(connection->pg, "in_hot_standby");
  return standby != nullptr && strcmp(standby, "on") == 0;
}

/// There is time until the promotion: what a session does for the first time it does now.
void WarmUp(Connection* connection) {
  QueueHidden(connection, "SELECT altius_internal.load_metadata()");
  QueueSync(connection, nullptr);
  (void)PQflush(connection->pg);
}

/// What makes this session one of a node; null for a server that knows no such thing.
char* Greeting(Connection* connection) {
  const char* nonce = PQparameterStatus(connection->pg, door::kNonceParameter);
  if (nonce == nullptr) return nullptr;
  connection->greeted_as = OwnGlobalPid();
  return door::GreetingCommand(nonce, PQuser(connection->pg), connection->greeted_as, &connection->issuer);
}

const char* BecomeReady(Connection* connection, bool* may_recover) {
  if (connection->group >= 0 && !connection->ahead &&
      IsStandby(connection) != connection->standby) {
    return NotReached(connection,
                      connection->standby ? "The server is no standby any more."
                                          : "The server is a standby now.",
                      may_recover);
  }
  const char* greeting = Greeting(connection);
  connection->moved_statements = 0;
  PQsetErrorVerbosity(connection->pg, PQERRORS_DEFAULT);
  if (PQsetnonblocking(connection->pg, 1) != 0 || PQenterPipelineMode(connection->pg) != 1) {
    return NotReached(connection, PQerrorMessage(connection->pg), may_recover);
  }
  connection->events = pg::NewWaitEventSet(3);
  AddWaitEventToSet(connection->events, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch, nullptr);
  AddWaitEventToSet(connection->events, WL_POSTMASTER_DEATH, PGINVALID_SOCKET, nullptr, nullptr);
  AddWaitEventToSet(connection->events, WL_SOCKET_READABLE, PQsocket(connection->pg), nullptr,
                    nullptr);
  connection->watching = WL_SOCKET_READABLE;
  connection->session++;
  InstallNotices(connection);
  NoteInitialSettings(connection);
  connection->state = State::Ready;
  if (greeting != nullptr) QueueHidden(connection, greeting);
  // The serving backend makes itself known in its node's shared memory.
  QueueHidden(connection, "SET altius.transaction_id = ''");
  if (connection->ahead) WarmUp(connection);
  return nullptr;
}

}  // namespace

void StartOpening(Connection* connection) {
  Parameters parameters = ParametersOf(connection);
  if (!AcquireExternalFD()) {
    ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_RESOURCES),
                    errmsg("could not connect to node %s", connection->name),
                    errdetail("There are too many open files on this server."),
                    errhint("Raise max_files_per_process and the operating system's limit.")));
  }
  connection->holds_fd = true;
  const char* refused;
  connection->pg = StartConnecting(&parameters, WhoNamed(connection), &refused);
  if (connection->pg == nullptr) {
    CloseQuietly(connection);
    if (refused != nullptr)
      ereport(ERROR, (errcode(ERRCODE_CONNECTION_FAILURE), errmsg("could not connect to node %s", connection->name),
                      errdetail_internal("%s", refused)));
    ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
  }
  connection->state = State::Connecting;
  connection->opened = GetCurrentTransactionStartTimestamp();
  connection->give_up = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), connection_timeout_ms);
}

namespace {

constexpr int kFirstMessageMs = 20;

bool HasSaidNothing(const PGconn* bare) {
  const ConnStatusType status = PQstatus(bare);
  return status == CONNECTION_STARTED || status == CONNECTION_MADE || status == CONNECTION_SSL_STARTUP;
}

}  // namespace

void SayFirst(Connection* connection) {
  if (connection->state != State::Connecting) return;
  const TimestampTz end = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), kFirstMessageMs);
  const char* refused;
  PostgresPollingStatusType poll = PGRES_POLLING_WRITING;
  while (HasSaidNothing(connection->pg) && poll != PGRES_POLLING_FAILED) {
    const long left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), end);
    const int wanted = poll == PGRES_POLLING_READING ? WL_SOCKET_READABLE : WL_SOCKET_CONNECTED;
    if (left <= 0) return;
    const int got = WaitLatchOrSocket(nullptr, WL_TIMEOUT | WL_EXIT_ON_PM_DEATH | wanted, PQsocket(connection->pg), left,
                                      pg::NamedWaitEvent(&connect_event, "AltiusConnect"));
    if ((got & wanted) == 0) return;
    poll = GoOnConnecting(&connection->pg, &refused);
  }
}

namespace {

/// Null, or why not.
const char* AwaitBare(PGconn** bare, TimestampTz give_up) {
  if (PQstatus(*bare) == CONNECTION_BAD) return pstrdup(PQerrorMessage(*bare));
  const char* refused;
  PostgresPollingStatusType poll = PGRES_POLLING_WRITING;
  while (poll != PGRES_POLLING_OK) {
    const long left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), give_up);
    if (left <= 0) return "The node did not answer in citus.node_connection_timeout.";
    const int wanted = poll == PGRES_POLLING_READING ? WL_SOCKET_READABLE : WL_SOCKET_CONNECTED;
    const int got = WaitLatchOrSocket(
        MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH | wanted, PQsocket(*bare), left,
        pg::NamedWaitEvent(&connect_event, "AltiusConnect"));
    if ((got & WL_LATCH_SET) != 0) ResetLatch(MyLatch);
    CHECK_FOR_INTERRUPTS();
    if ((got & (WL_SOCKET_READABLE | WL_SOCKET_CONNECTED)) == 0) continue;
    poll = GoOnConnecting(bare, &refused);
    if (poll == PGRES_POLLING_FAILED) return refused != nullptr ? refused : pstrdup(PQerrorMessage(*bare));
  }
  return nullptr;
}

}  // namespace

namespace {

/// Null when memory is short, or with *refused.
PGconn* StartBare(const Connection* shape, const char* option, const char* value, const char** refused) {
  Parameters parameters = ParametersOf(shape);
  if (option != nullptr) parameters.Set(option, value);
  if (!AcquireExternalFD())
    ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_RESOURCES),
                    errmsg("there are too many open files on this server")));
  return StartConnecting(&parameters, WhoNamed(shape), refused);
}

Connection* ShapeOf(const Address& address, int group) {
  auto* shape = static_cast<Connection*>(palloc0(sizeof(Connection)));
  shape->host = pstrdup(address.host);
  shape->port = address.port;
  shape->node_id = address.node_id;
  shape->group = group;
  shape->own = true;
  strlcpy(shape->user, GetUserNameFromId(GetUserId(), false), sizeof(shape->user));
  return shape;
}

}  // namespace

PGconn* StartProbe(int group, const char* host, int port, const char** refused) {
  int node_id = 0;
  for (const catalog::Node* node : catalog::AllNodes()) {
    if (node->group == group && node->role == catalog::NodeRole::Primary) node_id = node->id;
  }
  return StartBare(ShapeOf({host, port, node_id}, group), "application_name", "altius follower", refused);
}

PGconn* OpenBare(int group, bool replication) {
  const Address address = AddressOfGroup(group);
  if (core::IsNobody(address.host))
    ereport(ERROR, (errcode(ERRCODE_CONNECTION_FAILURE),
                    errmsg("could not connect to node %s:%d", address.host, address.port),
                    errdetail_internal("%s", kDemoted)));
  const char* reason;
  PGconn* bare =
      StartBare(ShapeOf(address, group), replication ? "replication" : nullptr, "database", &reason);
  const TimestampTz give_up =
      TimestampTzPlusMilliseconds(GetCurrentTimestamp(), connection_timeout_ms);
  if (reason == nullptr) reason = "out of memory";
  try {
    if (bare != nullptr) reason = pg::Call([&] { return AwaitBare(&bare, give_up); });
  } catch (...) {
    CloseBare(bare);
    throw;
  }
  if (reason == nullptr) return bare;
  CloseBare(bare);
  ereport(ERROR, (errcode(ERRCODE_CONNECTION_FAILURE),
                  errmsg("could not connect to node %s:%d", address.host, address.port),
                  errdetail_internal("%s", reason)));
  pg_unreachable();
}

void CloseBare(PGconn* connection) {
  if (connection != nullptr) PQfinish(connection);
  ReleaseExternalFD();
}

const char* FinishOpening(Connection* connection, bool* may_recover) {
  if (PQstatus(connection->pg) == CONNECTION_BAD)
    return NotReached(connection, PQerrorMessage(connection->pg), may_recover);
  PostgresPollingStatusType poll = PGRES_POLLING_WRITING;
  for (;;) {
    const long left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), connection->give_up);
    if (left <= 0) {
      return NotReached(connection, "The node did not answer in citus.node_connection_timeout.",
                        may_recover);
    }
    const int wanted = poll == PGRES_POLLING_READING ? WL_SOCKET_READABLE : WL_SOCKET_CONNECTED;
    const int got = WaitLatchOrSocket(
        MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH | wanted, PQsocket(connection->pg),
        left, pg::NamedWaitEvent(&connect_event, "AltiusConnect"));
    if ((got & WL_LATCH_SET) != 0) ResetLatch(MyLatch);
    if (wait_hook != nullptr) wait_hook();
    CHECK_FOR_INTERRUPTS();
    if (IsDeposed(connection))
      return NotReached(connection, "The group has another primary.", may_recover);
    if ((got & (WL_SOCKET_READABLE | WL_SOCKET_CONNECTED)) == 0) continue;
    const char* refused;
    poll = GoOnConnecting(&connection->pg, &refused);
    if (poll == PGRES_POLLING_OK) break;
    if (poll != PGRES_POLLING_FAILED) continue;
    const char* reason = NotReached(connection, refused != nullptr ? refused : PQerrorMessage(connection->pg), may_recover);
    *may_recover = *may_recover && refused == nullptr;
    return reason;
  }
  return BecomeReady(connection, may_recover);
}

void CloseQuietly(Connection* connection) {
  if (connection->events != nullptr) FreeWaitEventSet(connection->events);
  if (connection->current != nullptr) PQclear(connection->current);
  DropHeldRows(connection);
  if (connection->group_error != nullptr) PQclear(connection->group_error);
  if (connection->pg != nullptr) PQfinish(connection->pg);
  if (connection->holds_fd) ReleaseExternalFD();
  ReturnBudget(connection);
  connection->events = nullptr;
  connection->current = nullptr;
  connection->group_error = nullptr;
  if (connection->failure != nullptr) pfree(connection->failure);
  connection->failure = nullptr;
  connection->pg = nullptr;
  connection->holds_fd = false;
  connection->head = connection->count = 0;
  connection->unsynced = connection->group_failed = connection->ended_at_sync =
      connection->in_copy = connection->next_decisive = false;
  for (int i = 0; i < connection->prepared_count; i++) {
    pfree(connection->prepared[i].sql);
    if (connection->prepared[i].types != nullptr) pfree(connection->prepared[i].types);
  }
  connection->prepared_count = 0;
  connection->settings.Clear(setting_memory);
  if (connection->state != State::Broken) connection->state = State::Closed;
}

}  // namespace altius::remote
