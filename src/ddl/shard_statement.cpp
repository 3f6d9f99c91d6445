// SPDX-License-Identifier: PostgreSQL
#include "shard_statement.hpp"

#include "altius/core/shard/name.hpp"
#include "altius/task/errors.hpp"
#include "partition_names.hpp"
#include "rewrite.hpp"
#include "sql.hpp"

extern "C" {
#include "catalog/index.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "nodes/makefuncs.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
}

namespace altius::ddl {

char* Extend(const char* name, int64 shard_id) {
  char* extended = static_cast<char*>(palloc(core::kNameSize));
  core::AppendShardId(name, shard_id, extended);
  return extended;
}

Oid ShardRelation(const catalog::Table& table, const catalog::Shard& shard) {
  return catalog::RelationOfShard(table, shard, NoLock);
}

const catalog::Table* TableOfName(const RangeVar* name) {
  if (name == nullptr) return nullptr;
  const Oid relid = RangeVarGetRelid(name, NoLock, true);
  return OidIsValid(relid) ? catalog::FindTable(relid) : nullptr;
}

const catalog::Table* TableOfIndex(const RangeVar* name) {
  if (name == nullptr) return nullptr;
  const Oid index = RangeVarGetRelid(name, NoLock, true);
  if (!OidIsValid(index)) return nullptr;
  const char kind = get_rel_relkind(index);
  if (kind != RELKIND_INDEX && kind != RELKIND_PARTITIONED_INDEX) return nullptr;
  return catalog::FindTable(IndexGetRelation(index, true));
}

namespace {

/// One copy of the statement for each of the table's shards on this node.
void AddPerShard(List** list, Node* statement, const catalog::Table& table) {
  const int here = catalog::LocalGroup();
  const catalog::Table* attached = PartitionIn(statement, AT_AttachPartition);
  const catalog::Table* detached = PartitionIn(statement, AT_DetachPartition);
  for (int i = 0; i < table.shard_count; i++) {
    const catalog::Shard& shard = table.shards[i];
    if (!catalog::HasPlacement(shard, here)) continue;
    Node* copy = ForShard(Copy(statement), i, shard.id);
    if (copy == nullptr) continue;
    auto* item = static_cast<ShardStatement*>(palloc0(sizeof(ShardStatement)));
    *item = {copy,
             table.relid,
             ShardRelation(table, shard),
             shard.id,
             MayNameObjects(statement),
             i,
             attached == nullptr ? InvalidOid : attached->relid,
             detached == nullptr ? InvalidOid : detached->relid};
    *list = lappend(*list, item);
  }
}

/// DROP of several objects: each goes to the shards of its own table.
List* ForDrop(DropStmt* drop) {
  List* list = NIL;
  ListCell* cell;
  foreach (cell, drop->objects) {
    const catalog::Table* table =
        TableOfDropped(drop->removeType, static_cast<Node*>(lfirst(cell)));
    if (table == nullptr) continue;
    DropStmt* one = makeNode(DropStmt);
    *one = *drop;
    one->objects = list_make1(lfirst(cell));
    one->missing_ok = true;
    AddPerShard(&list, reinterpret_cast<Node*>(one), *table);
  }
  return list;
}

/// Kind, name and schema (statistics objects need not lie where their table does) of what hangs on the relation, in the
/// order of creation.
List* NamesOf(Oid relid) {
  return QueryRows(R"(
SELECT kind, name, (SELECT nspname FROM pg_catalog.pg_namespace n WHERE n.oid = space) FROM (
  SELECT oid, 'constraint' AS kind, conname AS name, connamespace AS space FROM pg_catalog.pg_constraint
  WHERE conrelid = $1 AND contype IN ('p', 'u', 'x', 'c', 'f')
    AND NOT (contype = 'f' AND conparentid <> 0) AND NOT (contype = 'c' AND coninhcount > 0)
  UNION ALL
  SELECT c.oid, 'index', relname, relnamespace FROM pg_catalog.pg_index JOIN pg_catalog.pg_class c ON c.oid = indexrelid
  WHERE indrelid = $1 AND NOT EXISTS (
    SELECT FROM pg_catalog.pg_constraint WHERE conindid = indexrelid AND contype IN ('p', 'u', 'x'))
  UNION ALL
  SELECT oid, 'statistics', stxname, stxnamespace FROM pg_catalog.pg_statistic_ext WHERE stxrelid = $1) AS named
ORDER BY kind, oid)",
                   {OidValue(relid)});
}

/// Rows of `names` that have no row of the same kind and name in `others`.
List* Unmatched(List* names, List* others) {
  List* rest = NIL;
  ListCell* cell;
  ListCell* other;
  foreach (cell, names) {
    char** row = static_cast<char**>(lfirst(cell));
    bool found = false;
    foreach (other, others) {
      char** candidate = static_cast<char**>(lfirst(other));
      found = found || (strcmp(row[0], candidate[0]) == 0 && strcmp(row[1], candidate[1]) == 0);
    }
    if (!found) rest = lappend(rest, row);
  }
  return rest;
}

void Rename(char** named, Oid relid, const char* to) {
  const char* kind = named[0];
  const char* old_name = quote_identifier(named[1]);
  const char* space = quote_identifier(named[2]);
  const char* new_name = quote_identifier(to);
  if (strcmp(kind, "constraint") == 0)
    RunCommand(psprintf("ALTER TABLE %s RENAME CONSTRAINT %s TO %s", QualifiedName(relid), old_name,
                        new_name));
  else
    RunCommand(psprintf("ALTER %s %s.%s RENAME TO %s",
                        strcmp(kind, "index") == 0 ? "INDEX" : "STATISTICS", space, old_name,
                        new_name));
}

}  // namespace

