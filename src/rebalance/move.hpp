// SPDX-License-Identifier: PostgreSQL
// A move of a shard group, as the moving backend on the coordinator sees it.
#pragma once

#include "altius/catalog/metadata.hpp"
#include "altius/pg/array.hpp"
#include "altius/remote/control.hpp"

extern "C" {
#include "datatype/timestamp.h"
#include "utils/array.h"
}

namespace altius::rebalance {

enum class Mode : uint8_t { Auto, Logical, BlockWrites };

/// One shard of the group.
struct Member {
  const catalog::Table* table;
  int index;
  int64 shard_id;
  char* name;      // schema.table_<shard id>, quoted
  bool has_rows;   // not partitioned itself
  char identity;   // replica identity of the shard on the source, as pg_class has it
  bool make_full;  // changes can only be told by whole rows
};

struct Move {
  int64 operation;
  int source;  // groups
  int target;
  int source_node;  // node ids
  int target_node;
  Mode mode;
  bool copies;  // the source keeps its own: reference tables
  pg::Array<Member> members;  // partitioned tables before their partitions
  char* shard_list;           // {1,2,3}
  const char* definition;     // of the tables when the move began
  char* slot;
  char* publication;

  // Sessions of this move alone; all are given back when it ends.
  remote::Connection* registry;  // to this server: each statement commits by itself
  remote::Connection* at_source;
  remote::Connection* flip;      // to this server: the distributed transaction that changes the placements
  pg::Array<remote::Connection*> lanes;  // to the target; the first one has the stream of changes
  TimestampTz blocked_at;        // when writers were last held back
  uint64 applied;                // position in the source's log up to which the target has all changes
  int64 progressed;              // when that position went on

  // --- watch.cpp ---
  const Move* lead;              // of the parts of a split that go to one node: the whole; null: this one
  pg::Array<Move*> streams;      // whose first lanes follow the source's log
  TimestampTz fed;               // when the first lane last had something to do
  uint64 source_generation;      // of their entries in the address book when the move began
  uint64 target_generation;
};

/// --- move_functions.cpp ---
Mode ModeOf(Oid transfer_mode);
/// Raises an error on other nodes than the coordinator, and in a transaction that has written.
/// `done`: "moved" or "split".
void RequireMovable(const char* done);
const char* DefinitionOf(const Move& move);
/// From the lock on the shards to the flip; nodes and members are known.  Nodes are worked on as the superuser
/// that also cleans up; the caller's right is checked here.
void PerformMove(Move* move);

/// --- move_checks.cpp ---
void AddMember(Move* move, const catalog::Table* table, int index);
/// All members are there.
void OrderMembers(Move* move);
/// Finds the shards; raises an error when they can't move.  False when they have moved: a background task whose process
/// died after the flip comes again.
bool FillMove(Move* move, int64 shard_id);
const catalog::Node* RequireNode(int node_id);
/// `role`: what it is to be: source or target.
void RequireUsable(const catalog::Node& node, const char* role);
/// All shards that are where the shard `index` of the table is, and belong together.
void CollectMembers(Move* move, const catalog::Table& table, int index);
/// Changes of unlogged tables can't be followed: their writers are held back while rows are copied (Auto), or it is an error.
void SettleMode(Move* move);
int NodeIdOf(const char* host, int port);
/// Whoever moves must own all tables of the group.
void RequireOwnership(const Move& move);

/// --- registry.cpp ---
enum class Resource { Shard = 1, Subscription = 2, Slot = 3, Publication = 4, User = 5, ReplicaIdentity = 100 };
enum class Policy { Always = 0, OnFailure = 1, DeferredOnSuccess = 2 };
int64 NextOperation(remote::Connection* registry);
/// Committed before the resource is made.
void Register(const Move& move, Resource type, int group, const char* name, Policy policy);
void Unregister(const Move& move, Resource type);
/// Locks that tell the cleaner and other moves that the operation is running; until the end of the transaction.
void LockOperation(int64 operation);
bool TryLockIdleOperation(int64 operation);
void LockShardGroup(const Move& move);
/// One split at a time changes the ranges of a colocation group, and no table joins it meanwhile.
void LockSplitOf(int colocation);

/// --- cleanup.cpp ---
/// Works off the records of operations that are not running; the number of those still left.
int CleanUp(int64* cleaned);
/// Drops what an earlier operation left where this one is going to put its shards.
void ClearWay(const Move& move);
void AddCleanupChore();

/// Settings, callbacks, the chore.  From Init of the folder.
void InitMoves();

/// --- steps.cpp: statements of a move ---
void OpenSessions(Move* move);
void CloseSessions(Move* move) noexcept;
/// Runs `format` (with one shard id) on the target for each member, several at once.
void ForEachMember(Move* move, bool with_rows_only, const char* (*sql)(const Move&, const Member&));
void MakeTables(Move* move);
void FinishTables(Move* move);
void CopyRows(Move* move, const char* snapshot);

/// --- flip.cpp ---
/// Opens the transaction in which the placements change.
void BeginFlip(Move* move);
/// Rolls it back, whatever has become of its session: writers go on.
void AbandonFlip(Move* move);
/// What happens while writers wait, without consequences.
void RehearseFlip(Move* move);
/// One attempt to hold back writers; false when somebody writes.  `position` in the source's log has all they wrote.
/// `hold_ms`: when the transaction idles for so long under the locks, they go (0: they stay).
bool TryBlockWrites(Move* move, int timeout_ms, int hold_ms, uint64* position);
/// Attempts until it succeeds; between them writers go on.
uint64 BlockWrites(Move* move);
/// `hold_ms`: how long the answer may take, under the locks (0: as long as it takes).
bool TryMakeForeignKeys(Move* move, int hold_ms);
void MakeForeignKeys(Move* move);
/// The placements change on all nodes; false when a session was lost, or that takes too long.
bool TryFinishFlip(Move* move, int hold_ms);
void CommitFlip(Move* move);
/// The group must be what it was when it was taken in hand: tables may have come or gone meanwhile.
void CheckGroup(const pg::Array<int64>& ids, int source, int target);
/// The new shards are lasting now.
void ForgetRecords(int64 operation);
/// The old shards are to be dropped.
void RecordOldShards(int64 operation, const pg::Array<int64>& ids, int source);

/// --- identity.cpp: how the source tells which row a change is about ---
/// Tables whose changes can't be told get a replica identity of whole rows for the time of the move.
void WidenIdentities(Move* move);
/// On the source: waits for writers of the relation, readers go on.  Subject to lock_timeout.
void SetReplicaIdentity(Oid relid, char identity);
/// The relation's row in pg_class is this transaction's: a snapshot that is older than the flip, and so may lack rows that were
/// copied or applied after it, is found out by that (task/ownership.cpp).
void MarkAsNew(Oid relid);
/// Whether the relation is in a publication of a move or a split.
bool IsPublishedByMove(Oid relid);

/// --- flip_locks.cpp ---
pg::Array<int64> ShardIds(ArrayType* array);
/// A text that is another one when the tables have been changed.
const char* Definition(const pg::Array<int64>& ids);
/// A statement for the node that has the shard: it fails where the name is not that shard's.
const char* RequireShardSql(int64 shard_id, const char* name);

/// --- online.cpp ---
/// Until before the flip.
void MoveOnline(Move* move);
/// After the flip: the stream is not needed any more.
void EndOnline(Move* move);
}  // namespace altius::rebalance
