// SPDX-License-Identifier: PostgreSQL
// Who may write a table may not write its shards by their names: a row would lie in a shard that is not its own, beside another one
// with its primary key, or in one copy of a reference table alone, and the table's triggers would not know of it.  Its owner may.
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "executor/execdesc.h"
}

namespace altius::task {

/// In front of texts of users that are sent to nodes: these are not the asking node's own statements.
inline constexpr char kUsersMark[] = "/* altius for a user */ ";

/// Whether the statement that runs here now is such a text, or was called by one.
bool RunsUsersCommand();

/// Whether a text that runs in a node's session is the asking node's own.
bool IsTextOfAskingNode(const char* text);

/// The client's statement, and in a session of a node the asking node's own.
bool IsOfAskingNode(const QueryDesc* query, int depth);

/// An error when a statement that is none of ours writes a shard of another role's table.
void RequireOwnShards(const PlannedStmt* statement);

/// A rule that the owner of a shard has put on it would make another statement of ours.
void RequireNoRules(const PlannedStmt* statement);

/// The same as RequireOwnShards for COPY; InvalidOid is nobody's.
void RequireOwnShard(Oid relid);

}  // namespace altius::task
