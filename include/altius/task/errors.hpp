// SPDX-License-Identifier: PostgreSQL
// Errors of shards on this node read as errors of the tables the user knows, like those that come from other nodes.
#pragma once

#include "altius/pg/bridge.hpp"
#include "altius/remote/connection.hpp"

namespace altius::task {

/// Takes `_<shard id>` out of the error's texts, and the context that shows the shard's statement.  Works in place: it is
/// called while the error is handled, when nothing may be raised.
void HideShards(ErrorData *error, const char *sql) noexcept;

/// Runs the body (plain C, like that of pg::Call); its errors are passed on with shards hidden.  `sql` may be null.
template <typename Body>
void WithShardsHidden(const char *sql, Body &&body) {
  pg::Entry([&] {
    try {
      pg::Call(body);
    } catch (pg::Error &error) {
      if (error.data() != nullptr) HideShards(const_cast<ErrorData *>(error.data()), sql);
      throw;
    }
  });
}

/// Runs the body (plain C); its errors about a row that does not fit don't show it.
template <typename Body>
void WithRowsHidden(Body &&body) {
  pg::Entry([&] {
    try {
      pg::Call(body);
    } catch (pg::Error &error) {
      auto *data = const_cast<ErrorData *>(error.data());
      if (data != nullptr && remote::ShowsRow(data->sqlerrcode)) data->detail = nullptr;
      throw;
    }
  });
}

}  // namespace altius::task
