// SPDX-License-Identifier: PostgreSQL
// Where MERGE keeps its conditions and its cases on different majors.
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "nodes/parsenodes.h"
#include "nodes/primnodes.h"
}

namespace altius::pg {

#if PG_VERSION_NUM < 170000

inline Node **MergeCondition(Query *merge) { return &merge->jointree->quals; }
/// The conditions of a view that is the target: other rows are not there.  Null: there are no such views.
inline Node **MergeTargetConditions(Query *) { return nullptr; }
/// The call of merge_action().
inline bool IsMergeAction(const Node *) { return false; }
inline bool IsForMissingSource(const MergeAction *) { return false; }
inline bool IsForMatch(const MergeAction *action) { return action->matched; }
inline void BecomeMatched(MergeAction *action) { action->matched = true; }

#else

inline Node **MergeCondition(Query *merge) { return &merge->mergeJoinCondition; }
inline Node **MergeTargetConditions(Query *merge) { return &merge->jointree->quals; }
inline bool IsMergeAction(const Node *node) { return IsA(node, MergeSupportFunc); }
inline bool IsForMissingSource(const MergeAction *action) { return action->matchKind == MERGE_WHEN_NOT_MATCHED_BY_SOURCE; }
inline bool IsForMatch(const MergeAction *action) { return action->matchKind == MERGE_WHEN_MATCHED; }
inline void BecomeMatched(MergeAction *action) { action->matchKind = MERGE_WHEN_MATCHED; }

#endif

}  // namespace altius::pg
