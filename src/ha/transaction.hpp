// SPDX-License-Identifier: PostgreSQL
// A transaction of a worker: its error is a value, and the worker goes on.
#pragma once

#include <string>

#include "altius/pg/bridge.hpp"

namespace altius::ha {

// The parts of InTransaction; call them inside pg::Call.
void BeginWork();
void CommitWork();
void AbortWork();

/// Runs the body (plain C: see cpp-rules) in a transaction of its own.  False, and why in *error,
/// when it failed; everything is undone then.  A request to shut down is raised.
template <typename Body>
bool InTransaction(Body&& body, std::string* error) {
  try {
    pg::Call([&] {
      BeginWork();
      body();
      CommitWork();
    });
    return true;
  } catch (const pg::Error& failed) {
    *error = failed.what();
    if (failed.data() != nullptr && failed.data()->detail != nullptr) *error += std::string(": ") + failed.data()->detail;
    const bool shutdown = failed.sqlerrcode() == ERRCODE_ADMIN_SHUTDOWN;
    pg::Call(AbortWork);
    if (shutdown) throw;
  }
  return false;
}

}  // namespace altius::ha
