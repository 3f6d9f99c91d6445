// SPDX-License-Identifier: PostgreSQL
// WITH that modifies: reads are sent to the nodes before anything is changed (floor task), which is enough for SELECTs.
// Modifications that read, on the shards or as statements of their own, run in an order in which none sees another's work; where no
// order does that, what one of them reads is read before.  core/order decides.
#include "order.hpp"

#include "altius/core/order/order.hpp"
#include "altius/pg/array.hpp"
#include "altius/pg/bridge.hpp"
#include "altius/pg/node.hpp"
#include "altius/pg/walk.hpp"
#include "planner/locus/shippable.hpp"
#include "planner/nodes/column_map.hpp"
#include "planner/nodes/place_calls.hpp"
#include "apart.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "utils/lsyscache.h"
}

namespace altius::planner {

namespace {

/// What a query reads: tables (a partition as its root), and CTEs by name.
struct Reads {
  List* tables;
  List* names;  // of char *
};

struct Reading {
  Reads* reads;
  const RangeTblEntry* target;
};

bool ReadsWalker(Node* node, void* data) {
  if (node == nullptr) return false;
  auto* reading = static_cast<Reading*>(data);
  if (IsA(node, Query))
    return pg::WalkQuery(reinterpret_cast<Query*>(node), ReadsWalker, data, QTW_EXAMINE_RTES_BEFORE);
  if (!IsA(node, RangeTblEntry)) return pg::Walk(node, ReadsWalker, data);
  auto* rte = reinterpret_cast<RangeTblEntry*>(node);
  Reads* reads = reading->reads;
  if (rte->rtekind == RTE_RELATION && rte != reading->target)
    reads->tables = list_append_unique_oid(reads->tables, RootOf(rte->relid));
  if (rte->rtekind == RTE_CTE) reads->names = lappend(reads->names, rte->ctename);
  return false;
}

struct Modification {
  CommonTableExpr* cte;  // null: the statement itself
  const char* name;
  const Query* query;
  CmdType command;
  Oid target;
  Reads reads;
  bool shared;  // its rows are read in several places
};

Modification Describe(CommonTableExpr* cte, Query* query) {
  RangeTblEntry* target = pg::Rte(query->rtable, query->resultRelation);
  const char* name = cte != nullptr ? cte->ctename : nullptr;
  Modification described = {cte, name, query, query->commandType, RootOf(target->relid), {NIL, NIL}, false};
  Reading reading = {&described.reads, target};
  pg::WalkQuery(query, ReadsWalker, &reading, QTW_EXAMINE_RTES_BEFORE);
  return described;
}

int Named(const pg::Array<Modification>& all, const char* name) {
  for (int i = 0; i < all.size(); i++) {
    if (all[i].name != nullptr && strcmp(all[i].name, name) == 0) return i;
  }
  return -1;
}

CommonTableExpr* SelectNamed(const Query* query, const char* name) {
  ListCell* cell;
  foreach (cell, query->cteList) {
    auto* cte = lfirst_node(CommonTableExpr, cell);
    if (strcmp(cte->ctename, name) == 0 && castNode(Query, cte->ctequery)->commandType == CMD_SELECT) return cte;
  }
  return nullptr;
}

/// What SELECTs in WITH read is read by those that read them.
void FollowSelects(const Query* query, Modification* modification) {
  Reading reading = {&modification->reads, nullptr};
  for (int i = 0; i < list_length(modification->reads.names); i++) {
    const auto* name = static_cast<const char*>(list_nth(modification->reads.names, i));
    bool seen = false;
    for (int j = 0; j < i; j++) seen = seen || strcmp(static_cast<const char*>(list_nth(modification->reads.names, j)), name) == 0;
    CommonTableExpr* cte = seen ? nullptr : SelectNamed(query, name);
    if (cte != nullptr) pg::WalkQuery(castNode(Query, cte->ctequery), ReadsWalker, &reading, QTW_EXAMINE_RTES_BEFORE);
  }
}

/// It reads the table before anybody changes it.
void KeepRead(Query* query, const Modification& modification, Oid table) {
  ReadBefore(query, modification.cte, table);
  ListCell* cell;
  foreach (cell, modification.reads.names) {
    CommonTableExpr* cte = SelectNamed(query, static_cast<const char*>(lfirst(cell)));
    if (cte != nullptr && !IsReadBefore(cte)) ReadBefore(query, cte, table);
  }
}

pg::Array<Modification> ModificationsOf(Query* query) {
  pg::Array<Modification> all;
  ListCell* cell;
  foreach (cell, query->cteList) {
    auto* cte = lfirst_node(CommonTableExpr, cell);
    auto* inner = castNode(Query, cte->ctequery);
    if (inner->commandType == CMD_SELECT) continue;
    all.push_back(Describe(cte, inner));
    all.back().shared = cte->cterefcount > 1;
  }
  if (query->commandType != CMD_SELECT && query->resultRelation > 0) all.push_back(Describe(nullptr, query));
  for (Modification& one : all) FollowSelects(query, &one);
  if (all.size() > core::order::kMost) {
    ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("more than %d modifications in one WITH", core::order::kMost)));
  }
  return all;
}

