// SPDX-License-Identifier: PostgreSQL
// The cluster's metadata as this backend sees it: nodes, distributed tables, shards, placements.
//
// Everything here is read from the pg_dist_* tables once and cached; a change of those tables
// invalidates the cache through PostgreSQL's own invalidation.  Pointers handed out stay valid
// until the end of the current transaction, also when the cache is rebuilt in between: a stale
// generation is freed only then.  All structs are plain; none owns anything.
#pragma once

#include "altius/pg/array.hpp"
#include "altius/pg/pg.hpp"

extern "C" {
#include "storage/lockdefs.h"
}

extern "C" {
#include "access/attnum.h"
}

namespace altius::catalog {

inline constexpr int kCoordinatorGroup = 0;

enum class NodeRole : uint8_t { Primary, Secondary, Unavailable };

/// A row of pg_dist_node.
struct Node {
  int id;
  int group;
  const char* host;
  int port;
  NodeRole role;
  const char* cluster;
  bool active;
  bool has_metadata;
  bool metadata_synced;
  bool should_have_shards;
};

enum class TableKind : uint8_t {
  Hash,         // partmethod h
  Reference,    // partmethod n, repmodel t: one shard, a copy on every node
  SingleShard,  // partmethod n, repmodel s, colocation id not 0: one shard, one placement
  Local,        // partmethod n, repmodel s, colocation id 0: known to all nodes, rows only on the
                // coordinator
};

struct Shard {
  int64 id;
  int32 min;          // least hash value; 0 for tables not cut by hash
  int32 max;          // greatest hash value, inclusive
  const int* groups;  // groups with an active placement, ascending; behind the last one stands -1
  int group_count;
};

/// A distributed, reference, single-shard or metadata-known local table.
struct Table {
  Oid relid;
  const char* schema;
  const char* name;
  TableKind kind;
  AttrNumber key;  // attribute number of the distribution column; 0 unless kind is Hash
  Oid key_type;    // base type of that column (domains looked through)
  Oid key_collation;
  int colocation;
  Shard* shards;  // ascending by min; behind the last one stands one that lies nowhere
  int32* mins;    // the shards' least hash values, for binary search
  int shard_count;
  FmgrInfo* hash;  // default hash function of key_type; null when it has none any more
};

/// The table's metadata, or null for a relation that Altius does not manage.  One hash probe when
/// cached.
const Table* FindTable(Oid relid);

/// The table that the shard belongs to and the shard's index in it; null when unknown.
const Table* FindTableOfShard(int64 shard_id, int* index);

/// Whether the cache holds a shard with this id.  Reads nothing and raises nothing: for use while an error is handled.
bool IsCachedShard(int64 shard_id) noexcept;

/// Index of the shard of `table` (kind Hash) that holds the distribution value (not null, of
/// key_type).
int ShardIndexOfValue(const Table& table, Datum value);

/// Rows without a distribution value lie together, where this hash value lies.
constexpr int32 kHashOfNull = 0;

/// Index of the shard of `table` (of any kind) for a row with this distribution value.
int ShardIndexOfKey(const Table& table, Datum value, bool is_null);

/// The same for a value of another type that the key can be compared with (a bigint against an integer key).
int ShardIndexOfTypedValue(const Table &table, Datum value, Oid type);

/// A value of any type as one of the distribution column's type, by way of its text form where the types differ.
Datum AsKey(const Table& table, Datum value, Oid type);

/// Index of the shard with exactly these bounds; -1 when there is none: it has been split.  `hint` is looked at first.
int ShardIndexOfRange(const Table& table, int32 min, int32 max, int hint = 0);

/// Raises an error when the metadata has no shard of the table: it is being distributed, or was changed by hand.
void RequireShards(const Table& table);

/// The hash value by which the key (not null, of key_type) finds its shard.
int32 HashOfKey(const Table& table, Datum value);

/// All tables of the colocation group (not 0).
pg::Array<const Table*> TablesOfColocation(int colocation);

/// All tables known.
pg::Array<const Table*> AllTables();

/// All rows of pg_dist_node, by nodeid.
pg::Array<const Node*> AllNodes();

/// Active primaries, the coordinator included when registered, by group.
pg::Array<const Node*> ActivePrimaries();

/// How the role logs in to a node (0: one that is not registered, -1: this server): libpq's
/// parameters from pg_dist_authinfo, where a row of the node comes before that of all nodes.  May
/// be null.
const char* AuthInfo(int node_id, const char* role);

/// The active primary of the group; raises 08006-class error when there is none.
const Node* PrimaryOfGroup(int group);

/// Grows whenever a node may have changed.
uint64 NodesVersion();

/// Null when no row has this id.
const Node* FindNode(int node_id);

/// This server's group (pg_dist_local_group); 0 when it has not joined a cluster yet.
int LocalGroup();

/// Whether this server is the coordinator: group 0.
inline bool IsCoordinator() { return LocalGroup() == kCoordinatorGroup; }

/// True when the extension exists in this database and is not being created or dropped right now.
/// Every hook asks first.
bool IsActive();

/// The extension is called altius, or citus where it was installed under that alias for tools that ask for Citus by
/// name; the objects are the same.
bool IsOwnExtensionName(const char* name);
Oid OwnExtension();  // InvalidOid where there is none

/// Reads the metadata anew, here only: for who finds that what was read doesn't fit together, since it was read while it
/// was changed.
void Refresh();

/// Shards as they will be after a split, for this session only and until it ends: in place of the shard `parent` it sees
/// those that name it.  A session that makes and fills new shards sees them this way before anybody else does.
struct ForeseenShard {
  int64 parent;
  int64 id;
  int32 min;
  int32 max;
  int group;
};
void Foresee(int count, const ForeseenShard* shards);
/// Those foreseen for the parent; all in palloc'd memory.
pg::Array<ForeseenShard> Foreseen(int64 parent);
/// The shard that the foreseen one is a part of; `id` itself when it is not foreseen.
int64 ForeseenParent(int64 id);

/// Locks of a colocation group, until the transaction ends.  What was read of the group before is read anew.
inline constexpr LOCKMODE kJoinsColocation = ShareLock;             // a table is put beside those of the group
inline constexpr LOCKMODE kChangesColocation = RowExclusiveLock;    // its shards get other places or ranges
inline constexpr LOCKMODE kRemovesColocation = ExclusiveLock;
void LockColocation(int colocation, LOCKMODE mode);
bool TryLockColocation(int colocation, LOCKMODE mode);

/// What tables have in common that share a colocation group by default.
struct ColocationKind {
  int shard_count;
  int copies;
  Oid key_type;
  Oid key_collation;
};

/// The oldest group of the kind; 0 when there is none.  Also what was committed since the transaction's snapshot is seen.
int FindColocation(const ColocationKind& kind);
bool ColocationExists(int colocation);
bool HasTables(int colocation);

/// One transaction at a time makes the first group of the kind.
void LockColocationKind(const ColocationKind& kind);

/// Forgets the cache in every backend after commit, and here at once (after writing to pg_dist_*).
void InvalidateMetadata();

/// As above, and plans that use the relation are made anew.
void InvalidateTable(Oid relid);

/// `name_<shardid>` in palloc'd memory; and the same qualified and quoted: schema.name_<shardid>.
char* ShardName(const Table& table, const Shard& shard);
char* QualifiedShardName(const Table& table, const Shard& shard);

/// Whether the relation is a shard, or an index of a shard, of a table known here; also one that the metadata doesn't have
/// yet, or not any more, since it is made or was replaced by a split (altius_stray_shard).
bool IsShardRelation(Oid relid);

/// The table that such a relation (not an index) is a shard of; null: it is none.
const Table* TableOfShardRelation(Oid relid);

/// The same, and it is a table that has the owner of the one that it is a shard of.  A name alone gives nobody rights on another's
/// table: owners rename their tables as they like, and can leave it on one node.
bool IsShardOfOwner(Oid relid);

/// The shard's relation on this node, locked; InvalidOid when there is none.  An error when what has its name is not the owner's.
/// Whatever works on shards with other rights than those of the user's statement finds them here.
Oid RelationOfShard(const Table& table, const Shard& shard, LOCKMODE lock);

/// An error unless IsShardOfOwner.
void RequireShard(Oid relid);

/// What another node means to be a shard (or an index of one), by its name: an error when the name has the number of a shard that it
/// is not.
void RefuseOthers(Oid relid);

/// Whether the relation is a shard that this node does not hold, as the metadata says: it is on its
/// way in, or has moved away and waits to be dropped.  One hash probe when cached.  Asked under a
/// lock that keeps the shard here, after invalidations were accepted.
bool IsElsewhere(Oid relid);

/// The function that cuts values of the type into shards; null when the type has no default hash
/// operator class.
FmgrInfo* HashFunctionOfType(Oid type);

/// Whether the group has an active placement of the shard.
bool HasPlacement(const Shard& shard, int group);

/// Locks the list of nodes until the end of the transaction.  Whoever changes schema or metadata on
/// all nodes takes RowShareLock before asking which nodes there are; adding and removing a node
/// takes ExclusiveLock.
void LockNodes(LOCKMODE mode);

/// Registers the invalidation callbacks.  From _PG_init.
void Init();

}  // namespace altius::catalog
