// SPDX-License-Identifier: PostgreSQL
// What a move or a split calls on the target to have changes applied there.
#include "altius/pg/bridge.hpp"
#include "apply.hpp"

extern "C" {
#include "utils/builtins.h"
#include "utils/pg_lsn.h"
}

/// begin_apply(source_group integer, slot text): the name of a snapshot on the source.
ALTIUS_FUNCTION(altius_begin_apply) {
  using namespace altius;
  const char* slot = text_to_cstring(PG_GETARG_TEXT_PP(1));
  PG_RETURN_TEXT_P(cstring_to_text(rebalance::BeginApply(PG_GETARG_INT32(0), slot)));
}

/// route_changes(source_schema text, source_name text, target regclass, distributed regclass, min
/// integer, max integer)
ALTIUS_FUNCTION(altius_route_changes) {
  using namespace altius;
  if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(2)) {
    ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
                    errmsg("source and target of changes must be named")));
  }
  rebalance::AddRoute(text_to_cstring(PG_GETARG_TEXT_PP(0)), text_to_cstring(PG_GETARG_TEXT_PP(1)),
                      PG_GETARG_OID(2), PG_ARGISNULL(3) ? InvalidOid : PG_GETARG_OID(3),
                      PG_ARGISNULL(4) ? INT_MIN : PG_GETARG_INT32(4),
                      PG_ARGISNULL(5) ? INT_MAX : PG_GETARG_INT32(5));
  PG_RETURN_VOID();
}

/// start_apply(slot text, publication text)
ALTIUS_FUNCTION(altius_start_apply) {
  using namespace altius;
  rebalance::StartApply(text_to_cstring(PG_GETARG_TEXT_PP(0)),
                        text_to_cstring(PG_GETARG_TEXT_PP(1)));
  PG_RETURN_VOID();
}

/// apply_changes(until pg_lsn, max_ms integer, in_haste boolean): the position that is reached.
ALTIUS_FUNCTION(altius_apply_changes) {
  using namespace altius;
  int64 changes = 0;
  PG_RETURN_LSN(
      rebalance::ApplyChanges(PG_GETARG_LSN(0), PG_GETARG_INT32(1), PG_GETARG_BOOL(2), &changes));
}

ALTIUS_FUNCTION(altius_end_apply) {
  altius::rebalance::EndApply();
  PG_RETURN_VOID();
}
