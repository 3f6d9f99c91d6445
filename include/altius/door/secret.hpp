// SPDX-License-Identifier: PostgreSQL
// What the nodes of a cluster know and nobody else: a secret in generations, so that it can be changed while sessions are opened.
//
// It lies in altius_cluster_secret, sealed with a key that is made of the server's mock authentication nonce: a number in
// pg_control that initdb makes, that a group's standbys have too, and that no SQL shows.  So it goes to standbys with the log,
// needs no file to be copied, and who may read all tables, or has a dump, has nothing.  pg_upgrade makes a new server with
// another number: activating the node gives it the secret again.
#pragma once

#include "altius/core/door/proof.hpp"
#include "altius/pg/array.hpp"

namespace altius::door {

struct Secret {
  int generation;
  bool in_use;  // new sessions are greeted with it; the others are only accepted
  core::door::Key key;
};

/// Those that this server can open.
pg::Array<Secret> AllSecrets();

/// False when there is none.
bool FindSecret(int generation, core::door::Key* key);
bool SecretInUse(Secret* secret);

/// 256 random bits.  Raises XX000 when the system has none.
core::door::Key NewKey();

/// Writers; superusers only (42501).
void KeepSecret(const Secret& secret);
void UseSecret(int generation);
void ForgetSecretsBefore(int generation);

}  // namespace altius::door
