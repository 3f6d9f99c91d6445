// SPDX-License-Identifier: PostgreSQL
// Small pieces that query trees are made of.
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "nodes/parsenodes.h"
#include "nodes/primnodes.h"
}

namespace altius::planner {

/// A reference to the entry of the range table, for FROM.
RangeTblRef *RefTo(int rti);

/// FROM that one entry of the range table alone.
FromExpr *FromOne(int rti);

/// SELECT FROM the entry, with no target list yet.
Query *SelectFrom(RangeTblEntry *entry);

/// A join of two entries of the query's range table, which has an entry of its own behind them.
JoinExpr *AddJoin(Query *query, JoinType type, int left, int right, Node *condition);

/// A subquery in FROM, with its columns' names.
RangeTblEntry *SubqueryEntry(Query *subquery, const char *alias);

/// The names of the targets' columns (of String): as clients see them.
List *NamesOf(const List *targets);

/// c1, c2, ...
List *NumberedNames(int count);

/// WITH name AS MATERIALIZED (query), and FROM it, as many levels below.
CommonTableExpr *ReadOnce(const char *name, Query *query);
RangeTblEntry *ReadOf(CommonTableExpr *cte, int levels_up);

/// What the expression reads of the WITH of its level, or the query of its own, is one level further up now.
void RaiseCtes(Node *expr);
void RaiseCtesOf(Query *query);

/// One of the expressions that GROUP BY names.
bool IsGroupExpr(Query *query, Node *node);

}  // namespace altius::planner
