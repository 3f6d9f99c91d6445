// SPDX-License-Identifier: PostgreSQL
// A session has one connection to a node, whoever is at work in it: SET ROLE and functions that run as their owner see what the
// transaction has done.  The connection is of who has logged in here, and the node works as the role that is at work here, for the
// length of a transaction (acting.cpp).
#pragma once

#include "session.hpp"

extern "C" {
#include "lib/stringinfo.h"
}

namespace altius::remote {

/// Who logs in on nodes for what runs now.  Work of the extension's own, as the bootstrap superuser, has connections of its own: a
/// user's session there is no place for it.
Oid LoginOfSession();

/// Queues what makes the node work as the role that is at work here.  Free when that is who has logged in, and nobody else was
/// before in the node's session.
void FollowRole(Connection* connection);

// What a ticket says.  Both begin with what is no length of a text, so that nothing else that has a ticket is the same bytes.
StringInfo ClaimOfRole(const char* session_user, const char* role);
/// A null pointer: none.
StringInfo ClaimOfSettings(const char* const* names, const char* const* values, const char* const* roles, int count);

/// The setting behind altius_internal.act_as.  From Init.
void InitActing();

}  // namespace altius::remote
