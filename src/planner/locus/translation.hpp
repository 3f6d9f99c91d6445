// SPDX-License-Identifier: PostgreSQL
// A query as core/locus reads it, and the way back from its numbers to PostgreSQL's nodes.
#pragma once

#include "altius/core/locus/analysis.hpp"
#include "altius/pg/array.hpp"
#include "conditional.hpp"
#include "equality.hpp"

extern "C" {
#include "nodes/parsenodes.h"
}

namespace altius::planner {

namespace locus = core::locus;

/// A query and the one around it, as far as they are translated together.
struct Frame {
  Query *query;
  const Frame *around;
  int base;                              // relation number = base + range table index
  locus::Query *translated;
  pg::Array<const locus::Query *> ctes;  // in the order of cteList, once needed
  bool array;                            // its rows become an array
};

class Translation {
 public:
  explicit Translation(Query *root);

  /// Translates FROM, and what stands above it; until then the root has only its relations.
  const locus::Query &Root();

  /// The root with nothing but its relations.
  const locus::Query &Bare() const { return *root_->translated; }

  /// An expression of the root's level, any list or null included.
  const locus::Condition *Expression(Node *expr) { return Opaque(expr, root_); }

  /// The column or constant under the equality operator's meaning; kNone when it is neither.
  locus::Value ValueOf(Node *expr, Oid equality);
  locus::List<locus::Value> ValuesOf(const List *clauses, List *targets) { return Keys(clauses, targets, root_); }

  /// What makes two values of a distribution column equal.
  int DomainOfType(Oid type, Oid collation) { return DomainOf(MeaningOfType(type, collation)); }

  Node *ConditionOf(const locus::Condition &condition) const { return conditions_[condition.origin]; }
  Node *NodeOf(const locus::From &from) const { return nodes_[from.origin]; }
  Node *ConstantOf(locus::Value value) const { return constants_[tree.term(value).id]; }
  Bitmapset *IndexesOf(const locus::Set &relations) const;

  locus::Tree tree;

 private:
  struct Walk {
    Translation *translation;
    Frame *frame;
    locus::Condition *condition;
    List *filters;  // sublinks that stand where null counts as false
  };
  struct Outside {
    Index up;
    int varno;
    int relation;
  };

  // translation.cpp
  Frame *Open(Query *query, const Frame *around);
  const locus::Query *Translate(Query *query, const Frame *around, bool array = false);
  void Fill(Frame *frame);
  void AddRelation(Frame *frame, int rti, RangeTblEntry *rte);
  void AddTable(locus::Relation *relation, Frame *frame, int rti, RangeTblEntry *rte);
  void AddCte(locus::Relation *relation, Frame *frame, RangeTblEntry *rte);
  void AddRows(locus::Relation *relation, Frame *frame, Node *exprs);
  const locus::Query *Arms(Frame *frame, Node *node);
  const locus::From *FromOf(Frame *frame, Node *node);
  const locus::From *JoinOf(Frame *frame, JoinExpr *join);
  void AddUpper(Frame *frame);

  // expressions.cpp
  const locus::Condition *Conjunct(Node *expr, Frame *frame);
  void Describe(locus::Condition *condition, Node *expr, Frame *frame);
  bool DescribeEqual(locus::Condition *condition, Node *expr, Frame *frame);
  void Conjuncts(locus::List<const locus::Condition *> *conditions, Node *quals, Frame *frame);
  const locus::Condition *Opaque(Node *expr, Frame *frame);
  void Collect(locus::Condition *condition, Node *expr, Frame *frame, List *filters);
  static bool CollectWalker(Node *node, void *data);
  bool CollectNode(Walk *walk, Node *node);
  bool CollectWithin(Walk *walk, Node *node, const evaluation::Computed &computed);
  void AddSubquery(Walk *walk, SubLink *link, bool argument);
  void AddComparisons(locus::Subquery *subquery, Node *test, Frame *frame);
  locus::Term TermOf(Node *expr, Frame *frame);
  locus::List<locus::Value> Keys(const List *clauses, List *targets, Frame *frame);
  int RelationOf(const Var *var, const Frame *frame);
  int ConstantId(Node *expr);
  int DomainOf(const Meaning &meaning);

  Frame *root_;
  Guards guards_ = {};  // of what is being looked at
  bool filled_ = false;
  pg::Array<Meaning> domains_;
  pg::Array<Node *> constants_;
  pg::Array<Node *> conditions_;
  pg::Array<Node *> nodes_;
  pg::Array<Outside> outside_;
};

}  // namespace altius::planner
