// SPDX-License-Identifier: PostgreSQL
#pragma once

namespace altius::txn {

/// Registers the process that starts a maintenance worker for each database that needs one.
void RegisterLauncher();

}  // namespace altius::txn
