// SPDX-License-Identifier: PostgreSQL
#include "exists.hpp"

#include "altius/pg/node.hpp"
#include "altius/pg/walk.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
}

namespace altius::planner {

namespace {

bool ColumnsDecideRows(const Query *query) {
  return query->commandType != CMD_SELECT || query->setOperations != nullptr || query->hasAggs || query->hasWindowFuncs ||
         query->hasTargetSRFs || query->hasModifyingCTE || query->groupClause != NIL || query->groupingSets != NIL ||
         query->havingQual != nullptr || query->distinctClause != NIL || query->rowMarks != NIL || query->limitOffset != nullptr ||
         query->limitCount != nullptr;
}

bool Visit(Node *node, void *context) {
  if (node == nullptr || IsA(node, Query)) return false;  // each level has its turn
  if (IsA(node, SubLink) && reinterpret_cast<SubLink *>(node)->subLinkType == EXISTS_SUBLINK) {
    auto *query = castNode(Query, reinterpret_cast<SubLink *>(node)->subselect);
    if (ColumnsDecideRows(query)) return false;
    auto *one = makeConst(INT4OID, -1, InvalidOid, sizeof(int32), Int32GetDatum(1), false, true);
    query->targetList = list_make1(makeTargetEntry(reinterpret_cast<Expr *>(one), 1, pstrdup("?column?"), false));
    query->sortClause = NIL;
    return false;
  }
  return pg::Walk(node, Visit, context);
}

}  // namespace

void DropColumnsOfExists(Query *query) {
  if (query->hasSubLinks) pg::WalkQuery(query, Visit, nullptr, QTW_IGNORE_RT_SUBQUERIES | QTW_IGNORE_CTE_SUBQUERIES);
}

}  // namespace altius::planner
