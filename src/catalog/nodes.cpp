// SPDX-License-Identifier: PostgreSQL
// Look-ups of nodes and lists of tables, on top of the cache.
#include "cache.hpp"
#include "relations.hpp"

extern "C" {
#include "storage/lmgr.h"
#include "utils/builtins.h"
}

namespace altius::catalog {
namespace {

Generation* WithNodes() {
  Generation* generation = CurrentGeneration();
  if (!generation->nodes_loaded) LoadNodes(generation);
  return generation;
}

/// Tables whose row in pg_dist_partition satisfies the keys.
pg::Array<const Table*> TablesOf(Oid index, ScanKeyData* keys, int key_count) {
  pg::Array<Oid> relids;
  Scan(DistRelations().partition, index, keys, key_count, AccessShareLock,
       [&](Relation relation, HeapTuple tuple) {
         relids.push_back(DatumGetObjectId(Column(relation, tuple, partition::kRelid)));
         return true;
       });
  std::sort(relids.begin(), relids.end());
  pg::Array<const Table*> tables;
  for (const Oid relid : relids) {
    const Table* table = FindTable(relid);
    if (table != nullptr) tables.push_back(table);
  }
  return tables;
}

}  // namespace

pg::Array<const Table*> TablesOfColocation(int id) {
  if (id == 0 || !IsActive()) return {};
  ScanKeyData key = Equal(partition::kColocation, F_INT4EQ, Int32GetDatum(id));
  return TablesOf(DistRelations().partition_by_colocation, &key, 1);
}

pg::Array<const Table*> AllTables() {
  if (!IsActive()) return {};
  return TablesOf(InvalidOid, nullptr, 0);
}

pg::Array<const Node*> AllNodes() {
  pg::Array<const Node*> nodes;
  if (!IsActive()) return nodes;
  const Generation* generation = WithNodes();
  for (int i = 0; i < generation->node_count; i++) nodes.push_back(&generation->nodes[i]);
  return nodes;
}

pg::Array<const Node*> ActivePrimaries() {
  pg::Array<const Node*> nodes;
  if (!IsActive()) return nodes;
  const Generation* generation = WithNodes();
  for (int i = 0; i < generation->node_count; i++) {
    const Node* node = &generation->nodes[i];
    if (node->active && node->role == NodeRole::Primary) nodes.push_back(node);
  }
  std::sort(nodes.begin(), nodes.end(),
            [](const Node* a, const Node* b) { return a->group < b->group; });
  return nodes;
}

const char* AuthInfo(int node_id, const char* role) {
  if (!IsActive()) return nullptr;
  NameData name;
  namestrcpy(&name, role);
  ScanKeyData key = Equal(authinfo::kRole, F_NAMEEQ, NameGetDatum(&name));
  const char* found = nullptr;
  Scan(DistRelations().authinfo, InvalidOid, &key, 1, AccessShareLock,
       [&](Relation relation, HeapTuple tuple) {
         const int id = DatumGetInt32(Column(relation, tuple, authinfo::kNode));
         if (id == node_id || (id == 0 && found == nullptr))
           found = TextDatumGetCString(Column(relation, tuple, authinfo::kInfo));
         return id != node_id;
       });
  return found;
}

const Node* PrimaryOfGroup(int group) {
  const Generation* generation = IsActive() ? WithNodes() : nullptr;
  for (int i = 0; generation != nullptr && i < generation->node_count; i++) {
    const Node* node = &generation->nodes[i];
    if (node->group == group && node->active && node->role == NodeRole::Primary) return node;
  }
  ereport(ERROR, (errcode(ERRCODE_CONNECTION_FAILURE),
                  errmsg("group %d has no active primary node", group),
                  errhint("Look at pg_dist_node; citus_activate_node brings a node back.")));
}

void LockNodes(LOCKMODE mode) { LockRelationOid(DistRelations().node, mode); }

const Node* FindNode(int node_id) {
  const Generation* generation = IsActive() ? WithNodes() : nullptr;
  for (int i = 0; generation != nullptr && i < generation->node_count; i++) {
    if (generation->nodes[i].id == node_id) return &generation->nodes[i];
  }
  return nullptr;
}

}  // namespace altius::catalog
