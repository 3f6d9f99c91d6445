// SPDX-License-Identifier: PostgreSQL
// WITH that modifies: reads are sent to the nodes before anything is changed (floor task), which is enough for SELECTs.
// Modifications that read, on the shards or as statements of their own, run in an order in which none sees another's work.
#include "order.hpp"

#include "altius/pg/array.hpp"
#include "altius/pg/bridge.hpp"
#include "altius/pg/node.hpp"
#include "altius/pg/walk.hpp"
#include "planner/locus/shippable.hpp"
#include "planner/nodes/column_map.hpp"
#include "planner/nodes/place_calls.hpp"

extern "C" {
#include "catalog/partition.h"
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

Oid RootOf(Oid relid) {
  if (!get_rel_relispartition(relid)) return relid;
  List* ancestors = get_partition_ancestors(relid);
  return ancestors == NIL ? relid : llast_oid(ancestors);
}

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
  const char* name;  // null: the statement itself
  CmdType command;
  Oid target;
  Reads reads;
  bool shared;  // its rows are read in several places
  int unit;  // those that it takes along run within it; the number of the one that takes
};

Modification Describe(const char* name, Query* query) {
  RangeTblEntry* target = pg::Rte(query->rtable, query->resultRelation);
  Modification described = {name, query->commandType, RootOf(target->relid), {NIL, NIL}, false, 0};
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

[[noreturn]] void RefuseCircle(const Modification& modification) {
  ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                  errmsg("modification \"%s\" in WITH reads what another one changes that has to run before it", modification.name),
                  errhint("Run the modifications as statements of their own, in one transaction.")));
  pg_unreachable();
}

pg::Array<Modification> ModificationsOf(Query* query) {
  pg::Array<Modification> all;
  ListCell* cell;
  foreach (cell, query->cteList) {
    auto* cte = lfirst_node(CommonTableExpr, cell);
    auto* inner = castNode(Query, cte->ctequery);
    if (inner->commandType == CMD_SELECT) continue;
    all.push_back(Describe(cte->ctename, inner));
    all.back().shared = cte->cterefcount > 1;
  }
  if (query->commandType != CMD_SELECT && query->resultRelation > 0) all.push_back(Describe(nullptr, query));
  for (int i = 0; i < all.size(); i++) {
    FollowSelects(query, &all[i]);
    all[i].unit = i;
  }
  // A later one takes along those that it reads; the statement itself takes none.
  for (int i = all.size() - 1; i >= 0; i--) {
    ListCell* name;
    foreach (name, all[i].name == nullptr ? NIL : all[i].reads.names) {
      const int taken = Named(all, static_cast<const char*>(lfirst(name)));
      if (taken < 0 || taken >= i) continue;
      if (!all[taken].shared) {
        all[taken].unit = all[i].unit;
      } else if (list_member_oid(all[i].reads.tables, all[taken].target)) {
        RefuseCircle(all[i]);  // it waits for the other one's rows, and reads what that changes
      }
    }
  }
  return all;
}

enum class Precedence { None, Rather, Must };

/// Whether the one has to run before the other, whose changes it would see.
Precedence Before(const Modification& one, const Modification& other) {
  if (list_member_oid(one.reads.tables, other.target)) return Precedence::Must;
  // An INSERT looks for no rows of its target.  A row that is deleted before is as well changed by none; others are as they were.
  if (one.target != other.target || one.command == CMD_INSERT || other.command == CMD_DELETE) return Precedence::None;
  return other.command == CMD_INSERT ? Precedence::Must : Precedence::Rather;
}

Precedence UnitBefore(const pg::Array<Modification>& all, int one, int other) {
  Precedence result = Precedence::None;
  for (const Modification& first : all) {
    for (const Modification& second : all) {
      if (first.unit == one && second.unit == other && one != other) result = std::max(result, Before(first, second));
    }
  }
  return result;
}

bool IsWaitedFor(const pg::Array<Modification>& all, const pg::Array<bool>& placed, int unit, Precedence least) {
  for (int other = 0; other < all.size(); other++) {
    if (all[other].unit == other && other != unit && !placed[other] && UnitBefore(all, other, unit) >= least) return true;
  }
  return false;
}

/// The next unit for which nobody has to run before it.
int NextUnit(const pg::Array<Modification>& all, const pg::Array<bool>& placed) {
  int left = -1;
  for (const Precedence least : {Precedence::Rather, Precedence::Must}) {
    for (int unit = 0; unit < all.size(); unit++) {
      if (all[unit].unit != unit || placed[unit] || all[unit].name == nullptr) continue;
      left = unit;
      if (!IsWaitedFor(all, placed, unit, least)) return unit;
    }
  }
  if (left >= 0) RefuseCircle(all[left]);
  return -1;
}

bool MustPrecede(const pg::Array<Modification>& all, int unit) {
  for (int other = 0; other < all.size(); other++) {
    if (all[other].unit == other && UnitBefore(all, unit, other) != Precedence::None) return true;
  }
  return false;
}

}  // namespace

List* ModificationsFirst(Query* query) {
  const pg::Array<Modification> all = ModificationsOf(query);
  pg::Array<bool> placed;
  placed.resize(all.size());
  // The statement's own rows are computed by reads that are sent first.
  if (!all.empty() && all.back().name == nullptr) placed[all.size() - 1] = true;
  List* first = NIL;
  for (int unit = NextUnit(all, placed); unit >= 0; unit = NextUnit(all, placed)) {
    placed[unit] = true;
    if (MustPrecede(all, unit)) first = lappend(first, makeString(pstrdup(all[unit].name)));
  }
  return first;
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
