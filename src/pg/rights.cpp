// SPDX-License-Identifier: PostgreSQL
#include "altius/pg/rights.hpp"

extern "C" {
#include "access/htup_details.h"
#include "catalog/pg_authid_d.h"
#include "catalog/pg_class.h"
#include "utils/guc.h"
#include "utils/syscache.h"
}

namespace altius::pg {

namespace {

constexpr const char* kPath = "pg_catalog, pg_temp";
constexpr int kRestricted = SECURITY_LOCAL_USERID_CHANGE | SECURITY_RESTRICTED_OPERATION;

Rights Become(Oid user) {
  Rights before{};
  GetUserIdAndSecContext(&before.user, &before.context);
  SetUserIdAndSecContext(user, before.context | kRestricted);
  return before;
}

/// What it sets, and what others set inside, ends with the rights.
void Restrict(Rights* before) {
  before->level = NewGUCNestLevel();
  (void)set_config_option("search_path", kPath, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

}  // namespace

Rights BecomeSuperuser() {
  Rights before = Become(BOOTSTRAP_SUPERUSERID);
  Restrict(&before);
  return before;
}

Rights BecomeSuperuserToParse() { return Become(BOOTSTRAP_SUPERUSERID); }

Rights BecomeOwner(Oid owner) {
  if (owner == GetUserId()) {
    Rights same{};
    GetUserIdAndSecContext(&same.user, &same.context);
    return same;
  }
  Rights before = Become(owner);
  Restrict(&before);
  return before;
}

void ReturnRights(const Rights& before) {
  if (before.level > 0) AtEOXact_GUC(false, before.level);
  SetUserIdAndSecContext(before.user, before.context);
}

void ActAs(Identity session_user, Identity role) {
  if (GetSessionUserId() != session_user.user) SetSessionAuthorization(session_user.user, session_user.is_superuser);
  SetCurrentRoleId(role.user == session_user.user ? InvalidOid : role.user, role.is_superuser);
}

void BeginSuperusersProcess() {
  SetConfigOption("search_path", kPath, PGC_USERSET, PGC_S_SESSION);
  IgnoreTransactionTimeout();
}

void IgnoreTransactionTimeout() {
  constexpr const char* kTimeout = "transaction_timeout";
  if (GetConfigOption(kTimeout, true, false) == nullptr) return;  // before PostgreSQL 17
  SetConfigOption(kTimeout, "0", PGC_SUSET, PGC_S_OVERRIDE);
}

Oid OwnerOfRelation(Oid relid) {
  HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
  if (!HeapTupleIsValid(tuple)) return InvalidOid;
  const Oid owner = reinterpret_cast<Form_pg_class>(GETSTRUCT(tuple))->relowner;
  ReleaseSysCache(tuple);
  return owner;
}

}  // namespace altius::pg
