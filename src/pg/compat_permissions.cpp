// SPDX-License-Identifier: PostgreSQL
#include "altius/pg/permissions.hpp"

#include "altius/pg/bridge.hpp"
#include "altius/pg/node.hpp"
#include "altius/pg/row_triggers.hpp"
#include "altius/pg/walk.hpp"

extern "C" {
#include "catalog/pg_namespace.h"
#include "executor/executor.h"
#include "parser/parse_relation.h"
#include "storage/lockdefs.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
}

namespace altius::pg {

namespace {

bool CollectWalker(Node *node, void *data) {
  if (node == nullptr) return false;
  if (!IsA(node, Query)) return Walk(node, CollectWalker, data);
  auto *query = reinterpret_cast<Query *>(node);
  auto *uses = static_cast<RelationUses *>(data);
  ListCell *cell;
  foreach (cell, query->rtable) {
    auto *rte = static_cast<RangeTblEntry *>(lfirst(cell));
#if PG_VERSION_NUM < 160000
    if (rte->rtekind != RTE_RELATION) continue;
#else
    if (rte->rtekind != RTE_RELATION && rte->perminfoindex == 0) continue;
    uses->permissions = lappend(
        uses->permissions, rte->perminfoindex == 0 ? nullptr : Copy(getRTEPermissionInfo(query->rteperminfos, rte)));
#endif
    Query *subquery = std::exchange(rte->subquery, nullptr);
    RangeTblEntry *entry = Copy(rte);
    rte->subquery = subquery;
    entry->securityQuals = NIL;
    entry->tablesample = nullptr;
    uses->entries = lappend(uses->entries, entry);
  }
  return WalkQuery(query, CollectWalker, data);
}

}  // namespace

void ForgetPermissions(RangeTblEntry *rte) {
#if PG_VERSION_NUM < 160000
  rte->requiredPerms = 0;
#else
  rte->perminfoindex = 0;
#endif
}

void ForgetPermissions(Query *query) {
  ListCell *cell;
  foreach (cell, query->rtable) ForgetPermissions(static_cast<RangeTblEntry *>(lfirst(cell)));
#if PG_VERSION_NUM >= 160000
  query->rteperminfos = NIL;
  foreach (cell, query->rtable) {
    auto *rte = static_cast<RangeTblEntry *>(lfirst(cell));
    if (rte->rtekind == RTE_RELATION) (void)addRTEPermissionInfo(&query->rteperminfos, rte);
  }
#endif
}

namespace {

ExecutorCheckPerms_hook_type next_check = nullptr;
void (*after_check)(List *range_table) = nullptr;

#if PG_VERSION_NUM >= 160000
bool CheckPermissions(List *range_table, List *permissions, bool raise) {
  return Entry([&] {
    if (next_check != nullptr && !next_check(range_table, permissions, raise)) return false;
    after_check(range_table);
    return true;
  });
}
#else
bool CheckPermissions(List *range_table, bool raise) {
  return Entry([&] {
    if (next_check != nullptr && !next_check(range_table, raise)) return false;
    after_check(range_table);
    return true;
  });
}
#endif

}  // namespace

void AfterPermissionCheck(void (*then)(List *range_table)) {
  after_check = then;
  next_check = ExecutorCheckPerms_hook;
  ExecutorCheckPerms_hook = CheckPermissions;
}

RelationUses CollectRelations(Query *query) {
  RelationUses uses = {NIL, NIL};
  CollectWalker(AsNode(query), &uses);
  return uses;
}

void AppendRelations(PlannedStmt *plan, const RelationUses &uses) {
  ListCell *cell;
  foreach (cell, uses.entries) {
    auto *entry = static_cast<RangeTblEntry *>(lfirst(cell));
#if PG_VERSION_NUM >= 160000
    auto *permission = static_cast<RTEPermissionInfo *>(list_nth(uses.permissions, foreach_current_index(cell)));
    entry->perminfoindex = 0;
    if (permission != nullptr) {
      plan->permInfos = lappend(plan->permInfos, permission);
      entry->perminfoindex = list_length(plan->permInfos);
    }
#endif
    plan->rtable = lappend(plan->rtable, entry);
    if (entry->rtekind != RTE_RELATION) continue;
    plan->relationOids = lappend_oid(plan->relationOids, entry->relid);
    // How a partitioned table is changed depends on its partitions' triggers.
    if (entry->rellockmode >= RowExclusiveLock) plan->relationOids = list_concat(plan->relationOids, PartitionsBelow(entry->relid));
  }
}

Requirement RequirementOf(const RelationUses &uses, int index) {
  const auto *entry = static_cast<RangeTblEntry *>(list_nth(uses.entries, index));
#if PG_VERSION_NUM >= 160000
  const auto *permission = static_cast<RTEPermissionInfo *>(list_nth(uses.permissions, index));
  if (permission == nullptr) return {entry->relid, InvalidOid, 0};
  return {entry->relid, permission->checkAsUser, permission->requiredPerms};
#else
  return {entry->relid, entry->checkAsUser, entry->requiredPerms};
#endif
}

void VisitRequirements(const PlannedStmt *plan, void (*visit)(const Requirement &requirement, void *data), void *data) {
  ListCell *cell;
#if PG_VERSION_NUM >= 160000
  foreach (cell, plan->permInfos) {
    const auto *permission = lfirst_node(RTEPermissionInfo, cell);
    visit({permission->relid, permission->checkAsUser, permission->requiredPerms}, data);
  }
#else
  foreach (cell, plan->rtable) {
    const auto *entry = lfirst_node(RangeTblEntry, cell);
    if (entry->rtekind == RTE_RELATION) visit({entry->relid, entry->checkAsUser, entry->requiredPerms}, data);
  }
#endif
}

void CheckAs([[maybe_unused]] Query *query, RangeTblEntry *rte, Oid role) {
#if PG_VERSION_NUM >= 160000
  if (rte->perminfoindex != 0) getRTEPermissionInfo(query->rteperminfos, rte)->checkAsUser = role;
#else
  rte->checkAsUser = role;
#endif
}

void RequireLess([[maybe_unused]] Query *query, RangeTblEntry *rte, AclMode rights) {
#if PG_VERSION_NUM >= 160000
  if (rte->perminfoindex != 0) getRTEPermissionInfo(query->rteperminfos, rte)->requiredPerms &= ~rights;
#else
  rte->requiredPerms &= ~rights;
#endif
}

const Bitmapset *AssignedColumns([[maybe_unused]] const Query *query, const RangeTblEntry *rte) {
#if PG_VERSION_NUM >= 160000
  if (rte->perminfoindex == 0) return nullptr;
  return list_nth_node(RTEPermissionInfo, query->rteperminfos, static_cast<int>(rte->perminfoindex) - 1)->updatedCols;
#else
  return rte->updatedCols;
#endif
}

bool MayUse(Oid relid, Oid role, AclMode rights) {
  const Oid schema = get_rel_namespace(relid);
#if PG_VERSION_NUM >= 160000
  if (object_aclcheck(NamespaceRelationId, schema, role, ACL_USAGE) != ACLCHECK_OK) return false;
#else
  if (pg_namespace_aclcheck(schema, role, ACL_USAGE) != ACLCHECK_OK) return false;
#endif
  return pg_class_aclmask(relid, role, rights, ACLMASK_ALL) == rights;
}

}  // namespace altius::pg
