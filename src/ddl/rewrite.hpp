// SPDX-License-Identifier: PostgreSQL
// The kinds of commands that exist for tables: which table one is about, and where names stand in
// it.
#pragma once

#include "shard_statement.hpp"

namespace altius::ddl {

/// The distributed table the statement is about, for statements that run once per shard.  Null:
/// none.
const catalog::Table* SubjectOf(Node* statement);

/// The table that an index, policy, trigger or statistics object named in a DROP belongs to.
const catalog::Table* TableOfDropped(ObjectType type, Node* object);

/// Statements that take a list of tables (TRUNCATE, LOCK, GRANT, ANALYZE): every distributed table
/// is replaced by all its shards on this node, other relations are left out.  Null: not such a
/// statement, or no shard is here.
Node* ForAllShards(Node* statement);

/// Whether the statement may make PostgreSQL choose a name for a constraint, an index or a
/// statistics object.
bool MayNameObjects(Node* statement);

/// The place for the name when the statement makes exactly one constraint or index without a name;
/// else null.
char** OnlyUnnamed(Node* statement);

/// Makes the name that of the shard with this index (a reference table: its only one); other
/// relations stay.
void NameShard(RangeVar* name, int index);
void NameShardIndex(RangeVar* name, int64 shard_id);

/// The subcommands of ALTER TABLE that shards run; NIL when none.
List* AlterCommandsForShard(List* commands, int index, int64 shard_id, bool is_index);

/// Columns and constraints of CREATE TABLE.
void ColumnForShard(ColumnDef* column, int index, int64 shard_id);
void ConstraintForShard(Constraint* constraint, int index, int64 shard_id);

/// Whether the column gets its values from a sequence: serial, identity, DEFAULT nextval(..).
bool IsFedBySequence(const ColumnDef& column);

/// rewrite_references.cpp: the table's name in a command with expressions, null for others; and, once the command is about a shard,
/// columns that bear that name there bear the shard's.
const char* NameBefore(Node* statement);
void RequalifyColumns(Node* statement, const char* before);

/// Whether the raw expression draws from a sequence.
bool UsesSequence(Node* expression);

}  // namespace altius::ddl
