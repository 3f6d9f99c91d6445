// SPDX-License-Identifier: PostgreSQL
// PostgreSQL tells nobody when a setting changes.  So all of them are looked at (there are some hundreds) after what may have
// changed one: SET, the end of a transaction with one; and at each statement of a transaction in which set_config() or a
// function with settings of its own is called, for those are not told of each time.
#include "session_settings.hpp"

#include "altius/door/door.hpp"
#include "role.hpp"

#include "altius/pg/array.hpp"
#include "altius/pg/bridge.hpp"
#include "altius/pg/compat.hpp"
#include "altius/pg/compat_guc.hpp"
#include "altius/pg/text_forms.hpp"

extern "C" {
#include "access/htup_details.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/syscache.h"
}

namespace altius::remote {

namespace {

/// Connections see to these themselves, or they concern the talk with the client, or how text is read.
constexpr const char* kOwn[] = {
    "application_name", "array_nulls", "backslash_quote", "bytea_output", "client_connection_check_interval", "client_encoding",
    "client_min_messages", "datestyle", "default_text_search_config", "default_transaction_deferrable",
    "default_transaction_isolation", "default_transaction_read_only", "escape_string_warning", "extra_float_digits",
    "idle_in_transaction_session_timeout", "idle_session_timeout", "intervalstyle", "is_superuser", "lc_monetary", "lc_numeric",
    "lc_time", "lock_timeout", "quote_all_identifiers", "role", "search_path", "seed", "session_authorization",
    "standard_conforming_strings", "statement_timeout", "timezone", "transaction_deferrable", "transaction_isolation",
    "transaction_read_only", "transaction_timeout", "transform_null_equals", "xmloption"};
constexpr const char* kOwnPrefixes[] = {"altius.", "citus.", "debug_", "log_", "tcp_", "trace_"};

using core::WantedSetting;

MemoryContext memory = nullptr;       // of `wanted`
WantedSetting* wanted = nullptr;      // what the session has set
uint64 generation = 1;                // counts how often that has changed
bool may_have_changed = true;
bool changes_unseen = false;          // until the end of the transaction
bool changes_may_end = false;         // with the transaction or a subtransaction
object_access_hook_type next_hook = nullptr;

bool IsOwn(const char* name) {
  for (const char* own : kOwn) {
    if (pg_strcasecmp(name, own) == 0) return true;
  }
  for (const char* prefix : kOwnPrefixes) {
    if (pg_strncasecmp(name, prefix, strlen(prefix)) == 0) return true;
  }
  return false;
}

/// Set by the client.  Settings that PostgreSQL does not know are there since somebody has set them, and stay, empty, when they
/// are reset: current_setting() raises an error where they were never set.
bool IsSetHere(const config_generic* setting) {
  if ((setting->flags & GUC_CUSTOM_PLACEHOLDER) != 0) return true;
  if ((setting->flags & (GUC_NO_SHOW_ALL | GUC_SUPERUSER_ONLY)) != 0) return false;
  if (setting->context != PGC_USERSET && setting->context != PGC_SUSET) return false;
  return setting->source == PGC_S_CLIENT || setting->source == PGC_S_SESSION;
}

const WantedSetting* Find(const WantedSetting* list, const char* name) {
  while (list != nullptr && strcmp(list->name, name) != 0) list = list->next;
  return list;
}

void Collect(config_generic* setting, void* data) {
  if (!IsSetHere(setting) || IsOwn(setting->name)) return;
  auto** list = static_cast<WantedSetting**>(data);
  auto* found = static_cast<WantedSetting*>(palloc(sizeof(WantedSetting)));
  const char* value = GetConfigOption(setting->name, true, false);
  *found = {*list, pstrdup(setting->name), pstrdup(value == nullptr ? "" : value), setting->srole};
  *list = found;
}

bool AreSame(const WantedSetting* one, const WantedSetting* other) {
  int difference = 0;
  for (const WantedSetting* at = other; at != nullptr; at = at->next) difference--;
  for (const WantedSetting* at = one; at != nullptr; at = at->next) {
    const WantedSetting* match = Find(other, at->name);
    if (match == nullptr || match->role != at->role || strcmp(match->value, at->value) != 0) return false;
    difference++;
  }
  return difference == 0;
}

void Look() {
  if (!may_have_changed && !changes_unseen) return;
  may_have_changed = false;
  const MemoryContext fresh = AllocSetContextCreate(TopMemoryContext, "altius session settings", ALLOCSET_SMALL_SIZES);
  const MemoryContext before = MemoryContextSwitchTo(fresh);
  WantedSetting* found = nullptr;
  pg::VisitSettings(Collect, static_cast<void*>(&found));
  MemoryContextSwitchTo(before);
  if (AreSame(found, wanted)) {
    MemoryContextDelete(fresh);
    return;
  }
  if (memory != nullptr) MemoryContextDelete(memory);
  memory = fresh;
  wanted = found;
  generation++;
}

/// A null pointer as role: who serves the session sets it.
const char* NameOfRole(Oid role) { return OidIsValid(role) ? GetUserNameFromId(role, true) : nullptr; }

void QueueChanges(Connection* connection, const core::NodeSettings::Change* changes, int count) {
  static const Oid kTypes[] = {TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTOID};  // the last is the ticket
  pg::Array<const char*> names, settings, roles;
  for (int i = 0; i < count; i++) {
    names.push_back(changes[i].name);
    settings.push_back(changes[i].value);
    roles.push_back(NameOfRole(changes[i].role));
  }
  const char* values[] = {pg::ArrayText(names.data(), count), pg::ArrayText(settings.data(), count),
                          pg::ArrayText(roles.data(), count)};
  const StringInfoData* claim = ClaimOfSettings(names.data(), settings.data(), roles.data(), count);
  StatementText statement;
  statement.sql = "SELECT altius_internal.follow_settings($1, $2, $3, $4)";
  statement.param_count = lengthof(values);
  statement.param_types = kTypes;
  statement.param_values = values;
  statement.claim = claim->data;
  statement.claim_length = claim->len;
  QueueHiddenStatement(connection, statement);
}

/// Of `name=value` each: whether one is followed.
bool AnyFollowed(ArrayType* assignments) {
  Datum* items;
  int count;
  deconstruct_array(assignments, TEXTOID, -1, false, TYPALIGN_INT, &items, nullptr, &count);
  for (int i = 0; i < count; i++) {
    char* name = TextDatumGetCString(items[i]);
    char* end = strchr(name, '=');
    if (end != nullptr) *end = '\0';
    if (!IsOwn(name)) return true;
  }
  return false;
}

/// Whether a call of the function may change settings without being told of.
bool ChangesSettings(Oid function) {
  if (function < FirstNormalObjectId) return function == F_SET_CONFIG;
  HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
  if (!HeapTupleIsValid(tuple)) return false;
  bool is_null;
  const Datum config = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_proconfig, &is_null);
  const bool changes = !is_null && AnyFollowed(DatumGetArrayTypeP(config));
  ReleaseSysCache(tuple);
  return changes;
}

void OnObjectAccess(ObjectAccessType access, Oid class_id, Oid object, int sub_id, void* argument) {
  if (next_hook != nullptr) next_hook(access, class_id, object, sub_id, argument);
  if (access != OAT_FUNCTION_EXECUTE || changes_unseen) return;
  if (ChangesSettings(object)) changes_unseen = changes_may_end = true;
}

void OnTransaction(XactEvent event, void*) {
  if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT && event != XACT_EVENT_PREPARE) return;
  may_have_changed = may_have_changed || changes_may_end;
  changes_unseen = changes_may_end = false;
}

