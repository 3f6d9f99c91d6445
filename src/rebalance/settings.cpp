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
int pause_limit_ms = 400;
int defer_delete_ms = 15000;
bool check_space = true;
double percent_left = 10;
int progress_timeout_ms = 7200000;

namespace {

void DefineSettings() {
  static const pg::IntSetting settings[] = {
      {"altius.move_copy_sessions", "Sets how many tables of a shard group are copied at the same time.", &copy_sessions, 4,
       1, 64, PGC_SUSET, 0},  // each is a session of a superuser's
      {"altius.move_bandwidth_limit", "Sets how much a move may copy in a second; 0 means no limit.", &bandwidth_limit_kb, 0,
       0, INT_MAX, PGC_SIGHUP, GUC_UNIT_KB},
      {"altius.move_pause_limit",
       "Sets how long an attempt to end a move may hold back writers; it is made again when that was too short.",
       &pause_limit_ms, 400, 50, 3600000, PGC_USERSET, GUC_UNIT_MS},
      {"citus.defer_shard_delete_interval", "Sets how often what moves have left behind is cleaned up; -1 turns it off.",
       &defer_delete_ms, 15000, -1, INT_MAX, PGC_SIGHUP, GUC_UNIT_MS},
  };
  pg::Define(settings);
  static const pg::IntSetting hidden[] = {
      {"citus.logical_replication_timeout", "Sets after how much time without progress a move gives up to catch up.",
       &progress_timeout_ms, 7200000, -1, INT_MAX, PGC_SIGHUP, GUC_NO_SHOW_ALL | GUC_UNIT_MS},
  };
  pg::Define(hidden);
  pg::DefineOne(pg::BoolSetting{"citus.check_available_space_before_move",
                                "Shards move only to where enough space stays free.", &check_space, true, PGC_USERSET,
                                GUC_NO_SHOW_ALL});
  pg::DefineOne(pg::RealSetting{"citus.desired_percent_disk_available_after_move",
                                "Sets how much of a node's disk must stay free after a move.", &percent_left, 10, 0, 100,
                                PGC_SIGHUP, 0});
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
