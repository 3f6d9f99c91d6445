// SPDX-License-Identifier: PostgreSQL
// Commands that PostgreSQL refuses inside transactions: CREATE INDEX, DROP INDEX and REINDEX
// CONCURRENTLY, VACUUM.  They run on the shell table first, then on each shard on a connection of
// its own kind that commits each statement.  A failure in between leaves what was done; the message
// says so.
#include "altius/pg/compat.hpp"
#include "altius/txn/coordinated.hpp"
#include "checks.hpp"
#include "index_validity.hpp"
#include "rewrite.hpp"
#include "statistics.hpp"
#include "sql.hpp"
#include "utility.hpp"

extern "C" {
#include "access/genam.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "commands/defrem.h"
#include "nodes/makefuncs.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/ruleutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
}

namespace altius::ddl {

namespace {

struct Outside {
  int group;
  const char* sql;
};
using Texts = pg::Array<Outside>;

/// One text for each placement of the table's shards.
template <typename Text>
void ForPlacements(Texts* texts, const catalog::Table& table, Text text_of) {
  for (int i = 0; i < table.shard_count; i++) {
    const catalog::Shard& shard = table.shards[i];
    const char* sql = text_of(shard);
    for (int g = 0; g < shard.group_count; g++) texts->push_back({shard.groups[g], sql});
  }
}

void ForOtherNodes(Texts* texts, const char* sql) {
  int count;
  const int* groups = txn::OtherGroups(&count);
  for (int i = 0; i < count; i++) texts->push_back({groups[i], sql});
}

/// Starts a fresh transaction that holds no snapshot: the other sessions wait for older ones, ours
/// included.
void LetGo() {
  while (ActiveSnapshotSet()) PopActiveSnapshot();
  CommitTransactionCommand();
  StartTransactionCommand();
  MemoryContextSwitchTo(PortalContext);  // lives until the whole command ends
  InvalidateCatalogSnapshot();
}

/// A command that commits in between leaves the memory of its last transaction as the current one.
void RunAndComeBack(const UtilityCall& call) {
  RunHere(call);
  MemoryContextSwitchTo(PortalContext);
}

/// Before anything is done: all nodes are there.  A connection's first statement carries the
/// session's settings along, which makes it a pipeline of several: not for these commands.
void WarmUp(const Texts& texts) {
  List* warm = NIL;
  for (const Outside& text_sent : texts) {
    if (list_member_int(warm, text_sent.group)) continue;
    remote::Execute(txn::OutsideTransaction(text_sent.group), "SELECT 1");
    warm = lappend_int(warm, text_sent.group);
  }
}

/// From the first statement on this transaction takes no snapshot, not even one of the catalogs for a
/// moment: who has seen it waits for the transaction's end.  The request that failed first, or null.
remote::Request* Run(const Texts& texts) {
  LetGo();
  const int count = texts.size();
  auto** requests = static_cast<remote::Request**>(palloc0(sizeof(remote::Request*) * (count + 1)));
  auto** connections =
      static_cast<remote::Connection**>(palloc0(sizeof(remote::Connection*) * (count + 1)));
  for (int i = 0; i < count; i++) connections[i] = txn::OutsideTransaction(texts[i].group);
  InvalidateCatalogSnapshot();
  for (int i = 0; i < count; i++) {
    remote::StatementText statement = {};
    statement.sql = texts[i].sql;
    requests[i] = remote::Send(connections[i], statement, nullptr);
  }
  remote::WaitAllQuietly(requests, count);
  for (int i = 0; i < count; i++)
    if (requests[i]->failed) return requests[i];
  return nullptr;
}

void RunOutside(const Texts& texts) {
  remote::Request* failed = Run(texts);
  if (failed != nullptr) remote::RaiseError(failed);
}

/// Everything of CREATE INDEX behind the table's name, from the index on the shell table.
struct IndexText {
  const char* begin;  // CREATE [UNIQUE] INDEX CONCURRENTLY
  const char* rest;   // USING ..
};

IndexText TextOfIndex(Oid index) {
  const int level = BeginQualifiedNames();
  const char* definition = pg_get_indexdef_string(index);
  HeapTuple tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(index));
  if (!HeapTupleIsValid(tuple))
    ereport(ERROR,
            (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("index with OID %u does not exist", index)));
  const auto* form = reinterpret_cast<Form_pg_index>(GETSTRUCT(tuple));
  const char* begin = form->indisunique ? "CREATE UNIQUE INDEX" : "CREATE INDEX";
  const char* prefix = psprintf("%s %s ON %s ", begin, quote_identifier(get_rel_name(index)),
                                QualifiedName(form->indrelid));
  ReleaseSysCache(tuple);
  EndQualifiedNames(level);
  if (strncmp(definition, prefix, strlen(prefix)) != 0)
    ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR),
                    errmsg_internal("unexpected index definition: %s", definition)));
  return {psprintf("%s CONCURRENTLY IF NOT EXISTS", begin), definition + strlen(prefix)};
}

