// SPDX-License-Identifier: PostgreSQL
// The general way of a command about distributed tables: check it, run it on this node's shell
// table, send its text to the other nodes, run it on the shards here.
#include "altius/task/errors.hpp"
#include "altius/txn/coordinated.hpp"
#include "checks.hpp"
#include "fill_column.hpp"
#include "lock_order.hpp"
#include "rewrite.hpp"
#include "sql.hpp"
#include "statistics.hpp"
#include "utility.hpp"

extern "C" {
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
}

namespace altius::ddl {

namespace {

template <typename T>
T* As(Node* node) {
  return reinterpret_cast<T*>(node);
}

bool AnyManaged(List* relations) {
  ListCell* cell;
  foreach (cell, relations) {
    Node* item = static_cast<Node*>(lfirst(cell));
    RangeVar* name =
        IsA(item, VacuumRelation) ? As<VacuumRelation>(item)->relation : castNode(RangeVar, item);
    if (TableOfName(name) != nullptr) return true;
  }
  return false;
}

bool DropConcerns(DropStmt* drop) {
  ListCell* cell;
  foreach (cell, drop->objects) {
    Node* object = static_cast<Node*>(lfirst(cell));
    if (drop->removeType == OBJECT_TABLE &&
        TableOfName(makeRangeVarFromNameList(castNode(List, object))) != nullptr)
      return true;
    if (TableOfDropped(drop->removeType, object) != nullptr) return true;
  }
  return false;
}

bool CommentConcerns(const CommentStmt* comment) {
  if (!IsA(comment->object, List)) return false;
  List* names = As<List>(comment->object);
  switch (comment->objtype) {
    case OBJECT_TABLE:
      return TableOfName(makeRangeVarFromNameList(names)) != nullptr;
    case OBJECT_INDEX:
      return TableOfIndex(makeRangeVarFromNameList(names)) != nullptr;
    case OBJECT_COLUMN:
    case OBJECT_TABCONSTRAINT:
    case OBJECT_POLICY:
    case OBJECT_TRIGGER:
      if (list_length(names) < 2) return false;
      names = list_truncate(list_copy(names), list_length(names) - 1);
      return TableOfName(makeRangeVarFromNameList(names)) != nullptr;
    default:
      return false;
  }
}

/// Whether the command is about a distributed table at all.
bool Concerns(Node* statement) {
  switch (nodeTag(statement)) {
    case T_TruncateStmt:
      return AnyManaged(As<TruncateStmt>(statement)->relations);
    case T_LockStmt:
      return AnyManaged(As<LockStmt>(statement)->relations);
    case T_VacuumStmt:
      return AnyManaged(As<VacuumStmt>(statement)->rels);
    case T_GrantStmt: {
      auto* grant = As<GrantStmt>(statement);
      return grant->targtype == ACL_TARGET_OBJECT && grant->objtype == OBJECT_TABLE &&
             AnyManaged(grant->objects);
    }
    case T_DropStmt:
      return DropConcerns(As<DropStmt>(statement));
    case T_CommentStmt:
      return CommentConcerns(As<CommentStmt>(statement));
    default:
      return SubjectOf(statement) != nullptr;
  }
}

/// Commands that do not change what the table is: they may start on any node.
bool MayStartAnywhere(Node* statement) {
  return IsA(statement, TruncateStmt) || IsA(statement, LockStmt) || IsA(statement, VacuumStmt);
}

void RefuseKey(const catalog::Table& table, const AlterTableCmd& command) {
  if (command.name == nullptr || table.key == 0) return;
  if (get_attnum(table.relid, command.name) != table.key) return;
  ereport(ERROR,
          (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
           errmsg("cannot %s the distribution column \"%s\" of \"%s\"",
                  command.subtype == AT_DropColumn ? "drop" : "change the type of", command.name,
                  table.name),
           errhint("Call undistribute_table first and distribute the table anew afterwards.")));
}

void Refuse(const catalog::Table& table, const char* what) {
  ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                  errmsg("%s is not supported for distributed table \"%s\"", what, table.name)));
}