core::order::Kind KindOf(CmdType command) {
  switch (command) {
    case CMD_INSERT:
      return core::order::Kind::Insert;
    case CMD_UPDATE:
      return core::order::Kind::Update;
    case CMD_DELETE:
      return core::order::Kind::Delete;
    default:
      return core::order::Kind::Merge;
  }
}

/// As core/order knows it.
core::order::Modification Abstract(const pg::Array<Modification>& all, int number) {
  const Modification& one = all[number];
  core::order::Modification result;
  result.kind = KindOf(one.command);
  result.itself = one.cte == nullptr;
  result.shared = one.shared;
  for (int i = all.size() - 1; i >= 0; i--) {
    if (all[i].target == one.target) result.target = i;
    if (i == number) continue;
    if (list_member_oid(one.reads.tables, all[i].target)) result.reads |= core::order::Others{1} << i;
    const bool updates = one.command == CMD_UPDATE && all[i].command == CMD_UPDATE && one.target == all[i].target;
    if (updates && AreDisjoint(one.query, all[i].query)) result.disjoint |= core::order::Others{1} << i;
  }
  ListCell* name;
  foreach (name, one.reads.names) {
    const int read = Named(all, static_cast<const char*>(lfirst(name)));
    if (read >= 0 && read < number) result.results |= core::order::Others{1} << read;
  }
  return result;
}

}  // namespace

List* ModificationsFirst(Query* query) {
  const pg::Array<Modification> all = ModificationsOf(query);
  pg::Array<core::order::Modification> abstract;
  for (int i = 0; i < all.size(); i++) abstract.push_back(Abstract(all, i));
  pg::Array<int> first;
  pg::Array<core::order::Kept> kept;
  first.resize(all.size());
  kept.resize(2 * all.size() * all.size());
  core::order::Plan plan = {abstract.data(), all.size(), first.data(), 0, kept.data(), 0};
  core::order::Arrange(&plan);
  for (int i = 0; i < plan.kept_count; i++) {
    const core::order::Kept& one = kept[i];
    if (one.target) {
      ChangeOnlyOld(query, all[one.reader].cte);
    } else {
      KeepRead(query, all[one.reader], all[one.other].target);
    }
  }
  List* names = NIL;
  for (int i = 0; i < plan.first_count; i++) names = lappend(names, makeString(pstrdup(all[first[i]].name)));
  return names;
}

namespace {

/// Volatile: it can't be evaluated anywhere else.
Node* Here(Node* value) {
  static Oid cached = InvalidOid;
  return pg::AsNode(makeFuncExpr(InternalFunction("here", ANYELEMENTOID, &cached), exprType(value), list_make1(value),
                                 exprCollation(value), InvalidOid, COERCE_EXPLICIT_CALL));
}

Node* KeepMutator(Node* node, void* data) {
  if (node == nullptr) return nullptr;
  if (IsA(node, Query)) {
    auto* query = reinterpret_cast<Query*>(node);
    // It is planned as a statement of its own, or sends its values when it runs.
    if (query->commandType != CMD_SELECT) return node;
    return pg::AsNode(pg::MutateQuery(query, KeepMutator, data));
  }
  if (IsA(node, SubLink) && MayBeArgument(node)) return Here(pg::Mutate(node, KeepMutator, data));
  return pg::Mutate(node, KeepMutator, data);
}

}  // namespace

void KeepValuesHere(Query* query) {
  *query = *pg::MutateQuery(query, KeepMutator, nullptr);
}

}  // namespace altius::planner

ALTIUS_FUNCTION(altius_here) {
  if (PG_ARGISNULL(0)) PG_RETURN_NULL();
  PG_RETURN_DATUM(PG_GETARG_DATUM(0));
}
