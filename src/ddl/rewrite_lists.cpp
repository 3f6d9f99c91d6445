// SPDX-License-Identifier: PostgreSQL
// Commands that take a list of tables run once on a node, over all its shards of all tables named:
// TRUNCATE of tables that refer to one another is only allowed together.
#include "rewrite.hpp"

#include "sql.hpp"

extern "C" {
#include "nodes/makefuncs.h"
#include "utils/lsyscache.h"
}

namespace altius::ddl {

namespace {

/// The names of all shards on this node of the tables in `relations`.
List* ShardNames(List* relations) {
  const int here = catalog::LocalGroup();
  List* names = NIL;
  ListCell* cell;
  foreach (cell, relations) {
    auto* relation = lfirst_node(RangeVar, cell);
    const catalog::Table* table = TableOfName(relation);
    for (int i = 0; table != nullptr && i < table->shard_count; i++) {
      if (!catalog::HasPlacement(table->shards[i], here)) continue;
      auto* name = Copy(relation);
      NameShard(name, i);
      names = lappend(names, name);
    }
  }
  return names;
}

List* VacuumedShards(List* relations) {
  List* shards = NIL;
  ListCell* cell;
  ListCell* name;
  foreach (cell, relations) {
    auto* one = lfirst_node(VacuumRelation, cell);
    if (one->relation == nullptr) continue;
    foreach (name, ShardNames(list_make1(one->relation)))
      shards = lappend(shards,
                       makeVacuumRelation(lfirst_node(RangeVar, name), InvalidOid, one->va_cols));
  }
  return shards;
}

}  // namespace

Node* ForAllShards(Node* statement) {
  List** relations = nullptr;
  switch (nodeTag(statement)) {
    case T_TruncateStmt:
      relations = &reinterpret_cast<TruncateStmt*>(statement)->relations;
      break;
    case T_LockStmt:
      relations = &reinterpret_cast<LockStmt*>(statement)->relations;
      break;
    case T_GrantStmt: {
      auto* grant = reinterpret_cast<GrantStmt*>(statement);
      if (grant->targtype != ACL_TARGET_OBJECT || grant->objtype != OBJECT_TABLE) return nullptr;
      relations = &grant->objects;
      break;
    }
    case T_VacuumStmt: {
      auto* vacuum = reinterpret_cast<VacuumStmt*>(statement);
      vacuum->rels = VacuumedShards(vacuum->rels);
      return vacuum->rels == NIL ? nullptr : statement;
    }
    default:
      return nullptr;
  }
  *relations = ShardNames(*relations);
  return *relations == NIL ? nullptr : statement;
}

}  // namespace altius::ddl
