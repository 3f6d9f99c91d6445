// SPDX-License-Identifier: PostgreSQL
// FROM and WHERE that do not run whole: each part becomes a fragment, the joins between them are left to PostgreSQL.
#include "cut.hpp"

#include "altius/catalog/metadata.hpp"
#include "altius/pg/node.hpp"
#include "altius/pg/walk.hpp"
#include "planner/fragment/fragment.hpp"
#include "planner/fragment/leaf.hpp"
#include "planner/level.hpp"
#include "planner/locus/scope.hpp"
#include "planner/nodes/column_map.hpp"
#include "planner/nodes/place_calls.hpp"
#include "planner/nodes/queries.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "optimizer/clauses.h"
#include "parser/parsetree.h"
#include "utils/lsyscache.h"
}

namespace altius::planner {

namespace {

/// A part on its way to becoming a leaf.
struct Piece {
  Part *part;
  Columns columns;
  Query *arm;
};

struct CutState {
  Query *query;
  const Level *level;
  pg::Array<Piece> pieces;
  int next_rti;
};

Node *RebuildSide(CutState *state, Scope *scope);

bool HasShards(Oid relid) {
  const catalog::Table *table = catalog::FindTable(relid);
  return table != nullptr && table->kind != catalog::TableKind::Local;
}

/// Fragments know nothing of rows around them.
void RefuseSample(const CutState &state, const Part &part) {
  ListCell *cell;
  foreach (cell, part.nodes) {
    if (!IsA(lfirst(cell), RangeTblRef)) continue;
    const RangeTblEntry *rte = pg::Rte(state.query->rtable, lfirst_node(RangeTblRef, cell)->rtindex);
    if (rte->rtekind != RTE_RELATION || rte->tablesample == nullptr || !HasShards(rte->relid)) continue;
    ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                    errmsg("shards of table \"%s\" can't compute the arguments of TABLESAMPLE", get_rel_name(rte->relid)),
                    errhint("They may not be volatile, nor read columns of relations that lie elsewhere.")));
  }
}

/// Nodes of the residual join tree that stand for the part; conditions it can't keep go to *quals.
List *RebuildPart(CutState *state, Part *part, List **quals) {
  if (locus::RunsAlone(*part->located)) {
    RangeTblRef *ref = RefTo(state->next_rti++);
    state->pieces.push_back({part, {ref->rtindex, NIL}, nullptr});
    return list_make1(ref);
  }
  RefuseSample(*state, *part);
  *quals = list_concat(*quals, part->quals);
  if (part->left == nullptr) return part->nodes;
  auto *join = linitial_node(JoinExpr, part->nodes);
  const bool right = join->jointype == JOIN_RIGHT;  // the kept side is the part's left one
  join->larg = RebuildSide(state, right ? part->right : part->left);
  join->rarg = RebuildSide(state, right ? part->left : part->right);
  join->quals = part->join_quals == NIL ? nullptr : pg::AsNode(make_ands_explicit(part->join_quals));
  return part->nodes;
}

FromExpr *RebuildFrom(CutState *state, Scope *scope) {
  List *nodes = NIL;
  List *quals = list_copy(scope->conjuncts);
  for (Part *part : scope->parts) {
    if (part->owner == scope) nodes = list_concat(nodes, RebuildPart(state, part, &quals));
  }
  return makeFromExpr(nodes, quals == NIL ? nullptr : pg::AsNode(make_ands_explicit(quals)));
}

Node *RebuildSide(CutState *state, Scope *scope) {
  FromExpr *from = RebuildFrom(state, scope);
  const bool plain = list_length(from->fromlist) == 1 && from->quals == nullptr;
  return plain ? static_cast<Node *>(linitial(from->fromlist)) : pg::AsNode(from);
}

bool JoinIndexWalker(Node *node, void *context) {
  if (node == nullptr) return false;
  auto *indexes = static_cast<Bitmapset **>(context);
  if (IsA(node, JoinExpr)) *indexes = bms_add_member(*indexes, reinterpret_cast<JoinExpr *>(node)->rtindex);
  if (IsA(node, RangeTblRef)) *indexes = bms_add_member(*indexes, reinterpret_cast<RangeTblRef *>(node)->rtindex);
  if (IsA(node, Query)) return false;
  return pg::Walk(node, JoinIndexWalker, context);
}

}  // namespace

Bitmapset *IndexesIn(Node *nodes) {
  Bitmapset *indexes = nullptr;
  JoinIndexWalker(nodes, &indexes);
  return indexes;
}

