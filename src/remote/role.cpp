// SPDX-License-Identifier: PostgreSQL
// The asking side of roles: a ticket for each change, which travels in front of the statement.
#include "role.hpp"

#include "altius/pg/array.hpp"
#include "altius/pg/text_forms.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "libpq/pqformat.h"
}

namespace altius::remote {

namespace {

constexpr uint32 kRoleMark = 0xFFFFFFFE;
constexpr uint32 kSettingsMark = 0xFFFFFFFD;

void AddText(StringInfo message, const char* text) {
  pq_sendint32(message, text == nullptr ? PG_UINT32_MAX : static_cast<uint32>(strlen(text)));
  if (text != nullptr) appendStringInfoString(message, text);
}

StringInfo Begin(uint32 mark) {
  StringInfo message = makeStringInfo();
  pq_sendint32(message, mark);
  return message;
}

core::NodeSettings::Acting RoleAtWork() {
  const Oid login = GetAuthenticatedUserId();
  const core::NodeSettings::Acting acting = {GetSessionUserId(), GetUserId(), GetCurrentRoleId()};
  return acting == core::NodeSettings::Acting{login, login, InvalidOid} ? core::NodeSettings::Acting{} : acting;
}

void QueueRole(Connection* connection, core::NodeSettings::Acting wanted) {
  static const Oid kTypes[] = {TEXTOID, TEXTOID, TEXTOID, TEXTARRAYOID, TEXTOID};  // the last is the ticket
  if (wanted == core::NodeSettings::Acting{}) wanted = {connection->user_id, connection->user_id, InvalidOid};
  const char* session_user = GetUserNameFromId(wanted.session_user, false);
  const char* role = GetUserNameFromId(wanted.role, false);
  const char* shown = wanted.shown == InvalidOid ? kNoRole : GetUserNameFromId(wanted.shown, false);
  pg::Array<const char*> tracked;
  for (int i = 0; i < kPlainlyTracked; i++) tracked.push_back(pstrdup(TrackedValue(i)));
  const char* values[] = {session_user, role, shown, pg::ArrayText(tracked.data(), tracked.size())};
  const StringInfoData* claim = ClaimOfRole(session_user, role, shown);
  StatementText statement;
  statement.sql = "SELECT altius_internal.act_as($1, $2, $3, $4, $5)";
  statement.param_count = lengthof(values);
  statement.param_types = kTypes;
  statement.param_values = values;
  statement.prepare = true;
  statement.claim = claim->data;
  statement.claim_length = claim->len;
  QueueHiddenStatement(connection, statement);
}

}  // namespace

Oid LoginOfSession() { return InSecurityRestrictedOperation() ? GetUserId() : GetAuthenticatedUserId(); }

void FollowRole(Connection* connection) {
  if (!connection->follows_role || connection->state != State::Ready) return;
  const core::NodeSettings::Acting wanted = RoleAtWork();
  if (!connection->settings.NeedsRole(wanted)) return;
  connection->settings.DoubtRole();
  QueueRole(connection, wanted);
  connection->settings.SentRole(wanted);
}

void FollowAtEnd(Connection* connection) {
  if (connection->state != State::Ready || !connection->follows_role || !connection->settings.NeedsRole(RoleAtWork())) return;
  FollowSettings(connection);
  FollowRole(connection);
  // Where the transaction has failed unseen the change fails, and the command that ends it must run all the same.
  Push(connection);
}

StringInfo ClaimOfRole(const char* session_user, const char* role, const char* shown) {
  StringInfo message = Begin(kRoleMark);
  AddText(message, session_user);
  AddText(message, role);
  AddText(message, shown);
  return message;
}

StringInfo ClaimOfSettings(const char* const* names, const char* const* values, const char* const* roles, int count) {
  StringInfo message = Begin(kSettingsMark);
  for (int i = 0; i < count; i++) {
    AddText(message, names[i]);
    AddText(message, values[i]);
    AddText(message, roles[i]);
  }
  return message;
}

}  // namespace altius::remote
