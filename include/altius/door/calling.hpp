// SPDX-License-Identifier: PostgreSQL
// The door between nodes, on the asking side.
#pragma once

#include "altius/core/door/proof.hpp"
#include "altius/pg/pg.hpp"

namespace altius::door {

/// The parameter in which a server tells a new session the nonce that a greeting answers.
inline constexpr const char* kNonceParameter = "altius.session_nonce";

/// The command that greets a server which has shown this nonce, on behalf of a session's global pid (0: nobody's); `issuer` signs
/// for the new session afterwards.  Without a secret of our own the greeting proves nothing, and only superusers get in with it.
char* GreetingCommand(const char* server_nonce, const char* user, int64 global_pid, core::door::Issuer* issuer);

/// The statement with a ticket in front.  Statements go out in the order in which they were signed.
char* SignStatement(core::door::Issuer* issuer, const char* sql);

/// A ticket for these bytes, as text.
char* SignClaim(core::door::Issuer* issuer, const char* claim, size_t length);

}  // namespace altius::door
