// SPDX-License-Identifier: PostgreSQL
// Passwords do not travel: other nodes store what this one has made of it.
#include "sql.hpp"
#include "utility.hpp"

extern "C" {
#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_authid.h"
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

}  // namespace

bool SetsPassword(Node* statement) { return PasswordIn(statement) != nullptr; }

const char* TextWithStoredPassword(const UtilityCall& call) {
  const char* command = CommandText(call);
  const int start = PasswordIn(call.statement())->location - std::max(call.planned->stmt_location, 0);
  int end = static_cast<int>(strlen(command));
  ListCell* cell;
  foreach (cell, *OptionsOf(call.statement())) {
    const int next = lfirst_node(DefElem, cell)->location - std::max(call.planned->stmt_location, 0);
    if (next > start) end = std::min(end, next);
  }
  const char* stored = StoredPassword(call.statement());
  return psprintf("%.*sPASSWORD %s %s", start, command, stored == nullptr ? "NULL" : quote_literal_cstr(stored),
                  command + end);
}

}  // namespace altius::ddl
