// SPDX-License-Identifier: PostgreSQL
#include "lock_order.hpp"

#include "altius/catalog/metadata.hpp"
#include "altius/door/door.hpp"
#include "altius/pg/bridge.hpp"
#include "altius/pg/compat_lock.hpp"
#include "altius/pg/relation_lock.hpp"
#include "altius/txn/coordinated.hpp"
#include "shard_statement.hpp"
#include "rewrite.hpp"
#include "sql.hpp"

extern "C" {
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "storage/lmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/varlena.h"
}

namespace altius::ddl {

List* TextsOf(ArrayType* array);

namespace {

constexpr const char* kModes[] = {"",
                                  "ACCESS SHARE",
                                  "ROW SHARE",
                                  "ROW EXCLUSIVE",
                                  "SHARE UPDATE EXCLUSIVE",
                                  "SHARE",
                                  "SHARE ROW EXCLUSIVE",
                                  "EXCLUSIVE",
                                  "ACCESS EXCLUSIVE"};

/// The weakest that commands take which others wait for.
constexpr LOCKMODE kWeakest = ShareUpdateExclusiveLock;

List* TablesDropped(const DropStmt* drop) {
  List* names = NIL;
  ListCell* cell;
  if (drop->removeType != OBJECT_TABLE) return NIL;
  foreach (cell, drop->objects) names = lappend(names, makeRangeVarFromNameList(lfirst_node(List, cell)));
  return names;
}

/// Names of the tables that a command with a list of them is about.
List* NamesIn(Node* statement) {
  switch (nodeTag(statement)) {
    case T_TruncateStmt:
      return reinterpret_cast<TruncateStmt*>(statement)->relations;
    case T_LockStmt:
      return reinterpret_cast<LockStmt*>(statement)->relations;
    case T_DropStmt:
      return TablesDropped(reinterpret_cast<DropStmt*>(statement));
    default:
      return NIL;
  }
}

/// What this transaction holds on a table of this node; of one that is gone, the strongest.
LOCKMODE ModeHeld(Oid relid) {
  if (!SearchSysCacheExists1(RELOID, ObjectIdGetDatum(relid))) return AccessExclusiveLock;
  LOCKTAG tag;
  SET_LOCKTAG_RELATION(tag, MyDatabaseId, relid);
  for (LOCKMODE mode = AccessExclusiveLock; mode >= kWeakest; mode--)
    if (pg::HoldsLock(tag, mode)) return mode;
  return NoLock;
}

/// The lock that a command takes which may start on any node.
LOCKMODE ModeOf(const Node* statement) {
  if (IsA(statement, TruncateStmt)) return AccessExclusiveLock;
  return IsA(statement, LockStmt) ? reinterpret_cast<const LockStmt*>(statement)->mode : NoLock;
}

const char* Qualified(const RangeVar* name) { return quote_qualified_identifier(name->schemaname, name->relname); }

void LockShell(const char* qualified, LOCKMODE mode) {
  const RangeVar* name = makeRangeVarFromNameList(textToQualifiedNameList(cstring_to_text(qualified)));
  const Oid schema = get_namespace_oid(name->schemaname, true);
  // A local table of somebody else may have the name here.
  if (!OidIsValid(schema) || catalog::FindTable(get_relname_relid(name->relname, schema)) == nullptr) return;
  const Oid relid = pg::LockRelationNamed(name->relname, schema, mode);
  if (!OidIsValid(relid)) return;
  if (get_rel_relkind(relid) == RELKIND_PARTITIONED_TABLE) (void)find_all_inheritors(relid, mode, nullptr);
}

}  // namespace

Shells::Shells(Node* statement) : statement_(statement), names_(NIL), relids_(NIL) {
  ListCell* cell;
  foreach (cell, NamesIn(statement)) {
    const auto* as_given = lfirst_node(RangeVar, cell);
    const catalog::Table* table = TableOfName(as_given);
    if (table == nullptr) continue;
    RangeVar* name = makeRangeVar(get_namespace_name(get_rel_namespace(table->relid)), pstrdup(table->name), -1);
    name->inh = as_given->inh;
    names_ = lappend(names_, name);
    relids_ = lappend_oid(relids_, table->relid);
  }
  const catalog::Table* subject = names_ == NIL ? SubjectOf(statement) : nullptr;
  if (subject == nullptr) return;
  names_ = lappend(names_, makeRangeVar(get_namespace_name(get_rel_namespace(subject->relid)), pstrdup(subject->name), -1));
  relids_ = lappend_oid(relids_, subject->relid);
}

void Shells::LockOnCoordinator() const {
  const LOCKMODE mode = ModeOf(statement_);
  if (catalog::LocalGroup() == catalog::kCoordinatorGroup || mode < kWeakest || names_ == NIL) return;
  StringInfoData sql;
  initStringInfo(&sql);
  ListCell* cell;
  foreach (cell, names_) {
    const auto* name = lfirst_node(RangeVar, cell);
    appendStringInfo(&sql, "%s%s%s", sql.len == 0 ? "LOCK TABLE " : ", ", name->inh ? "" : "ONLY ", Qualified(name));
  }
  const bool nowait = IsA(statement_, LockStmt) && reinterpret_cast<const LockStmt*>(statement_)->nowait;
  appendStringInfo(&sql, " IN %s MODE%s", kModes[mode], nowait ? " NOWAIT" : "");
  const int coordinator = catalog::kCoordinatorGroup;
  txn::ExecuteOnGroups(&coordinator, 1, sql.data);
}

void Shells::LockElsewhere() const {
  List* names = NIL;
  LOCKMODE mode = NoLock;
  for (int i = 0; i < list_length(names_); i++) {
    const LOCKMODE held = ModeHeld(list_nth_oid(relids_, i));
    if (held == NoLock) continue;
    names = lappend(names, pstrdup(Qualified(static_cast<RangeVar*>(list_nth(names_, i)))));
    mode = std::max(mode, held);
  }
  if (names == NIL) return;
  catalog::LockNodes(RowShareLock);
  int count;
  const int* groups = txn::OtherGroups(&count);
  auto** requests = static_cast<remote::Request**>(palloc0(sizeof(remote::Request*) * (count + 1)));
  const char* sql = psprintf("SELECT altius_internal.lock_shells(%s, %d)", TextArrayLiteral(names), mode);
  for (int i = 0; i < count; i++)
    requests[i] = remote::Send(txn::Enlist(groups[i], txn::Access::Write), {.sql = sql, .by_node = true}, nullptr);
  remote::WaitAll(requests, count);
}

}  // namespace altius::ddl

/// lock_shells(names text[], mode integer): tables that another node has locked before, and is about to run a command on.
ALTIUS_NODE_FUNCTION(altius_lock_shells) {
  using namespace altius;
  const int mode = PG_GETARG_INT32(1);
  ListCell* cell;
  foreach (cell, ddl::TextsOf(PG_GETARG_ARRAYTYPE_P(0)))
    ddl::LockShell(static_cast<const char*>(lfirst(cell)), mode);
  PG_RETURN_VOID();
}
