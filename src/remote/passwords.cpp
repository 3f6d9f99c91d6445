// SPDX-License-Identifier: PostgreSQL
// A server gets this one's password only by SCRAM, which doesn't tell it: libpq is told so by require_auth, and before libpq
// knew that (16) by channel_binding=require where there is TLS.  Without TLS what the server asks for is looked at before libpq
// sees it.  That leaves a gap: a server that has begun SCRAM could ask anew in the moment between our look and libpq's reading.
// So this is not done for servers that only etcd names, unless they are on this machine.
#include "passwords.hpp"

#include <sys/socket.h>

#include "altius/catalog/metadata.hpp"

namespace altius::remote {

namespace {

constexpr const char* kMethods = "scram-sha-256,none";
constexpr const char* kClear =
    "The server asks for the password in clear or as MD5, and gets it in no other way than by SCRAM "
    "(altius.allow_cleartext_passwords).";
constexpr const char* kUnverified =
    "etcd alone says that this server belongs to the cluster, and its certificate would not be verified: it gets no password "
    "(sslmode=verify-full in citus.node_conninfo, or altius.ha_trust_etcd).";

bool addresses_from_etcd = false;

bool KnowsMethods() {
  static int known = -1;
  if (known >= 0) return known != 0;
  known = 0;
  PQconninfoOption* options = PQconndefaults();
  for (PQconninfoOption* option = options; option != nullptr && option->keyword != nullptr; option++)
    if (strcmp(option->keyword, "require_auth") == 0) known = 1;
  PQconninfoFree(options);
  return known != 0;
}

const char* ValueIn(const PQconninfoOption* options, const char* name) {
  for (const PQconninfoOption* option = options; option != nullptr && option->keyword != nullptr; option++)
    if (strcmp(option->keyword, name) == 0 && option->val != nullptr) return option->val;
  return "";
}

bool HasPassword(const PGconn* connection) {
  const char* password = PQpass(connection);
  return password != nullptr && *password != '\0';
}

core::PasswordQuestion Question(core::NamedBy named_by, const char* host) {
  core::PasswordQuestion question;
  question.named_by = named_by;
  question.host = host;
  question.may_choose = KnowsMethods();
  question.allows_cleartext = allow_cleartext_passwords;
  question.trusts_etcd = trust_etcd;
  return question;
}

core::PasswordUse UseBefore(const Parameters& parameters, core::NamedBy named_by) {
  core::PasswordQuestion question = Question(named_by, parameters.Get("host"));
  const char* methods = parameters.Get("require_auth");
  question.chose_methods = methods != nullptr && *methods != '\0';
  return core::HowToUsePassword(question);
}

core::PasswordUse UseOn(PGconn* connection, core::NamedBy named_by) {
  PQconninfoOption* options = PQconninfo(connection);
  core::PasswordQuestion question = Question(named_by, ValueIn(options, "host"));
  question.sslmode = ValueIn(options, "sslmode");
  question.channel_binding = ValueIn(options, "channel_binding");
  question.has_password = HasPassword(connection);
  const core::PasswordUse use = core::HowToUsePassword(question);
  PQconninfoFree(options);
  return use;
}

/// The same connection anew with other values.
PGconn* StartAnew(PGconn* before, const Parameters& changes) {
  PQconninfoOption* options = PQconninfo(before);
  Parameters parameters;
  for (PQconninfoOption* option = options; option != nullptr && option->keyword != nullptr; option++)
    if (option->val != nullptr) parameters.Set(option->keyword, option->val);
  for (int i = 0; i < changes.names.size(); i++) parameters.Set(changes.names[i], changes.values[i]);
  parameters.names.push_back(nullptr);
  parameters.values.push_back(nullptr);
  PGconn* connection = PQconnectStartParams(parameters.names.data(), parameters.values.data(), 0);
  if (connection != nullptr) PQsetErrorVerbosity(connection, PQERRORS_VERBOSE);
  PQconninfoFree(options);
  PQfinish(before);
  pfree(parameters.names.data());
  pfree(parameters.values.data());
  return connection;
}

// Has no effect beside application_name: keeps the sslmode that was wished for while channel binding is tried.
constexpr const char* kKeepsMode = "fallback_application_name";

/// With TLS and SCRAM or not at all.
PGconn* WithChannelBinding(PGconn* before) {
  PQconninfoOption* options = PQconninfo(before);
  Parameters changes;
  changes.Set(kKeepsMode, pstrdup(ValueIn(options, "sslmode")));
  changes.Set("sslmode", "require");
  changes.Set("channel_binding", "require");
  PQconninfoFree(options);
  return StartAnew(before, changes);
}

/// Channel binding was tried and the server has not refused it: it has no TLS, or wants no password.  So it gets none.
PGconn* WithoutPassword(PGconn* before) {
  PQconninfoOption* options = PQconninfo(before);
  Parameters changes;
  changes.Set("sslmode", pstrdup(ValueIn(options, kKeepsMode)));
  changes.Set(kKeepsMode, "");
  changes.Set("channel_binding", "prefer");
  changes.Set("password", "");
  changes.Set("passfile", "/nonexistent");
  PQconninfoFree(options);
  return StartAnew(before, changes);
}

bool TriedChannelBinding(PGconn* connection) {
  PQconninfoOption* options = PQconninfo(connection);
  const bool tried = *ValueIn(options, kKeepsMode) != '\0';
  PQconninfoFree(options);
  return tried;
}

PostgresPollingStatusType Restarted(const PGconn* connection) {
  return connection == nullptr || PQstatus(connection) == CONNECTION_BAD ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING;
}

/// PQconnectPoll, and another way when channel binding was in vain.
PostgresPollingStatusType PollOrRetry(PGconn** connection) {
  const PostgresPollingStatusType poll = PQconnectPoll(*connection);
  if (poll != PGRES_POLLING_FAILED || KnowsMethods() || !TriedChannelBinding(*connection)) return poll;
  if (SqlStateIn(PQerrorMessage(*connection)) != nullptr) return poll;
  *connection = WithoutPassword(*connection);
  if (HasPassword(*connection)) return PGRES_POLLING_FAILED;
  return Restarted(*connection);
}

/// What has arrived and libpq has not read yet.
core::AsksFor LookAt(const PGconn* connection) {
  char bytes[4096];
  const ssize_t got = recv(PQsocket(connection), bytes, sizeof(bytes), MSG_PEEK | MSG_DONTWAIT);
  if (got < 0) return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? core::AsksFor::More : core::AsksFor::Nothing;
  if (PQstatus(connection) != CONNECTION_SSL_STARTUP) return core::LookAtRequest({bytes, static_cast<size_t>(got)});
  // one byte answers whether there is TLS: nothing may follow when there is none
  return got > 1 && bytes[0] == 'N' ? core::AsksFor::Password : core::AsksFor::Nothing;
}

}  // namespace

void Parameters::Set(const char* name, const char* value) {
  for (int i = 0; i < names.size(); i++) {
    if (names[i] == nullptr || strcmp(names[i], name) != 0) continue;
    values[i] = value;
    return;
  }
  names.push_back(name);
  values.push_back(value);
}

const char* Parameters::Get(const char* name) const {
  for (int i = 0; i < names.size(); i++)
    if (names[i] != nullptr && strcmp(names[i], name) == 0) return values[i];
  return nullptr;
}

void AddressesComeFromEtcd() { addresses_from_etcd = true; }

core::NamedBy WhoNamed(const Connection* connection) {
  for (const catalog::Node* node : catalog::AllNodes()) {
    if (node->port == connection->port && strcmp(node->host, connection->host) == 0) return core::NamedBy::Catalog;
  }
  if (connection->group >= 0) return core::NamedBy::Etcd;
  return addresses_from_etcd ? core::NamedBy::EtcdNew : core::NamedBy::Catalog;
}

PGconn* StartConnecting(Parameters* parameters, core::NamedBy named_by, const char** refused) {
  *refused = nullptr;
  const char* host = parameters->Get("host");
  if (host == nullptr || !core::IsOneHost(host)) {
    *refused = psprintf("\"%s\" is not the name or the address of one server.", host == nullptr ? "" : host);
    return nullptr;
  }
  if (KnowsMethods() && UseBefore(*parameters, named_by) == core::PasswordUse::Choose)
    parameters->Set("require_auth", kMethods);
  parameters->names.push_back(nullptr);
  parameters->values.push_back(nullptr);
  PGconn* connection = PQconnectStartParams(parameters->names.data(), parameters->values.data(), 0);
  if (connection == nullptr || PQstatus(connection) == CONNECTION_BAD) return connection;
  PQsetErrorVerbosity(connection, PQERRORS_VERBOSE);
  const core::PasswordUse use = UseOn(connection, named_by);
  if (use == core::PasswordUse::BindChannel) return WithChannelBinding(connection);
  if (use != core::PasswordUse::Refuse) return connection;
  PQfinish(connection);
  *refused = kUnverified;
  return nullptr;
}

namespace {

/// The server is about to be asked, or to ask, for who this is.
bool IsBeforeLogin(ConnStatusType status) {
  return status == CONNECTION_MADE || status == CONNECTION_AWAITING_RESPONSE;
}

PostgresPollingStatusType WatchedPoll(PGconn** connection, const char** refused) {
  constexpr int kMoreUs = 1000;
  switch (LookAt(*connection)) {
    case core::AsksFor::Password:
      *refused = kClear;
      return PGRES_POLLING_FAILED;
    case core::AsksFor::More:
      pg_usleep(kMoreUs);
      return PGRES_POLLING_READING;
    case core::AsksFor::Nothing:
      break;
  }
  return PollOrRetry(connection);
}

}  // namespace

PostgresPollingStatusType GoOnConnecting(PGconn** connection, const char** refused) {
  *refused = nullptr;
  const ConnStatusType status = PQstatus(*connection);
  const bool encrypted = PQsslInUse(*connection) != 0;
  const bool reads = status == CONNECTION_SSL_STARTUP || status == CONNECTION_AWAITING_RESPONSE;
  const bool matters = encrypted ? IsBeforeLogin(status) : reads;
  if (!matters || KnowsMethods() || !HasPassword(*connection)) return PollOrRetry(connection);
  if (UseOn(*connection, core::NamedBy::Catalog) != core::PasswordUse::Watch) return PollOrRetry(connection);
  if (!encrypted) return WatchedPoll(connection, refused);
  *connection = WithChannelBinding(*connection);
  return Restarted(*connection);
}

}  // namespace altius::remote