namespace {

int ByPlace(const ListCell *left, const ListCell *right) {
  const int place = bms_next_member(IndexesIn(static_cast<Node *>(lfirst(left))), -1);
  return place - bms_next_member(IndexesIn(static_cast<Node *>(lfirst(right))), -1);
}

/// As they stood in the text: a lateral item follows what it refers to.
List *InOrder(List *nodes) {
  list_sort(nodes, ByPlace);
  return nodes;
}

List *RowMarksOf(Query *query, Relids rels, bool inside) {
  List *result = NIL;
  ListCell *cell;
  foreach (cell, query->rowMarks) {
    auto *mark = lfirst_node(RowMarkClause, cell);
    if (bms_is_member(mark->rti, rels) == inside) result = lappend(result, mark);
  }
  return result;
}

void SetTargets(Piece *piece) {
  if (piece->columns.exprs == NIL) {
    piece->columns.exprs = list_make1(makeConst(INT4OID, -1, InvalidOid, sizeof(int32), Int32GetDatum(1), false, true));
  }
  ListCell *cell;
  int column = 1;
  foreach (cell, piece->columns.exprs) {
    auto *expr = pg::Copy(static_cast<Expr *>(lfirst(cell)));
    piece->arm->targetList = lappend(piece->arm->targetList, makeTargetEntry(expr, column++, nullptr, false));
  }
}

Node *SubstituteColumn(Node *node, void *data) {
  auto *state = static_cast<CutState *>(data);
  if (IsPlaceCall(node)) {
    for (Piece &piece : state->pieces) {
      const int column = piece.columns.Find(node);
      if (column > 0) return pg::AsNode(ColumnLike(node, piece.columns.rti, column));
    }
  }
  if (!IsA(node, Var)) return nullptr;
  auto *var = reinterpret_cast<Var *>(node);
  for (Piece &piece : state->pieces) {
    if (!bms_is_member(var->varno, piece.part->rels)) continue;
    const int column = piece.columns.Find(node);
    // Only aliases of joins that nobody reads mention columns that were not asked for.
    if (column == 0) return pg::AsNode(makeNullConst(var->vartype, var->vartypmod, var->varcollid));
    Var *result = makeVar(piece.columns.rti, column, var->vartype, var->vartypmod, var->varcollid, 0);
    pg::CopyNullingRels(result, var, piece.part->rels);
    return pg::AsNode(result);
  }
  return nullptr;
}

void AppendLeaf(CutState *state, Piece *piece) {
  SetTargets(piece);
  List *arguments = NIL;
  const Reachable reachable = {piece->part->pruned, piece->part->prunes};
  plan::Fragment *fragment = MakeFragment(piece->arm, nullptr, state->level, reachable, &arguments);
  List *names = NumberedNames(list_length(fragment->column_types));
  state->query->rtable =
      lappend(state->query->rtable, MakeLeaf(fragment, arguments, piece->part->prunes, names));
}

}  // namespace

void BlankUnused(Query *query) {
  Bitmapset *live = IndexesIn(pg::AsNode(query->jointree));
  if (query->resultRelation > 0) live = bms_add_member(live, query->resultRelation);
  int index = 0;
  ListCell *cell;
  foreach (cell, query->rtable) {
    if (!bms_is_member(++index, live)) BlankEntry(static_cast<RangeTblEntry *>(lfirst(cell)));
  }
}

void PrintAll(Query *query) {
  const Bitmapset *live = IndexesIn(pg::AsNode(query->jointree));
  for (int index = -1; (index = bms_next_member(live, index)) >= 0;) pg::Rte(query->rtable, index)->inFromCl = true;
}

Query *ArmOf(Query *query, const Part &part) {
  auto *arm = makeNode(Query);
  arm->commandType = CMD_SELECT;
  arm->querySource = QSRC_ORIGINAL;
  arm->canSetTag = true;
  arm->rtable = pg::Copy(query->rtable);
  Node *quals = part.quals == NIL ? nullptr : pg::AsNode(make_ands_explicit(pg::Copy(part.quals)));
  arm->jointree = makeFromExpr(InOrder(pg::Copy(part.nodes)), quals);
  arm->rowMarks = pg::Copy(RowMarksOf(query, part.rels, true));
  arm->hasForUpdate = arm->rowMarks != NIL;
  arm->hasSubLinks = query->hasSubLinks;
  BlankUnused(arm);
  PrintAll(arm);
  return arm;
}

void CutParts(const Level *level, Scope *scope) {
  Query *query = level->query;
  CutState state = {query, level, {}, list_length(query->rtable) + 1};
  Relids cut = nullptr;
  query->jointree = RebuildFrom(&state, scope);
  for (Piece &piece : state.pieces) {
    cut = bms_union(cut, piece.part->rels);
    piece.arm = ArmOf(query, *piece.part);
  }
  ExpandUnreadableRows(query, cut);
  query->rowMarks = RowMarksOf(query, cut, false);
  BlankUnused(query);
  for (Piece &piece : state.pieces) AddUsedVars(query, piece.part->rels, &piece.columns);
  ReplaceInQuery(query, SubstituteColumn, &state);
  for (Piece &piece : state.pieces) AppendLeaf(&state, &piece);
  query->hasSubLinks = true;
}

}  // namespace altius::planner
