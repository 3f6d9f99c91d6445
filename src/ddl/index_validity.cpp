// SPDX-License-Identifier: PostgreSQL
// CREATE INDEX CONCURRENTLY that failed in a shard: the table's index is invalid then, as PostgreSQL leaves one.
#include "index_validity.hpp"

#include "altius/door/door.hpp"
#include "altius/pg/bridge.hpp"
#include "checks.hpp"

extern "C" {
#include "access/table.h"
#include "catalog/index.h"
#include "catalog/namespace.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/rel.h"
#include "utils/varlena.h"
}

namespace altius::ddl {

void InvalidateIndex(const char *qualified) {
  const Oid index = RangeVarGetRelid(makeRangeVarFromNameList(textToQualifiedNameList(cstring_to_text(qualified))), NoLock, true);
  if (!OidIsValid(index)) return;
  RequireOwner(index);
  Relation table = table_open(IndexGetRelation(index, false), ShareUpdateExclusiveLock);
  index_set_state_flags(index, INDEX_DROP_CLEAR_VALID);
  CacheInvalidateRelcache(table);
  table_close(table, NoLock);
}

}  // namespace altius::ddl

/// invalidate_index(index text)
ALTIUS_NODE_FUNCTION(altius_invalidate_index) {
  altius::ddl::InvalidateIndex(text_to_cstring(PG_GETARG_TEXT_PP(0)));
  PG_RETURN_VOID();
}
