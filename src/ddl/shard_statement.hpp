// SPDX-License-Identifier: PostgreSQL
// Turns a command about a distributed table into the same command about its shards: a copy of the
// raw parse tree in which the names of tables, indexes, constraints and statistics objects carry
// the shard id.  Works on parse trees alone, so there is no deparser per kind of command.
#pragma once

#include "altius/catalog/metadata.hpp"

extern "C" {
#include "nodes/parsenodes.h"
}

namespace altius::ddl {

struct ShardStatement {
  Node* statement;
  Oid shell;  // for AlignNames
  Oid shard;  // the shard's relation; InvalidOid when the statement creates it or concerns many
  int64 shard_id;
  bool may_name;  // the statement may create objects whose names PostgreSQL chooses
  int index;
  Oid attached;  // the partition's shell table when the statement attaches one, else InvalidOid
  Oid detached;
};

/// `name_<shard_id>`, cut to the length of an identifier.
char* Extend(const char* name, int64 shard_id);

/// The relation of a shard on this node; InvalidOid when it is not here.
Oid ShardRelation(const catalog::Table& table, const catalog::Shard& shard);

/// The distributed table that the name stands for, else null.
const catalog::Table* TableOfName(const RangeVar* name);

/// The distributed table an index belongs to, else null.
const catalog::Table* TableOfIndex(const RangeVar* name);

/// The statement for the shard group with this index (and id, for the table the statement is
/// about).  Null: nothing to do there. Changes `statement` in place: hand in a copy.
Node* ForShard(Node* statement, int index, int64 shard_id);

/// What has to run on this node's shards.  Must be asked before the statement has run on the shell
/// table (afterwards names may lead elsewhere).  List of ShardStatement *.
List* ShardStatements(Node* statement);

/// Runs them, and gives objects that PostgreSQL named itself the names of their counterparts on the
/// shell table.
void RunShardStatements(List* statements, const char* command);

/// Makes constraints, indexes and statistics objects of the shard be called as on the shell table,
/// extended by the id.
void AlignNames(Oid shell, Oid shard, int64 shard_id);

}  // namespace altius::ddl
