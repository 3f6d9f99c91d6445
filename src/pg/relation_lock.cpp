// SPDX-License-Identifier: PostgreSQL
#include "altius/pg/relation_lock.hpp"

extern "C" {
#include "storage/lmgr.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
}

namespace altius::pg {

bool LockIfThere(Oid relid, LOCKMODE mode) {
  LockRelationOid(relid, mode);
  // A lock that this transaction had already brings no news.
  AcceptInvalidationMessages();
  if (SearchSysCacheExists1(RELOID, ObjectIdGetDatum(relid))) return true;
  UnlockRelationOid(relid, mode);
  return false;
}

Oid LockRelationNamed(const char *name, Oid schema, LOCKMODE mode) {
  AcceptInvalidationMessages();
  for (;;) {
    const Oid relid = get_relname_relid(name, schema);
    if (!OidIsValid(relid)) return InvalidOid;
    if (!LockIfThere(relid, mode)) continue;
    if (get_relname_relid(name, schema) == relid) return relid;
    UnlockRelationOid(relid, mode);  // it has another name now
  }
}

}  // namespace altius::pg
