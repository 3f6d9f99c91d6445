// SPDX-License-Identifier: PostgreSQL
// The accepting side of roles.  A ticket makes this session work as another role than the one that has logged in, as SET LOCAL does:
// PostgreSQL ends it with the transaction, or with the savepoint that is undone.  Meanwhile nothing that runs here changes the role,
// and a statement of one role finds nothing that another one's code has laid in its way: the search path is that of the start, the
// temporary schema its last, and prepared statements have names that only nodes give (ddl/utility.cpp).
#include "role.hpp"

#include <algorithm>
#include <utility>

#include "altius/door/door.hpp"
#include "altius/pg/compat_guc.hpp"
#include "altius/pg/rights.hpp"
#include "altius/pg/search_path.hpp"
#include "altius/remote/role_tests.hpp"

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
  Oid shown;  // what the setting "role" shows on the asking node; InvalidOid: none
};

char* variable = nullptr;
bool being_set = false;  // by act_as
bool acting = false;
Actor actor = {};
pg::Identity login = {};

/// role and session_authorization: out of force while another role is at work, also when PostgreSQL undoes a change of theirs.
struct Guarded {
  const char* name;
  GucStringCheckHook check;
  GucStringAssignHook assign;
  GucShowHook show;
  config_string* setting = nullptr;
  GucStringCheckHook own_check = nullptr;
  GucStringAssignHook own_assign = nullptr;
  GucShowHook own_show = nullptr;
  GucContext own_context = PGC_USERSET;
};
extern Guarded guarded_role;
extern Guarded guarded_session;

/// A node's session works as who is at work there: what a function of a user made of it would stay for statements that come later.
bool IsFixed() { return acting || door::IsNodeSession(); }

/// What only notes a name for later may name any role.
bool Refuses(GucSource source, const Guarded& one) {
  if (!IsFixed() || source == PGC_S_TEST || InitializingParallelWorker) return false;
  GUC_check_errcode(ERRCODE_CANT_CHANGE_RUNTIME_PARAM);
  GUC_check_errmsg("parameter \"%s\" cannot be changed", one.name);
  return true;
}

/// Null: what PostgreSQL itself shows.
const char* NameToShow(Oid role) {
  if (!acting || !IsTransactionState()) return nullptr;
  return OidIsValid(role) ? GetUserNameFromId(role, true) : "none";
}

const char* Show(const Guarded& one, Oid role) {
  const char* name = NameToShow(role);
  if (name != nullptr) return name;
  return one.own_show != nullptr ? one.own_show() : *one.setting->variable;
}

bool CheckRole(char** value, void** extra, GucSource source) {
  return !Refuses(source, guarded_role) && guarded_role.own_check(value, extra, source);
}

bool CheckSession(char** value, void** extra, GucSource source) {
  return !Refuses(source, guarded_session) && guarded_session.own_check(value, extra, source);
}

void AssignRole(const char* value, void* extra) {
  if (!acting) guarded_role.own_assign(value, extra);
}

void AssignSession(const char* value, void* extra) {
  if (!acting) guarded_session.own_assign(value, extra);
}

const char* ShowRole() { return Show(guarded_role, actor.shown); }
const char* ShowSession() { return Show(guarded_session, actor.session_user.user); }

Guarded guarded_role = {"role", CheckRole, AssignRole, ShowRole};
Guarded guarded_session = {"session_authorization", CheckSession, AssignSession, ShowSession};
Guarded* const all_guarded[] = {&guarded_role, &guarded_session};

void Guard() {
  if (guarded_role.setting != nullptr) return;
  for (Guarded* one : all_guarded) {
    config_string* setting = one->setting = reinterpret_cast<config_string*>(pg::FindSetting(one->name));
    one->own_check = std::exchange(setting->check_hook, one->check);
    one->own_assign = std::exchange(setting->assign_hook, one->assign);
    one->own_show = std::exchange(setting->show_hook, one->show);
    one->own_context = setting->gen.context;
  }
}

void LetBeSet(bool let) {
  for (const Guarded* one : all_guarded) one->setting->gen.context = let ? one->own_context : PGC_INTERNAL;
}

pg::Identity IdentityOf(Oid user) { return {user, superuser_arg(user)}; }