void OnSubtransaction(SubXactEvent event, SubTransactionId, SubTransactionId, void*) {
  if (event == SUBXACT_EVENT_ABORT_SUB || event == SUBXACT_EVENT_COMMIT_SUB)
    may_have_changed = may_have_changed || changes_may_end;
}

}  // namespace

void NoteSettingChange() { may_have_changed = changes_may_end = true; }

void FollowSessionSettings(Connection* connection) {
  Look();
  core::NodeSettings& known = connection->settings;
  if (known.Follows(generation)) return;
  const int most = known.MostChanges(wanted);
  auto* changes = static_cast<core::NodeSettings::Change*>(palloc(sizeof(core::NodeSettings::Change) * (most + 1)));
  const int count = known.Changes(wanted, changes);
  if (count > 0) QueueChanges(connection, changes, count);
  known.Sent(setting_memory, changes, count, generation);
}

void InitSessionSettings() {
  next_hook = object_access_hook;
  object_access_hook = OnObjectAccess;
  RegisterXactCallback(OnTransaction, nullptr);
  RegisterSubXactCallback(OnSubtransaction, nullptr);
}

}  // namespace altius::remote

namespace altius::remote {
namespace {

/// A null pointer stands for a null.
const char** TextsOf(Datum array, int* count) {
  Datum* items;
  bool* nulls;
  deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false, TYPALIGN_INT, &items, &nulls, count);
  auto** texts = static_cast<const char**>(palloc(sizeof(char*) * (*count + 1)));
  for (int i = 0; i < *count; i++) texts[i] = nulls[i] ? nullptr : TextDatumGetCString(items[i]);
  return texts;
}

/// Who sets it, as the asking node says; InvalidOid: somebody without rights of his own.
Oid SetterOf(const char* name) { return name == nullptr ? InvalidOid : get_role_oid(name, true); }

void RequireTicket(const StringInfoData* claim, const char* ticket) {
  if (door::AdmitsClaim(ticket, claim->data, claim->len)) return;
  ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("permission denied to set another session's settings"),
                  errdetail("Only the nodes of the cluster do, in statements that prove where they come from.")));
}

}  // namespace
}  // namespace altius::remote

/// follow_settings(names text[], settings text[], roles text[], ticket text): sets each, or with a null value resets it, as SET by
/// that role does; what this server does not know or the role may not set stays as it is.
ALTIUS_FUNCTION(altius_follow_settings) {
  using namespace altius::remote;
  int count, values_count, roles_count;
  const char** names = TextsOf(PG_GETARG_DATUM(0), &count);
  const char** values = TextsOf(PG_GETARG_DATUM(1), &values_count);
  const char** roles = TextsOf(PG_GETARG_DATUM(2), &roles_count);
  count = std::min({count, values_count, roles_count});
  RequireTicket(ClaimOfSettings(names, values, roles, count), text_to_cstring(PG_GETARG_TEXT_PP(3)));
  for (int i = 0; i < count; i++) {
    if (names[i] == nullptr) continue;
    const Oid role = SetterOf(roles[i]);
    const bool superuser = OidIsValid(role) && superuser_arg(role);
    (void)set_config_option_ext(names[i], values[i], superuser ? PGC_SUSET : PGC_USERSET, PGC_S_SESSION,
                                OidIsValid(role) ? role : GetUserId(), GUC_ACTION_SET, true, DEBUG1, false);
  }
  PG_RETURN_VOID();
}
