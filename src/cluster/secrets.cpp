// SPDX-License-Identifier: PostgreSQL
// The secret is changed in steps, each committed on all nodes before the next begins: all know the new one beside the old one, all
// greet with the new one, all forget the old one.  A session that is opened meanwhile is accepted whatever its ends have got to,
// and whoever dies in between leaves a state from which the steps can be done again.
#include "secrets.hpp"

#include "altius/catalog/metadata.hpp"
#include "altius/ddl/objects.hpp"
#include "altius/door/quiet.hpp"
#include "altius/door/secret.hpp"
#include "altius/pg/bridge.hpp"
#include "altius/pg/spi.hpp"
#include "altius/pg/subtransaction.hpp"
#include "altius/txn/chores.hpp"
#include "altius/txn/coordinated.hpp"
#include "altius/txn/shared.hpp"
#include "altius/remote/control.hpp"
#include "guards.hpp"

extern "C" {
#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
}

namespace altius::cluster {

using door::Secret;

namespace {

constexpr int kChorePeriodMs = 1000;
constexpr int kReachMs = 5000;

/// A node that has no secret yet can't tell a node's call.
void BeQuiet(remote::Connection* connection) {
  for (const auto& [name, value] : door::kQuietSettings) remote::Execute(connection, psprintf("SET %s = %s", name, value));
}

void BeLoud(remote::Connection* connection) {
  for (const door::QuietSetting& setting : door::kQuietSettings) remote::Execute(connection, psprintf("RESET %s", setting.name));
}

/// A node may hold rows of the secret for a transaction in doubt, which the maintenance worker has yet to end: it must not wait here.
constexpr const char* kImpatient[] = {"SET lock_timeout = '2s'", "SET statement_timeout = '10s'"};

/// keep_secret() with the secret as an argument: no view of statements shows those.
void SendSecret(remote::Connection* connection, const Secret& secret) {
  static const Oid kTypes[] = {INT4OID, BYTEAOID, BOOLOID};
  char digits[3 + 2 * sizeof(secret.key.bytes)] = "\\x";
  (void)hex_encode(reinterpret_cast<const char*>(secret.key.bytes), sizeof(secret.key.bytes), digits + 2);
  const char* values[] = {psprintf("%d", secret.generation), digits, secret.in_use ? "t" : "f"};
  remote::Wait(remote::Send(connection,
                            {.sql = "SELECT altius_internal.keep_secret($1, $2, $3)",
                             .param_count = lengthof(kTypes),
                             .param_types = kTypes,
                             .param_values = values},
                            nullptr));
}

/// A session to each active primary, this server too.
class Sessions {
 public:
  Sessions() = default;
  ~Sessions() {
    for (remote::Connection* connection : connections_) remote::GiveBack(connection);
  }
  Sessions(const Sessions&) = delete;
  Sessions& operator=(const Sessions&) = delete;

  /// Raises 08006 when a node can't be reached.
  void Open() {
    for (const catalog::Node* node : catalog::ActivePrimaries()) Reach(node);
  }

  bool empty() const { return connections_.size() == 0; }

  /// Tests stop between the nodes at `name`, after all of them at `name` + ", all".
  template <typename Step>
  void OnEach(const char* name, Step&& step) {
    for (remote::Connection* connection : connections_) {
      pg::Call([&] {
        step(connection);
        txn::StopPoint(name);
      });
    }
    pg::Call([&] { txn::StopPoint(psprintf("%s, all", name)); });
  }

 private:
  void Reach(const catalog::Node* node) {
    remote::Connection* connection = pg::Call([&] {
      remote::Connection* opened = remote::StartOwnConnection(node->group);
      const TimestampTz deadline = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), kReachMs);
      if (remote::FinishOwnConnection(opened, deadline)) return opened;
      ereport(ERROR, (errcode(ERRCODE_CONNECTION_FAILURE),
                      errmsg("could not connect to node %s:%d to change the cluster's secret", node->host, node->port),
                      errhint("The secret is changed when all active nodes can be reached.")));
      return opened;
    });
    connections_.push_back(connection);
  }

  pg::Array<remote::Connection*> connections_;
};

int NextGeneration() {
  const char* last = pg::FetchText("SELECT coalesce(max(generation), 0) FROM pg_catalog.altius_cluster_secret");
  return atoi(last) + 1;
}

