// SPDX-License-Identifier: PostgreSQL
// SET CONSTRAINTS: of all, or of some by their names, which shards have with their numbers behind them.
#include "altius/catalog/metadata.hpp"
#include "altius/trigger/trigger.hpp"
#include "altius/txn/coordinated.hpp"
#include "shard_statement.hpp"
#include "sql.hpp"
#include "utility.hpp"

extern "C" {
#include "catalog/namespace.h"
#include "commands/trigger.h"
#include "lib/stringinfo.h"
#include "nodes/makefuncs.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
}

namespace altius::ddl {

namespace {

/// A constraint of a managed table's shell.
struct Constraint {
  const char* schema;
  const char* name;
  const catalog::Table* table;
  Oid oid;
  bool trigger;  // a constraint trigger: it fires here, not on the shards
};

/// Of the schema; false when it has none of that name.
bool AddOf(pg::Array<Constraint>* constraints, Oid schema, const char* name) {
  List* rows = QueryRows(
      "SELECT conrelid::oid, oid, contype FROM pg_catalog.pg_constraint WHERE connamespace = $1 AND conname = $2",
      {OidValue(schema), TextValue(name)});
  ListCell* cell;
  foreach (cell, rows) {
    char** row = static_cast<char**>(lfirst(cell));
    const catalog::Table* table = catalog::FindTable(static_cast<Oid>(strtoul(row[0], nullptr, 10)));
    const auto oid = static_cast<Oid>(strtoul(row[1], nullptr, 10));
    if (table != nullptr) constraints->push_back({get_namespace_name(schema), name, table, oid, row[2][0] == 't'});
  }
  return rows != NIL;
}

/// As PostgreSQL looks for them: in the schema, else in the first one of the search path that has any.
pg::Array<Constraint> ConstraintsNamed(const ConstraintsSetStmt* set) {
  pg::Array<Constraint> found;
  ListCell* cell;
  foreach (cell, set->constraints) {
    const auto* name = lfirst_node(RangeVar, cell);
    List* path = name->schemaname == nullptr ? fetch_search_path(true)
                                             : list_make1_oid(get_namespace_oid(name->schemaname, true));
    ListCell* schema;
    foreach (schema, path) {
      if (AddOf(&found, lfirst_oid(schema), name->relname)) break;
    }
  }
  return found;
}

/// Those of the group's shards, as RangeVars.
List* NamesOn(const pg::Array<Constraint>& constraints, int group) {
  List* names = NIL;
  for (const Constraint& constraint : constraints) {
    if (constraint.trigger) continue;
    for (int i = 0; i < constraint.table->shard_count; i++) {
      const catalog::Shard& shard = constraint.table->shards[i];
      if (!catalog::HasPlacement(shard, group)) continue;
      names = lappend(names, makeRangeVar(pstrdup(constraint.schema), Extend(constraint.name, shard.id), -1));
    }
  }
  return names;
}

char* SetText(List* names, bool deferred) {
  StringInfoData text;
  initStringInfo(&text);
  appendStringInfoString(&text, "SET CONSTRAINTS ");
  ListCell* cell;
  foreach (cell, names) {
    const auto* name = lfirst_node(RangeVar, cell);
    appendStringInfo(&text, "%s%s", cell == list_head(names) ? "" : ", ",
                     quote_qualified_identifier(name->schemaname, name->relname));
  }
  appendStringInfo(&text, "%s %s", names == NIL ? "ALL" : "", deferred ? "DEFERRED" : "IMMEDIATE");
  return text.data;
}

void SetOnShardsHere(List* names, bool deferred) {
  if (names == NIL) return;
  auto* set = makeNode(ConstraintsSetStmt);
  set->constraints = names;
  set->deferred = deferred;
  AfterTriggerSetState(set);
}

void SetTriggersHere(const pg::Array<Constraint>& constraints, bool all, bool deferred) {
  List* triggers = NIL;
  for (const Constraint& constraint : constraints) {
    if (constraint.trigger) triggers = lappend_oid(triggers, constraint.oid);
  }
  if (all || triggers != NIL) trigger::SetConstraints(triggers, deferred);
}

}  // namespace

bool HandleConstraints(const UtilityCall& call) {
  if (!IsA(call.statement(), ConstraintsSetStmt) || !IsTransactionBlock()) return false;
  const auto* set = reinterpret_cast<ConstraintsSetStmt*>(call.statement());
  const bool all = set->constraints == NIL;
  const pg::Array<Constraint> constraints = ConstraintsNamed(set);
  if (!all && constraints.empty()) return false;
  int count;
  const int* groups = txn::OtherGroups(&count);
  pg::Array<int> concerned;
  pg::Array<const char*> commands;
  for (int i = 0; i < count; i++) {
    List* names = NamesOn(constraints, groups[i]);
    if (!all && names == NIL) continue;
    concerned.push_back(groups[i]);
    commands.push_back(SetText(names, set->deferred));
  }
  RunHere(call);
  SetOnShardsHere(NamesOn(constraints, catalog::LocalGroup()), set->deferred);
  txn::SetConstraints(concerned.data(), commands.data(), concerned.size());
  SetTriggersHere(constraints, all, set->deferred);
  return true;
}

}  // namespace altius::ddl
