// SPDX-License-Identifier: PostgreSQL
// Functions that users make see the search path of the session that asks, also where another node runs them for it.  There
// the session's own path is pg_catalog alone, by which the texts of statements are read; while one is planned and run it is
// altius.search_path, which the asking node keeps equal to its session's.
#pragma once

#include "altius/pg/bridge.hpp"

namespace altius::task {

/// Whether this session runs a statement for another node, and is not within one already, nor within a function that runs as its
/// owner or sets a path of its own: that path is what keeps the user's functions out.
bool RunsForAnotherPath();

/// The same for a function in progress that sees its caller's path, and has itself made the security context what it is.
bool MayPushUsersPath(int context);
void SetWithinUsersPath(bool is_within);

/// From here to the matching end a function runs whose own path, or owner, counts.
void PinPath();
void UnpinPath();
void UnpinAll();

struct UsersPath {
  UsersPath() noexcept;
  ~UsersPath();
  UsersPath(const UsersPath &) = delete;
  UsersPath &operator=(const UsersPath &) = delete;
};

/// Undone by PopUsersPath, or by the end of the (sub)transaction that an error ends.
int PushUsersPath();
void PopUsersPath(int level);

/// Runs the body (plain C, like that of pg::Call) with that path.
template <typename Body>
auto OnUsersPath(Body &&body) {
  const UsersPath within;
  return pg::Call([&] {
    const int level = PushUsersPath();
    if constexpr (std::is_void_v<decltype(body())>) {
      body();
      PopUsersPath(level);
    } else {
      auto result = body();
      PopUsersPath(level);
      return result;
    }
  });
}

/// The setting.
void InitUsersPath();

/// deferred_triggers.cpp: the hooks by which deferred triggers run on that path.
void InitDeferredTriggers();

}  // namespace altius::task
