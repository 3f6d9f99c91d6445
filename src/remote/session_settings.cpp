// SPDX-License-Identifier: PostgreSQL
// PostgreSQL tells nobody when a setting changes.  So all of them are looked at (there are some hundreds) after what may have
// changed one: SET, the end of a transaction with one; and at each statement of a transaction in which set_config() or a
// function with settings of its own is called, for those are not told of each time.
#include "session_settings.hpp"

#include "altius/pg/bridge.hpp"
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

struct SessionSetting {
  SessionSetting* next;
  char* name;
  char* value;  // null: unknown
  Oid role;     // that has set it: a setting for superusers is not for the owner of a function to set in the user's name
};

namespace {

/// Connections see to these themselves, or they concern the talk with the client, or how text is read.
constexpr const char* kOwn[] = {
    "application_name", "array_nulls", "backslash_quote", "bytea_output", "client_connection_check_interval", "client_encoding",
    "client_min_messages", "datestyle", "default_text_search_config", "default_transaction_deferrable",
    "default_transaction_isolation", "default_transaction_read_only", "escape_string_warning", "extra_float_digits",
    "idle_in_transaction_session_timeout", "idle_session_timeout", "intervalstyle", "is_superuser", "lc_monetary", "lc_numeric",
    "lc_time", "lock_timeout", "quote_all_identifiers", "role", "search_path", "seed", "session_authorization",
    "standard_conforming_strings", "statement_timeout", "timezone", "transaction_deferrable", "transaction_isolation",
    "transaction_read_only", "transaction_timeout", "transform_null_equals"};
constexpr const char* kOwnPrefixes[] = {"altius.", "citus.", "debug_", "log_", "tcp_", "trace_"};

MemoryContext memory = nullptr;       // of `wanted`
SessionSetting* wanted = nullptr;     // what the session has set
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

SessionSetting* Find(SessionSetting* list, const char* name) {
  while (list != nullptr && strcmp(list->name, name) != 0) list = list->next;
  return list;
}

void Collect(config_generic* setting, void* data) {
  if (!IsSetHere(setting) || IsOwn(setting->name)) return;
  auto** list = static_cast<SessionSetting**>(data);
  auto* found = static_cast<SessionSetting*>(palloc(sizeof(SessionSetting)));
  const char* value = GetConfigOption(setting->name, true, false);
  *found = {*list, pstrdup(setting->name), pstrdup(value == nullptr ? "" : value), setting->srole};
  *list = found;
}

bool AreSame(SessionSetting* one, SessionSetting* other) {
  int difference = 0;
  for (const SessionSetting* at = other; at != nullptr; at = at->next) difference--;
  for (const SessionSetting* at = one; at != nullptr; at = at->next) {
    const SessionSetting* match = Find(other, at->name);
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
  SessionSetting* found = nullptr;
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

struct Changes {
  const char** names;
  const char** values;  // null pointer: reset
  const char** roles;   // null pointer: the session's own
  int count;
};

void Add(Changes* changes, const char* name, const char* value, Oid role) {
  changes->names[changes->count] = name;
  changes->roles[changes->count] = OidIsValid(role) ? GetUserNameFromId(role, true) : nullptr;
  changes->values[changes->count++] = value;
}

void SetKnown(SessionSetting* known, const char* value) {
  if (known->value != nullptr) pfree(known->value);
  known->value = MemoryContextStrdup(TopMemoryContext, value);
}

SessionSetting* NewKnown(Connection* connection, const char* name) {
  auto* known = static_cast<SessionSetting*>(MemoryContextAllocZero(TopMemoryContext, sizeof(SessionSetting)));
  *known = {connection->session_settings, MemoryContextStrdup(TopMemoryContext, name), nullptr, InvalidOid};
  return connection->session_settings = known;
}

void Free(SessionSetting* known) {
  if (known->value != nullptr) pfree(known->value);
  pfree(known->name);
  pfree(known);
}

/// Those that the node has and the session has not any more.
void AddResets(Connection* connection, Changes* changes) {
  for (SessionSetting** at = &connection->session_settings; *at != nullptr;) {
    SessionSetting* known = *at;
    if (Find(wanted, known->name) != nullptr) {
      at = &known->next;
      continue;
    }
    Add(changes, pstrdup(known->name), nullptr, known->role);
    *at = known->next;
    Free(known);
  }
}

void AddWanted(Connection* connection, Changes* changes) {
  for (const SessionSetting* setting = wanted; setting != nullptr; setting = setting->next) {
    SessionSetting* known = Find(connection->session_settings, setting->name);
    const bool same_role = known != nullptr && known->role == setting->role;
    if (same_role && known->value != nullptr && strcmp(known->value, setting->value) == 0) continue;
    if (known == nullptr) known = NewKnown(connection, setting->name);
    SetKnown(known, setting->value);
    known->role = setting->role;
    Add(changes, setting->name, setting->value, setting->role);
  }
}

int Length(const SessionSetting* list) {
  int length = 0;
  for (; list != nullptr; list = list->next) length++;
  return length;
}

void QueueChanges(Connection* connection, const Changes& changes) {
  static const Oid kTypes[] = {TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID};
  const char* values[] = {pg::ArrayText(changes.names, changes.count),
                          pg::ArrayText(changes.values, changes.count),
                          pg::ArrayText(changes.roles, changes.count)};
  StatementText statement;
  statement.sql = "SELECT altius_internal.follow_settings($1, $2, $3)";
  statement.param_count = lengthof(kTypes);
  statement.param_types = kTypes;
  statement.param_values = values;
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
  if (connection->settings_generation == generation) return;
  connection->settings_generation = generation;
  const int most = Length(wanted) + Length(connection->session_settings);
  if (most == 0) return;
  Changes changes = {static_cast<const char**>(palloc(sizeof(char*) * most)),
                     static_cast<const char**>(palloc(sizeof(char*) * most)),
                     static_cast<const char**>(palloc(sizeof(char*) * most)), 0};
  AddResets(connection, &changes);
  AddWanted(connection, &changes);
  if (changes.count > 0) QueueChanges(connection, changes);
}

void ForgetSessionSettings(Connection* connection) {
  if (connection->session_settings == nullptr) return;
  connection->settings_generation = 0;
  for (SessionSetting* known = connection->session_settings; known != nullptr; known = known->next) {
    if (known->value != nullptr) pfree(known->value);
    known->value = nullptr;
  }
}

void DropSessionSettings(Connection* connection) {
  connection->settings_generation = 0;
  while (connection->session_settings != nullptr) {
    SessionSetting* known = connection->session_settings;
    connection->session_settings = known->next;
    Free(known);
  }
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

/// Who sets it: the role that did on the asking node, if the caller could be that one too.
Oid SetterOf(Datum name, bool is_null) {
  const Oid role = is_null ? InvalidOid : get_role_oid(TextDatumGetCString(name), true);
  return OidIsValid(role) && is_member_of_role(GetUserId(), role) ? role : GetUserId();
}

struct Texts {
  Datum* items;
  bool* nulls;
  int count;
};

Texts TextsOf(ArrayType* array) {
  Texts texts;
  deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &texts.items, &texts.nulls, &texts.count);
  return texts;
}

}  // namespace
}  // namespace altius::remote

/// follow_settings(names text[], settings text[], roles text[]): sets each, or with a null value resets it, as SET by that role
/// does; what this server does not know or the role may not set stays as it is.
ALTIUS_FUNCTION(altius_follow_settings) {
  using namespace altius::remote;
  const Texts names = TextsOf(PG_GETARG_ARRAYTYPE_P(0));
  const Texts values = TextsOf(PG_GETARG_ARRAYTYPE_P(1));
  const Texts roles = TextsOf(PG_GETARG_ARRAYTYPE_P(2));
  for (int i = 0; i < std::min({names.count, values.count, roles.count}); i++) {
    if (names.nulls[i]) continue;
    const char* value = values.nulls[i] ? nullptr : TextDatumGetCString(values.items[i]);
    const Oid role = SetterOf(roles.items[i], roles.nulls[i]);
    (void)set_config_option_ext(TextDatumGetCString(names.items[i]), value, superuser_arg(role) ? PGC_SUSET : PGC_USERSET,
                                PGC_S_SESSION, role, GUC_ACTION_SET, true, DEBUG1, false);
  }
  PG_RETURN_VOID();
}
