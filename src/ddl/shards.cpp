// SPDX-License-Identifier: PostgreSQL
// Shards are made on the node they belong to, from that node's own shell table: nothing but the order to do so travels.
#include "altius/ddl/tables.hpp"
#include "altius/pg/bridge.hpp"
#include "checks.hpp"
#include "shard_statement.hpp"
#include "sql.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "executor/spi.h"
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
List *ParsedCommands(Oid relid, int parts) {
  List *statements = NIL;
  ListCell *cell;
  foreach (cell, TableCommands(relid, parts)) {
    auto *raw = linitial_node(RawStmt, raw_parser(static_cast<char *>(lfirst(cell)), RAW_PARSE_DEFAULT));
    statements = lappend(statements, raw->stmt);
  }
  return statements;
}

void CreateShard(List *statements, int index, int64 shard_id) {
  ListCell *cell;
  foreach (cell, statements) {
    Node *statement = ForShard(Copy(static_cast<Node *>(lfirst(cell))), index, shard_id);
    if (statement != nullptr) RunUtility(statement, nullptr);
  }
}

}  // namespace

void CreateLocalShards(const catalog::Table &table, int parts) {
  const int here = catalog::LocalGroup();
  List *statements = NIL;
  const int level = NewGUCNestLevel();
  (void)set_config_option("client_min_messages", "warning", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0,
                          false);
  for (int i = 0; i < table.shard_count; i++) {
    if (!catalog::HasPlacement(table.shards[i], here)) continue;
    const bool exists = OidIsValid(ShardRelation(table, table.shards[i]));
    if (exists && (parts & kTable) != 0) continue;
    if (statements == NIL) statements = ParsedCommands(table.relid, parts);
    CreateShard(statements, i, table.shards[i].id);
    // what the parent's shard passed on when it was attached got names from PostgreSQL
    if ((parts & (kAttach | kForeignKeys)) != 0) {
      const Oid shard = ShardRelation(table, table.shards[i]);
      if (OidIsValid(shard)) AlignNames(table.relid, shard, table.shards[i].id);
    }
  }
  AtEOXact_GUC(true, level);
}

void RunCommands(List *commands) {
  ListCell *cell;
  foreach (cell, commands) {
    const char *command = static_cast<char *>(lfirst(cell));
    ListCell *raw;
    foreach (raw, raw_parser(command, RAW_PARSE_DEFAULT)) {
      Node *statement = lfirst_node(RawStmt, raw)->stmt;
      if (!IsA(statement, SelectStmt)) {
        RunUtility(statement, command);
        continue;
      }
      CommandCounterIncrement();
      SPI_connect();
      SPI_execute(command, false, 0);
      SPI_finish();
    }
  }
}

char *RunCommandsText(List *commands) {
  return psprintf("SELECT altius_internal.run_commands(%s)", TextArrayLiteral(commands));
}

List *TextsOf(ArrayType *array) {
  Datum *values;
  bool *nulls;
  int count;
  deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &values, &nulls, &count);
  List *texts = NIL;
  for (int i = 0; i < count; i++)
    if (!nulls[i]) texts = lappend(texts, TextDatumGetCString(values[i]));
  return texts;
}

}  // namespace altius::ddl

/// run_commands(commands text[]): what a coordinator wants done here, as the user it connected as.
ALTIUS_FUNCTION(altius_run_commands) {
  altius::ddl::RunCommands(altius::ddl::TextsOf(PG_GETARG_ARRAYTYPE_P(0)));
  PG_RETURN_VOID();
}

/// create_shards(relation regclass, parts integer)
ALTIUS_FUNCTION(altius_create_shards) {
  const Oid relid = PG_GETARG_OID(0);
  const altius::catalog::Table *table = altius::catalog::FindTable(relid);
  if (table == nullptr)
    ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE), errmsg("\"%s\" is not distributed", get_rel_name(relid))));
  altius::ddl::RequireOwner(relid);
  altius::ddl::CreateLocalShards(*table, PG_GETARG_INT32(1));
  PG_RETURN_VOID();
}
