// SPDX-License-Identifier: PostgreSQL
// With whose rights code runs, when not with the caller's.  Nothing else in the tree changes the current user
// (test/lint/rights); README.md has the table of what runs so.
//
//   BecomeSuperuser()     our own work on catalogs and nodes, for a caller whose right to it was checked
//   AsOwner(owner, body)  whatever may call what users wrote: constraints, expressions, input of domains
//
// Either way PostgreSQL's rules for maintenance commands hold: nothing that outlives the body can be made in the session, what
// is set inside ends with it, and names are looked for in pg_catalog first and in the temporary schema last.
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "utils/acl.h"
}

namespace altius::pg {

struct Rights {
  Oid user;
  int context;
  int level;  // of settings; 0: none were changed
};

/// To be paired with ReturnRights; an error in between leaves that to the end of the (sub)transaction.
Rights BecomeSuperuser();
/// The caller has set a search path of its own, and sees to it that nothing of a user's runs.
Rights BecomeSuperuserToParse();
/// Changes nothing when the owner is the current user: that is whose code it is.
Rights BecomeOwner(Oid owner);
void ReturnRights(const Rights& before);

template <typename Body>
auto WithRights(const Rights& before, Body& body) {
  if constexpr (std::is_void_v<decltype(body())>) {
    body();
    ReturnRights(before);
  } else {
    auto result = body();
    ReturnRights(before);
    return result;
  }
}

template <typename Body>
auto AsOwner(Oid owner, Body&& body) {
  return WithRights(BecomeOwner(owner), body);
}

struct Identity {
  Oid user;
  bool is_superuser;
};
/// A session that another node has opened works for that node's: both may be others than who has logged in.  Looks nothing up.
void ActAs(Identity session_user, Identity role);

/// A background process that works as the bootstrap superuser: its names don't depend on who may make what in schema public.
void BeginSuperusersProcess();

/// What is configured for clients ends no background process, whose moves may take hours.
void IgnoreTransactionTimeout();

/// InvalidOid when there is no such relation.
Oid OwnerOfRelation(Oid relid);

/// An owner may have lost the right to make things in the schema of its table or to use a type of its columns, or never had it.
/// Those that are missing are lent.  Nobody else sees what it has until TakeBackRights, and no command of a function gets through
/// meanwhile (RefuseWhileLent), so nothing else can be done with them.
List* LendRights(Oid schema, List* types, Oid role);
void TakeBackRights(List* lent);
/// Raises an error when a schema is lent.
void RefuseWhileLent();

/// What is made in the schema of a relation, of these types, with its owner's rights.
template <typename Body>
void AsOwnerIn(Oid schema, List* types, Oid owner, Body&& body) {
  if (owner == GetUserId()) return body();
  List* lent = LendRights(schema, types, owner);
  AsOwner(owner, body);
  TakeBackRights(lent);
}

}  // namespace altius::pg
