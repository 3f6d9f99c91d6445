// SPDX-License-Identifier: PostgreSQL
#include "translation.hpp"

#include "altius/catalog/metadata.hpp"
#include "altius/pg/node.hpp"
#include "equality.hpp"
#include "order.hpp"
#include "scope.hpp"

extern "C" {
#include "catalog/pg_class.h"
#include "catalog/pg_proc.h"
#include "optimizer/clauses.h"
#include "utils/lsyscache.h"
}

namespace altius::planner {

using Kind = locus::Relation::Kind;

namespace {

/// Functions in FROM are called where they stand, not beforehand.
bool AreSameEverywhere(const List *functions) {
  ListCell *cell;
  foreach (cell, functions) {
    Node *call = lfirst_node(RangeTblFunction, cell)->funcexpr;
    if (!IsA(call, FuncExpr)) return false;
    if (func_volatile(reinterpret_cast<FuncExpr *>(call)->funcid) != PROVOLATILE_IMMUTABLE) return false;
  }
  return true;
}

void *Allocate(void *context, std::size_t size) { return MemoryContextAlloc(static_cast<MemoryContext>(context), size); }

}  // namespace

Translation::Translation(Query *root)
    : tree(locus::Arena{Allocate, CurrentMemoryContext}), root_(Open(root, nullptr)) {}

Frame *Translation::Open(Query *query, const Frame *around) {
  auto *frame = static_cast<Frame *>(palloc0(sizeof(Frame)));
  frame->query = query;
  frame->around = around;
  frame->translated = tree.AddQuery();
  const int count = list_length(query->rtable);
  for (int i = 0; i < count; i++) {
    const int relation = tree.AddRelation({});
    if (i == 0) frame->base = relation - 1;
    frame->translated->relations = frame->translated->relations.With(tree.arena, relation);
  }
  return frame;
}

const locus::Query &Translation::Root() {
  if (!filled_) Fill(root_);
  filled_ = true;
  return *root_->translated;
}

const locus::Query *Translation::Translate(Query *query, const Frame *around, bool array) {
  Frame *frame = Open(query, around);
  frame->array = array;
  Fill(frame);
  return frame->translated;
}

void Translation::Fill(Frame *frame) {
  Query *query = frame->query;
  locus::Query *translated = frame->translated;
  translated->cut = query->commandType != CMD_SELECT || query->hasModifyingCTE || query->hasRecursive;
  translated->limited = query->limitCount != nullptr || query->limitOffset != nullptr;
  translated->sorted = query->sortClause != NIL;
  translated->order_dependent = DependsOnOrder(query, frame->array);
  if (query->setOperations != nullptr) {
    auto *operation = castNode(SetOperationStmt, query->setOperations);
    translated->operation = static_cast<locus::Query::Operation>(operation->op);  // in the same order
    translated->all = operation->all;
    translated->left = Arms(frame, operation->larg);
    translated->right = Arms(frame, operation->rarg);
  } else {
    translated->from = FromOf(frame, pg::AsNode(query->jointree));
    AddUpper(frame);
  }
  locus::CloseQuery(tree, translated);
}

const locus::Query *Translation::Arms(Frame *frame, Node *node) {
  if (IsA(node, RangeTblRef)) {
    return Translate(pg::Rte(frame->query->rtable, reinterpret_cast<RangeTblRef *>(node)->rtindex)->subquery, frame);
  }
  auto *operation = castNode(SetOperationStmt, node);
  locus::Query *query = tree.AddQuery();
  query->operation = static_cast<locus::Query::Operation>(operation->op);
  query->all = operation->all;
  query->left = Arms(frame, operation->larg);
  query->right = Arms(frame, operation->rarg);
  locus::CloseQuery(tree, query);
  return query;
}

namespace {

bool IsLocked(const Query *query, int rti) {
  ListCell *cell;
  foreach (cell, query->rowMarks) {
    if (static_cast<int>(lfirst_node(RowMarkClause, cell)->rti) == rti) return true;
  }
  return false;
}

}  // namespace

void Translation::AddTable(locus::Relation *relation, Frame *frame, int rti, RangeTblEntry *rte) {
  const catalog::Table *table = catalog::FindTable(rte->relid);
  if (table == nullptr || table->kind == catalog::TableKind::Local) return;
  relation->colocation = table->colocation;
  relation->sampled = rte->tablesample != nullptr;
  if (relation->sampled) relation->source = Opaque(pg::AsNode(rte->tablesample), frame);
  relation->locked = table->kind == catalog::TableKind::Reference && IsLocked(frame->query, rti);
  relation->kind = table->kind == catalog::TableKind::Reference     ? Kind::Reference
                   : table->kind == catalog::TableKind::SingleShard ? Kind::SingleShard
                                                                    : Kind::Hash;
  if (table->kind != catalog::TableKind::Hash) return;
  relation->key = table->key;
  relation->domain = DomainOf(MeaningOfType(table->key_type, table->key_collation));
}

/// A reference to a CTE can be shipped only together with the WITH it belongs to; outside the root none is.
void Translation::AddCte(locus::Relation *relation, Frame *frame, RangeTblEntry *rte) {
  auto *home = frame;
  for (Index i = 0; i < rte->ctelevelsup && home != nullptr; i++) home = const_cast<Frame *>(home->around);
  if (home == nullptr || rte->self_reference) return;
  home->ctes.resize(list_length(home->query->cteList));
  ListCell *cell;
  foreach (cell, home->query->cteList) {
    auto *cte = lfirst_node(CommonTableExpr, cell);
    if (strcmp(cte->ctename, rte->ctename) != 0) continue;
    if (cte->cterecursive) return;
    const int index = foreach_current_index(cell);
    if (home->ctes[index] == nullptr) home->ctes[index] = Translate(castNode(Query, cte->ctequery), home);
    relation->kind = Kind::Cte;
    relation->home = home->translated->id;
    relation->query = home->ctes[index];
  }
}

void Translation::AddRows(locus::Relation *relation, Frame *frame, Node *exprs) {
  relation->kind = Kind::Rows;
  relation->source = Opaque(exprs, frame);
}

void Translation::AddRelation(Frame *frame, int rti, RangeTblEntry *rte) {
  locus::Relation relation;
  switch (rte->rtekind) {
    case RTE_RELATION:
      AddTable(&relation, frame, rti, rte);
      break;
    case RTE_SUBQUERY:
      relation.kind = Kind::Query;
      relation.query = Translate(rte->subquery, frame);
      break;
    case RTE_CTE:
      AddCte(&relation, frame, rte);
      break;
    case RTE_FUNCTION:
      if (!AreSameEverywhere(rte->functions)) return;
      AddRows(&relation, frame, pg::AsNode(rte->functions));
      break;
    case RTE_VALUES:
      AddRows(&relation, frame, pg::AsNode(rte->values_lists));
      break;
    case RTE_TABLEFUNC:
      AddRows(&relation, frame, pg::AsNode(rte->tablefunc));
      break;
    case RTE_RESULT:
      relation.kind = Kind::Rows;
      break;
    default:
      return;
  }
  *tree.Edit(frame->base + rti) = relation;
}

const locus::From *Translation::JoinOf(Frame *frame, JoinExpr *join) {
  auto *from = tree.arena.Make<locus::From>();
  from->origin = nodes_.size();
  nodes_.push_back(pg::AsNode(join));
  from->relation = frame->base + join->rtindex;
  const bool right = join->jointype == JOIN_RIGHT;
  from->items.Add(tree.arena, FromOf(frame, right ? join->rarg : join->larg));
  from->items.Add(tree.arena, FromOf(frame, right ? join->larg : join->rarg));
  from->kind = join->jointype == JOIN_INNER  ? locus::From::Kind::Inner
               : join->jointype == JOIN_FULL ? locus::From::Kind::Full
                                             : locus::From::Kind::Left;
  Conjuncts(&from->conditions, join->quals, frame);
  return from;
}

const locus::From *Translation::FromOf(Frame *frame, Node *node) {
  if (IsA(node, JoinExpr)) return JoinOf(frame, reinterpret_cast<JoinExpr *>(node));
  auto *from = tree.arena.Make<locus::From>();
  from->origin = nodes_.size();
  nodes_.push_back(node);
  if (IsA(node, RangeTblRef)) {
    const int rti = reinterpret_cast<RangeTblRef *>(node)->rtindex;
    from->relation = frame->base + rti;
    AddRelation(frame, rti, pg::Rte(frame->query->rtable, rti));
    return from;
  }
  auto *list = castNode(FromExpr, node);
  from->kind = locus::From::Kind::Inner;
  ListCell *cell;
  foreach (cell, list->fromlist) from->items.Add(tree.arena, FromOf(frame, static_cast<Node *>(lfirst(cell))));
  Conjuncts(&from->conditions, list->quals, frame);
  return from;
}

void Translation::AddUpper(Frame *frame) {
  Query *query = frame->query;
  locus::Query *translated = frame->translated;
  ListCell *cell;
  foreach (cell, query->targetList) {
    auto *target = lfirst_node(TargetEntry, cell);
    if (!target->resjunk) translated->outputs.Add(tree.arena, TermOf(pg::AsNode(target->expr), frame));
  }
  for (Node *expr : {pg::AsNode(query->targetList), query->havingQual, query->limitCount, query->limitOffset,
                     pg::AsNode(query->windowClause)}) {
    if (expr != nullptr) translated->expressions.Add(tree.arena, Opaque(expr, frame));
  }
  translated->grouping_sets = query->groupingSets != NIL;
  translated->grouped = query->hasAggs || query->groupClause != NIL || query->groupingSets != NIL || query->havingQual != nullptr;
  translated->empty_group = translated->grouped && (query->groupClause == NIL || query->groupingSets != NIL);
  translated->group_keys = Keys(query->groupClause, query->targetList, frame);
  foreach (cell, query->windowClause) {
    translated->windows.Add(tree.arena, Keys(lfirst_node(WindowClause, cell)->partitionClause, query->targetList, frame));
  }
  translated->distinct = query->distinctClause != NIL;
  translated->distinct_keys = Keys(query->distinctClause, query->targetList, frame);
}

Bitmapset *Translation::IndexesOf(const locus::Set &relations) const {
  Bitmapset *indexes = nullptr;
  relations.ForEach([&](int relation) {
    if (root_->translated->relations.Has(relation)) indexes = bms_add_member(indexes, relation - root_->base);
  });
  return indexes;
}

}  // namespace altius::planner