/// One at a time changes the secret or gives it to a node that joins: one that the change does not know of would miss it.
void LockSecrets(bool wait) {
  pg::RunSql(psprintf("LOCK TABLE pg_catalog.altius_cluster_secret IN SHARE UPDATE EXCLUSIVE MODE%s", wait ? "" : " NOWAIT"));
}

/// Returns the number of the new secret.
int Rotate(bool wait) {
  LockSecrets(wait);
  const Secret secret = {NextGeneration(), false, door::NewKey()};
  Sessions nodes;
  nodes.Open();
  if (nodes.empty()) {  // a server that has not been given an address yet
    door::KeepSecret({secret.generation, true, secret.key});
    door::ForgetSecretsBefore(secret.generation);
    return secret.generation;
  }
  nodes.OnEach("secret: known", [&](remote::Connection* connection) {
    for (const char* command : kImpatient) remote::Execute(connection, command);
    BeQuiet(connection);
    SendSecret(connection, secret);
  });
  nodes.OnEach("secret: used", [&](remote::Connection* connection) {
    remote::Execute(connection, psprintf("SELECT altius_internal.use_secret(%d)", secret.generation));
  });
  nodes.OnEach("secret: forgotten", [&](remote::Connection* connection) {
    remote::Execute(connection, psprintf("SELECT altius_internal.forget_secrets_before(%d)", secret.generation));
  });
  return secret.generation;
}

void RotateIfWanted() {
  if (RecoveryInProgress() || !catalog::IsActive() || !catalog::IsCoordinator()) return;
  if (pg::FetchText("SELECT 1 FROM altius_internal.secret_rotation LIMIT 1") == nullptr) return;
  (void)pg::RunSql("DELETE FROM altius_internal.secret_rotation");
  ereport(LOG, (errmsg("changed the cluster's secret, for a node was removed"), errdetail("It is number %d now.", Rotate(false))));
}

/// `sql` with `value` as its one argument, a text.
void SendArgument(remote::Connection* connection, const char* sql, const char* value) {
  static const Oid kTypes[] = {TEXTOID};
  const char* values[] = {value};
  remote::Wait(remote::Send(
      connection, {.sql = sql, .param_count = lengthof(kTypes), .param_types = kTypes, .param_values = values}, nullptr));
}

/// The rows of a table of connection strings.
void SendRows(remote::Connection* connection, const char* table) {
  const char* rows = pg::FetchText(psprintf("SELECT pg_catalog.json_agg(it) FROM pg_catalog.%s it", table));
  remote::Execute(connection, psprintf("DELETE FROM pg_catalog.%s", table));
  if (rows == nullptr) return;
  const char* sql = psprintf(
      "INSERT INTO pg_catalog.%s SELECT * FROM pg_catalog.json_populate_recordset(NULL::pg_catalog.%s, $1::pg_catalog.json)",
      table, table);
  SendArgument(connection, sql, rows);
}

}  // namespace

void HandSecrets(int group) {
  LockSecrets(true);
  remote::Connection* connection = txn::Enlist(group, txn::Access::Write);
  BeQuiet(connection);
  remote::Execute(connection, psprintf("SELECT altius_internal.forget_secrets_before(%d)", PG_INT32_MAX));
  for (const Secret& secret : door::AllSecrets()) SendSecret(connection, secret);
  for (const char* table : {"pg_dist_authinfo", "pg_dist_poolinfo"}) SendRows(connection, table);
  BeLoud(connection);
}

void HandRoles(int group) {
  const char* roles = ddl::StoredPasswords();
  if (roles == nullptr) return;
  remote::Connection* connection = txn::Enlist(group, txn::Access::Write);
  BeQuiet(connection);
  SendArgument(connection,
               "SELECT altius_internal.make_role(it.name, it.password, it.replaces) "
               "FROM pg_catalog.json_to_recordset($1::pg_catalog.json) AS it(name text, password text, replaces boolean)",
               roles);
  BeLoud(connection);
}

void WantRotation() { (void)pg::RunSql("INSERT INTO altius_internal.secret_rotation DEFAULT VALUES"); }

void InitRotation() {
  txn::AddChore({"changing the cluster's secret", [] { return kChorePeriodMs; }, RotateIfWanted});
}

}  // namespace altius::cluster

/// altius_rotate_cluster_secret(): changes it on all active nodes, now; returns the number of the new one.
ALTIUS_FUNCTION(altius_rotate_cluster_secret) {
  altius::cluster::RequireSuperuser();
  altius::cluster::RequireCoordinator();
  PG_RETURN_INT32(altius::cluster::Rotate(true));
}
