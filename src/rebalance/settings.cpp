// SPDX-License-Identifier: PostgreSQL
#include "settings.hpp"

#include <climits>

#include "altius/pg/settings.hpp"
#include "apply.hpp"
#include "bare.hpp"
#include "move.hpp"
#include "progress.hpp"

namespace altius::rebalance {

int copy_sessions = 4;
int bandwidth_limit_kb = 0;
int defer_delete_ms = 15000;

namespace {

void DefineSettings() {
  static const pg::IntSetting settings[] = {
      {"altius.move_copy_sessions", "Sets how many tables of a shard group are copied at the same time.", &copy_sessions, 4,
       1, 64, PGC_USERSET, 0},
      {"altius.move_bandwidth_limit", "Sets how much a move may copy in a second; 0 means no limit.", &bandwidth_limit_kb, 0,
       0, INT_MAX, PGC_SIGHUP, GUC_UNIT_KB},
      {"citus.defer_shard_delete_interval", "Sets how often what moves have left behind is cleaned up; -1 turns it off.",
       &defer_delete_ms, 15000, -1, INT_MAX, PGC_SIGHUP, GUC_UNIT_MS},
  };
  pg::Define(settings);
}

}  // namespace

void InitMoves() {
  DefineSettings();
  AddCleanupChore();
  InitBare();
  InitApply();
  InitProgress();
}

}  // namespace altius::rebalance
