// SPDX-License-Identifier: PostgreSQL
// citus_add_node and its kin: which nodes there are.
#include "activate.hpp"
#include "altius/core/txn/recovery.hpp"
#include "altius/pg/bridge.hpp"
#include "altius/pg/spi.hpp"
#include "altius/pg/subtransaction.hpp"
#include "altius/txn/coordinated.hpp"
#include "guards.hpp"
#include "in_doubt.hpp"
#include "node_rows.hpp"
#include "probe.hpp"
#include "secrets.hpp"

extern "C" {
#include "utils/builtins.h"
#include "utils/fmgroids.h"
}

namespace altius::cluster {
namespace {

char* TextArg(FunctionCallInfo fcinfo, int number) {
  return text_to_cstring(DatumGetTextPP(fcinfo->args[number].value));
}

int IntArg(FunctionCallInfo fcinfo, int number) {
  return DatumGetInt32(fcinfo->args[number].value);
}

char* EnumArg(FunctionCallInfo fcinfo, int number) {
  return DatumGetCString(OidFunctionCall1(F_ENUM_OUT, fcinfo->args[number].value));
}

/// Arguments (host, port, group, role, cluster) of the functions that add a node.
NewNode NodeArgs(FunctionCallInfo fcinfo, bool active) {
  NewNode node{};
  node.host = TextArg(fcinfo, 0);
  node.port = IntArg(fcinfo, 1);
  node.group = IntArg(fcinfo, 2);
  node.role = EnumArg(fcinfo, 3);
  node.cluster = NameStr(*DatumGetName(fcinfo->args[4].value));
  node.active = active;
  node.should_have_shards = true;
  return node;
}

/// A worker that is in pg_dist_node takes part from now on.
void Activate(const catalog::Node& node) {
  const int group = node.group;
  ProbeServer(node.host, node.port);
  FinishPreparedOn(node.host, node.port);
  txn::NoteJoining(group, node.host, node.port);
  SetActive(node.id, true);
  BringToFullState(group);
  ChooseCoordinatorRole();
}

int SetCoordinatorHost(const NewNode& asked) {
  for (const catalog::Node* node : catalog::AllNodes()) {
    if (node->group != catalog::kCoordinatorGroup || node->role != catalog::NodeRole::Primary)
      continue;
    const int id = node->id;
    if (strcmp(node->host, asked.host) != 0 || node->port != asked.port) {
      SetAddress(id, asked.host, asked.port);
    }
    return id;
  }
  NewNode coordinator = asked;
  coordinator.group = catalog::kCoordinatorGroup;
  coordinator.active = true;
  coordinator.should_have_shards = false;
  CheckNewNode(coordinator);
  int group = 0;
  const int id = InsertNode(coordinator, &group);
  ChooseCoordinatorRole();
  CopyReferenceTables(catalog::kCoordinatorGroup);
  return id;
}

/// Adds the node; one that is there already is activated if need be.
int AddNode(const NewNode& asked) {
  if (asked.group == catalog::kCoordinatorGroup && strcmp(asked.role, "primary") == 0) {
    return SetCoordinatorHost(asked);
  }
  const catalog::Node* known = FindNodeByAddress(asked.host, asked.port);
  if (known != nullptr) {
    const int id = known->id;
    if (asked.active && !known->active && known->role == catalog::NodeRole::Primary)
      Activate(*known);
    return id;
  }
  CheckNewNode(asked);
  const bool full = asked.active && strcmp(asked.role, "primary") == 0;
  if (full) {
    ProbeServer(asked.host, asked.port);
    FinishPreparedOn(asked.host, asked.port);
  }
  NewNode row = asked;
  if (full) row.active = false;  // until it is told of it, the others must not talk to it
  int group = 0;
  const int id = InsertNode(row, &group);
  if (full) {
    txn::NoteJoining(group, row.host, row.port);
    SetActive(id, true);
    BringToFullState(group);
    ChooseCoordinatorRole();
  }
  return id;
}

void RequireNothingLost(const catalog::Node& node, const char* deed) {
  const int64 lost = node.role == catalog::NodeRole::Primary ? SoleShardsOf(node.group) : 0;
  if (lost == 0) return;
  ereport(ERROR,
          (errcode(ERRCODE_OBJECT_IN_USE),
           errmsg("cannot %s node %s:%d: it has the only copy of %lld shards", deed, node.host,
                  node.port, static_cast<long long>(lost)),
           errhint("Move them away first: SELECT citus_drain_node(%s, %d), or drop the tables.",
                   quote_literal_cstr(node.host), node.port)));
}

/// A removed node forgets the cluster, if it can be reached; then all its transactions are over.
bool MakeForget(const catalog::Node& node) {
  const int group = node.group;
  ErrorData* error = pg::Try([&] { ResetNode(group); });
  if (error == nullptr) return true;
  ereport(WARNING,
          (errcode(error->sqlerrcode),
           errmsg("node %s:%d is removed but keeps its old metadata", node.host, node.port),
           errdetail("%s", error->message),
           errhint("Drop extension altius there before it is used again.")));
  return false;
}

/// In the order of core::kRemoval, the last step of which deletes the row.
void CheckLeaving(const catalog::Node& node) {
  for (const core::RemovalStep step : core::kRemoval) {
    if (step == core::RemovalStep::StopPrepares) StopPreparesOf(node.group);
    if (step == core::RemovalStep::LookForPrepared) RequireNothingInDoubt(node.group, psprintf("%s:%d", node.host, node.port));
  }
}

void RemoveNode(const char* host, int port) {
  const catalog::Node* node = RequireNode(host, port);
  RequireNothingLost(*node, "remove");
  const catalog::Node removed = *node;
  const bool primary = removed.role == catalog::NodeRole::Primary;
  const bool worker = primary && removed.group != catalog::kCoordinatorGroup;
  bool reached = false;
  if (worker && removed.active) {
    BlockReferenceWrites(removed.group);
    FinishTransactionsOf(removed.group);
    reached = MakeForget(removed);
  }
  if (worker) CheckLeaving(removed);
  if (removed.active) {
    // From here on nothing is sent to it: it may be dead.
    pg::RunSql(psprintf("UPDATE pg_catalog.pg_dist_node SET isactive = false WHERE nodeid = %d",
                        removed.id));
  }
  if (worker) txn::NoteLeaving(removed.group, removed.host, removed.port, reached);
  if (primary) DropSparePlacements(removed.group);
  DeleteNode(removed.id);
  WantRotation();
  if (worker) ChooseCoordinatorRole();
}

void DisableNode(const char* host, int port) {
  const catalog::Node disabled = *RequireNode(host, port);
  if (disabled.group == catalog::kCoordinatorGroup && disabled.role == catalog::NodeRole::Primary) {
    ereport(ERROR,
            (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("cannot disable the coordinator")));
  }
  RequireNothingLost(disabled, "disable");
  if (disabled.active) BlockReferenceWrites(disabled.group);
  // First here alone, so that the other writes leave the node out.
  pg::RunSql(psprintf("UPDATE pg_catalog.pg_dist_node SET isactive = false WHERE nodeid = %d",
                      disabled.id));
  SetActive(disabled.id, false);
  if (disabled.role == catalog::NodeRole::Primary) {
    DropSparePlacements(disabled.group);
    ChooseCoordinatorRole();
  }
}

}  // namespace
}  // namespace altius::cluster

