// SPDX-License-Identifier: PostgreSQL
#include "altius/door/door.hpp"
#include "altius/task/users_path.hpp"

#include "altius/pg/search_path.hpp"
#include "altius/remote/connection.hpp"

extern "C" {
#include "catalog/namespace.h"
#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/plancache.h"
}

namespace altius::task {

namespace {

char *users_path = nullptr;
bool within = false;
int pinned = 0;

/// Plans hold what functions became under the path of before.
void Assign(const char *value, void *) {
  if (users_path != nullptr && strcmp(users_path, value) != 0) ResetPlanCache();
}

}  // namespace

bool MayPushUsersPath(int context) {
  if (within || pinned > 0 || users_path == nullptr || *users_path == '\0' || !door::IsNodeSession()) return false;
  Oid user;
  int now;
  GetUserIdAndSecContext(&user, &now);
  return now == context && strcmp(namespace_search_path, pg::kNodesPath) == 0;
}

bool RunsForAnotherPath() { return MayPushUsersPath(0); }

void PinPath() { pinned++; }
void UnpinPath() { pinned--; }
void UnpinAll() { pinned = 0; }

void SetWithinUsersPath(bool is_within) { within = is_within; }

UsersPath::UsersPath() noexcept { within = true; }
UsersPath::~UsersPath() { within = false; }

int PushUsersPath() {
  const int level = NewGUCNestLevel();
  (void)set_config_option("search_path", users_path, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
  return level;
}

void PopUsersPath(int level) { AtEOXact_GUC(true, level); }

void InitUsersPath() {
  DefineCustomStringVariable("altius.search_path", "The search path of the session on another node that this session runs statements for.",
                             nullptr, &users_path, "", PGC_USERSET, GUC_NO_SHOW_ALL | GUC_NOT_IN_SAMPLE | GUC_DISALLOW_IN_FILE,
                             nullptr, Assign, nullptr);
}

}  // namespace altius::task
