// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "altius/core/door/proof.hpp"

namespace altius::door {

/// HMAC-SHA-256 by PostgreSQL.  Raises XX000 or 53200.
core::door::Digest Hmac(const core::door::Key& key, const std::string_view* parts, size_t count);

/// Random bytes; raises XX000 when the system has none.
core::door::Nonce NewNonce();

}  // namespace altius::door
