// SPDX-License-Identifier: PostgreSQL
// What altius_ha_status shows.
#include "altius/pg/bridge.hpp"
#include "altius/pg/spi.hpp"
#include "settings.hpp"
#include "shared.hpp"

extern "C" {
#include "access/xlog.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
}

namespace altius::ha {
namespace {

constexpr int kMostColumns = 20;

/// A row under construction.
struct Row {
  Datum values[kMostColumns] = {};
  bool nulls[kMostColumns] = {};
  int count = 0;

  void Add(Datum value, bool null = false) {
    values[count] = value;
    nulls[count++] = null;
  }
  void AddText(const char* text) { Add(CStringGetTextDatum(text), *text == '\0'); }
  void AddTime(TimestampTz time) { Add(TimestampTzGetDatum(time), time == 0); }
};

Datum Numeric(uint64 number) {
  return DirectFunctionCall3(numeric_in, CStringGetDatum(psprintf(UINT64_FORMAT, number)),
                             ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
}

void AddGroup(ReturnSetInfo* result, const GroupStatus& status) {
  const core::Whereabouts& at = status.at;
  const bool timed =
      status.verified != 0 && status.leader_named != 0 && status.verified >= status.leader_named;
  Row row;
  row.Add(Int32GetDatum(status.group));
  row.AddText(core::NameOf(at.state));
  row.AddText(at.member);
  row.AddText(at.host);
  row.Add(Int32GetDatum(at.port), at.port == 0);
  row.Add(Int32GetDatum(at.timeline), at.timeline == 0);
  row.Add(Numeric(at.system_id), at.system_id == 0);
  row.Add(Int64GetDatum(at.epoch.revision), at.epoch.revision == 0);
  row.AddTime(status.since);
  row.AddTime(status.last_event);
  row.AddText(status.rule);
  row.Add(BoolGetDatum(status.gated));
  row.AddText(status.probe);
  row.Add(Int32GetDatum(status.probes));
  row.Add(Float8GetDatum(status.probe_ms), status.probe_ms == 0);
  row.Add(Float8GetDatum(static_cast<double>(status.verified - status.leader_named) / 1000.0),
          !timed);
  row.Add(BoolGetDatum(status.paused));
  row.Add(BoolGetDatum(status.synchronous));
  row.AddText(status.note);
  row.AddText(status.recorded);
  tuplestore_putvalues(result->setResult, result->setDesc, row.values, row.nulls);
}

void AddFollower(ReturnSetInfo* result, const FollowerStatus& status) {
  const char* problem = status.problem;
  if (status.pid == 0)
    problem =
        HasShared() && remote::BookCapacity() > 0
            ? "no follower runs (it starts with the server, when altius.etcd_endpoints is set)"
            : "";
  Row row;
  row.Add(Int32GetDatum(status.pid), status.pid == 0);
  row.Add(BoolGetDatum(status.following));
  row.AddText(status.etcd_state);
  row.AddText(status.endpoint);
  row.AddText(status.cluster_id == 0
                  ? ""
                  : psprintf("%llx", static_cast<unsigned long long>(status.cluster_id)));
  row.Add(Int64GetDatum(status.revision), status.revision == 0);
  row.AddTime(status.last_contact);
  row.Add(Int32GetDatum(status.syncs));
  row.AddText(problem);
  row.AddText(status.recorder_problem);
  tuplestore_putvalues(result->setResult, result->setDesc, row.values, row.nulls);
}

}  // namespace
}  // namespace altius::ha

using namespace altius;      // NOLINT: the functions below are outside of any namespace
using namespace altius::ha;  // NOLINT

ALTIUS_FUNCTION(altius_ha_groups) {
  InitMaterializedSRF(fcinfo, 0);
  auto* result = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo);
  if (ReadFollower().database != MyDatabaseId) return static_cast<Datum>(0);
  const int capacity = remote::BookCapacity();
  auto* groups = static_cast<GroupStatus*>(
      MemoryContextAllocHuge(CurrentMemoryContext, sizeof(GroupStatus) * capacity));
  const int count = ReadGroups(groups, capacity);
  for (int i = 0; i < count; i++) AddGroup(result, groups[i]);
  pfree(groups);
  return static_cast<Datum>(0);
}

ALTIUS_FUNCTION(altius_ha_follower) {
  InitMaterializedSRF(fcinfo, 0);
  auto* result = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo);
  const FollowerStatus status = ReadFollower();
  const bool ours = status.pid != 0 && status.database == MyDatabaseId;
  if (ours || (status.pid == 0 && IsConfigured())) AddFollower(result, status);
  return static_cast<Datum>(0);
}

ALTIUS_FUNCTION(altius_ha_forget) {
  const int group = PG_ARGISNULL(0) ? -1 : PG_GETARG_INT32(0);
  if (ReadFollower().pid == 0)
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("no follower runs on this server"),
                    errhint("Set altius.etcd_endpoints and restart the server.")));
  if (!RecoveryInProgress()) {
    pg::RunSql(group < 0
                   ? "DELETE FROM altius_internal.ha_group"
                   : psprintf("DELETE FROM altius_internal.ha_group WHERE groupid = %d", group));
  }
  AskToForget(group < 0 ? -1 : group);
  PG_RETURN_VOID();
}
