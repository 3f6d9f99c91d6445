// SPDX-License-Identifier: PostgreSQL
// The receiving side: a command's text arrives, runs on the shell table and on the shards of this
// node.
#include "altius/catalog/metadata.hpp"
#include "altius/door/door.hpp"
#include "altius/pg/bridge.hpp"
#include "addresses.hpp"
#include "shard_statement.hpp"
#include "sql.hpp"
#include "utility.hpp"

extern "C" {
#include "access/table.h"
#include "access/xact.h"
#include "catalog/heap.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "parser/parser.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
}

namespace altius::ddl {

List* TextsOf(ArrayType* array);

namespace {

List* KeepKnown(List* relations) {
  List* kept = NIL;
  ListCell* cell;
  foreach (cell, relations)
    if (OidIsValid(RangeVarGetRelid(lfirst_node(RangeVar, cell), NoLock, true)))
      kept = lappend(kept, lfirst(cell));
  return kept;
}

bool IsOwnerHere(const DefElem* option) {
  List* names = castNode(List, option->arg);
  if (list_length(names) < 2) return true;  // OWNED BY NONE
  return OidIsValid(RangeVarGetRelid(makeRangeVarFromNameList(list_copy_head(names, list_length(names) - 1)), NoLock, true));
}

/// A sequence of all nodes may be owned by a column of a local table.
bool KeepKnownOwner(AlterSeqStmt* alter) {
  ListCell* cell;
  foreach (cell, alter->options) {
    const auto* option = lfirst_node(DefElem, cell);
    if (strcmp(option->defname, "owned_by") == 0 && !IsOwnerHere(option))
      alter->options = foreach_delete_current(alter->options, cell);
  }
  return alter->options != NIL;
}

bool IsOfThisNode(Oid relid) {
  const catalog::Table* table = catalog::FindTable(relid);
  return table == nullptr || (table->kind == catalog::TableKind::Local && catalog::IsCoordinator());
}

/// Tables that are local to this node and refer to one of those, as RangeVars.
List* LocalReferring(List* relids) {
  List* referring = NIL;
  ListCell* cell;
  foreach (cell, relids == NIL ? NIL : heap_truncate_find_FKs(relids)) {
    const Oid relid = lfirst_oid(cell);
    if (!IsOfThisNode(relid)) continue;
    referring = lappend(referring, makeRangeVar(get_namespace_name(get_rel_namespace(relid)), get_rel_name(relid), -1));
  }
  return referring;
}

/// They are locked, as all nodes' are before shards.
[[noreturn]] void RefuseTruncate(List* relids) {
  List* relations = NIL;
  ListCell* cell;
  foreach (cell, relids) relations = lappend(relations, table_open(lfirst_oid(cell), NoLock));
  heap_truncate_check_FKs(relations, false);
  pg_unreachable();
}

/// Shell tables are empty, but local tables may refer to them.
bool TruncateReferring(TruncateStmt* truncate) {
  List* relids = NIL;
  ListCell* cell;
  foreach (cell, KeepKnown(truncate->relations))
    relids = lappend_oid(relids, RangeVarGetRelid(lfirst_node(RangeVar, cell), NoLock, true));
  truncate->relations = LocalReferring(relids);
  if (truncate->relations != NIL && truncate->behavior == DROP_RESTRICT) RefuseTruncate(relids);
  return truncate->relations != NIL;
}

/// What differs on a node that may lack relations which are local to the coordinator.  False:
/// nothing to run on shell tables.
bool ForThisNode(Node* statement) {
  switch (nodeTag(statement)) {
    case T_DropStmt:
      reinterpret_cast<DropStmt*>(statement)->missing_ok = true;
      return true;
    case T_DropRoleStmt:
      reinterpret_cast<DropRoleStmt*>(statement)->missing_ok = true;
      return true;
    case T_CreateRoleStmt:
      return !OidIsValid(get_role_oid(reinterpret_cast<CreateRoleStmt*>(statement)->role, true));
    case T_TruncateStmt:
      return TruncateReferring(reinterpret_cast<TruncateStmt*>(statement));
    case T_LockStmt: {
      auto* lock = reinterpret_cast<LockStmt*>(statement);
      lock->relations = KeepKnown(lock->relations);
      return lock->relations != NIL;
    }
    case T_AlterSeqStmt:
      return KeepKnownOwner(reinterpret_cast<AlterSeqStmt*>(statement));
    case T_GrantStmt:
      return KeepGranted(reinterpret_cast<GrantStmt*>(statement));
    case T_ReindexStmt: {  // makes an index valid again; a partitioned one is not done in a transaction
      const RangeVar* name = reinterpret_cast<ReindexStmt*>(statement)->relation;
      const char kind = name == nullptr ? '\0' : get_rel_relkind(RangeVarGetRelid(name, NoLock, true));
      return kind == RELKIND_RELATION || kind == RELKIND_INDEX;
    }
    case T_VacuumStmt:
    case T_ClusterStmt:
      return false;
    default:
      return true;
  }
}

}  // namespace

void ApplyCommand(const char* command, const char* password) {
  ListCell* cell;
  foreach (cell, raw_parser(command, RAW_PARSE_DEFAULT)) {
    Node* statement = lfirst_node(RawStmt, cell)->stmt;
    if (password != nullptr) SetPassword(statement, password);
    List* on_shards = ShardStatements(statement);
    if (ForThisNode(statement)) RunWholeUtility(Copy(statement), command);
    CommandCounterIncrement();
    RunShardStatements(on_shards, command);
  }
}

}  // namespace altius::ddl

/// apply_command(command text, settings text[]): name and value in turn.  apply_command(.., password text)
ALTIUS_NODE_FUNCTION(altius_apply_command) {
  using namespace altius;
  char* command = text_to_cstring(PG_GETARG_TEXT_PP(0));
  List* settings = ddl::TextsOf(PG_GETARG_ARRAYTYPE_P(1));
  const int level = ddl::BeginCommandsOfOthers();
  for (int i = 0; i + 1 < list_length(settings); i += 2)
    (void)set_config_option(static_cast<char*>(list_nth(settings, i)),
                            static_cast<char*>(list_nth(settings, i + 1)), PGC_USERSET,
                            PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
  // The node that sent the command has warned its client already.
  (void)set_config_option("client_min_messages", "error", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
  ddl::ApplyCommand(command, PG_NARGS() > 2 ? text_to_cstring(PG_GETARG_TEXT_PP(2)) : nullptr);
  ddl::EndLocalPlanning(level);
  PG_RETURN_VOID();
}
