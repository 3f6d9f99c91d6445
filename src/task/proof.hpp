// SPDX-License-Identifier: PostgreSQL
// Proves to another node that a statement comes from a node of the same cluster, and not from the user in whose name it runs:
// HMAC-SHA-256 with the cluster's secret over the statement, its arguments, the user and the database.  Users see neither the
// secret nor the proof, which travels as an argument.
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "common/sha2.h"
}

namespace altius::task {

struct Claim {
  const char *sql;
  bool modifies;
  const char *target;  // a role (lending.hpp); empty: none
  int count;
  const Oid *types;
  const char *const *values;  // null pointer: SQL null
};

struct Proof {
  uint8 bytes[PG_SHA256_DIGEST_LENGTH];
};

/// The proof of the claim, made by the current user in this database.  Raises XX000 when this node has no secret.
Proof Prove(const Claim &claim);

/// In a time that does not depend on where they differ.
bool AreEqual(const Proof &one, const uint8 *other, size_t length);

}  // namespace altius::task
