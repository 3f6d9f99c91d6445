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

/// Who logs in on nodes for what runs now.  What runs in a security-restricted operation (REFRESH MATERIALIZED VIEW, indexes, ANALYZE of
/// another one's table; work of the extension's own) has connections of its user: a node knows of no restriction, and code of that
/// user's could leave there what runs later as whoever has logged in here.
Oid LoginOfSession();

/// Queues what makes the node work as the role that is at work here.  Free when that is who has logged in, and nobody else was
/// before in the node's session.
void FollowRole(Connection* connection);

/// Before COMMIT and PREPARE TRANSACTION: deferred triggers fire as who is at work now, under the settings of now.
void FollowAtEnd(Connection* connection);

/// What the setting "role" shows where none is set.
inline constexpr const char* kNoRole = "none";

// What a ticket says.  Both begin with what is no length of a text, so that nothing else that has a ticket is the same bytes.
StringInfo ClaimOfRole(const char* session_user, const char* role, const char* shown);
/// A null pointer: none.
StringInfo ClaimOfSettings(const char* const* names, const char* const* values, const char* const* roles, int count);

/// The setting behind altius_internal.act_as.  From Init.
void InitActing();

}  // namespace altius::remote
