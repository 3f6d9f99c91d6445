// SPDX-License-Identifier: PostgreSQL
// Columns, constraints and the subcommands of ALTER TABLE for shards.
//
// Shards keep defaults (existing rows get them when a column is added, ON DELETE SET DEFAULT needs
// them) except those that draw from a sequence: numbers are drawn before a row reaches its shard.
// An identity column is a plain column there.
#include "rewrite.hpp"

#include "altius/pg/walk.hpp"

extern "C" {
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/value.h"
}

namespace altius::ddl {

namespace {

bool FindSequence(Node* node, void* context) {
  if (node == nullptr) return false;
  if (IsA(node, FuncCall)) {
    List* name = reinterpret_cast<FuncCall*>(node)->funcname;
    if (strcmp(strVal(llast(name)), "nextval") == 0) return true;
  }
  return pg::WalkRaw(node, FindSequence, context);
}

/// The integer type that serial, bigserial, smallserial stand for; null for other types.
const char* SerialType(const TypeName& type) {
  if (list_length(type.names) != 1) return nullptr;
  const char* name = strVal(linitial(type.names));
  if (strcmp(name, "serial") == 0 || strcmp(name, "serial4") == 0) return "int4";
  if (strcmp(name, "bigserial") == 0 || strcmp(name, "serial8") == 0) return "int8";
  if (strcmp(name, "smallserial") == 0 || strcmp(name, "serial2") == 0) return "int2";
  return nullptr;
}

void PlainType(TypeName* type) {
  const char* plain = type == nullptr ? nullptr : SerialType(*type);
  if (plain != nullptr)
    type->names = list_make2(makeString(pstrdup("pg_catalog")), makeString(pstrdup(plain)));
}

/// Numbers are filled in afterwards, NOT NULL is set then.
void AddedColumnForShard(ColumnDef* column, int index, int64 shard_id) {
  if (IsFedBySequence(*column)) {
    List* kept = NIL;
    ListCell* cell;
    foreach (cell, column->constraints)
      if (lfirst_node(Constraint, cell)->contype != CONSTR_NOTNULL)
        kept = lappend(kept, lfirst(cell));
    column->constraints = kept;
  }
  ColumnForShard(column, index, shard_id);
}

/// Returns false when shards do not need the subcommand.
bool CommandForShard(AlterTableCmd* command, int index, int64 shard_id, bool is_index) {
  switch (command->subtype) {
    case AT_AddColumn:
      AddedColumnForShard(castNode(ColumnDef, command->def), index, shard_id);
      return true;
    case AT_ColumnDefault:
      if (command->def != nullptr && UsesSequence(command->def)) command->def = nullptr;
      return true;
    case AT_AddConstraint:
    case AT_AlterConstraint:
      ConstraintForShard(castNode(Constraint, command->def), index, shard_id);
      return true;
    case AT_DropConstraint:
    case AT_ValidateConstraint:
    case AT_ClusterOn:
      command->name = Extend(command->name, shard_id);
      return true;
    case AT_ReplicaIdentity: {
      auto* identity = castNode(ReplicaIdentityStmt, command->def);
      if (identity->name != nullptr) identity->name = Extend(identity->name, shard_id);
      return true;
    }
    case AT_AttachPartition:
    case AT_DetachPartition: {
      auto* partition = castNode(PartitionCmd, command->def);
      if (!is_index) {
        NameShard(partition->name, index);
        return true;
      }
      const catalog::Table* table = TableOfIndex(partition->name);
      if (table == nullptr || index >= table->shard_count) return false;
      NameShardIndex(partition->name, table->shards[index].id);
      return true;
    }
    case AT_AddIdentity:
    case AT_SetIdentity:
    case AT_DropIdentity:
      return false;
    default:
      return true;
  }
}

}  // namespace

bool UsesSequence(Node* expression) { return FindSequence(expression, nullptr); }

void ConstraintForShard(Constraint* constraint, int index, int64 shard_id) {
  if (constraint->conname != nullptr) constraint->conname = Extend(constraint->conname, shard_id);
  if (constraint->indexname != nullptr)
    constraint->indexname = Extend(constraint->indexname, shard_id);
  if (constraint->contype == CONSTR_FOREIGN) NameShard(constraint->pktable, index);
}

bool IsFedBySequence(const ColumnDef& column) {
  if (column.typeName != nullptr && SerialType(*column.typeName) != nullptr) return true;
  ListCell* cell;
  foreach (cell, column.constraints) {
    auto* constraint = lfirst_node(Constraint, cell);
    if (constraint->contype == CONSTR_IDENTITY) return true;
    if (constraint->contype == CONSTR_DEFAULT && UsesSequence(constraint->raw_expr)) return true;
  }
  return false;
}

void ColumnForShard(ColumnDef* column, int index, int64 shard_id) {
  PlainType(column->typeName);
  List* kept = NIL;
  ListCell* cell;
  foreach (cell, column->constraints) {
    auto* constraint = lfirst_node(Constraint, cell);
    if (constraint->contype == CONSTR_IDENTITY) continue;
    if (constraint->contype == CONSTR_DEFAULT && UsesSequence(constraint->raw_expr)) continue;
    ConstraintForShard(constraint, index, shard_id);
    kept = lappend(kept, constraint);
  }
  column->constraints = kept;
}

namespace {

/// Counts constraints that get a name of their own; notes the place of one that has none.
void NoteUnnamed(Constraint* constraint, char*** place, int* count) {
  switch (constraint->contype) {
    case CONSTR_CHECK:
    case CONSTR_PRIMARY:
    case CONSTR_UNIQUE:
    case CONSTR_EXCLUSION:
    case CONSTR_FOREIGN:
      if (constraint->conname != nullptr || constraint->indexname != nullptr) return;
      *place = &constraint->conname;
      (*count)++;
      return;
    default:
      return;
  }
}

}  // namespace

char** OnlyUnnamed(Node* statement) {
  if (IsA(statement, IndexStmt)) {
    auto* create = reinterpret_cast<IndexStmt*>(statement);
    return create->idxname == nullptr ? &create->idxname : nullptr;
  }
  if (!IsA(statement, AlterTableStmt)) return nullptr;
  char** place = nullptr;
  int count = 0;
  ListCell* cell;
  ListCell* inner;
  foreach (cell, reinterpret_cast<AlterTableStmt*>(statement)->cmds) {
    auto* command = lfirst_node(AlterTableCmd, cell);
    if (command->subtype == AT_AddConstraint)
      NoteUnnamed(castNode(Constraint, command->def), &place, &count);
    if (command->subtype != AT_AddColumn) continue;
    foreach (inner, castNode(ColumnDef, command->def)->constraints)
      NoteUnnamed(lfirst_node(Constraint, inner), &place, &count);
  }
  return count == 1 ? place : nullptr;
}

List* AlterCommandsForShard(List* commands, int index, int64 shard_id, bool is_index) {
  List* kept = NIL;
  ListCell* cell;
  foreach (cell, commands) {
    auto* command = lfirst_node(AlterTableCmd, cell);
    if (CommandForShard(command, index, shard_id, is_index)) kept = lappend(kept, command);
  }
  return kept;
}

}  // namespace altius::ddl
