// SPDX-License-Identifier: PostgreSQL
// Shards are made on the node they belong to, from that node's own shell table: nothing but the
// order to do so travels.
#include "altius/ddl/objects.hpp"
#include "altius/ddl/tables.hpp"
#include "altius/door/door.hpp"
#include "altius/pg/bridge.hpp"
#include "altius/pg/rights.hpp"
#include "as_owner.hpp"
#include "checks.hpp"
#include "partition_names.hpp"
#include "privileges.hpp"
#include "shard_statement.hpp"
#include "sql.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "parser/parser.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
}

namespace altius::ddl {

namespace {

/// The commands of the shell table as raw parse trees.
List* ParsedCommands(Oid relid, int parts) {
  List* statements = NIL;
  ListCell* cell;
  foreach (cell, TableCommands(relid, parts)) {
    auto* raw = linitial_node(RawStmt, ParseOwn(static_cast<char*>(lfirst(cell))));
    statements = lappend(statements, raw->stmt);
  }
  return statements;
}

struct Making {
  const catalog::Table* table;
  int index;  // of the shard
  Oid owner;
};

void RunForShard(List* statements, const Making& making) {
  const catalog::Shard& shard = making.table->shards[making.index];
  ListCell* cell;
  foreach (cell, statements) {
    Node* original = static_cast<Node*>(lfirst(cell));
    Node* statement = ForShard(Copy(original), making.index, shard.id);
    const catalog::Table* partition = PartitionIn(original, AT_AttachPartition);
    if (partition != nullptr)
      MatchChecks(*TableOfName(reinterpret_cast<AlterTableStmt*>(original)->relation), *partition, making.index);
    if (statement != nullptr) RunAsOwner(statement, get_rel_namespace(making.table->relid), making.owner);
  }
}

}  // namespace

namespace {

void SilenceNotices() {
  (void)set_config_option("client_min_messages", "warning", PGC_USERSET, PGC_S_SESSION,
                          GUC_ACTION_SAVE, true, 0, false);
}

void TrustForeignKeys(List* statements) {
  ListCell* cell;
  foreach (cell, statements) ddl::TrustForeignKeys(static_cast<Node*>(lfirst(cell)));
}

/// Nobody else reads a shard before its policies are there, whatever default privileges say.
void SetAccess(Oid shell, Oid shard, int parts) {
  if ((parts & kAccess) != 0)
    CopyPrivileges(shell, shard);
  else if ((parts & kTable) != 0)
    WithholdPrivileges(shard);
}

void CreateShard(const catalog::Table& table, List* statements, int index, int parts) {
  const catalog::Shard& shard = table.shards[index];
  (void)ShardRelation(table, shard);  // some statements are a superuser's
  RunForShard(statements, {&table, index, pg::OwnerOfRelation(table.relid)});
  const Oid relid = ShardRelation(table, shard);
  if (!OidIsValid(relid)) return;
  SetAccess(table.relid, relid, parts);
  // what the parent's shard passed on when it was attached got names from PostgreSQL
  if ((parts & (kAttach | kForeignKeys)) != 0) AlignNames(table.relid, relid, shard.id);
}

/// Who may make tables in the schema may have made one of this name.
bool IsThere(const catalog::Table& table, const catalog::Shard& shard) {
  const Oid relid = get_relname_relid(catalog::ShardName(table, shard), get_rel_namespace(table.relid));
  if (!OidIsValid(relid)) return false;
  const bool same = get_rel_relkind(relid) == get_rel_relkind(table.relid) &&
                    pg::OwnerOfRelation(relid) == pg::OwnerOfRelation(table.relid);
  if (same) return true;
  ereport(ERROR, (errcode(ERRCODE_DUPLICATE_TABLE),
                  errmsg("relation \"%s\" already exists", catalog::ShardName(table, shard)),
                  errdetail("It has the name of a shard of \"%s\", but is none.", table.name)));
  pg_unreachable();
}

}  // namespace

void CreateLocalShards(const catalog::Table& table, int parts) {
  const int here = catalog::LocalGroup();
  List* statements = NIL;
  const int level = NewGUCNestLevel();
  SilenceNotices();
  for (int i = 0; i < table.shard_count; i++) {
    if (!catalog::HasPlacement(table.shards[i], here)) continue;
    if ((parts & kTable) != 0 && IsThere(table, table.shards[i])) continue;
    if (statements == NIL) statements = ParsedCommands(table.relid, parts);
    TrustForeignKeys(statements);  // the shards are empty
    CreateShard(table, statements, i, parts);
  }
  AtEOXact_GUC(true, level);
}

void CreateShard(const catalog::Table& table, int index, int parts) {
  const int level = NewGUCNestLevel();
  SilenceNotices();
  List* statements = ParsedCommands(table.relid, parts);
  if ((parts & kTrusted) != 0) TrustForeignKeys(statements);
  CreateShard(table, statements, index, parts);
  AtEOXact_GUC(true, level);
}

namespace {

List* CreateShardCommand(int64 shard_id, int parts) {
  return list_make1(
      psprintf("SELECT altius_internal.create_shard(" INT64_FORMAT ", %d)", shard_id, parts));
}

}  // namespace

List* ShardCommands(const catalog::Table&, int64 shard_id) {
  return CreateShardCommand(shard_id, kShard);
}

List* ShardForeignKeyCommands(const catalog::Table&, int64 shard_id) {
  return CreateShardCommand(shard_id, kForeignKeys | kTrusted);
}

void RunCommands(List* commands) {
  const int level = BeginCommandsOfOthers();
  ListCell* cell;
  foreach (cell, commands) {
    const char* command = static_cast<char*>(lfirst(cell));
    ListCell* raw;
    foreach (raw, ParseOwn(command)) {
      const auto* one = lfirst_node(RawStmt, raw);
      const char* text_of = command + one->stmt_location;
      if (IsA(one->stmt, SelectStmt))
        door::WithPass([&] { RunQuery(one->stmt_len > 0 ? pnstrdup(text_of, one->stmt_len) : text_of); });
      else
        RunWholeUtility(one->stmt, command);
    }
  }
  EndLocalPlanning(level);
}

char* RunCommandsText(List* commands) {
  return psprintf("SELECT altius_internal.run_commands(%s)", TextArrayLiteral(commands));
}

List* TextsOf(ArrayType* array) {
  Datum* values;
  bool* nulls;
  int count;
  deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &values, &nulls, &count);
  List* texts = NIL;
  for (int i = 0; i < count; i++)
    if (!nulls[i]) texts = lappend(texts, TextDatumGetCString(values[i]));
  return texts;
}

}  // namespace altius::ddl

