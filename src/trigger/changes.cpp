// SPDX-License-Identifier: PostgreSQL
// What a modification does to its table: integer lists of the table, the kinds of changes, and the columns set.
#include "altius/catalog/metadata.hpp"
#include "altius/pg/node.hpp"
#include "changes.hpp"
#include "parts.hpp"

extern "C" {
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "utils/fmgroids.h"
#include "utils/syscache.h"
}

namespace altius::trigger {

namespace {

/// An action of a foreign key changes rows of another table, which may have triggers.
bool ChangesOthers(Oid function) {
  return function == F_RI_FKEY_CASCADE_DEL || function == F_RI_FKEY_CASCADE_UPD || function == F_RI_FKEY_SETNULL_DEL ||
         function == F_RI_FKEY_SETNULL_UPD || function == F_RI_FKEY_SETDEFAULT_DEL ||
         function == F_RI_FKEY_SETDEFAULT_UPD;
}

bool HasTriggers(Oid relid) {
  HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
  if (!HeapTupleIsValid(tuple)) return false;
  const bool has = reinterpret_cast<Form_pg_class>(GETSTRUCT(tuple))->relhastriggers;
  ReleaseSysCache(tuple);
  return has;
}

bool MayFire(Relation relation) {
  const TriggerDesc* triggers = relation->trigdesc;
  for (int i = 0; triggers != nullptr && i < triggers->numtriggers; i++) {
    const Trigger& trigger = triggers->triggers[i];
    if (!trigger.tgisinternal || ChangesOthers(trigger.tgfoid)) return true;
  }
  if (relation->rd_rel->relkind != RELKIND_PARTITIONED_TABLE) return false;
  ListCell* cell;
  foreach (cell, find_all_inheritors(RelationGetRelid(relation), NoLock, nullptr)) {
    if (HasTriggers(lfirst_oid(cell))) return true;
  }
  return false;
}

List* AddColumns(List* change, List* targets) {
  ListCell* cell;
  foreach (cell, targets) {
    const auto* target = lfirst_node(TargetEntry, cell);
    if (!target->resjunk) change = list_append_unique_int(change, target->resno);
  }
  return change;
}

int BitOf(CmdType command) {
  switch (command) {
    case CMD_INSERT:
      return kInserts;
    case CMD_DELETE:
      return kDeletes;
    case CMD_UPDATE:
      return kUpdates;
    default:
      return 0;
  }
}

int KindsOf(const Query* query) {
  if (query->commandType != CMD_MERGE) {
    const bool upsert = query->onConflict != nullptr && query->onConflict->action == ONCONFLICT_UPDATE;
    return BitOf(query->commandType) | (upsert ? kUpdates : 0);
  }
  int kinds = 0;
  ListCell* cell;
  foreach (cell, query->mergeActionList) kinds |= BitOf(lfirst_node(MergeAction, cell)->commandType);
  return kinds;
}

}  // namespace

List* ChangesOf(const Query* query, Oid relid) {
  Relation relation = table_open(relid, NoLock);
  const bool fires = MayFire(relation);
  table_close(relation, NoLock);
  if (!fires) return NIL;
  List* change = list_make2_int(static_cast<int>(relid), KindsOf(query));
  if (query->commandType == CMD_UPDATE) change = AddColumns(change, query->targetList);
  if (query->onConflict != nullptr) change = AddColumns(change, query->onConflict->onConflictSet);
  ListCell* cell;
  foreach (cell, query->mergeActionList) {
    const auto* action = lfirst_node(MergeAction, cell);
    if (action->commandType == CMD_UPDATE) change = AddColumns(change, action->targetList);
  }
  return list_make1(change);
}

List* InsertInto(Oid relid) { return list_make1(list_make2_int(static_cast<int>(relid), kInserts)); }

Change ReadChange(const List* change) {
  Change read = {static_cast<Oid>(linitial_int(change)), lsecond_int(change), nullptr};
  ListCell* cell;
  for_each_from(cell, change, 2) read.columns = bms_add_member(read.columns, lfirst_int(cell));
  return read;
}

List* WithoutKnown(List* changes, const List* change) {
  List* fresh = list_copy(change);
  ListCell* cell;
  foreach (cell, changes) {
    const auto* known = static_cast<const List*>(lfirst(cell));
    if (linitial_int(known) == linitial_int(change)) lsecond_int(fresh) &= ~lsecond_int(known);
  }
  return fresh;
}

List* AddChange(List* changes, const List* change) {
  ListCell* cell;
  foreach (cell, changes) {
    auto* known = static_cast<List*>(lfirst(cell));
    if (linitial_int(known) != linitial_int(change)) continue;
    lsecond_int(known) |= lsecond_int(change);
    ListCell* column;
    for_each_from(column, change, 2) known = list_append_unique_int(known, lfirst_int(column));
    lfirst(cell) = known;
    return changes;
  }
  return lappend(changes, list_copy(change));
}

}  // namespace altius::trigger
