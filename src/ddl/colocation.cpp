// SPDX-License-Identifier: PostgreSQL
#include "colocation.hpp"

#include "altius/catalog/writer.hpp"
#include "altius/pg/settings.hpp"
#include "sql.hpp"

extern "C" {
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "storage/lockdefs.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/varlena.h"
}

namespace altius::ddl {

namespace {

using catalog::TableKind;

constexpr int kReferenceCopies = -1;  // as many as there are nodes

const catalog::Table* AnyTableOf(int colocation) {
  const auto tables = catalog::TablesOfColocation(colocation);
  return tables.empty() ? nullptr : tables[0];
}

/// From here on the group keeps its places and ranges until this transaction has ended.
void Join(Plan* plan, int colocation) {
  plan->colocation = colocation;
  catalog::LockColocation(colocation, catalog::kJoinsColocation);
  plan->beside = AnyTableOf(colocation);
  if (plan->beside != nullptr) plan->shard_count = plan->beside->shard_count;
}

void StartNew(Plan* plan) {
  plan->colocation = catalog::NextColocationId();
  plan->new_colocation = true;
}

[[noreturn]] void RefuseColocation(const Plan& plan, const char* other, const char* detail) {
  ereport(ERROR,
          (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
           errmsg("cannot colocate tables \"%s\" and \"%s\"", get_rel_name(plan.relid), other),
           errdetail_internal("%s", detail)));
  pg_unreachable();
}

/// Waits for who removes the group that it finds; false when there is none then.
bool JoinDefault(Plan* plan, const catalog::ColocationKind& kind) {
  for (int group = catalog::FindColocation(kind); group != 0; group = catalog::FindColocation(kind)) {
    catalog::LockColocation(group, catalog::kJoinsColocation);
    if (!catalog::ColocationExists(group)) continue;
    Join(plan, group);
    return true;
  }
  return false;
}

void JoinTable(Plan* plan, const char* name) {
  const Oid relid =
      RangeVarGetRelid(makeRangeVarFromNameList(textToQualifiedNameList(cstring_to_text(name))),
                       AccessShareLock, false);
  const catalog::Table* other = catalog::FindTable(relid);
  if (other == nullptr)
    RefuseColocation(*plan, name, psprintf("Table \"%s\" is not distributed.", name));
  if (other->kind != plan->kind)
    RefuseColocation(*plan, name, "They are distributed in different ways.");
  if (plan->kind == TableKind::Hash && other->key_type != plan->key_type)
    RefuseColocation(*plan, name,
                     psprintf("The distribution columns have different types: %s and %s.",
                              format_type_be(plan->key_type), format_type_be(other->key_type)));
  if (plan->kind == TableKind::Hash && other->key_collation != plan->key_collation)
    RefuseColocation(*plan, name, "The distribution columns have different collations.");
  Join(plan, other->colocation);
}

}  // namespace

void ChooseColocation(Plan* plan, const DistributeOptions& options) {
  const char* with = options.colocate_with;
  const bool by_table = strcmp(with, "default") != 0 && strcmp(with, "none") != 0;
  if (options.shard_count != 0 && by_table)
    ereport(ERROR,
            (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
             errmsg("cannot use colocate_with with a table and shard_count at the same time")));
  const bool hashed = plan->kind == TableKind::Hash;
  plan->shard_count = !hashed                    ? 1
                      : options.shard_count != 0 ? options.shard_count
                                                 : pg::settings::shard_count;
  plan->copies = plan->kind == TableKind::Reference ? kReferenceCopies
                                                    : pg::settings::shard_replication_factor;
  if (by_table) return JoinTable(plan, with);
  plan->own_colocation = strcmp(with, "none") == 0;
  if (plan->own_colocation || options.shard_count != 0) return StartNew(plan);
  const catalog::ColocationKind kind = {plan->shard_count, plan->copies, plan->key_type, plan->key_collation};
  if (JoinDefault(plan, kind)) return;
  catalog::LockColocationKind(kind);
  if (!JoinDefault(plan, kind)) StartNew(plan);
}

pg::Array<int> GroupsForShards() {
  pg::Array<int> groups;
  const auto nodes = catalog::ActivePrimaries();
  for (const catalog::Node* node : nodes)
    if (node->should_have_shards) groups.push_back(node->group);
  const bool alone =
      nodes.empty() || (nodes.size() == 1 && nodes[0]->group == catalog::kCoordinatorGroup);
  if (groups.empty() && alone) groups.push_back(catalog::kCoordinatorGroup);
  if (groups.empty())
    ereport(ERROR,
            (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("no node may hold shards"),
             errhint("Add a node with citus_add_node, or let one hold shards with "
                     "citus_set_node_property.")));
  return groups;
}

pg::Array<int> GroupsForReference() {
  pg::Array<int> groups;
  const auto nodes = catalog::ActivePrimaries();
  for (const catalog::Node* node : nodes) groups.push_back(node->group);
  if (groups.empty()) groups.push_back(catalog::kCoordinatorGroup);
  return groups;
}

}  // namespace altius::ddl
