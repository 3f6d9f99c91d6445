// SPDX-License-Identifier: PostgreSQL
// Shards are tables like any other, but a client that lists its tables does not want to read 32
// names for each.  Every scan of pg_class in a client's statement, also inside of views, gets a
// condition that leaves them out.  It stands where row security stands, below outer joins and the
// statement's own conditions.
#include "altius/catalog/metadata.hpp"
#include "altius/door/door.hpp"
#include "altius/monitor/monitor.hpp"
#include "altius/pg/bridge.hpp"
#include "altius/pg/settings.hpp"
#include "altius/pg/walk.hpp"
#include "altius/remote/connection.hpp"

extern "C" {
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/planner.h"
#include "parser/parse_func.h"
#include "utils/guc.h"
}

namespace altius::monitor {
namespace {

planner_hook_type previous_planner = nullptr;

/// Whether the comma-separated list has `*` or a prefix of the client's name.
bool IsListed(const char* prefixes, const char* client) {
  while (*prefixes != '\0') {
    prefixes += strspn(prefixes, " ,");
    const size_t length = strcspn(prefixes, ",");
    if (length == 1 && prefixes[0] == '*') return true;
    if (length > 0 && strncmp(prefixes, client, length) == 0) return true;
    prefixes += length;
  }
  return false;
}

bool HidesShards() {
  using namespace pg::settings;
  if (!override_table_visibility || MyBackendType != B_BACKEND || !catalog::IsActive())
    return false;
  if (door::IsNodeSession()) return false;
  return show_shards_for == nullptr ||
         !IsListed(show_shards_for, application_name == nullptr ? "" : application_name);
}

/// NOT relation_is_a_known_shard(oid)
Expr* NotAShard(int varno) {
  static constexpr Oid kArgument = REGCLASSOID;
  List* name = list_make2(makeString(pstrdup("pg_catalog")),
                          makeString(pstrdup("relation_is_a_known_shard")));
  const Oid function = LookupFuncName(name, 1, &kArgument, true);
  if (!OidIsValid(function)) return nullptr;
  Var* oid = makeVar(varno, Anum_pg_class_oid, OIDOID, -1, InvalidOid, 0);
  Expr* argument = reinterpret_cast<Expr*>(makeRelabelType(
      reinterpret_cast<Expr*>(oid), REGCLASSOID, -1, InvalidOid, COERCE_IMPLICIT_CAST));
  FuncExpr* call = makeFuncExpr(function, BOOLOID, list_make1(argument), InvalidOid, InvalidOid,
                                COERCE_EXPLICIT_CALL);
  return makeBoolExpr(NOT_EXPR, list_make1(call), -1);
}

bool ReadsClasses(const RangeTblEntry* entry) {
  return entry->rtekind == RTE_RELATION && entry->relid == RelationRelationId;
}

void FilterLevel(Query* query) {
  int number = 0;
  ListCell* cell;
  foreach (cell, query->rtable) {
    auto* entry = lfirst_node(RangeTblEntry, cell);
    number++;
    if (!ReadsClasses(entry) || query->resultRelation == number) continue;
    Expr* condition = NotAShard(number);
    if (condition != nullptr) entry->securityQuals = lcons(condition, entry->securityQuals);
  }
}

bool FilterNode(Node* node, void* context) {
  if (node == nullptr) return false;
  if (!IsA(node, Query)) return pg::Walk(node, FilterNode, context);
  auto* query = reinterpret_cast<Query*>(node);
  FilterLevel(query);
  return pg::WalkQuery(query, FilterNode, context);
}

/// Cheap enough for every statement: most have neither subqueries nor catalogs in them.
bool MayReadClasses(const Query* query) {
  if (query->hasSubLinks || query->cteList != NIL) return true;
  ListCell* cell;
  foreach (cell, query->rtable) {
    const auto* entry = lfirst_node(RangeTblEntry, cell);
    if (ReadsClasses(entry) || entry->rtekind == RTE_SUBQUERY) return true;
  }
  return false;
}

PlannedStmt* Plan(Query* query, const char* text, int options, ParamListInfo parameters) {
  if (MayReadClasses(query) && HidesShards()) {
    FilterNode(reinterpret_cast<Node*>(query), nullptr);
  }
  return previous_planner != nullptr ? previous_planner(query, text, options, parameters)
                                     : standard_planner(query, text, options, parameters);
}

}  // namespace

void Init() {
  previous_planner = planner_hook;
  planner_hook = [](Query* query, const char* text, int options, ParamListInfo parameters) {
    return pg::Entry([&] { return Plan(query, text, options, parameters); });
  };
}

}  // namespace altius::monitor
