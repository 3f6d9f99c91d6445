// SPDX-License-Identifier: PostgreSQL
#include "altius/pg/row_triggers.hpp"

extern "C" {
#include "access/table.h"
#include "catalog/pg_class.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "partitioning/partdesc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
}

namespace altius::pg {

namespace {

bool FiresForRows(const Trigger &trigger, int16 bits) {
  if (trigger.tgisinternal || trigger.tgenabled == TRIGGER_DISABLED) return false;
  return TRIGGER_FOR_ROW(trigger.tgtype) && (trigger.tgtype & bits) == bits;
}

bool HasOwnRowTriggers(Oid relid, int16 bits) {
  Relation relation = table_open(relid, AccessShareLock);
  const TriggerDesc *triggers = relation->trigdesc;
  bool has = false;
  for (int i = 0; triggers != nullptr && i < triggers->numtriggers; i++) has = has || FiresForRows(triggers->triggers[i], bits);
  table_close(relation, AccessShareLock);
  return has;
}

}  // namespace

List *PartitionsBelow(Oid relid) {
  if (get_rel_relkind(relid) != RELKIND_PARTITIONED_TABLE) return NIL;
  Relation relation = table_open(relid, AccessShareLock);
  PartitionDesc partitions = RelationGetPartitionDesc(relation, false);
  List *below = NIL;
  for (int i = 0; i < partitions->nparts; i++) below = lappend_oid(below, partitions->oids[i]);
  table_close(relation, AccessShareLock);
  List *all = list_copy(below);
  ListCell *cell;
  foreach (cell, below) all = list_concat(all, PartitionsBelow(lfirst_oid(cell)));
  return all;
}

bool HasRowTriggers(Oid relid, int16 bits) {
  if (HasOwnRowTriggers(relid, bits)) return true;
  ListCell *cell;
  foreach (cell, PartitionsBelow(relid)) {
    if (HasOwnRowTriggers(lfirst_oid(cell), bits)) return true;
  }
  return false;
}

}  // namespace altius::pg
