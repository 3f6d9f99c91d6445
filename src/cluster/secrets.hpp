// SPDX-License-Identifier: PostgreSQL
// Secrets on their way to the nodes: the cluster's, and passwords.  No log and no view of statements is to show them.
#pragma once

namespace altius::cluster {

/// Gives the node the secrets that this one has and the rows of pg_dist_authinfo and pg_dist_poolinfo, in place of its own, within the
/// transaction.
void HandSecrets(int group);

/// Makes the roles that the node lacks, with the passwords that are stored here; what else they are comes with ddl::ObjectCommands.
void HandRoles(int group);

/// Notes that somebody leaves who knows the secret: once the transaction has committed, the maintenance worker changes it.
void WantRotation();

/// The chore that does, and tries again until all nodes have been reached.
void InitRotation();

}  // namespace altius::cluster
