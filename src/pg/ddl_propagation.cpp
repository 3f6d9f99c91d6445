// SPDX-License-Identifier: PostgreSQL
// citus.enable_ddl_propagation holds for who has set it: which role that is goes along with the value, also where PostgreSQL brings
// an earlier one back.
#include "altius/pg/compat_guc.hpp"
#include "altius/pg/settings.hpp"

extern "C" {
#include "miscadmin.h"
#include "utils/acl.h"
}

namespace altius::pg {

namespace {

bool enabled = true;
Oid set_by = InvalidOid;  // a configuration, or before anybody has logged in

bool Check(bool*, void** extra, GucSource) {
  auto* role = static_cast<Oid*>(AllocateExtra(sizeof(Oid)));
  if (role == nullptr) return false;
  int context;
  GetUserIdAndSecContext(role, &context);
  *extra = role;
  return true;
}

void Assign(bool, void* extra) { set_by = extra == nullptr ? InvalidOid : *static_cast<const Oid*>(extra); }

}  // namespace

bool PropagatesDdl() {
  if (enabled) return true;
  Oid user;
  int context;
  GetUserIdAndSecContext(&user, &context);
  const bool as_another = (context & SECURITY_LOCAL_USERID_CHANGE) != 0 && OidIsValid(set_by);
  return as_another && !has_privs_of_role(set_by, user);
}

void InitDdlPropagation() {
  DefineCustomBoolVariable("citus.enable_ddl_propagation", "Whether schema changes reach the other nodes.",
                           "What one role has switched off is on within functions that run as another.", &enabled, true, PGC_USERSET,
                           GUC_NO_SHOW_ALL, Check, Assign, nullptr);
}

}  // namespace altius::pg
