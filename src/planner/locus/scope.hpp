// SPDX-License-Identifier: PostgreSQL
// What core/locus says of a query level, in terms of PostgreSQL's nodes: FROM and WHERE as parts, each the largest set of
// relations whose join runs whole on a shard group (or anywhere, when all is replicated).
#pragma once

#include "altius/core/locus/upper.hpp"
#include "planner/level.hpp"
#include "translation.hpp"

extern "C" {
#include "nodes/parsenodes.h"
#include "nodes/pathnodes.h"
}

namespace altius::planner {

using locus::Reach;

struct Scope;

struct Part {
  const locus::Part *located;
  const Scope *owner;  // the scope whose join tree it belongs to; an outer join lends its parts to the scope above
  Reach reach;
  bool pruned;         // only the shard groups of `prunes` can have rows
  List *prunes;        // of expressions without columns
  Scope *left;         // of an outer join that is not whole: its sides,
  Scope *right;
  List *join_quals;    // and what of ON stays with it
  Relids rels;         // range table indexes, those of outer joins included
  List *nodes;         // join tree nodes, inner-joined
  List *quals;         // conjuncts over them
};

struct Scope {
  Translation *translation;
  locus::Analysis *analysis;
  const locus::Scope *located;
  pg::Array<Part *> parts;
  List *conjuncts;  // not part of any part
};

/// What a whole query is to the query around it.
struct QueryLocus {
  const locus::Locus *located;
  bool whole;
  List *prunes;
};

/// A query as core/locus sees it; asked for more than once without being translated again.
class LocatedQuery {
 public:
  explicit LocatedQuery(Query *query) : translation_(MakeTranslation(query)) {}

  /// The whole query; `whole` is false when it has to be cut.
  QueryLocus Whole();
  /// Its FROM and WHERE, being cut.
  Scope *CutScope();
  Translation *translation() const { return translation_; }

 private:
  static Translation *MakeTranslation(Query *query);

  Translation *translation_;
};

/// FROM and WHERE of the level, which is being cut.
Scope *AnalyzeFrom(const Level *level);

/// Where nothing is but values: the rows of an INSERT, those that are shipped to a MERGE.
Scope *ScopeOfValues(Query *query);

/// Whether the level's parts are one, with nothing left over.
bool IsWhole(const Scope &scope);

}  // namespace altius::planner
