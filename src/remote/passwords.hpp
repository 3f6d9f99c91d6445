// SPDX-License-Identifier: PostgreSQL
// Every connection to a node begins and goes on here, so that no password is told to whoever asks.
#pragma once

#include "altius/core/route/password.hpp"
#include "altius/pg/array.hpp"
#include "session.hpp"

namespace altius::remote {

/// libpq's parameters; what is set later takes the place of what was there.
struct Parameters {
  pg::Array<const char*> names;
  pg::Array<const char*> values;

  void Set(const char* name, const char* value);
  const char* Get(const char* name) const;
};

/// PQconnectStartParams with what the rules for passwords ask for.  *refused: why it must not be; the connection is null then,
/// as it is when memory is short.
PGconn* StartConnecting(Parameters* parameters, core::NamedBy named_by, const char** refused);

/// The SQLSTATE in a message of the verbose form, `FATAL:  57P03: the database ...`; null when there is none, so that it
/// is libpq's.
const char* SqlStateIn(const char* message);

/// Where a server's address comes from.
core::NamedBy WhoNamed(const Connection* connection);

}  // namespace altius::remote
