// SPDX-License-Identifier: PostgreSQL
// COPY's own state, and what its versions do in different ways.
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "commands/copy.h"
#include "commands/copyfrom_internal.h"
#include "executor/executor.h"
#include "parser/parse_node.h"
#include "parser/parse_relation.h"
#include "utils/rel.h"
}

namespace altius::pg {

/// Raises an error when the current user may not insert into these columns of the relation.
inline void CheckInsertPermission(ParseState *pstate, ParseNamespaceItem *item, const List *attnums) {
#if PG_VERSION_NUM >= 160000
  RTEPermissionInfo *permissions = item->p_perminfo;
#else
  RangeTblEntry *permissions = item->p_rte;
#endif
  permissions->requiredPerms = ACL_INSERT;
  ListCell *cell;
  foreach (cell, attnums) {
    permissions->insertedCols =
        bms_add_member(permissions->insertedCols, lfirst_int(cell) - FirstLowInvalidHeapAttributeNumber);
  }
#if PG_VERSION_NUM >= 160000
  (void)ExecCheckPermissions(pstate->p_rtable, list_make1(permissions), true);
#else
  (void)ExecCheckRTPerms(pstate->p_rtable, true);
#endif
}

/// Whether the row just read is one that COPY ... (ON_ERROR ignore) passes over; takes note of it.
inline bool SkipsRow([[maybe_unused]] CopyFromState state) {
#if PG_VERSION_NUM >= 170000
  if (state->opts.on_error == COPY_ON_ERROR_STOP || !state->escontext->error_occurred) return false;
  state->escontext->error_occurred = false;
  return true;
#else
  return false;
#endif
}

/// Tells how many rows were passed over.
inline void TellSkippedRows([[maybe_unused]] CopyFromState state) {
#if PG_VERSION_NUM >= 180000
  if (state->opts.log_verbosity < COPY_LOG_VERBOSITY_DEFAULT) return;
#endif
#if PG_VERSION_NUM >= 170000
  if (state->opts.on_error == COPY_ON_ERROR_STOP || state->num_errors == 0) return;
  const auto count = static_cast<unsigned long long>(state->num_errors);
  ereport(NOTICE, (errmsg_plural("%llu row was skipped due to data type incompatibility",
                                 "%llu rows were skipped due to data type incompatibility", static_cast<unsigned long>(count), count)));
#endif
}

/// The default of the number-th column that the input leaves out.
inline ExprState *&DefaultOf(CopyFromState state, int number) {
#if PG_VERSION_NUM >= 160000
  return state->defexprs[state->defmap[number]];
#else
  return state->defexprs[number];
#endif
}

/// Whether fields may name the column's default (DEFAULT option).
inline bool HasDefaultMarker([[maybe_unused]] CopyFromState state) {
#if PG_VERSION_NUM >= 160000
  return state->opts.default_print != nullptr;
#else
  return false;
#endif
}

}  // namespace altius::pg
