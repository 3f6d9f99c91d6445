// SPDX-License-Identifier: PostgreSQL
// The module's door: magic block, _PG_init and the list of modules it starts.
#include "altius/catalog/metadata.hpp"
#include "altius/cluster/cluster.hpp"
#include "altius/ddl/ddl.hpp"
#include "altius/ddl/tables.hpp"
#include "altius/door/door.hpp"
#include "altius/executor/executor.hpp"
#include "altius/ha/ha.hpp"
#include "altius/ingest/ingest.hpp"
#include "altius/monitor/monitor.hpp"
#include "altius/pg/bridge.hpp"
#include "altius/pg/settings.hpp"
#include "altius/planner/planner.hpp"
#include "altius/rebalance/rebalance.hpp"
#include "altius/remote/control.hpp"
#include "altius/trigger/trigger.hpp"
#include "altius/txn/coordinated.hpp"
#include "settings.hpp"

extern "C" {
#pragma GCC visibility push(default)
PG_MODULE_MAGIC;
void _PG_init(void);
#pragma GCC visibility pop
}

namespace altius::entry {
namespace {

/// In the order in which their hooks are to be installed: lower floors first.
constexpr void (*kModules[])() = {
    pg::InitSettings, pg::InitPlanLocally, door::Init, catalog::Init, remote::Init, txn::Init, trigger::Init, executor::Init, ingest::Init,
    planner::Init,    monitor::Init, rebalance::Init, cluster::Init, ha::Init,
    ddl::Init,  // its planner hook sees a query first
    txn::InitPreparedEnds,
};

/// What lower floors call without knowing who does it.
void Connect() {
  ddl::SetCopyHandler({ingest::CopyAsQuery, ingest::FillsShards, ingest::HandleCopy});
  ddl::SetRowMover(ingest::MoveLocalRows);
}

void RequirePreload() {
  if (process_shared_preload_libraries_in_progress) return;
  ereport(ERROR,
          (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
           errmsg("altius can only be loaded through shared_preload_libraries"),
           errhint("Add altius to shared_preload_libraries in postgresql.conf on each node and "
                   "restart the servers.")));
}

}  // namespace
}  // namespace altius::entry

void _PG_init(void) {
  altius::pg::Entry([] {
    altius::entry::RequirePreload();
    for (void (*init)() : altius::entry::kModules) init();
    altius::entry::Connect();
    altius::entry::DefineVersion();
    altius::entry::DefineAcceptedSettings();
    MarkGUCPrefixReserved("citus");
    MarkGUCPrefixReserved("altius");
  });
}
