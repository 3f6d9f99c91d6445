// SPDX-License-Identifier: PostgreSQL
// FROM and WHERE of one query level: which relations can be joined beside the data.
#include "scope.hpp"

#include "altius/catalog/metadata.hpp"
#include "altius/pg/node.hpp"
#include "altius/pg/walk.hpp"

extern "C" {
#include "catalog/pg_class.h"
#include "nodes/makefuncs.h"
#include "optimizer/clauses.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"
#include "utils/lsyscache.h"
}

namespace altius::planner {

namespace {

void AddNode(Scope *scope, Node *node);

void Own(Scope *scope, Part *part) {
  part->owner = scope;
  scope->parts.push_back(part);
}

Part *NewPart(Reach reach, Node *node, Relids rels) {
  auto *part = static_cast<Part *>(palloc0(sizeof(Part)));
  part->reach = reach;
  part->key = -1;
  part->rels = rels;
  part->nodes = list_make1(node);
  return part;
}

Part *PartOfTable(Scope *scope, Node *node, int rti, RangeTblEntry *rte) {
  Part *part = NewPart(Reach::Here, node, bms_make_singleton(rti));
  const catalog::Table *table = catalog::FindTable(rte->relid);
  if (table == nullptr || table->kind == catalog::TableKind::Local) return part;
  part->has_tables = true;
  part->reach = table->kind == catalog::TableKind::Reference ? Reach::Replicated : Reach::Hashed;
  part->colocation = table->colocation;
  part->single = table->kind == catalog::TableKind::SingleShard;
  if (table->kind == catalog::TableKind::Hash) {
    Oid type, collation;
    int32 typmod;
    get_atttypetypmodcoll(rte->relid, table->key, &type, &typmod, &collation);
    Var *key = makeVar(rti, table->key, type, typmod, collation, 0);
    part->key = scope->equalities.ClassOf(reinterpret_cast<Node *>(key));
  }
  return part;
}

/// Takes what is known of a whole subquery (or CTE) over as a part whose columns are those of the range table entry.
Part *PartOfQuery(Scope *scope, Node *node, int rti, Query *query, const QueryLocus &locus, bool lower_pins) {
  Part *part = NewPart(locus.reach, node, bms_make_singleton(rti));
  part->colocation = locus.colocation;
  part->single = locus.single;
  part->pruned = locus.pruned;
  part->prunes = locus.prunes;
  part->has_tables = locus.has_tables;
  if (locus.reach != Reach::Hashed || locus.single) return part;
  part->key = scope->equalities.NewClass();
  ListCell *cell;
  foreach (cell, locus.key_columns) {
    auto *target = get_tle_by_resno(query->targetList, lfirst_int(cell));
    auto *expr = reinterpret_cast<Node *>(target->expr);
    Var *var = makeVar(rti, target->resno, exprType(expr), exprTypmod(expr), exprCollation(expr), 0);
    scope->equalities.Unite(part->key, scope->equalities.ClassOf(reinterpret_cast<Node *>(var)));
  }
  foreach (cell, locus.pins) {
    auto *pin = pg::Copy(static_cast<Node *>(lfirst(cell)));
    if (HasVars(pin) && !lower_pins) continue;
    IncrementVarSublevelsUp(pin, -1, 1);
    scope->equalities.Unite(part->key, scope->equalities.ClassOf(pin));
  }
  return part;
}

Part *PartOfSubquery(Scope *scope, Node *node, int rti, RangeTblEntry *rte) {
  const QueryLocus locus = AnalyzeQuery(rte->subquery, scope->level);
  Part *part = locus.whole ? PartOfQuery(scope, node, rti, rte->subquery, locus, true)
                          : NewPart(Reach::Here, node, bms_make_singleton(rti));
  part->lateral = pull_varnos_of_level(nullptr, reinterpret_cast<Node *>(rte->subquery), 1);
  return part;
}

/// A reference to a CTE can be shipped only together with the WITH it belongs to.
Part *PartOfCte(Scope *scope, Node *node, int rti, RangeTblEntry *rte) {
  const Level *home = scope->level;
  bool shipped = home->whole;
  for (Index i = 0; i < rte->ctelevelsup && home != nullptr; i++) {
    home = home->parent;
    shipped = shipped && home != nullptr && home->whole;
  }
  Part *part = NewPart(Reach::Here, node, bms_make_singleton(rti));
  if (!shipped || rte->self_reference) return part;
  ListCell *cell;
  foreach (cell, home->query->cteList) {
    auto *cte = lfirst_node(CommonTableExpr, cell);
    if (strcmp(cte->ctename, rte->ctename) != 0) continue;
    auto *query = reinterpret_cast<Query *>(cte->ctequery);
    const QueryLocus locus = AnalyzeQuery(query, home);
    // A CTE can't be pinned to columns of its neighbours; pins of outer levels would need a shift by ctelevelsup.
    if (locus.whole && !cte->cterecursive) return PartOfQuery(scope, node, rti, query, locus, rte->ctelevelsup == 0);
  }
  return part;
}

Part *PartOfExpressions(Scope *scope, Node *node, int rti, Node *exprs) {
  const bool shippable = IsShippable(exprs, *scope, nullptr);
  Part *part = NewPart(shippable ? Reach::Replicated : Reach::Here, node, bms_make_singleton(rti));
  part->lateral = pull_varnos(nullptr, exprs);
  return part;
}

Part *PartOfRelation(Scope *scope, RangeTblRef *ref) {
  auto *node = reinterpret_cast<Node *>(ref);
  const int rti = ref->rtindex;
  RangeTblEntry *rte = pg::Rte(scope->level->query->rtable, rti);
  switch (rte->rtekind) {
    case RTE_RELATION:
      return PartOfTable(scope, node, rti, rte);
    case RTE_SUBQUERY:
      return PartOfSubquery(scope, node, rti, rte);
    case RTE_CTE:
      return PartOfCte(scope, node, rti, rte);
    case RTE_FUNCTION:
      return PartOfExpressions(scope, node, rti, reinterpret_cast<Node *>(rte->functions));
    case RTE_VALUES:
      return PartOfExpressions(scope, node, rti, reinterpret_cast<Node *>(rte->values_lists));
    case RTE_TABLEFUNC:
      return PartOfExpressions(scope, node, rti, reinterpret_cast<Node *>(rte->tablefunc));
    case RTE_RESULT:
      return NewPart(Reach::Replicated, node, bms_make_singleton(rti));
    default:
      return NewPart(Reach::Here, node, bms_make_singleton(rti));
  }
}

void AddQuals(Scope *scope, Node *quals) {
  ListCell *cell;
  foreach (cell, make_ands_implicit(reinterpret_cast<Expr *>(quals))) {
    scope->conjuncts = lappend(scope->conjuncts, lfirst(cell));
    scope->equalities.Learn(static_cast<Node *>(lfirst(cell)));
  }
}

bool LateralSatisfied(const Part &a, const Part &b) {
  return bms_is_subset(bms_union(a.lateral, b.lateral), bms_union(a.rels, b.rels));
}

bool AreBeside(const Scope &scope, const Part &a, const Part &b) {
  if (a.reach != Reach::Hashed || b.reach != Reach::Hashed || a.colocation != b.colocation) return false;
  if (a.single && b.single) return true;
  return scope.equalities.Same(a.key, b.key);
}

bool ShareConjunct(const Scope &scope, const Part &a, const Part &b) {
  if (bms_overlap(a.lateral, b.rels) || bms_overlap(b.lateral, a.rels)) return true;
  ListCell *cell;
  foreach (cell, scope.conjuncts) {
    const Relids used = pull_varnos(nullptr, static_cast<Node *>(lfirst(cell)));
    if (bms_overlap(used, a.rels) && bms_overlap(used, b.rels)) return true;
  }
  return false;
}

void MergeInto(Part *a, const Part &b) {
  if (b.reach == Reach::Hashed && a->reach != Reach::Hashed) {
    a->reach = b.reach;
    a->colocation = b.colocation;
    a->key = b.key;
    a->single = b.single;
  }
  if (!a->pruned && b.pruned) {
    a->pruned = true;
    a->prunes = b.prunes;
  }
  a->has_tables = a->has_tables || b.has_tables;
  a->rels = bms_union(a->rels, b.rels);
  a->lateral = bms_union(a->lateral, b.lateral);
  a->nodes = list_concat(list_copy(a->nodes), b.nodes);
  a->quals = list_concat(list_copy(a->quals), b.quals);
}

using MayMerge = bool (*)(const Scope &scope, const Part &a, const Part &b);

void MergeParts(Scope *scope, MayMerge may_merge) {
  pg::Array<Part *> &parts = scope->parts;
  for (int i = 0; i < parts.size(); i++) {
    for (int j = 0; j < parts.size(); j++) {
      const Part &a = *parts[i], &b = *parts[j];
      if (i == j || a.frozen || b.frozen || a.reach == Reach::Here || b.reach == Reach::Here) continue;
      if (!may_merge(*scope, a, b) || !LateralSatisfied(a, b)) continue;
      MergeInto(parts[i], b);
      parts[j] = parts.back();
      parts.pop_back();
      MergeParts(scope, may_merge);
      return;
    }
  }
}

int CountLive(const Scope &scope, Reach reach) {
  int count = 0;
  for (const Part *part : scope.parts) count += !part->frozen && part->reach == reach;
  return count;
}

/// Joins what lies together: first by key, then replicated parts to the part they are joined with.
void MergeAll(Scope *scope) {
  MergeParts(scope, AreBeside);
  MergeParts(scope, [](const Scope &s, const Part &a, const Part &b) {
    return a.reach == Reach::Hashed && b.reach == Reach::Replicated && ShareConjunct(s, a, b);
  });
  if (CountLive(*scope, Reach::Hashed) == 1 && CountLive(*scope, Reach::Here) == 0) {
    MergeParts(scope, [](const Scope &, const Part &a, const Part &b) {
      return a.reach == Reach::Hashed && b.reach == Reach::Replicated;
    });
  }
  MergeParts(scope, [](const Scope &s, const Part &a, const Part &b) {
    return a.reach == Reach::Replicated && b.reach == Reach::Replicated &&
           (ShareConjunct(s, a, b) || CountLive(s, Reach::Here) + CountLive(s, Reach::Hashed) == 0);
  });
}

Part *HomeOf(Scope *scope, Node *conjunct) {
  const Relids used = pull_varnos(nullptr, conjunct);
  if (bms_is_empty(used)) return scope->parts.size() == 1 ? scope->parts[0] : nullptr;
  for (Part *part : scope->parts) {
    if (bms_is_subset(used, part->rels)) return part;
  }
  return nullptr;
}

/// Gives each conjunct to the part that can check it; what is left is checked on the asking node.
void AssignConjuncts(Scope *scope) {
  List *left_over = NIL;
  ListCell *cell;
  foreach (cell, scope->conjuncts) {
    auto *conjunct = static_cast<Node *>(lfirst(cell));
    Part *home = HomeOf(scope, conjunct);
    const bool fits = home != nullptr && home->reach != Reach::Here &&
                      bms_is_subset(home->lateral, home->rels) && IsShippable(conjunct, *scope, home);
    if (fits) {
      home->quals = lappend(home->quals, conjunct);
    } else {
      left_over = lappend(left_over, conjunct);
    }
  }
  scope->conjuncts = left_over;
}

void Close(Scope *scope) {
  MergeAll(scope);
  AssignConjuncts(scope);
}

bool IsOnePart(const Scope &scope) {
  return scope.parts.size() == 1 && scope.parts[0]->reach != Reach::Here && scope.conjuncts == NIL;
}

Scope *AnalyzeSide(const Level *level, Node *node) {
  auto *side = static_cast<Scope *>(palloc0(sizeof(Scope)));
  side->level = level;
  AddNode(side, node);
  Close(side);
  return side;
}

/// Both sides of an outer join seen as one scope: what holds for pairs of rows that match.
struct JoinedSides {
  Scope scope;
  Part kept;
  Part other;
};

JoinedSides LookAtBoth(const Level *level, JoinExpr *join, const Scope &kept, const Scope &other) {
  JoinedSides both = {{}, *kept.parts[0], *other.parts[0]};
  both.scope.level = level;
  const int kept_offset = both.scope.equalities.Import(kept.equalities);
  const int other_offset = both.scope.equalities.Import(other.equalities);
  if (both.kept.key >= 0) both.kept.key += kept_offset;
  if (both.other.key >= 0) both.other.key += other_offset;
  ListCell *cell;
  foreach (cell, make_ands_implicit(reinterpret_cast<Expr *>(join->quals))) {
    both.scope.equalities.Learn(static_cast<Node *>(lfirst(cell)));
  }
  return both;
}

/// Rows of the kept side may be extended by nulls only once in the whole cluster.
bool MayRunBeside(const JoinedSides &both, bool full) {
  const Part &kept = both.kept, &other = both.other;
  if (kept.reach == Reach::Replicated && other.reach == Reach::Replicated) return true;
  if (kept.reach == Reach::Hashed && other.reach == Reach::Hashed) return AreBeside(both.scope, kept, other);
  if (full) return false;
  return kept.reach == Reach::Hashed || IsPinned(both.scope, other);
}

/// The part that an outer join makes when it runs whole beside the data; null when it does not.
Part *WholeJoin(Scope *scope, JoinExpr *join, const Scope &kept, const Scope &other) {
  if (!IsOnePart(kept) || !IsOnePart(other)) return nullptr;
  JoinedSides both = LookAtBoth(scope->level, join, kept, other);
  const bool full = join->jointype == JOIN_FULL;
  Part *merged = NewPart(Reach::Replicated, nullptr, nullptr);
  *merged = both.kept;
  MergeInto(merged, both.other);
  merged->rels = bms_add_member(merged->rels, join->rtindex);
  merged->nodes = list_make1(join);
  merged->quals = NIL;  // the join tree still holds them
  if (!MayRunBeside(both, full) || !bms_is_subset(merged->lateral, merged->rels)) return nullptr;
  if (!IsShippable(join->quals, both.scope, merged)) return nullptr;

  merged->pruned = !full && both.kept.pruned;
  merged->prunes = full ? NIL : both.kept.prunes;
  if (full) {
    merged->key = scope->equalities.NewClass();
  } else if (both.kept.reach == Reach::Hashed) {
    const int offset = scope->equalities.Import(kept.equalities);
    merged->key = kept.parts[0]->key < 0 ? -1 : kept.parts[0]->key + offset;
  } else if (both.other.reach == Reach::Hashed) {
    DerivePrunes(both.scope, merged);
    merged->key = both.other.key < 0 ? -1 : both.other.key + scope->equalities.Import(both.scope.equalities);
  } else {
    scope->equalities.Import(kept.equalities);
  }
  return merged;
}

/// Conditions of a cut join that concern its other side alone go down to that side's parts.
void PushDownJoinQuals(JoinExpr *join, Scope *other) {
  List *stay = NIL;
  ListCell *cell;
  foreach (cell, make_ands_implicit(reinterpret_cast<Expr *>(join->quals))) {
    auto *conjunct = static_cast<Node *>(lfirst(cell));
    if (!bms_is_empty(pull_varnos(nullptr, conjunct)) && HomeOf(other, conjunct) != nullptr) {
      other->conjuncts = lappend(other->conjuncts, conjunct);
      other->equalities.Learn(conjunct);
    } else {
      stay = lappend(stay, conjunct);
    }
  }
  AssignConjuncts(other);
  join->quals = reinterpret_cast<Node *>(make_ands_explicit(stay));
}

/// The join stays on the asking node; each part below becomes a fragment of its own.
void AddCutJoin(Scope *scope, JoinExpr *join, Scope *kept, Scope *other) {
  if (join->jointype != JOIN_FULL && !scope->level->whole) PushDownJoinQuals(join, other);
  for (Part *part : kept->parts) DerivePrunes(*kept, part);
  for (Part *part : other->parts) DerivePrunes(*other, part);
  Part *outside = NewPart(Reach::Here, reinterpret_cast<Node *>(join), bms_make_singleton(join->rtindex));
  for (const Part *part : kept->parts) outside->rels = bms_union(outside->rels, part->rels);
  for (const Part *part : other->parts) outside->rels = bms_union(outside->rels, part->rels);
  if (join->jointype != JOIN_FULL) {
    const int offset = scope->equalities.Import(kept->equalities);
    for (Part *part : kept->parts) {
      if (part->key >= 0) part->key += offset;
      part->frozen = true;
      scope->parts.push_back(part);
    }
  }
  outside->left = join->jointype == JOIN_RIGHT ? other : kept;
  outside->right = join->jointype == JOIN_RIGHT ? kept : other;
  Own(scope, outside);
}

void AddOuterJoin(Scope *scope, JoinExpr *join) {
  const bool right = join->jointype == JOIN_RIGHT;
  Scope *kept = AnalyzeSide(scope->level, right ? join->rarg : join->larg);
  Scope *other = AnalyzeSide(scope->level, right ? join->larg : join->rarg);
  Part *whole = WholeJoin(scope, join, *kept, *other);
  if (whole != nullptr) {
    Own(scope, whole);
  } else {
    AddCutJoin(scope, join, kept, other);
  }
}

void AddNode(Scope *scope, Node *node) {
  if (IsA(node, RangeTblRef)) {
    Own(scope, PartOfRelation(scope, reinterpret_cast<RangeTblRef *>(node)));
    return;
  }
  if (IsA(node, FromExpr)) {
    auto *from = reinterpret_cast<FromExpr *>(node);
    ListCell *cell;
    foreach (cell, from->fromlist) AddNode(scope, static_cast<Node *>(lfirst(cell)));
    AddQuals(scope, from->quals);
    return;
  }
  auto *join = castNode(JoinExpr, node);
  if (join->jointype == JOIN_INNER) {
    AddNode(scope, join->larg);
    AddNode(scope, join->rarg);
    AddQuals(scope, join->quals);
  } else {
    AddOuterJoin(scope, join);
  }
}

}  // namespace

Scope *AnalyzeFrom(const Level *level) {
  Scope *scope = AnalyzeSide(level, reinterpret_cast<Node *>(level->query->jointree));
  for (Part *part : scope->parts) DerivePrunes(*scope, part);
  return scope;
}

bool IsWhole(const Scope &scope) { return scope.parts.empty() ? scope.conjuncts == NIL : IsOnePart(scope); }

bool IsPinned(const Scope &scope, const Part &part) {
  return part.single || (part.key >= 0 && scope.equalities.Constants(part.key) != NIL);
}

}  // namespace altius::planner
