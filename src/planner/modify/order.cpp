// SPDX-License-Identifier: PostgreSQL
// WITH that modifies: reads are sent to the nodes before anything is changed (floor task), which is enough for SELECTs.
// Modifications that read, on the shards or as statements of their own, run in an order in which none sees another's work; where no
// order does that, what one of them reads is read before.
#include "order.hpp"

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
  bool only_old;  // it finds only rows of its target that are as they were before the statement
  int unit;  // those that it takes along run within it; the number of the one that takes
};

Modification Describe(CommonTableExpr* cte, Query* query) {
  RangeTblEntry* target = pg::Rte(query->rtable, query->resultRelation);
  const char* name = cte != nullptr ? cte->ctename : nullptr;
  Modification described = {cte, name, query, query->commandType, RootOf(target->relid), {NIL, NIL}, false, false, 0};
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
void KeepRead(Query* query, Modification* modification, Oid table) {
  ReadBefore(query, modification->cte, table);
  ListCell* cell;
  foreach (cell, modification->reads.names) {
    CommonTableExpr* cte = SelectNamed(query, static_cast<const char*>(lfirst(cell)));
    if (cte != nullptr && !IsReadBefore(cte)) ReadBefore(query, cte, table);
  }
  modification->reads.tables = list_delete_oid(modification->reads.tables, table);
}

void KeepTarget(Query* query, Modification* modification) {
  ChangeOnlyOld(query, modification->cte);
  modification->only_old = true;
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
        KeepRead(query, &all[i], all[taken].target);  // it waits for the other one's rows, and reads what that changes
      }
    }
  }
  return all;
}

/// Whether the one would see in the other's target what that has changed.
bool SeesInTarget(const Modification& one, const Modification& other) {
  // An INSERT looks for no rows of its target.  A row that is deleted before is as well changed by none; others are as they were.
  if (one.target != other.target || one.command == CMD_INSERT || other.command == CMD_DELETE || one.only_old) return false;
  return one.command != CMD_UPDATE || other.command != CMD_UPDATE || !AreDisjoint(one.query, other.query);
}

/// Whether the one has to run before the other, whose changes it would see.
bool Before(const Modification& one, const Modification& other) {
  return list_member_oid(one.reads.tables, other.target) || SeesInTarget(one, other);
}

bool UnitBefore(const pg::Array<Modification>& all, int one, int other) {
  for (const Modification& first : all) {
    for (const Modification& second : all) {
      if (first.unit == one && second.unit == other && one != other && Before(first, second)) return true;
    }
  }
  return false;
}

bool IsWaitedFor(const pg::Array<Modification>& all, const pg::Array<bool>& placed, int unit) {
  for (int other = 0; other < all.size(); other++) {
    if (all[other].unit == other && other != unit && !placed[other] && UnitBefore(all, other, unit)) return true;
  }
  return false;
}

/// Of two UPDATEs of one row the earlier one counts.
void KeepUpdatesApart(Query* query, pg::Array<Modification>* all) {
  for (int i = 0; i < all->size(); i++) {
    Modification& one = (*all)[i];
    bool apart = false;
    for (int j = 0; j < i; j++) {
      const Modification& earlier = (*all)[j];
      apart = apart || (earlier.unit != one.unit && earlier.command == CMD_UPDATE && SeesInTarget(one, earlier));
    }
    if (apart && one.command == CMD_UPDATE && one.cte != nullptr) KeepTarget(query, &one);
  }
}

/// The unit sees nothing any more of what those do that have not been placed.
void KeepApart(Query* query, pg::Array<Modification>* all, const pg::Array<bool>& placed, int unit) {
  for (Modification& one : *all) {
    if (one.unit != unit) continue;
    for (const Modification& other : *all) {
      if (other.unit == unit || placed[other.unit]) continue;
      if (list_member_oid(one.reads.tables, other.target)) KeepRead(query, &one, other.target);
      if (SeesInTarget(one, other)) KeepTarget(query, &one);
    }
  }
}

/// The next unit for which nobody has to run before it.
int NextUnit(Query* query, pg::Array<Modification>* all, const pg::Array<bool>& placed) {
  for (bool left = true; left;) {
    left = false;
    int last = -1;
    for (int unit = 0; unit < all->size(); unit++) {
      const Modification& one = (*all)[unit];
      if (one.unit != unit || placed[unit] || one.cte == nullptr) continue;
      last = unit;
      if (!IsWaitedFor(*all, placed, unit)) return unit;
    }
    left = last >= 0;  // each waits for another one
    if (left) KeepApart(query, all, placed, last);
  }
  return -1;
}

bool MustPrecede(const pg::Array<Modification>& all, int unit) {
  for (int other = 0; other < all.size(); other++) {
    if (all[other].unit == other && UnitBefore(all, unit, other)) return true;
  }
  return false;
}

}  // namespace

List* ModificationsFirst(Query* query) {
  pg::Array<Modification> all = ModificationsOf(query);
  KeepUpdatesApart(query, &all);
  pg::Array<bool> placed;
  placed.resize(all.size());
  // The statement's own rows are computed by reads that are sent first.
  if (!all.empty() && all.back().name == nullptr) placed[all.size() - 1] = true;
  List* first = NIL;
  for (int unit = NextUnit(query, &all, placed); unit >= 0; unit = NextUnit(query, &all, placed)) {
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
