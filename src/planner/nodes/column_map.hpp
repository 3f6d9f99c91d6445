// SPDX-License-Identifier: PostgreSQL
// Which expressions of a query level come out of which columns of a fragment, and their replacement in what is left.
#pragma once

#include "altius/pg/array.hpp"

extern "C" {
#include "nodes/parsenodes.h"
}

namespace altius::planner {

/// A column without what outer joins noted on it, so that equal() finds it wherever in the query it stands; other expressions
/// as they are.
Node *Comparable(Node *expr);

/// Expressions that a leaf delivers, in column order.
struct Columns {
  int rti;      // the leaf's index in the range table of the level
  List *exprs;  // of Node, in terms of the level's former range table

  /// The column (from 1) of the expression, added when it is new.
  int Add(Node *expr);
  /// 0 when there is none.
  int Find(Node *expr) const;
};

/// A call for each maximal expression that a leaf delivers: returns what stands for it above (null: go on below).
using Substitute = Node *(*)(Node *node, void *context);

/// Replaces in all of the query's own expressions, those of sublinks and lateral subqueries included (there the node is
/// given with its columns lowered to the query's level, and the result is raised again).  Changes the query in place.
void ReplaceInQuery(Query *query, Substitute substitute, void *context);
Node *ReplaceInExpr(Node *expr, Substitute substitute, void *context);

/// Adds the level's columns (Vars) of `rels` that the query still uses, join aliases not counted.
void AddUsedVars(Query *query, Bitmapset *rels, Columns *columns);
void AddVarsOfExpr(Node *expr, Columns *columns);

/// Whole-row references to `rels` that have no type of their own become rows of their columns; the first leaves those alone of
/// which it is known which fields they have.
void ExpandUnreadableRows(Query *query, Bitmapset *rels);
void ExpandWholeRows(Query *query, Bitmapset *rels);

/// The whole row of a table, spelled out: on a node its row type would be the shard's.
Node *SpelledRow(RangeTblEntry *rte, Var *whole);

/// The spelled row, or null where an outer join has found none: a row of nulls is something else.
Node *RowIfFound(Node *row, Var *whole);

/// A column of a range table entry of any kind as what `expr` was: its type, typmod and collation.
Var *ColumnLike(Node *expr, int rti, int column);

/// The entry is used no more: nothing is planned, locked or checked for it.
void BlankEntry(RangeTblEntry *rte);

}  // namespace altius::planner
