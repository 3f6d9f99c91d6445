// SPDX-License-Identifier: PostgreSQL
// What every change of the cluster checks and locks first.
#pragma once

#include "altius/catalog/metadata.hpp"

extern "C" {
#include "storage/lockdefs.h"
}

namespace altius::cluster {

/// Raises an error with the coordinator's address as the hint when this is another node.
void RequireCoordinator();

/// Changes of nodes write on all servers, which takes a superuser.
void RequireSuperuser();

/// Both, and holds off other changes of nodes, tables and schema until the end of the transaction.  From here to EndNodeChange
/// no lock is waited for longer than altius.node_lock_timeout, on no node: any role can keep some of them from others.
int BeginNodeChange();
void EndNodeChange(int level);

template <typename Body>
Datum ChangeNodes(Body&& body) {
  const int level = BeginNodeChange();
  const Datum result = body();
  EndNodeChange(level);
  return result;
}

/// A lock of a table here, until the end of the transaction; the error names who is in the way.
void LockForNodeChange(Oid relid, LOCKMODE mode, const char* what);
int NodeLockTimeout();

void DefineGuardSettings();

/// The node with this address; raises an error when there is none.
const catalog::Node* RequireNode(const char* host, int port);

/// The node with this address, or null.
const catalog::Node* FindNodeByAddress(const char* host, int port);

/// Runs a statement on all active nodes, on this one last.
void RunEverywhere(const char* sql);

/// That of one server, and not more that libpq would read into it.
void RequireAddress(const char* host, int port);

/// Who is no superuser makes this server connect to nodes only.
void RequireKnownAddress(const char* host, int port);

}  // namespace altius::cluster
