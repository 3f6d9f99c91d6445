// SPDX-License-Identifier: PostgreSQL
// What ship.cpp and ship_merge.cpp share: a modification in two halves.
#pragma once

#include "altius/catalog/metadata.hpp"
#include "altius/plan/ship.hpp"
#include "planner/locus/conditional.hpp"
#include "planner/nodes/column_map.hpp"

namespace altius::planner {

/// What shards run for rows that move to another one.
struct MoveStatements {
  Query *leave;
  Query *arrive;
};

struct Shipping {
  const catalog::Table *table;
  Query *original;
  Query *rows;       // SELECT: the rows to ship
  Query *statement;  // what a shard does with them
  Columns sources;   // columns of other relations that RETURNING reads, as columns of the shipped rows
  plan::Ship ship;
  MoveStatements moves;  // where `ship` has a moved column
};

/// Adds a column (of expressions in terms of `rows`) to the rows; its number.
int AddRowColumn(Shipping *shipping, Expr *expr);

/// A column of the shipped rows, which have this range table index.
Var *ShippedColumn(const Shipping &shipping, int rti, int column);

/// FROM altius_rows, the CTE that stands in front of the statement.  It has the columns that were added so far.
RangeTblEntry *ShippedRows(const Shipping &shipping, Index levels_up);

/// Parameters and the like mean something on this node only: the statement reads what they are from the first row.
Node *SpellConstants(Shipping *shipping, Node *expr, const evaluation::Place &place);

/// The same in the statement's RETURNING.  Raises an error where it reads what is elsewhere.
void SpellReturningConstants(Shipping *shipping, Query *statement);

/// Raises an error where the expression, of a shard's statement, reads what is elsewhere.
void CheckReadsNothingElsewhere(Node *expr);

}  // namespace altius::planner