void CheckAlter(const catalog::Table& table, AlterTableStmt* alter) {
  ListCell* cell;
  foreach (cell, alter->cmds) {
    auto* command = lfirst_node(AlterTableCmd, cell);
    switch (command->subtype) {
      case AT_DropColumn:
      case AT_AlterColumnType:
        RefuseKey(table, *command);
        break;
      case AT_AddInherit:
      case AT_DropInherit:
        return Refuse(table, "inheritance");
      case AT_AddOf:
      case AT_DropOf:
        return Refuse(table, "ALTER TABLE OF");
      case AT_DetachPartition:
        if (castNode(PartitionCmd, command->def)->concurrent)
          Refuse(table, "DETACH PARTITION CONCURRENTLY");
        break;
      case AT_DetachPartitionFinalize:
        return Refuse(table, "DETACH PARTITION FINALIZE");
      default:
        break;
    }
  }
}

void CheckBefore(Node* statement) {
  const catalog::Table* table = SubjectOf(statement);
  if (table == nullptr) return;
  if (IsA(statement, AlterTableStmt)) CheckAlter(*table, As<AlterTableStmt>(statement));
}

/// What the command made of the table is checked on the shell table; an error takes all back.
void CheckAfter(Node* statement, Oid relid) {
  if (!OidIsValid(relid) || (!IsA(statement, AlterTableStmt) && !IsA(statement, IndexStmt))) return;
  const catalog::Table* table = catalog::FindTable(relid);
  if (table == nullptr) return;
  CheckUniqueness(ShapeOf(*table));
  if (!IsA(statement, AlterTableStmt)) return;
  CheckForeignKeys(ShapeOf(*table));
  RefuseTableOids(relid);
}

/// Runs the command on the shell table.  A new foreign key is validated by a query there, and by
/// one on each shard later.
void RunOnShell(const UtilityCall& call, Node* statement) {
  if (!IsA(statement, AlterTableStmt)) {
    // a shard here may depend on what is dropped, too
    return task::WithShardsHidden(nullptr, [&] { RunHere(call); });
  }
  const int level = BeginLocalPlanning();
  RunHere(call);
  EndLocalPlanning(level);
}

bool ChangesNames(Node* statement) {
  return IsA(statement, RenameStmt) || IsA(statement, AlterObjectSchemaStmt);
}

}  // namespace

bool HandleTable(const UtilityCall& call) {
  if (IsA(call.statement(), RuleStmt)) {
    const catalog::Table* table = TableOfName(As<RuleStmt>(call.statement())->relation);
    if (table != nullptr) Refuse(*table, "a rule");
  }
  if (!Concerns(call.statement())) return false;
  if (!MayStartAnywhere(call.statement())) RequireCoordinator();
  Node* statement = Copy(call.statement());
  const char* command = CommandText(call);
  CheckBefore(statement);
  const catalog::Table* subject = SubjectOf(statement);
  const Oid relid = subject == nullptr ? InvalidOid : subject->relid;
  List* on_shards = ShardStatements(statement);
  const char* message = ApplyText(command);
  const Shells shells(statement);
  shells.LockOnCoordinator();
  RunOnShell(call, statement);
  CheckAfter(statement, relid);
  shells.LockElsewhere();
  SpreadCommand(message, on_shards, command);
  if (ChangesNames(statement)) catalog::InvalidateMetadata();
  if (IsA(statement, VacuumStmt)) RefreshStatistics(As<VacuumStmt>(call.statement())->rels);
  if (IsA(statement, AlterTableStmt)) {
    FillAddedColumns(As<AlterTableStmt>(statement), relid);
    EvenCopies(As<AlterTableStmt>(statement), relid);
  }
  return true;
}

}  // namespace altius::ddl
