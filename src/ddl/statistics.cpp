// SPDX-License-Identifier: PostgreSQL
#include "statistics.hpp"

#include "altius/pg/compat.hpp"
#include "altius/statistics/statistics.hpp"
#include "shard_statement.hpp"

extern "C" {
#include "catalog/pg_inherits.h"
#include "nodes/parsenodes.h"
#include "utils/snapmgr.h"
}

namespace altius::ddl {

namespace {

/// Its partitions, too.
void RefreshTree(Oid relid) {
  if (!pg::MayVacuum(relid, GetUserId())) return;
  ListCell* one;
  foreach (one, find_all_inheritors(relid, NoLock, nullptr)) {
    const catalog::Table* table = catalog::FindTable(lfirst_oid(one));
    if (table != nullptr) statistics::Refresh(*table);
  }
}

}  // namespace

void RefreshStatistics(List* relations) {
  PushActiveSnapshot(GetTransactionSnapshot());
  ListCell* cell;
  foreach (cell, relations) {
    const catalog::Table* table = TableOfName(lfirst_node(VacuumRelation, cell)->relation);
    if (table != nullptr) RefreshTree(table->relid);
  }
  PopActiveSnapshot();
}

}  // namespace altius::ddl
