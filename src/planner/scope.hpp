// SPDX-License-Identifier: PostgreSQL
// The locus algebra on one query level: FROM and WHERE become parts, each the largest set of relations whose join runs
// whole on a shard group (or anywhere, when all is replicated).
#pragma once

#include "equality.hpp"

extern "C" {
#include "nodes/parsenodes.h"
#include "nodes/pathnodes.h"
}

namespace altius::planner {

enum class Reach : uint8_t {
  Here,        // rows lie on the asking node only, or the part can't be shipped
  Replicated,  // the same rows on every node
  Hashed,      // spread over the shard groups of a colocation
};

/// A query level and those around it, as far as they are analysed together.
struct Level {
  Query *query;
  const Level *parent;
  bool whole;  // asked whether the level can be shipped as it is; else it is being cut and only its parts are shipped
};

struct Scope;

struct Part {
  const Scope *owner;  // the scope whose join tree it belongs to; an outer join lends its parts to the scope above
  Reach reach;
  int colocation;
  int key;          // class of the distribution value; -1 when the part has none
  bool single;      // one shard group without a key
  bool pruned;      // only the shard groups of `prunes` can have rows
  List *prunes;     // of expressions without columns
  bool has_tables;  // holds a managed table
  bool frozen;      // below an outer join that is not whole: quals may enter, but it merges with nothing
  Scope *left;      // of an outer join that is not whole: its sides
  Scope *right;
  Relids rels;      // range table indexes, those of outer joins included
  Relids lateral;   // indexes that it refers to laterally
  List *nodes;      // join tree nodes, inner-joined
  List *quals;      // conjuncts over them
};

struct Scope {
  const Level *level;
  Equalities equalities;
  pg::Array<Part *> parts;
  List *conjuncts;  // not part of any part
};

/// What a whole query is to the query around it.
struct QueryLocus {
  bool whole;
  Reach reach;
  int colocation;
  bool single;
  bool pruned;
  List *prunes;
  List *pins;      // expressions that equal the key and are constant within the query
  List *key_columns;  // of int: result columns that carry the key
  bool has_tables;
};

/// FROM and WHERE of the level.
Scope *AnalyzeFrom(const Level *level);

/// The whole query; `whole` is false when it has to be cut.
QueryLocus AnalyzeQuery(Query *query, const Level *parent);

/// Whether the level's parts are one, with nothing left over.
bool IsWhole(const Scope &scope);

/// Whether all rows of the part lie on one shard group, whatever stands above.
bool IsPinned(const Scope &scope, const Part &part);

/// Which shard groups can have rows of the part: sets `pruned` and `prunes`.
void DerivePrunes(const Scope &scope, Part *part);

/// Whether the list of conjuncts, targets, ... can be computed beside the rows of `part`.
bool IsShippable(Node *expr, const Scope &scope, const Part *part);
/// The same for the target list of a modification, whose entries may assign parts of columns.
bool AreShippable(const List *assignments, const Scope &scope, const Part *part);

/// Whether the asking node computes this expression once and sends its value: no columns, but not constant everywhere.
bool IsArgument(Node *expr, const Level *level);

/// Level-independent part of shippability: the function may run on another node with the same result.
bool IsShippableFunction(Oid function, void *context);

/// Whether one of the target entries named by the sort group clauses is the key of the part.
bool HasKey(List *clauses, List *target_list, const Scope &scope, const Part &part);

}  // namespace altius::planner