/// Unique indexes are checked before: afterwards nothing can be taken back.
void CheckIndex(const IndexStmt& create, const catalog::Table& table) {
  if (get_rel_relkind(table.relid) == RELKIND_PARTITIONED_TABLE || !create.unique || table.key == 0)
    return;
  ListCell* cell;
  foreach (cell, create.indexParams) {
    const char* column = lfirst_node(IndexElem, cell)->name;
    if (column != nullptr && get_attnum(table.relid, column) == table.key) return;
  }
  ereport(
      ERROR,
      (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
       errmsg(
           "unique index on distributed table \"%s\" must include the distribution column \"%s\"",
           table.name, get_attname(table.relid, table.key, false))));
}

List* IndexesOf(Oid relid) {
  return QueryOids("SELECT indexrelid FROM pg_catalog.pg_index WHERE indrelid = $1",
                   {OidValue(relid)});
}

/// Where a shard's index failed, all nodes say so of the table's.
void InvalidateEverywhere(const char* name) {
  PushActiveSnapshot(GetTransactionSnapshot());
  InvalidateIndex(name);
  Texts texts;
  ForOtherNodes(&texts, psprintf("SELECT altius_internal.invalidate_index(%s)", quote_literal_cstr(name)));
  Run(texts);  // commits what was done here; what fails there is no news
}

bool CreateIndex(const UtilityCall& call, IndexStmt* create) {
  const catalog::Table* table = create->concurrent ? TableOfName(create->relation) : nullptr;
  if (table == nullptr) return false;
  RequireCoordinator();
  CheckIndex(*create, *table);
  const Oid relid = table->relid;
  List* before = IndexesOf(relid);
  Texts everywhere;
  ForOtherNodes(&everywhere, "SELECT 1");
  ForPlacements(&everywhere, *table, [](const catalog::Shard&) { return "SELECT 1"; });
  WarmUp(everywhere);
  RunAndComeBack(call);
  List* made = list_difference_oid(IndexesOf(relid), before);
  if (made == NIL) return true;  // IF NOT EXISTS
  table = catalog::FindTable(relid);
  const Oid index = linitial_oid(made);
  const IndexText parts = TextOfIndex(index);
  const char* name = get_rel_name(index);
  Texts texts;
  ForOtherNodes(&texts, psprintf("%s %s ON %s %s", parts.begin, quote_identifier(name),
                                 QualifiedName(relid), parts.rest));
  ForPlacements(&texts, *table, [&](const catalog::Shard& shard) {
    return psprintf("%s %s ON %s %s", parts.begin, quote_identifier(Extend(name, shard.id)),
                    catalog::QualifiedShardName(*table, shard), parts.rest);
  });
  const char* qualified = quote_qualified_identifier(get_namespace_name(get_rel_namespace(index)), name);
  remote::Request* failed = Run(texts);
  if (failed == nullptr) return true;
  InvalidateEverywhere(qualified);
  remote::RaiseError(failed);
  return true;
}

bool DropIndex(const UtilityCall& call, DropStmt* drop) {
  if (!drop->concurrent || drop->removeType != OBJECT_INDEX || list_length(drop->objects) != 1)
    return false;
  RangeVar* name = makeRangeVarFromNameList(castNode(List, linitial(drop->objects)));
  const catalog::Table* table = TableOfIndex(name);
  if (table == nullptr) return false;
  RequireCoordinator();
  const Oid index = RangeVarGetRelid(name, NoLock, true);
  const char* space = get_namespace_name(get_rel_namespace(index));
  const char* index_name = pstrdup(get_rel_name(index));
  Texts texts;
  ForOtherNodes(&texts, psprintf("DROP INDEX CONCURRENTLY IF EXISTS %s",
                                 quote_qualified_identifier(space, index_name)));
  ForPlacements(&texts, *table, [&](const catalog::Shard& shard) {
    return psprintf("DROP INDEX CONCURRENTLY IF EXISTS %s",
                    quote_qualified_identifier(space, Extend(index_name, shard.id)));
  });
  WarmUp(texts);
  RunAndComeBack(call);
  RunOutside(texts);
  return true;
}

