// SPDX-License-Identifier: PostgreSQL
// Privileges of objects.  They travel as what the catalogs hold, an aclitem[] or null for the
// default, and are written as such: grantors and grant options stay, and what default privileges
// (of this or another node) gave an object when it was made there does not count.
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "catalog/objectaddress.h"
#include "nodes/pg_list.h"
}

namespace altius::ddl {

/// Commands that give another node's object of this name exactly the privileges of this one; those
/// of a table's columns and identity sequences too.
List* PrivilegeCommands(const ObjectAddress& object);

/// The same for the extension's members whose privileges are not those its script gave them.
List* MemberPrivilegeCommands(Oid extension);

/// The same for what every server has from the start: objects of initdb, the database, parameters;
/// and default privileges, whose schemas must be there.
List* ServerPrivilegeCommands();

/// Takes back what default privileges the other node has.
List* ForgetDefaultPrivilegesCommands();

/// Gives the shard the privileges of its shell table and of the shell's columns.
void CopyPrivileges(Oid shell, Oid shard);

/// Takes from a relation that was just made all that default privileges gave others.
void WithholdPrivileges(Oid relid);

}  // namespace altius::ddl
