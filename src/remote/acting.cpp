// SPDX-License-Identifier: PostgreSQL
// The accepting side of roles.  A ticket makes this session work as another role than the one that has logged in, as SET LOCAL does:
// PostgreSQL ends it with the transaction, or with the savepoint that is undone.  Meanwhile nothing that runs here changes the role,
// and a statement of one role finds nothing that another one's code has laid in its way: the search path is that of the start, the
// temporary schema its last, and prepared statements have names that only nodes give (ddl/utility.cpp).
#include "role.hpp"

#include <algorithm>

#include "altius/door/door.hpp"
#include "altius/pg/compat_guc.hpp"
#include "altius/pg/rights.hpp"
#include "altius/pg/search_path.hpp"

extern "C" {
#include "access/parallel.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
}

namespace altius::remote {

namespace {

constexpr const char* kSetting = "altius.acting_role";

/// What the setting's check gives to its assignment.
struct Actor {
  pg::Identity session_user;
  pg::Identity role;
};

char* variable = nullptr;
bool acting = false;
pg::Identity login = {};

/// role and session_authorization: out of force while another role is at work, also when PostgreSQL undoes a change of theirs.
struct Guarded {
  const char* name;
  config_string* setting;
  GucStringAssignHook assign;
  GucContext context;
};
Guarded guarded[] = {{"role", nullptr, nullptr, PGC_USERSET}, {"session_authorization", nullptr, nullptr, PGC_USERSET}};

void AssignRole(const char* value, void* extra) {
  if (!acting) guarded[0].assign(value, extra);
}

void AssignSession(const char* value, void* extra) {
  if (!acting) guarded[1].assign(value, extra);
}

void FindGuarded() {
  if (guarded[0].setting != nullptr) return;
  for (Guarded& one : guarded) {
    one.setting = reinterpret_cast<config_string*>(pg::FindSetting(one.name));
    one.assign = one.setting->assign_hook;
    one.context = one.setting->gen.context;
  }
  guarded[0].setting->assign_hook = AssignRole;
  guarded[1].setting->assign_hook = AssignSession;
}

pg::Identity IdentityOf(Oid user) { return {user, superuser_arg(user)}; }

/// Only act_as sets it: two numbers of roles.
bool Check(char** value, void** extra, GucSource) {
  if (*value == nullptr || **value == '\0' || InitializingParallelWorker) return true;
  Oid session_user;
  Oid role;
  if (!IsTransactionState() || sscanf(*value, "%u %u", &session_user, &role) != 2) return false;
  auto* actor = static_cast<Actor*>(pg::AllocateExtra(sizeof(Actor)));
  if (actor == nullptr) return false;
  *actor = {IdentityOf(session_user), IdentityOf(role)};
  *extra = actor;
  return true;
}

/// Also in a transaction that has failed.
void Assign(const char*, void* extra) {
  const auto* actor = static_cast<const Actor*>(extra);
  if (actor == nullptr && !acting) return;
  acting = actor != nullptr;
  pg::ActAs(acting ? actor->session_user : login, acting ? actor->role : login);
  for (Guarded& one : guarded) one.setting->gen.context = acting ? PGC_INTERNAL : one.context;
}

/// Who has logged in prepares, and may thus end what is prepared; deferred triggers have fired.
void OnTransaction(XactEvent event, void*) {
  if (event == XACT_EVENT_PRE_PREPARE && acting) pg::ActAs(login, login);
}

void RequireTicket(const char* session_user, const char* role, const char* ticket) {
  const StringInfoData* claim = ClaimOfRole(session_user, role);
  if (door::AdmitsClaim(ticket, claim->data, claim->len)) return;
  ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("permission denied to work as role \"%s\"", role),
                  errdetail("Only the nodes of the cluster ask for it, in statements that prove where they come from.")));
}

Oid SessionUserOf(const char* name) {
  const Oid user = get_role_oid(name, false);
  if (user == login.user || login.is_superuser) return user;
  ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("permission denied to set session authorization")));
}

void SetLocal(const char* name, const char* value, GucContext context) {
  const char* now = GetConfigOption(name, false, false);
  if (now != nullptr && strcmp(now, value) == 0) return;
  (void)set_config_option(name, value, context, PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0, false);
}

/// Code of the role that was at work before may have set something else, in which statements of this one would mean something else.
void SetAsAtStart() {
  for (const FixedSetting& fixed : kAtStart) SetLocal(fixed.name, fixed.value, PGC_USERSET);
  SetLocal("search_path", pg::kNodesPath, PGC_USERSET);
}

/// ... or is known here of another node's session: results would be read as they were not written.
void SetTracked(ArrayType* values) {
  Datum* items;
  bool* nulls;
  int count;
  deconstruct_array(values, TEXTOID, -1, false, TYPALIGN_INT, &items, &nulls, &count);
  for (int i = 0; i < std::min(count, kPlainlyTracked); i++) {
    if (!nulls[i]) SetLocal(TrackedName(i), TextDatumGetCString(items[i]), PGC_USERSET);
  }
}

void ActAs(const char* session_user, const char* role) {
  login = IdentityOf(GetAuthenticatedUserId());
  const Oid session = SessionUserOf(session_user);
  const Oid user = get_role_oid(role, false);
  const bool is_login = session == login.user && user == login.user;
  FindGuarded();
  SetLocal(kSetting, is_login ? "" : psprintf("%u %u", session, user), PGC_INTERNAL);
}

}  // namespace

void InitActing() {
  DefineCustomStringVariable(kSetting, "The role that this session works as for another node.", "Set by other nodes.", &variable, "",
                             PGC_INTERNAL, GUC_NO_SHOW_ALL | GUC_NOT_IN_SAMPLE | GUC_DISALLOW_IN_FILE | GUC_NO_RESET_ALL, Check, Assign,
                             nullptr);
  RegisterXactCallback(OnTransaction, nullptr);  // called after floor txn's, which prepares on others as the role at work
}

}  // namespace altius::remote

/// act_as(session_user text, role text, tracked text[], ticket text): until the end of the transaction; `tracked`: the values of the
/// settings that are kept equal, in their order.
ALTIUS_FUNCTION(altius_act_as) {
  using namespace altius::remote;
  const char* session_user = text_to_cstring(PG_GETARG_TEXT_PP(0));
  const char* role = text_to_cstring(PG_GETARG_TEXT_PP(1));
  RequireTicket(session_user, role, text_to_cstring(PG_GETARG_TEXT_PP(3)));
  ActAs(session_user, role);
  SetAsAtStart();
  SetTracked(PG_GETARG_ARRAYTYPE_P(2));
  PG_RETURN_VOID();
}