/// "(VERBOSE, FREEZE false)" as typed.
char* OptionsText(List* options) {
  StringInfoData text_made;
  initStringInfo(&text_made);
  ListCell* cell;
  foreach (cell, options) {
    auto* option = lfirst_node(DefElem, cell);
    appendStringInfo(&text_made, "%s%s", text_made.len == 0 ? "(" : ", ", option->defname);
    if (option->arg == nullptr) continue;
    const char* value = defGetString(option);
    appendStringInfo(&text_made, " %s", IsA(option->arg, Integer) ? value : quote_literal_cstr(value));
  }
  if (text_made.len > 0) appendStringInfoString(&text_made, ") ");
  return text_made.data;
}

bool IsSet(List* options, const char* name) {
  ListCell* cell;
  foreach (cell, options)
    if (strcmp(lfirst_node(DefElem, cell)->defname, name) == 0) return defGetBoolean(lfirst_node(DefElem, cell));
  return false;
}

bool Reindex(const UtilityCall& call, ReindexStmt* reindex) {
  const catalog::Table* table = SubjectOf(call.statement());
  if (table == nullptr || !IsSet(reindex->params, "concurrently")) return false;
  const bool one = reindex->kind == REINDEX_OBJECT_INDEX;
  const Oid index = one ? RangeVarGetRelid(reindex->relation, NoLock, true) : InvalidOid;
  const char* command = psprintf("REINDEX %s%s", OptionsText(reindex->params), one ? "INDEX" : "TABLE");
  const char* schema = one ? get_namespace_name(get_rel_namespace(index)) : nullptr;
  const char* qualified = QualifiedName(one ? index : table->relid);
  Texts texts;
  ForOtherNodes(&texts, psprintf("%s %s", command, qualified));
  ForPlacements(&texts, *table, [&](const catalog::Shard& shard) {
    const char* name = one ? quote_qualified_identifier(schema, Extend(get_rel_name(index), shard.id))
                           : catalog::QualifiedShardName(*table, shard);
    return psprintf("%s %s", command, name);
  });
  WarmUp(texts);
  const bool was_invalid = one && !get_index_isvalid(index);
  RunAndComeBack(call);
  remote::Request* failed = Run(texts);
  if (failed == nullptr) return true;
  if (was_invalid) InvalidateEverywhere(qualified);
  remote::RaiseError(failed);
  return true;
}

char* ColumnsText(List* columns) {
  StringInfoData text_made;
  initStringInfo(&text_made);
  ListCell* cell;
  foreach (cell, columns)
    appendStringInfo(&text_made, "%s%s", text_made.len == 0 ? " (" : ", ",
                     quote_identifier(strVal(lfirst(cell))));
  if (text_made.len > 0) appendStringInfoChar(&text_made, ')');
  return text_made.data;
}

bool Vacuum(const UtilityCall& call, VacuumStmt* vacuum) {
  if (!vacuum->is_vacuumcmd) return false;
  const char* options = OptionsText(vacuum->options);
  Texts texts;
  bool any = false;
  ListCell* cell;
  foreach (cell, vacuum->rels) {
    auto* one = lfirst_node(VacuumRelation, cell);
    const catalog::Table* table = TableOfName(one->relation);
    any = any || table != nullptr;
    if (table == nullptr || !pg::MayVacuum(table->relid, GetUserId())) continue;
    const char* columns = ColumnsText(one->va_cols);
    ForPlacements(&texts, *table, [&](const catalog::Shard& shard) {
      return psprintf("VACUUM %s%s%s", options, catalog::QualifiedShardName(*table, shard),
                      columns);
    });
  }
  if (!any) return false;
  WarmUp(texts);
  RunAndComeBack(call);
  if (!texts.empty()) RunOutside(texts);
  if (IsSet(vacuum->options, "analyze")) RefreshStatistics(vacuum->rels);
  return true;
}

}  // namespace

bool HandleOutside(const UtilityCall& call) {
  Node* statement = call.statement();
  MemoryContextSwitchTo(PortalContext != nullptr ? PortalContext : CurrentMemoryContext);
  switch (nodeTag(statement)) {
    case T_IndexStmt:
      return CreateIndex(call, reinterpret_cast<IndexStmt*>(statement));
    case T_DropStmt:
      return DropIndex(call, reinterpret_cast<DropStmt*>(statement));
    case T_ReindexStmt:
      return Reindex(call, reinterpret_cast<ReindexStmt*>(statement));
    case T_VacuumStmt:
      return Vacuum(call, reinterpret_cast<VacuumStmt*>(statement));
    default:
      return false;
  }
}

}  // namespace altius::ddl
