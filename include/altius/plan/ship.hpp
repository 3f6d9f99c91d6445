// SPDX-License-Identifier: PostgreSQL
// Plan data: rows that a plan on the asking node computes are shipped to the shards they belong to, where a statement takes
// them as arrays.  Carries multi-row INSERT, INSERT..SELECT that can't run beside the data, and UPDATE/DELETE whose sources
// lie elsewhere (rows then name their shard and ctid).
//
// The statement's text expects every column as one text[] parameter:
//   WITH altius_rows(c1,c2) AS (SELECT a::int, b::text FROM unnest($1::text[],$2::text[]) u(a,b)) INSERT INTO <slot> ...
#pragma once

#include "altius/plan/fragment.hpp"

namespace altius::plan {

struct Ship {
  CmdType command;          // what the user typed: CMD_INSERT, CMD_UPDATE, CMD_DELETE
  Oid target;               // shell table; slot tables[0]
  List *tables;             // of Oid, as in Fragment
  Template statement;
  int column_count;         // leading columns of the child's rows that become $1..$n
  int key_column;           // index of the child's column with the distribution value; -1: none
  int shard_column;         // index of the child's column with the shard id (int8), null in new rows; -1: by key, or one shard
  List *arg_types;          // of Oid: parameters of the statement behind the columns; values are the scan's custom_exprs
  List *changes;            // as in Fragment
  bool at_once;             // all rows are computed before any is sent: what computes them may read the target
  bool returning;           // the statement has RETURNING; its columns are the scan's columns
  Copies copies;            // where the target is a reference table
  // An UPDATE of the distribution column: `statement` is for rows that stay in their shard, others leave it and arrive in that of
  // their new key.
  int moved_column;         // index of the child's column that says whether the key is another one (bool); -1: none can
  Template leave;           // DELETE
  Template arrive;          // INSERT
  int returned_column;      // first of the child's columns that RETURNING gives instead of what shards return; -1: shards return it
};

/// In front of the texts of such statements: the asking node fires the triggers.
inline constexpr char kMoveMark[] = "/* altius moves rows */ ";

/// To and from a List that a plan may hold in custom_private; the child plan is in custom_plans.
List *ToList(const Ship &ship);
Ship *ShipFromList(List *list);

/// Names under which the scan methods are registered (RegisterCustomScanMethods).
inline constexpr const char *kFragmentScan = "Altius Fragment";
inline constexpr const char *kShipScan = "Altius Ship";

}  // namespace altius::plan