void AlignNames(Oid shell, Oid shard, int64 shard_id) {
  List* wanted = NamesOf(shell);
  ListCell* cell;
  foreach (cell, wanted) {
    char** row = static_cast<char**>(lfirst(cell));
    row[1] = Extend(row[1], shard_id);
  }
  List* present = NamesOf(shard);
  List* missing = Unmatched(wanted, present);
  List* strange = Unmatched(present, wanted);
  ListCell* other;
  foreach (cell, strange) {
    char** row = static_cast<char**>(lfirst(cell));
    foreach (other, missing) {
      char** name = static_cast<char**>(lfirst(other));
      if (strcmp(row[0], name[0]) != 0) continue;
      Rename(row, shard, name[1]);
      missing = foreach_delete_current(missing, other);
      break;
    }
  }
}

namespace {

/// The relation itself and, for a partitioned table, everything below it.
void AlignTree(const ShardStatement& statement) {
  const catalog::Table* table;
  int index;
  const Oid shard = statement.shard;
  if (!OidIsValid(shard)) return;
  table = catalog::FindTableOfShard(statement.shard_id, &index);
  AlignNames(statement.shell, shard, statement.shard_id);
  if (table == nullptr || get_rel_relkind(statement.shell) != RELKIND_PARTITIONED_TABLE) return;
  ListCell* cell;
  foreach (cell, find_all_inheritors(statement.shell, NoLock, nullptr)) {
    const catalog::Table* child = catalog::FindTable(lfirst_oid(cell));
    if (child == nullptr || child->relid == statement.shell || index >= child->shard_count)
      continue;
    const Oid child_shard = ShardRelation(*child, child->shards[index]);
    if (OidIsValid(child_shard)) AlignNames(child->relid, child_shard, child->shards[index].id);
  }
}

/// One name that PostgreSQL would choose: the shell table has it already.  (With several,
/// AlignNames sorts them out.)
void NameLikeShell(const ShardStatement& statement) {
  char** unnamed = OnlyUnnamed(statement.statement);
  if (unnamed == nullptr || !OidIsValid(statement.shard)) return;
  List* wanted = NamesOf(statement.shell);
  ListCell* cell;
  foreach (cell, wanted) {
    char** row = static_cast<char**>(lfirst(cell));
    row[1] = Extend(row[1], statement.shard_id);
  }
  List* missing = Unmatched(wanted, NamesOf(statement.shard));
  if (list_length(missing) == 1) *unnamed = static_cast<char**>(linitial(missing))[1];
}

void BeforeAttach(const ShardStatement& statement) {
  if (!OidIsValid(statement.attached)) return;
  MatchChecks(*catalog::FindTable(statement.shell), *catalog::FindTable(statement.attached),
              statement.index);
}

/// What the partition had inherited is its own now.
void AfterDetach(const ShardStatement& statement) {
  if (!OidIsValid(statement.detached)) return;
  const catalog::Table* table = catalog::FindTable(statement.detached);
  const catalog::Shard& shard = table->shards[statement.index];
  AlignNames(table->relid, ShardRelation(*table, shard), shard.id);
}

}  // namespace

List* ShardStatements(Node* statement) {
  List* list = NIL;
  if (IsA(statement, DropStmt)) return ForDrop(reinterpret_cast<DropStmt*>(statement));
  if (Node* whole = ForAllShards(Copy(statement))) {
    auto* item = static_cast<ShardStatement*>(palloc0(sizeof(ShardStatement)));
    item->statement = whole;
    return list_make1(item);
  }
  const catalog::Table* table = SubjectOf(statement);
  if (table != nullptr) AddPerShard(&list, statement, *table);
  return list;
}

namespace {

void RunOne(const ShardStatement& statement, const char* command) {
  BeforeAttach(statement);
  if (statement.may_name) NameLikeShell(statement);
  RunUtility(statement.statement, command);
  if (statement.may_name) AlignTree(statement);
  AfterDetach(statement);
}

}  // namespace

void RunShardStatements(List* statements, const char* command) {
  // What there is to say was said of the table itself.
  const int level = NewGUCNestLevel();
  (void)set_config_option("client_min_messages", "error", PGC_USERSET, PGC_S_SESSION,
                          GUC_ACTION_SAVE, true, 0, false);
  ListCell* cell;
  foreach (cell, statements) {
    auto* statement = static_cast<ShardStatement*>(lfirst(cell));
    task::WithShardsHidden(nullptr, [&] { RunOne(*statement, command); });
  }
  AtEOXact_GUC(true, level);
}

}  // namespace altius::ddl
