// SPDX-License-Identifier: PostgreSQL
// The load that strategy by_load goes by is measured now and then, if the administrator wishes so.
#include <climits>

#include "altius/catalog/metadata.hpp"
#include "altius/pg/settings.hpp"
#include "altius/pg/spi.hpp"
#include "altius/txn/chores.hpp"
#include "plan_read.hpp"

extern "C" {
#include "access/xlog.h"
}

namespace altius::rebalance {
namespace {

int interval_ms = -1;

const pg::IntSetting kSettings[] = {
    {"altius.load_measure_interval",
     "Sets how often the load of shards is measured for rebalancing by load; -1 leaves it to altius_measure_load().",
     &interval_ms, -1, -1, INT_MAX, PGC_SIGHUP, GUC_UNIT_MS},
};

void Measure() {
  if (!catalog::IsActive() || RecoveryInProgress() || !catalog::IsCoordinator()) return;
  if (catalog::AllTables().empty()) return;
  pg::RunSql("SELECT pg_catalog.altius_measure_load()");
}

}  // namespace

void InitLoad() {
  pg::Define(kSettings);
  txn::AddChore({"measuring the load of shards", [] { return interval_ms; }, Measure});
}

}  // namespace altius::rebalance
