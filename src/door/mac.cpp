// SPDX-License-Identifier: PostgreSQL
#include "mac.hpp"

#include "altius/door/secret.hpp"

extern "C" {
#include "common/hmac.h"
#include "common/sha2.h"
#include "port.h"
}

namespace altius::door {

static_assert(core::door::kDigestBytes == PG_SHA256_DIGEST_LENGTH);

namespace {

void Check(pg_hmac_ctx* hmac, int result) {
  if (result < 0) elog(ERROR, "could not compute a proof: %s", pg_hmac_error(hmac));
}

void Randomise(void* bytes, size_t length) {
  if (pg_strong_random(bytes, length)) return;
  ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not generate random numbers")));
}

}  // namespace

core::door::Digest Hmac(const core::door::Key& key, const std::string_view* parts, size_t count) {
  core::door::Digest digest;
  pg_hmac_ctx* hmac = pg_hmac_create(PG_SHA256);
  if (hmac == nullptr) ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
  Check(hmac, pg_hmac_init(hmac, key.bytes, sizeof(key.bytes)));
  for (size_t i = 0; i < count; i++)
    Check(hmac, pg_hmac_update(hmac, reinterpret_cast<const uint8*>(parts[i].data()), parts[i].size()));
  Check(hmac, pg_hmac_final(hmac, digest.bytes, sizeof(digest.bytes)));
  pg_hmac_free(hmac);
  return digest;
}

core::door::Nonce NewNonce() {
  core::door::Nonce nonce;
  Randomise(nonce.bytes, sizeof(nonce.bytes));
  return nonce;
}

core::door::Key NewKey() {
  core::door::Key key;
  Randomise(key.bytes, sizeof(key.bytes));
  return key;
}

}  // namespace altius::door
