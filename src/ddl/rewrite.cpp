// SPDX-License-Identifier: PostgreSQL
#include "rewrite.hpp"

#include "altius/pg/walk.hpp"
#include "sql.hpp"

extern "C" {
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_statistic_ext.h"
#include "nodes/makefuncs.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
}

namespace altius::ddl {

namespace {

const catalog::Table* TableOfStatistics(List* name) {
  const Oid oid = get_statistics_object_oid(name, true);
  if (!OidIsValid(oid)) return nullptr;
  HeapTuple tuple = SearchSysCache1(STATEXTOID, ObjectIdGetDatum(oid));
  if (!HeapTupleIsValid(tuple)) return nullptr;
  const Oid relid = reinterpret_cast<Form_pg_statistic_ext>(GETSTRUCT(tuple))->stxrelid;
  ReleaseSysCache(tuple);
  return catalog::FindTable(relid);
}

/// The names of an object's table when the list ends with the object's own name.
List* TablePart(List* names) { return list_truncate(list_copy(names), list_length(names) - 1); }

const catalog::Table* TableOfNames(List* names) {
  return TableOfName(makeRangeVarFromNameList(names));
}

/// [schema,] name -> [schema, name_<id>], the schema as given.
List* ExtendLast(List* names, int64 shard_id) {
  List* extended = Copy(names);
  llast(extended) = makeString(Extend(strVal(llast(names)), shard_id));
  return extended;
}

/// ... in a statement's field for objects that are no relations.
void ExtendObject(Node** object, int64 shard_id) {
  *object = reinterpret_cast<Node*>(ExtendLast(castNode(List, *object), shard_id));
}

/// Objects of a table that are no relations and have names of their own: statistics.
const catalog::Table* SubjectOfObject(ObjectType type, Node* object) {
  return type == OBJECT_STATISTIC_EXT ? TableOfStatistics(castNode(List, object)) : nullptr;
}

const catalog::Table* SubjectOfRename(RenameStmt* rename) {
  switch (rename->renameType) {
    case OBJECT_TABLE:
    case OBJECT_TABCONSTRAINT:
    case OBJECT_POLICY:
    case OBJECT_TRIGGER:
      return TableOfName(rename->relation);
    case OBJECT_COLUMN:
      return rename->relationType == OBJECT_TABLE ? TableOfName(rename->relation) : nullptr;
    case OBJECT_INDEX:
      return TableOfIndex(rename->relation);
    case OBJECT_STATISTIC_EXT:
      return TableOfStatistics(castNode(List, rename->object));
    default:
      return nullptr;
  }
}

Node* RenameForShard(RenameStmt* rename, int index, int64 shard_id) {
  switch (rename->renameType) {
    case OBJECT_TABLE:
      rename->newname = Extend(rename->newname, shard_id);
      break;
    case OBJECT_TABCONSTRAINT:
      rename->subname = Extend(rename->subname, shard_id);
      rename->newname = Extend(rename->newname, shard_id);
      break;
    case OBJECT_INDEX:
      rename->newname = Extend(rename->newname, shard_id);
      NameShardIndex(rename->relation, shard_id);
      return reinterpret_cast<Node*>(rename);
    case OBJECT_STATISTIC_EXT:
      rename->object =
          reinterpret_cast<Node*>(ExtendLast(castNode(List, rename->object), shard_id));
      rename->newname = Extend(rename->newname, shard_id);
      return reinterpret_cast<Node*>(rename);
    default:
      break;
  }
  NameShard(rename->relation, index);
  return reinterpret_cast<Node*>(rename);
}

Node* DropForShard(DropStmt* drop, int index, int64 shard_id) {
  List* names = castNode(List, linitial(drop->objects));
  if (drop->removeType == OBJECT_INDEX) {
    RangeVar* name = makeRangeVarFromNameList(names);
    NameShardIndex(name, shard_id);
    names = list_make2(makeString(name->schemaname), makeString(name->relname));
  } else if (drop->removeType == OBJECT_STATISTIC_EXT) {
    names = ExtendLast(names, shard_id);
  } else {
    RangeVar* name = makeRangeVarFromNameList(TablePart(names));
    NameShard(name, index);
    names = list_make3(makeString(name->schemaname), makeString(name->relname), llast(names));
  }
  drop->objects = list_make1(names);
  return reinterpret_cast<Node*>(drop);
}

/// The table, or the index, that the command is about.
void NameTarget(RangeVar* name, bool is_index, int index, int64 shard_id) {
  if (is_index)
    NameShardIndex(name, shard_id);
  else
    NameShard(name, index);
}

Node* AlterForShard(AlterTableStmt* alter, int index, int64 shard_id) {
  const bool is_index = alter->objtype == OBJECT_INDEX;
  alter->cmds = AlterCommandsForShard(alter->cmds, index, shard_id, is_index);
  if (alter->cmds == NIL) return nullptr;
  NameTarget(alter->relation, is_index, index, shard_id);
  return reinterpret_cast<Node*>(alter);
}

Node* CreateForShard(CreateStmt* create, int index, int64 shard_id) {
  ListCell* cell;
  foreach (cell, create->tableElts) {
    Node* element = static_cast<Node*>(lfirst(cell));
    if (IsA(element, ColumnDef))
      ColumnForShard(reinterpret_cast<ColumnDef*>(element), index, shard_id);
    if (IsA(element, Constraint))
      ConstraintForShard(reinterpret_cast<Constraint*>(element), index, shard_id);
  }
  NameShard(create->relation, index);
  return reinterpret_cast<Node*>(create);
}

Node* StatisticsForShard(CreateStatsStmt* create, int index, int64 shard_id) {
  if (create->defnames != NIL) create->defnames = ExtendLast(create->defnames, shard_id);
  ListCell* cell;
  foreach (cell, create->relations)
    if (IsA(lfirst(cell), RangeVar)) NameShard(lfirst_node(RangeVar, cell), index);
  return reinterpret_cast<Node*>(create);
}

/// Triggers of the node that asks count, too.
bool CountAllTriggers(Node* node, void* context) {
  if (node == nullptr) return false;
  if (IsA(node, FuncCall)) {
    auto* call = reinterpret_cast<FuncCall*>(node);
    if (call->args == NIL && strcmp(strVal(llast(call->funcname)), "pg_trigger_depth") == 0)
      call->funcname = list_make2(makeString(pstrdup("altius_internal")), makeString(pstrdup("trigger_depth")));
  }
  return pg::WalkRaw(node, CountAllTriggers, context);
}

/// All triggers on shards have one function, which does as floor trigger says; what is deferred is deferred there.
Node* TriggerForShard(CreateTrigStmt* create, int index) {
  NameShard(create->relation, index);
  create->funcname = list_make2(makeString(pstrdup("altius_internal")), makeString(pstrdup("trigger_on_shard")));
  create->args = NIL;
  create->isconstraint = create->deferrable = create->initdeferred = false;
  create->constrrel = nullptr;
  (void)CountAllTriggers(create->whenClause, nullptr);
  return reinterpret_cast<Node*>(create);
}

const catalog::Table* SubjectOfStatistics(CreateStatsStmt* create) {
  if (list_length(create->relations) != 1 || !IsA(linitial(create->relations), RangeVar))
    return nullptr;
  return TableOfName(linitial_node(RangeVar, create->relations));
}

template <typename T>
T* As(Node* node) {
  return reinterpret_cast<T*>(node);
}

}  // namespace

void NameShard(RangeVar* name, int index) {
  const catalog::Table* table = TableOfName(name);
  if (table == nullptr || table->shard_count == 0) return;
  const catalog::Shard& shard = table->shards[index < table->shard_count ? index : 0];
  name->catalogname = nullptr;
  name->schemaname = pstrdup(table->schema);
  name->relname = catalog::ShardName(*table, shard);
  (void)catalog::RelationOfShard(*table, shard, NoLock);  // a foreign key could lead to another role's table
}

void NameShardIndex(RangeVar* name, int64 shard_id) {
  const Oid index = RangeVarGetRelid(name, NoLock, true);
  name->catalogname = nullptr;
  if (OidIsValid(index)) name->schemaname = get_namespace_name(get_rel_namespace(index));
  name->relname = Extend(name->relname, shard_id);
}

const catalog::Table* TableOfDropped(ObjectType type, Node* object) {
  switch (type) {
    case OBJECT_INDEX:
      return TableOfIndex(makeRangeVarFromNameList(castNode(List, object)));
    case OBJECT_POLICY:
    case OBJECT_TRIGGER:
      return TableOfNames(TablePart(castNode(List, object)));
    case OBJECT_STATISTIC_EXT:
      return TableOfStatistics(castNode(List, object));
    default:
      return nullptr;
  }
}

const catalog::Table* SubjectOf(Node* statement) {
  switch (nodeTag(statement)) {
    case T_IndexStmt:
      return TableOfName(As<IndexStmt>(statement)->relation);
    case T_AlterTableStmt: {
      auto* alter = As<AlterTableStmt>(statement);
      return alter->objtype == OBJECT_INDEX ? TableOfIndex(alter->relation)
                                            : TableOfName(alter->relation);
    }
    case T_RenameStmt:
      return SubjectOfRename(As<RenameStmt>(statement));
    case T_AlterObjectSchemaStmt: {
      auto* alter = As<AlterObjectSchemaStmt>(statement);
      return alter->relation != nullptr ? TableOfName(alter->relation)
                                        : SubjectOfObject(alter->objectType, alter->object);
    }
    case T_AlterOwnerStmt:
      return SubjectOfObject(As<AlterOwnerStmt>(statement)->objectType, As<AlterOwnerStmt>(statement)->object);
    case T_AlterStatsStmt:
      return TableOfStatistics(As<AlterStatsStmt>(statement)->defnames);
    case T_AlterObjectDependsStmt: {
      auto* alter = As<AlterObjectDependsStmt>(statement);
      return alter->objectType == OBJECT_INDEX ? TableOfIndex(alter->relation) : TableOfName(alter->relation);
    }
    case T_CreateStatsStmt:
      return SubjectOfStatistics(As<CreateStatsStmt>(statement));
    case T_CreatePolicyStmt:
      return TableOfName(As<CreatePolicyStmt>(statement)->table);
    case T_AlterPolicyStmt:
      return TableOfName(As<AlterPolicyStmt>(statement)->table);
    case T_CreateTrigStmt:
      return TableOfName(As<CreateTrigStmt>(statement)->relation);
    case T_ReindexStmt: {
      auto* reindex = As<ReindexStmt>(statement);
      return reindex->kind == REINDEX_OBJECT_INDEX ? TableOfIndex(reindex->relation)
                                                   : TableOfName(reindex->relation);
    }
    case T_ClusterStmt:
      return TableOfName(As<ClusterStmt>(statement)->relation);
    default:
      return nullptr;
  }
}

namespace {

Node* NamesForShard(Node* statement, int index, int64 shard_id) {
  switch (nodeTag(statement)) {
    case T_CreateStmt:
      return CreateForShard(As<CreateStmt>(statement), index, shard_id);
    case T_IndexStmt: {
      auto* create = As<IndexStmt>(statement);
      if (create->idxname != nullptr) create->idxname = Extend(create->idxname, shard_id);
      NameShard(create->relation, index);
      return statement;
    }
    case T_AlterTableStmt:
      return AlterForShard(As<AlterTableStmt>(statement), index, shard_id);
    case T_RenameStmt:
      return RenameForShard(As<RenameStmt>(statement), index, shard_id);
    case T_DropStmt:
      return DropForShard(As<DropStmt>(statement), index, shard_id);
    case T_AlterObjectSchemaStmt: {
      auto* alter = As<AlterObjectSchemaStmt>(statement);
      if (alter->relation != nullptr)
        NameShard(alter->relation, index);
      else
        ExtendObject(&alter->object, shard_id);
      return statement;
    }
    case T_AlterOwnerStmt:
      ExtendObject(&As<AlterOwnerStmt>(statement)->object, shard_id);
      return statement;
    case T_AlterStatsStmt:
      As<AlterStatsStmt>(statement)->defnames = ExtendLast(As<AlterStatsStmt>(statement)->defnames, shard_id);
      return statement;
    case T_AlterObjectDependsStmt: {
      auto* alter = As<AlterObjectDependsStmt>(statement);
      NameTarget(alter->relation, alter->objectType == OBJECT_INDEX, index, shard_id);
      return statement;
    }
    case T_CreateStatsStmt:
      return StatisticsForShard(As<CreateStatsStmt>(statement), index, shard_id);
    case T_CreatePolicyStmt:
      NameShard(As<CreatePolicyStmt>(statement)->table, index);
      return statement;
    case T_AlterPolicyStmt:
      NameShard(As<AlterPolicyStmt>(statement)->table, index);
      return statement;
    case T_CreateTrigStmt:
      return TriggerForShard(As<CreateTrigStmt>(statement), index);
    case T_ReindexStmt:
      NameTarget(As<ReindexStmt>(statement)->relation,
                 As<ReindexStmt>(statement)->kind == REINDEX_OBJECT_INDEX, index, shard_id);
      return statement;
    case T_ClusterStmt: {
      auto* cluster = As<ClusterStmt>(statement);
      NameShard(cluster->relation, index);
      if (cluster->indexname != nullptr) cluster->indexname = Extend(cluster->indexname, shard_id);
      return statement;
    }
    case T_GrantStmt: {
      ListCell* cell;
      foreach (cell, As<GrantStmt>(statement)->objects)
        NameShard(lfirst_node(RangeVar, cell), index);
      return statement;
    }
    default:
      return nullptr;
  }
}

}  // namespace

Node* ForShard(Node* statement, int index, int64 shard_id) {
  const char* before = NameBefore(statement);
  Node* changed = NamesForShard(statement, index, shard_id);
  if (changed != nullptr) RequalifyColumns(changed, before);
  return changed;
}

bool MayNameObjects(Node* statement) {
  if (IsA(statement, IndexStmt)) return true;
  if (IsA(statement, CreateStatsStmt)) return As<CreateStatsStmt>(statement)->defnames == NIL;
  if (!IsA(statement, AlterTableStmt)) return false;
  ListCell* cell;
  foreach (cell, As<AlterTableStmt>(statement)->cmds) {
    switch (lfirst_node(AlterTableCmd, cell)->subtype) {
      case AT_AddColumn:
      case AT_AddConstraint:
      case AT_AttachPartition:
      case AT_DetachPartition:
        return true;
      default:
        break;
    }
  }
  return false;
}

}  // namespace altius::ddl
