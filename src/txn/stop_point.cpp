// SPDX-License-Identifier: PostgreSQL
// Named places where tests hold or crash a process: altius.stop_point = 'after prepare' waits there
// until altius_internal.release_stop_points() is called anywhere on the server (pg_stat_activity says
// so: application_name 'stopped: after prepare'), 'after prepare:crash' kills the process.
#include "altius/txn/shared.hpp"
#include "shared_state.hpp"
#include "stop_point.hpp"

extern "C" {
#include "miscadmin.h"
#include "utils/backend_status.h"
#include "utils/guc.h"
}

namespace altius::txn {

namespace {

char* stop_point = nullptr;
constexpr int kMostSeconds = 120;

}  // namespace

void StopPoint(const char* name) {
  if (stop_point == nullptr || *stop_point == '\0' || shared == nullptr) return;
  const size_t length = strlen(name);
  if (strncmp(stop_point, name, length) != 0) return;
  if (strcmp(stop_point + length, ":crash") == 0) kill(getpid(), SIGKILL);
  if (stop_point[length] != '\0') return;
  char shown[NAMEDATALEN];
  snprintf(shown, sizeof(shown), "stopped: %s", name);
  pgstat_report_appname(shown);
  const uint64 before = pg_atomic_read_u64(&shared->stop_releases);
  for (int i = 0; i < kMostSeconds * 100 && !ProcDiePending &&
                  pg_atomic_read_u64(&shared->stop_releases) == before;
       i++) {
    pg_usleep(10000);
  }
  pgstat_report_appname(application_name);
}

void DefineStopPointSetting() {
  DefineCustomStringVariable(
      "altius.stop_point", "Holds or crashes a process at a named place, for tests.", nullptr,
      &stop_point, "", PGC_SUSET, GUC_NO_SHOW_ALL | GUC_NOT_IN_SAMPLE, nullptr, nullptr, nullptr);
}

}  // namespace altius::txn
