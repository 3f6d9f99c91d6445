// SPDX-License-Identifier: PostgreSQL
#include "probe.hpp"

#include "altius/catalog/metadata.hpp"
#include "altius/pg/spi.hpp"
#include "altius/remote/connection.hpp"

extern "C" {
#include "commands/dbcommands.h"
}

namespace altius::cluster {
namespace {

constexpr const char* kVersion =
    "SELECT (SELECT extversion FROM pg_catalog.pg_extension WHERE extname IN ('altius', 'citus'))";

struct Server {
  const char* host;
  int port;
  remote::Connection* connection;
};

void RequireExtension(const Server& server) {
  const char* theirs = remote::FetchValue(server.connection, kVersion);
  const char* database = get_database_name(MyDatabaseId);
  if (theirs == nullptr) {
    ereport(ERROR,
            (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
             errmsg("extension altius is missing on %s:%d", server.host, server.port),
             errdetail("Database \"%s\" exists there, but not the extension.", database),
             errhint("Run CREATE EXTENSION altius in database \"%s\" of that server.", database)));
  }
  const char* ours = pg::FetchText(kVersion);
  if (strcmp(theirs, ours) != 0) {
    ereport(
        ERROR,
        (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
         errmsg("extension altius has version %s on %s:%d, but version %s here", theirs,
                server.host, server.port, ours),
         errhint(
             "Install the same version on all servers and run ALTER EXTENSION altius UPDATE.")));
  }
}

void RequireOtherServer(const Server& server) {
  const char* theirs = remote::FetchValue(server.connection, "SELECT altius_internal.server_id()");
  const char* ours = pg::FetchText("SELECT altius_internal.server_id()");
  if (theirs == nullptr || ours == nullptr || strcmp(theirs, ours) != 0) return;
  ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                  errmsg("%s:%d is the coordinator itself", server.host, server.port),
                  errhint("citus_set_coordinator_host registers the coordinator.")));
}

void RequireFree(const Server& server) {
  const char* theirs = remote::FetchValue(server.connection, "SELECT altius_internal.cluster_id()");
  if (theirs != nullptr && strcmp(theirs, ClusterId()) != 0) {
    ereport(
        ERROR,
        (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
         errmsg("%s:%d belongs to another cluster", server.host, server.port),
         errhint("Remove it from that cluster first, or drop and create extension altius there.")));
  }
  const char* nodes = remote::FetchValue(
      server.connection,
      "SELECT count(*) FROM pg_catalog.pg_dist_node WHERE altius_internal.cluster_id() IS NULL");
  if (nodes != nullptr && strcmp(nodes, "0") != 0) {
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("%s:%d is the coordinator of another cluster", server.host, server.port),
                    errdetail("Its table pg_dist_node is not empty.")));
  }
}

void RequirePreparedTransactions(const Server& server) {
  const char* limit =
      remote::FetchValue(server.connection, "SELECT current_setting('max_prepared_transactions')");
  if (limit == nullptr || strcmp(limit, "0") != 0) return;
  ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                  errmsg("max_prepared_transactions is 0 on %s:%d", server.host, server.port),
                  errdetail("Transactions over several nodes commit in two phases."),
                  errhint("Set max_prepared_transactions to at least max_connections there and "
                          "restart that server.")));
}

}  // namespace

char* ClusterId() {
  return pg::FetchText(
      "SELECT coalesce(altius_internal.cluster_id(), altius_internal.server_id())");
}

void ProbeServer(const char* host, int port) {
  const Server server{
      host, port, remote::ConnectionToAddress(host, port, GetUserNameFromId(GetUserId(), false))};
  RequireExtension(server);
  RequireOtherServer(server);
  RequireFree(server);
  RequirePreparedTransactions(server);
}

}  // namespace altius::cluster
