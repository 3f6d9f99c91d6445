// SPDX-License-Identifier: PostgreSQL
// Plan data: a fragment, the largest part of a statement that runs whole on a shard group, and how it is written into a plan.
//
// Plain structs on PostgreSQL lists: they are copied with plans (copyObject) and must survive nodeToString.
#pragma once

#include "altius/core/copies/way.hpp"
#include "altius/core/locus/analysis.hpp"
#include "altius/pg/pg.hpp"

extern "C" {
#include "nodes/parsenodes.h"
#include "nodes/pg_list.h"
#include "nodes/primnodes.h"
}

namespace altius::plan {

/// SQL text with slots for shard names: pieces[0] slot[0] pieces[1] slot[1] ... pieces[n].
/// A slot is an index in Fragment::tables.
struct Template {
  List *pieces;  // of String; one more than slots
  List *slots;   // of int
};

enum class FragmentKind {
  Rows,          // a SELECT: arms are united, `upper` may stand above them
  Modify,        // INSERT, UPDATE, DELETE, MERGE on each shard group; rows come from RETURNING
  Statement,     // a modification that is planned as a statement of its own on the asking node; no tables
  ModifyCopies,  // the same on every placement of a reference table's shard; rows from one of them only
};

/// How a write of a reference table goes about its copies.
struct Copies {
  core::CopyLock lock;
  bool locks_leader;       // the leading copy, too
  bool carried;            // one copy runs the statement, its changes go to the others
  bool carried_by_snapshot;  // the same in transactions that keep their snapshot
};

struct Fragment {
  FragmentKind kind;
  CmdType command;       // CMD_SELECT, CMD_INSERT, ...
  List *tables;          // of Oid: shell tables behind the slots; the first hash table leads, all hash ones are colocated
  Template arm;
  char *upper;           // statement over `altius_arms`, or null
  List *arm_columns;     // of String: column names of altius_arms; NIL without upper and with one arm only
  List *column_types;    // of Oid: result columns
  List *column_typmods;  // of int
  List *column_collations;  // of Oid
  List *arg_types;       // of Oid: types of $1..$n as they are declared to the node; 0: undeclared
  bool every_shard;      // no restriction on the key
  bool row_marks;        // SELECT ... FOR UPDATE inside: takes part as a writer
  int key_argument;      // number (from 1) of the argument that is the distribution value of the row to insert; 0: none
  Copies copies;         // of ModifyCopies
  int place_among_first; // of a modification in WITH that runs before all others of the statement, from 1; 0: it need not
  List *changes;         // what it may change, for triggers (altius/trigger/trigger.hpp); NIL: none can fire
  core::locus::Reason cut;  // why it is not more of the query
  const Query *arm_query;    // what the texts are made of, while the statement is planned; null in a plan
  const Query *upper_query;
  bool gives_keys;       // to key filters of others: its rows are kept
  List *key_filters;     // of plan::KeyFilter (key_filter.hpp), added when the whole statement is planned
  int prune_count;       // the first `prune_count` of the prune expressions are values, see FragmentExprs
};

/// The expressions of a fragment, evaluated on the asking node when it starts; they are the CustomScan's custom_exprs
/// (arguments first, then prune values), so PostgreSQL replaces their parameters and sublinks.
struct FragmentExprs {
  List *args;    // become $1..$n
  List *prunes;  // values of the distribution key (or arrays of them); their shards are united; unused if every_shard
};

/// To and from a List that a plan may hold in custom_private.
List *ToList(const Fragment &fragment);
Fragment *FromList(List *list);

}  // namespace altius::plan
