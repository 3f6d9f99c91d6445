// SPDX-License-Identifier: PostgreSQL
// Passwords do not travel: other nodes store what this one has made of it, which is no part of a statement's text either.
#include "altius/door/quiet.hpp"
#include "altius/pg/array.hpp"
#include "altius/pg/bridge.hpp"
#include "altius/txn/coordinated.hpp"
#include "sql.hpp"
#include "utility.hpp"

extern "C" {
#include "access/htup_details.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_type.h"
#include "commands/user.h"
#include "nodes/makefuncs.h"
#include "parser/parse_node.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/syscache.h"
}

namespace altius::ddl {

namespace {

List** OptionsOf(Node* statement) {
  if (IsA(statement, CreateRoleStmt)) return &reinterpret_cast<CreateRoleStmt*>(statement)->options;
  if (IsA(statement, AlterRoleStmt)) return &reinterpret_cast<AlterRoleStmt*>(statement)->options;
  return nullptr;
}

/// The option PASSWORD of CREATE or ALTER ROLE; null when there is none.
DefElem* PasswordIn(Node* statement) {
  List** options = OptionsOf(statement);
  if (options == nullptr) return nullptr;
  ListCell* cell;
  foreach (cell, *options) {
    auto* option = lfirst_node(DefElem, cell);
    if (strcmp(option->defname, "password") == 0) return option;
  }
  return nullptr;
}

}  // namespace

const char* StoredPassword(Node* statement) {
  const char* role = IsA(statement, CreateRoleStmt) ? reinterpret_cast<CreateRoleStmt*>(statement)->role
                                                    : get_rolespec_name(reinterpret_cast<AlterRoleStmt*>(statement)->role);
  CommandCounterIncrement();
  HeapTuple row = SearchSysCache1(AUTHNAME, CStringGetDatum(role));
  if (!HeapTupleIsValid(row)) return nullptr;
  bool is_null = false;
  const Datum stored = SysCacheGetAttr(AUTHNAME, row, Anum_pg_authid_rolpassword, &is_null);
  const char* password = is_null ? nullptr : TextDatumGetCString(stored);
  ReleaseSysCache(row);
  return password;
}

namespace {

/// Null takes the password away.
List* PasswordOption(const char* password) {
  Node* value = password == nullptr ? nullptr : reinterpret_cast<Node*>(makeString(pstrdup(password)));
  return list_make1(makeDefElem(pstrdup("password"), value, -1));
}

/// No text of a command is made, which logs, hooks and errors would show.
void MakeRole(const char* name, const char* password, bool replaces) {
  ParseState* state = make_parsestate(nullptr);
  const Oid known = get_role_oid(name, true);
  if (!OidIsValid(known)) {
    auto* create = makeNode(CreateRoleStmt);
    create->stmt_type = ROLESTMT_ROLE;
    create->role = pstrdup(name);
    create->options = PasswordOption(password);
    (void)CreateRole(state, create);
  } else if (replaces && known >= FirstNormalObjectId) {
    auto* role = makeNode(RoleSpec);
    role->roletype = ROLESPEC_CSTRING;
    role->rolename = pstrdup(name);
    auto* alter = makeNode(AlterRoleStmt);
    alter->role = role;
    alter->options = PasswordOption(password);
    alter->action = +1;
    (void)AlterRole(state, alter);
  }
  CommandCounterIncrement();
}

}  // namespace

bool SetsPassword(Node* statement) { return PasswordIn(statement) != nullptr; }

void SetPassword(Node* statement, const char* stored) {
  DefElem* option = PasswordIn(statement);
  if (option != nullptr) option->arg = reinterpret_cast<Node*>(makeString(pstrdup(stored)));
}

namespace {

const char* TextWithoutPassword(const UtilityCall& call) {
  const char* command = CommandText(call);
  const int start = PasswordIn(call.statement())->location - std::max(call.planned->stmt_location, 0);
  int end = static_cast<int>(strlen(command));
  ListCell* cell;
  foreach (cell, *OptionsOf(call.statement())) {
    const int next = lfirst_node(DefElem, cell)->location - std::max(call.planned->stmt_location, 0);
    if (next > start) end = std::min(end, next);
  }
  return psprintf("%.*sPASSWORD NULL %s", start, command, command + end);
}

void SendQuietly(remote::Connection* connection, const char* message, const char* const* password,
                 pg::Array<remote::Request*>* requests) {
  static const Oid kTypes[] = {TEXTOID};
  requests->push_back(remote::Send(connection, {.sql = door::kBeQuiet, .by_node = true}, nullptr));
  requests->push_back(remote::Send(
      connection, {.sql = message, .param_count = 1, .param_types = kTypes, .param_values = password, .by_node = true}, nullptr));
  requests->push_back(remote::Send(connection, {.sql = door::kBeLoud, .by_node = true}, nullptr));
}

}  // namespace

void SpreadPassword(const UtilityCall& call) {
  const char* command = TextWithoutPassword(call);
  const char* stored = StoredPassword(call.statement());
  if (stored == nullptr) return SpreadCommand(ApplyText(command), NIL, command);
  int count;
  const int* groups = txn::OtherGroups(&count);
  remote::OpenAhead(groups, count);
  const char* message = ApplyText(command, "$1");
  pg::Array<remote::Request*> requests;
  for (int i = 0; i < count; i++) SendQuietly(txn::Enlist(groups[i], txn::Access::Write), message, &stored, &requests);
  txn::NoteLocalWrite();
  remote::WaitAll(requests.data(), requests.size());
}

}  // namespace altius::ddl

/// make_role(name text, password text, replaces boolean): the role with a password that is stored as it comes; the password of one
/// that is there already is changed if `replaces`.
ALTIUS_FUNCTION(altius_make_role) {
  using namespace altius;
  if (PG_ARGISNULL(0) || PG_ARGISNULL(2)) PG_RETURN_VOID();
  if (!superuser()) ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("must be superuser to make roles for a node")));
  const char* password = PG_ARGISNULL(1) ? nullptr : text_to_cstring(PG_GETARG_TEXT_PP(1));
  ddl::MakeRole(text_to_cstring(PG_GETARG_TEXT_PP(0)), password, PG_GETARG_BOOL(2));
  PG_RETURN_VOID();
}
