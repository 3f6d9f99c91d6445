// SPDX-License-Identifier: PostgreSQL
#include "altius/task/shard_writes.hpp"

#include "altius/catalog/metadata.hpp"
#include "altius/door/door.hpp"
#include "altius/pg/permissions.hpp"
#include "altius/pg/rights.hpp"

extern "C" {
#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "nodes/plannodes.h"
#include "tcop/tcopprot.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
}

namespace altius::task {

namespace {

constexpr AclMode kWrites = ACL_INSERT | ACL_UPDATE | ACL_DELETE;

void Require(Oid relid, Oid role) {
  if (!OidIsValid(relid) || !catalog::IsShardRelation(relid)) return;
  if (has_privs_of_role(role, pg::OwnerOfRelation(relid))) return;
  ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                  errmsg("permission denied for shard \"%s\"", get_rel_name(relid)),
                  errdetail("Only the owner of a distributed table may write its shards by their names."),
                  errhint("Write the table.")));
}

bool HasRules(Oid relid) {
  HeapTuple row = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
  if (!HeapTupleIsValid(row)) return false;
  const bool has = reinterpret_cast<Form_pg_class>(GETSTRUCT(row))->relhasrules;
  ReleaseSysCache(row);
  return has;
}

void Look(const pg::Requirement& requirement, void*) {
  if ((requirement.rights & kWrites) == 0) return;
  Require(requirement.relid, OidIsValid(requirement.role) ? requirement.role : GetUserId());
}

}  // namespace

bool RunsUsersCommand() {
  return debug_query_string != nullptr && strncmp(debug_query_string, kUsersMark, strlen(kUsersMark)) == 0;
}

/// What functions run has another text, in a procedure or at the end of the transaction, too, where no executor runs around it.
bool IsTextOfAskingNode(const char* text) {
  if (!door::IsNodeSession() || debug_query_string == nullptr || text == nullptr) return false;
  return strcmp(text, debug_query_string) == 0 && !RunsUsersCommand();
}

bool IsOfAskingNode(const QueryDesc* query, int depth) { return depth == 0 && IsTextOfAskingNode(query->sourceText); }

void RequireOwnShards(const PlannedStmt* statement) {
  if (statement->commandType == CMD_SELECT && !statement->hasModifyingCTE) return;
  if (!catalog::IsActive() || superuser()) return;
  pg::VisitRequirements(statement, Look, nullptr);
}

void RequireNoRules(const PlannedStmt* statement) {
  if (statement->commandType == CMD_SELECT && !statement->hasModifyingCTE) return;
  ListCell* cell;
  foreach (cell, statement->rtable) {
    const auto* rte = lfirst_node(RangeTblEntry, cell);
    if (rte->rtekind != RTE_RELATION || rte->relkind == RELKIND_VIEW || !HasRules(rte->relid)) continue;
    if (!catalog::IsShardRelation(rte->relid)) continue;
    ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("shard \"%s\" has rules", get_rel_name(rte->relid)),
                    errhint("Drop them.")));
  }
}

void RequireOwnShard(Oid relid) {
  if (superuser()) return;
  Require(relid, GetUserId());
}

}  // namespace altius::task
