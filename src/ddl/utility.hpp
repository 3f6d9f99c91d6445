// SPDX-License-Identifier: PostgreSQL
// One utility command on its way through the hook.
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "tcop/utility.h"
}

namespace altius::ddl {

/// The arguments of the hook.
struct UtilityCall {
  PlannedStmt* planned;
  const char* query;
  bool read_only;
  ProcessUtilityContext context;
  ParamListInfo params;
  QueryEnvironment* environment;
  DestReceiver* receiver;
  QueryCompletion* completion;

  Node* statement() const { return planned->utilityStmt; }
};

/// Hands the command to PostgreSQL (or the hook before ours): it runs on this node's own tables.
void RunHere(const UtilityCall& call);

/// The text of this one command (a query string may hold several).
char* CommandText(const UtilityCall& call);

/// A message that makes another node apply the command text under the settings of this session.
/// `password`: one more argument, in SQL.
char* ApplyText(const char* command, const char* password = nullptr);

// role_password.cpp
/// CREATE or ALTER ROLE with the option PASSWORD.
bool SetsPassword(Node* statement);
/// After it ran here: it runs on the other nodes with what is stored here now, which goes as an argument that no log there shows.
void SpreadPassword(const UtilityCall& call);
/// In the place of the one that the statement has.
void SetPassword(Node* statement, const char* stored);

/// Sends to all other nodes, applies to the shards here meanwhile, waits for all.
void SpreadCommand(const char* message, List* local_shard_statements, const char* command);

/// Commands that need more than the general way; false: not such a command.
bool HandlePartition(
    const UtilityCall& call);  // CREATE TABLE .. PARTITION OF, ALTER TABLE .. ATTACH PARTITION
bool HandleConstraints(const UtilityCall& call);  // SET CONSTRAINTS
bool HandleOutside(
    const UtilityCall& call);  // CREATE/DROP INDEX CONCURRENTLY, REINDEX CONCURRENTLY, VACUUM
bool HandleTable(const UtilityCall& call);   // everything about distributed tables
bool HandleObject(const UtilityCall& call);  // objects kept the same on all nodes

/// Does to the shell tables of this node what another node was told to do.  `password`: what its role's becomes, or null.
void ApplyCommand(const char* command, const char* password);

}  // namespace altius::ddl