using namespace altius;           // NOLINT: the functions below are outside of any namespace
using namespace altius::cluster;  // NOLINT

ALTIUS_FUNCTION(citus_set_coordinator_host) {
  return ChangeNodes([&]() -> Datum {
    NewNode node{};
    node.host = TextArg(fcinfo, 0);
    node.port = IntArg(fcinfo, 1);
    node.role = EnumArg(fcinfo, 2);
    node.cluster = NameStr(*DatumGetName(fcinfo->args[3].value));
    SetCoordinatorHost(node);
    PG_RETURN_VOID();
  });
}

ALTIUS_FUNCTION(citus_add_node) {
  return ChangeNodes([&]() -> Datum {
    PG_RETURN_INT32(AddNode(NodeArgs(fcinfo, true)));
  });
}

ALTIUS_FUNCTION(citus_add_inactive_node) {
  return ChangeNodes([&]() -> Datum {
    PG_RETURN_INT32(AddNode(NodeArgs(fcinfo, false)));
  });
}

ALTIUS_FUNCTION(citus_add_secondary_node) {
  return ChangeNodes([&]() -> Datum {
    NewNode node{};
    node.host = TextArg(fcinfo, 0);
    node.port = IntArg(fcinfo, 1);
    node.group = RequireNode(TextArg(fcinfo, 2), IntArg(fcinfo, 3))->group;
    node.role = "secondary";
    node.cluster = NameStr(*DatumGetName(fcinfo->args[4].value));
    node.active = true;
    node.should_have_shards = true;
    PG_RETURN_INT32(AddNode(node));
  });
}

ALTIUS_FUNCTION(citus_activate_node) {
  return ChangeNodes([&]() -> Datum {
    const catalog::Node node = *RequireNode(TextArg(fcinfo, 0), IntArg(fcinfo, 1));
    const bool worker =
        node.group != catalog::kCoordinatorGroup && node.role == catalog::NodeRole::Primary;
    if (worker && (!node.active || !node.metadata_synced)) {
      Activate(node);
    } else if (!node.active) {
      SetActive(node.id, true);
    }
    PG_RETURN_INT32(node.id);
  });
}

ALTIUS_FUNCTION(citus_disable_node) {
  return ChangeNodes([&]() -> Datum {
    DisableNode(TextArg(fcinfo, 0), IntArg(fcinfo, 1));
    PG_RETURN_VOID();
  });
}

ALTIUS_FUNCTION(citus_remove_node) {
  return ChangeNodes([&]() -> Datum {
    RemoveNode(TextArg(fcinfo, 0), IntArg(fcinfo, 1));
    PG_RETURN_VOID();
  });
}

ALTIUS_FUNCTION(citus_set_node_property) {
  return ChangeNodes([&]() -> Datum {
    const catalog::Node* node = RequireNode(TextArg(fcinfo, 0), IntArg(fcinfo, 1));
    const char* property = TextArg(fcinfo, 2);
    if (strcmp(property, "shouldhaveshards") != 0) {
      ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                      errmsg("nodes have no property \"%s\" that can be set", property),
                      errhint("Only \"shouldhaveshards\" can be set.")));
    }
    if (node->group == catalog::kCoordinatorGroup) RememberCoordinatorRole();
    SetShouldHaveShards(node->id, DatumGetBool(fcinfo->args[3].value));
    PG_RETURN_VOID();
  });
}

ALTIUS_FUNCTION(citus_check_connection_to_node) {
  const char* host = TextArg(fcinfo, 0);
  const int port = IntArg(fcinfo, 1);
  RequireKnownAddress(host, port);
  ErrorData* error = pg::Try([&] {
    remote::Execute(remote::ConnectionToAddress(host, port, GetUserNameFromId(GetUserId(), false)),
                    "SELECT 1");
  });
  PG_RETURN_BOOL(error == nullptr);
}
