// SPDX-License-Identifier: PostgreSQL
// Looks at a server before it becomes a node.
#pragma once

namespace altius::cluster {

/// Raises an error that says what is wrong with the server: not reachable, no such database,
/// extension missing or of another version, already in another cluster, the coordinator itself, no
/// prepared transactions.
void ProbeServer(const char* host, int port);

/// The identity of the cluster: that of its coordinator.
char* ClusterId();

}  // namespace altius::cluster
