// SPDX-License-Identifier: PostgreSQL
#include "altius/door/secret.hpp"

#include "altius/pg/bridge.hpp"
#include "altius/pg/spi.hpp"
#include "mac.hpp"

extern "C" {
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xlog.h"
#include "catalog/pg_control.h"
#include "catalog/pg_namespace.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
}

namespace altius::door {

using core::door::Key;
using core::door::Sealed;

namespace {

enum { kGeneration = 1, kInUse, kSealed };  // columns of altius_cluster_secret
constexpr size_t kSealedBytes = core::door::kNonceBytes + 2 * core::door::kDigestBytes;
static_assert(sizeof(Sealed) == kSealedBytes);

/// What only this server and its standbys can make.
Key OwnKey() {
  static_assert(MOCK_AUTH_NONCE_LEN == core::door::kDigestBytes);
  Key nonce;
  memcpy(nonce.bytes, GetMockAuthenticationNonce(), sizeof(nonce.bytes));
  return core::door::Authenticate(Hmac, nonce, "altius own key", {});
}

void RequireSuperuser() {
  if (superuser()) return;
  ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("must be superuser to change the cluster's secret")));
}

bool OpenRow(const Key& own, HeapTuple tuple, TupleDesc columns, Secret* secret) {
  bool is_null;
  const Datum stored = heap_getattr(tuple, kSealed, columns, &is_null);
  const bytea* bytes = DatumGetByteaPP(stored);
  if (VARSIZE_ANY_EXHDR(bytes) != kSealedBytes) return false;
  Sealed sealed;
  memcpy(&sealed, VARDATA_ANY(bytes), kSealedBytes);
  secret->generation = DatumGetInt32(heap_getattr(tuple, kGeneration, columns, &is_null));
  secret->in_use = DatumGetBool(heap_getattr(tuple, kInUse, columns, &is_null));
  const std::optional<Key> key = core::door::Open(Hmac, own, secret->generation, sealed);
  if (key.has_value()) secret->key = *key;
  return key.has_value();
}

}  // namespace

pg::Array<Secret> AllSecrets() {
  pg::Array<Secret> secrets;
  const Oid table = get_relname_relid("altius_cluster_secret", PG_CATALOG_NAMESPACE);
  if (!OidIsValid(table)) return secrets;
  const Key own = OwnKey();
  const Relation relation = table_open(table, AccessShareLock);
  SysScanDesc scan = systable_beginscan(relation, InvalidOid, false, nullptr, 0, nullptr);
  while (const HeapTuple tuple = systable_getnext(scan)) {
    Secret secret = {};
    if (OpenRow(own, tuple, RelationGetDescr(relation), &secret)) secrets.push_back(secret);
  }
  systable_endscan(scan);
  table_close(relation, AccessShareLock);
  return secrets;
}

bool FindSecret(int generation, Key* key) {
  for (const Secret& secret : AllSecrets()) {
    if (secret.generation != generation) continue;
    *key = secret.key;
    return true;
  }
  return false;
}

bool SecretInUse(Secret* found) {
  for (const Secret& secret : AllSecrets()) {
    if (!secret.in_use) continue;
    *found = secret;
    return true;
  }
  return false;
}

void UseSecret(int generation) {
  RequireSuperuser();
  (void)pg::RunSql(psprintf("UPDATE pg_catalog.altius_cluster_secret SET in_use = (generation = %d) "
                            "WHERE in_use <> (generation = %d)",
                            generation, generation));
}

void KeepSecret(const Secret& secret) {
  RequireSuperuser();
  const Sealed sealed = core::door::Seal(Hmac, OwnKey(), NewNonce(), secret.generation, secret.key);
  char digits[2 * kSealedBytes + 1] = {};
  (void)hex_encode(reinterpret_cast<const char*>(&sealed), kSealedBytes, digits);
  (void)pg::RunSql(psprintf("INSERT INTO pg_catalog.altius_cluster_secret VALUES (%d, false, '\\x%s') "
                            "ON CONFLICT (generation) DO UPDATE SET sealed = excluded.sealed",
                            secret.generation, digits));
  if (secret.in_use) UseSecret(secret.generation);
}

void ForgetSecretsBefore(int generation) {
  RequireSuperuser();
  (void)pg::RunSql(psprintf("DELETE FROM pg_catalog.altius_cluster_secret WHERE generation < %d", generation));
}

}  // namespace altius::door

/// keep_secret(generation integer, secret bytea, in_use boolean): stores it, sealed.
ALTIUS_FUNCTION(altius_keep_secret) {
  using namespace altius;
  const bytea* bytes = PG_GETARG_BYTEA_PP(1);
  door::Secret secret = {PG_GETARG_INT32(0), PG_GETARG_BOOL(2), {}};
  if (VARSIZE_ANY_EXHDR(bytes) != sizeof(secret.key.bytes) || secret.generation < 1) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("not a secret: %d bytes of generation %d",
                                                                    static_cast<int>(VARSIZE_ANY_EXHDR(bytes)), secret.generation)));
  }
  memcpy(secret.key.bytes, VARDATA_ANY(bytes), sizeof(secret.key.bytes));
  door::KeepSecret(secret);
  PG_RETURN_VOID();
}

/// new_secret(): forgets all of them and makes one that no other server has.
ALTIUS_FUNCTION(altius_new_secret) {
  using namespace altius;
  door::ForgetSecretsBefore(PG_INT32_MAX);
  door::KeepSecret({1, true, door::NewKey()});
  PG_RETURN_VOID();
}

/// use_secret(generation integer): greets with it from now on.
ALTIUS_FUNCTION(altius_use_secret) {
  altius::door::UseSecret(PG_GETARG_INT32(0));
  PG_RETURN_VOID();
}

/// forget_secrets_before(generation integer)
ALTIUS_FUNCTION(altius_forget_secrets_before) {
  altius::door::ForgetSecretsBefore(PG_GETARG_INT32(0));
  PG_RETURN_VOID();
}
