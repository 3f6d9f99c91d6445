// SPDX-License-Identifier: PostgreSQL
// A statement runs on a shard only where the shard lies.  Every node decides that for itself, by its own metadata and
// under the lock that the statement has on the shard; a shard's move takes that lock and changes the metadata in one
// transaction.  So a statement that was sent to the shard's old node, however late it arrives, does nothing there: it
// is answered with kMovedRows as the number of its rows (and kMovedParameter, where a portal counts rows itself), nothing is aborted,
// and the asking node sends it to the new one.
#pragma once

#include "altius/catalog/metadata.hpp"
#include "altius/remote/connection.hpp"

extern "C" {
#include "executor/execdesc.h"
#include "nodes/execnodes.h"
#include "tcop/dest.h"
}

namespace altius::task {

/// What RunHere returns instead of a number of rows.
inline constexpr int64 kMoved = remote::kMovedRows;

/// The statement whose rows go to this receiver is looked at, too (it is run in-process for a distributed statement).
void CheckStatementOf(const DestReceiver* receiver);

/// When the executor starts: notes whether the statement is about a shard that this node does not hold.
void NoteOwnership(QueryDesc* query, int depth);

/// Whether the statement must not run; then it has the number of rows that says so.
bool IsDisowned(QueryDesc* query);
/// The same, before the executor finishes.
bool FinishDisowned(QueryDesc* query);

/// Whether it is run in-process for a distributed statement.
bool RunsInProcess(const QueryDesc* query);

/// Whether its constraints are checked later (floor task).
bool IsKept(const QueryDesc* query);

/// Whether it is a shard's part of an UPDATE of the distribution column.
bool MovesRows(const QueryDesc* query);

/// What a function of the running query did counts as what the query did, when the query has run: rows affected, or kMoved.
void AnswerInstead(EState *query, int64 affected);
/// After it has run.
void GiveAnswer(QueryDesc *query);

/// A statement was answered with kMoved: waits a little until this node knows where the shard is now.  `attempt` counts
/// from 0; raises an error when it takes too long.
void AwaitNewPlacement(int attempt);

/// A lock that keeps the shard here, on a shard of this node; InvalidOid when it does not lie here.
Oid ClaimShard(const catalog::Table& table, const catalog::Shard& shard);

/// Claims on another node, in the current distributed transaction: those of the shards that it does not hold.
pg::Array<int64> ClaimShardsOn(int group, const pg::Array<int64>& shards);

}  // namespace altius::task
