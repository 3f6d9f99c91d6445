// SPDX-License-Identifier: PostgreSQL
// The cluster's secret on its way to the nodes.
#pragma once

namespace altius::cluster {

/// Gives the node the secrets that this one has and the rows of pg_dist_authinfo, in place of its own, within the transaction.  No log
/// and no view of statements is to show them.
void HandSecrets(int group);

/// Notes that somebody leaves who knows the secret: once the transaction has committed, the maintenance worker changes it.
void WantRotation();

/// The chore that does, and tries again until all nodes have been reached.
void InitRotation();

}  // namespace altius::cluster
