// SPDX-License-Identifier: PostgreSQL
// Where MERGE keeps its condition and its cases on different majors.
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "nodes/parsenodes.h"
#include "nodes/primnodes.h"
}

namespace altius::pg {

#if PG_VERSION_NUM < 170000

inline Node **MergeCondition(Query *merge) { return &merge->jointree->quals; }
inline bool IsForMissingSource(const MergeAction *) { return false; }
inline bool IsForMatch(const MergeAction *action) { return action->matched; }
inline void BecomeMatched(MergeAction *action) { action->matched = true; }

#else

inline Node **MergeCondition(Query *merge) { return &merge->mergeJoinCondition; }
inline bool IsForMissingSource(const MergeAction *action) { return action->matchKind == MERGE_WHEN_NOT_MATCHED_BY_SOURCE; }
inline bool IsForMatch(const MergeAction *action) { return action->matchKind == MERGE_WHEN_MATCHED; }
inline void BecomeMatched(MergeAction *action) { action->matchKind = MERGE_WHEN_MATCHED; }

#endif

}  // namespace altius::pg
