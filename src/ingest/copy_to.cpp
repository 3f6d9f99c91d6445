// SPDX-License-Identifier: PostgreSQL
// COPY table TO is COPY (SELECT columns FROM table) TO: the rows lie on the shards, not in the table itself.
#include "lines.hpp"

extern "C" {
#include "access/table.h"
#include "nodes/makefuncs.h"
#include "nodes/value.h"
#include "utils/lsyscache.h"
}

namespace altius::ingest {

namespace {

Node *ColumnTarget(const char *name) {
  ColumnRef *column = makeNode(ColumnRef);
  column->fields = list_make1(makeString(pstrdup(name)));
  column->location = -1;
  ResTarget *target = makeNode(ResTarget);
  target->val = reinterpret_cast<Node *>(column);
  target->location = -1;
  return reinterpret_cast<Node *>(target);
}

/// The columns that COPY writes: those named, else all but generated ones.
Node *SelectColumns(Relation relation, List *names) {
  SelectStmt *select = makeNode(SelectStmt);
  const TupleDesc desc = RelationGetDescr(relation);
  ListCell *cell;
  foreach (cell, CopyGetAttnums(desc, relation, names)) {
    select->targetList =
        lappend(select->targetList, ColumnTarget(NameStr(TupleDescAttr(desc, lfirst_int(cell) - 1)->attname)));
  }
  RangeVar *from = makeRangeVar(get_namespace_name(RelationGetNamespace(relation)),
                                pstrdup(RelationGetRelationName(relation)), -1);
  select->fromClause = list_make1(from);
  return reinterpret_cast<Node *>(select);
}

}  // namespace

CopyStmt *CopyTableTo(const CopyStmt &statement, Oid relid) {
  CopyStmt *copy = makeNode(CopyStmt);
  *copy = statement;
  const Relation relation = table_open(relid, AccessShareLock);
  copy->query = SelectColumns(relation, statement.attlist);
  copy->relation = nullptr;
  copy->attlist = NIL;
  table_close(relation, NoLock);
  return copy;
}

}  // namespace altius::ingest
