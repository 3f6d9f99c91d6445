// SPDX-License-Identifier: PostgreSQL
#include "on_conflict.hpp"

#include "altius/catalog/metadata.hpp"
#include "altius/pg/node.hpp"

extern "C" {
#include "access/genam.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "nodes/makefuncs.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
}

namespace altius::planner {

void SpellArbiter(Query *query) {
  OnConflictExpr *conflict = query->onConflict;
  if (conflict == nullptr || !OidIsValid(conflict->constraint)) return;
  if (catalog::FindTable(pg::Rte(query->rtable, query->resultRelation)->relid) == nullptr) return;
  Relation index = index_open(get_constraint_index(conflict->constraint), AccessShareLock);
  if (!index->rd_index->indisunique) {
    ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                    errmsg("ON CONFLICT ON CONSTRAINT is supported for primary keys and unique constraints only"),
                    errdetail("\"%s\" is an exclusion constraint of a distributed table.",
                              get_constraint_name(conflict->constraint))));
  }
  for (int i = 0; i < index->rd_index->indnkeyatts; i++) {
    TupleDesc columns = RelationGetDescr(index);
    Form_pg_attribute column = TupleDescAttr(columns, i);
    auto *element = makeNode(InferenceElem);
    element->expr = pg::AsNode(makeVar(query->resultRelation, index->rd_index->indkey.values[i], column->atttypid,
                                       column->atttypmod, column->attcollation, 0));
    conflict->arbiterElems = lappend(conflict->arbiterElems, element);
  }
  conflict->constraint = InvalidOid;
  index_close(index, NoLock);
}

void KeepOneExcluded(Query *query) {
  int index = 0;
  ListCell *cell;
  foreach (cell, query->rtable) {
    auto *rte = static_cast<RangeTblEntry *>(lfirst(cell));
    if (++index == query->onConflict->exclRelIndex || rte->relkind != RELKIND_COMPOSITE_TYPE) continue;
    if (strcmp(rte->eref->aliasname, "excluded") != 0) continue;
    rte->alias = nullptr;
    rte->eref->aliasname = pstrdup("excluded_of_view");
  }
}

}  // namespace altius::planner