/// Only act_as sets it: numbers of roles. A parallel worker has what its leader has, and looks nothing up yet.
bool Check(char** value, void** extra, GucSource) {
  if (*value == nullptr || **value == '\0') return true;
  if (!InitializingParallelWorker && !being_set) return false;
  Actor wanted = {};
  if (sscanf(*value, "%u %u %u", &wanted.session_user.user, &wanted.role.user, &wanted.shown) != 3) return false;
  if (!InitializingParallelWorker) {
    wanted.session_user = IdentityOf(wanted.session_user.user);
    // Not of the owner of a function that runs as its owner.
    wanted.role.is_superuser = OidIsValid(wanted.shown) ? superuser_arg(wanted.shown) : wanted.session_user.is_superuser;
  }
  auto* kept = static_cast<Actor*>(pg::AllocateExtra(sizeof(Actor)));
  if (kept == nullptr) return false;
  *kept = wanted;
  *extra = kept;
  return true;
}

/// Also in a transaction that has failed.
void Assign(const char*, void* extra) {
  if (extra == nullptr && !acting) return;
  Guard();
  acting = extra != nullptr;
  actor = acting ? *static_cast<const Actor*>(extra) : Actor{login, login, InvalidOid};
  if (!InitializingParallelWorker) pg::ActAs(actor.session_user, actor.role);
  LetBeSet(!acting);
}

/// Who has logged in prepares, so that what is prepared can be ended in this session; deferred triggers have fired.
void OnTransaction(XactEvent event, void*) {
  if (event == XACT_EVENT_PRE_PREPARE && acting) pg::ActAs(login, login);
}

void RequireTicket(const char* session_user, const char* role, const char* shown, const char* ticket) {
  const StringInfoData* claim = ClaimOfRole(session_user, role, shown);
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

/// "none": of no role.
Oid ShownOf(const char* shown) { return strcmp(shown, kNoRole) == 0 ? InvalidOid : get_role_oid(shown, false); }

void ActAs(const char* session_user, const char* role, const char* shown) {
  login = IdentityOf(GetAuthenticatedUserId());
  const Oid session = SessionUserOf(session_user);
  const Oid user = get_role_oid(role, false);
  const Oid to_show = ShownOf(shown);
  const bool is_login = session == login.user && user == login.user && !OidIsValid(to_show);
  being_set = true;
  SetLocal(kSetting, is_login ? "" : psprintf("%u %u %u", session, user, to_show), PGC_SU_BACKEND);
  being_set = false;
}

}  // namespace

RoleTests::RoleTests() noexcept {
  if (acting) LetBeSet(true);
}
RoleTests::~RoleTests() {
  if (acting) LetBeSet(false);
}

void InitActing() {
  // Of a kind that parallel workers are told of, and that nobody sets by SET; when a connection begins the check refuses it.
  DefineCustomStringVariable(
      kSetting, "The role that this session works as for another node.", "Set by other nodes.", &variable, "", PGC_SU_BACKEND,
      GUC_NO_SHOW_ALL | GUC_NOT_IN_SAMPLE | GUC_DISALLOW_IN_FILE | GUC_NO_RESET_ALL, Check, Assign, nullptr);
  door::OnGreeting(Guard);
  RegisterXactCallback(OnTransaction, nullptr);  // called after floor txn's, which prepares on others as the role at work
}

}  // namespace altius::remote

/// act_as(session_user text, role text, shown text, tracked text[], ticket text): until the end of the transaction; `shown`:
/// what the setting "role" shows; `tracked`: the values of the settings that are kept equal, in their order.
ALTIUS_FUNCTION(altius_act_as) {
  using namespace altius::remote;
  const char* session_user = text_to_cstring(PG_GETARG_TEXT_PP(0));
  const char* role = text_to_cstring(PG_GETARG_TEXT_PP(1));
  const char* shown = text_to_cstring(PG_GETARG_TEXT_PP(2));
  RequireTicket(session_user, role, shown, text_to_cstring(PG_GETARG_TEXT_PP(4)));
  ActAs(session_user, role, shown);
  SetAsAtStart();
  SetTracked(PG_GETARG_ARRAYTYPE_P(3));
  PG_RETURN_VOID();
}