/// run_commands(commands text[]): what a coordinator wants done here, as the user it connected as.
ALTIUS_NODE_FUNCTION(altius_run_commands) {
  altius::ddl::RunCommands(altius::ddl::TextsOf(PG_GETARG_ARRAYTYPE_P(0)));
  PG_RETURN_VOID();
}

/// create_shards(relation regclass, parts integer)
ALTIUS_NODE_FUNCTION(altius_create_shards) {
  const Oid relid = PG_GETARG_OID(0);
  const altius::catalog::Table* table = altius::catalog::FindTable(relid);
  if (table == nullptr)
    ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
                    errmsg("\"%s\" is not distributed", get_rel_name(relid))));
  altius::ddl::RequireOwner(relid);
  altius::ddl::CreateLocalShards(*table, PG_GETARG_INT32(1));
  PG_RETURN_VOID();
}

/// create_shard(shard_id bigint, parts integer)
ALTIUS_NODE_FUNCTION(altius_create_shard) {
  const int64 shard_id = PG_GETARG_INT64(0);
  int index = 0;
  const altius::catalog::Table* table = altius::catalog::FindTableOfShard(shard_id, &index);
  if (table == nullptr)
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
                    errmsg("shard " INT64_FORMAT " does not exist", shard_id)));
  altius::ddl::RequireOwner(table->relid);
  altius::ddl::CreateShard(*table, index, PG_GETARG_INT32(1));
  PG_RETURN_VOID();
}
