// SPDX-License-Identifier: PostgreSQL
// The end of a transaction that changed addresses of nodes.
#pragma once

namespace altius::cluster {

/// Raises nothing.
void EndAddressChanges(bool committed);
void EndAddressChangesOf(int level, bool committed);

}  // namespace altius::cluster
