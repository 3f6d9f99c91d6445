// SPDX-License-Identifier: PostgreSQL
#include "proof.hpp"

#include "altius/catalog/metadata.hpp"

extern "C" {
#include "commands/dbcommands.h"
#include "common/hmac.h"
#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"
}

namespace altius::task {

namespace {

/// With its length, so that no two claims are the same bytes.
void AddText(StringInfo message, const char *text) {
  pq_sendint32(message, text == nullptr ? PG_UINT32_MAX : static_cast<uint32>(strlen(text)));
  if (text != nullptr) appendStringInfoString(message, text);
}

void AddClaim(StringInfo message, const Claim &claim) {
  AddText(message, get_database_name(MyDatabaseId));
  AddText(message, GetUserNameFromId(GetUserId(), false));
  AddText(message, claim.sql);
  pq_sendint32(message, claim.modifies ? 1 : 0);
  AddText(message, claim.target);
  pq_sendint32(message, static_cast<uint32>(claim.count));
  for (int i = 0; i < claim.count; i++) {
    pq_sendint32(message, claim.types[i]);
    AddText(message, claim.values[i]);
  }
}

const char *Secret() {
  const char *secret = catalog::ClusterSecret();
  if (secret != nullptr) return secret;
  ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("this node does not have the cluster's secret"),
                  errhint("Run start_metadata_sync_to_node() for it on the coordinator.")));
  pg_unreachable();
}

void Check(pg_hmac_ctx *hmac, int result) {
  if (result < 0) elog(ERROR, "could not compute a proof: %s", pg_hmac_error(hmac));
}

}  // namespace

Proof Prove(const Claim &claim) {
  const char *secret = Secret();
  StringInfoData message;
  initStringInfo(&message);
  AddClaim(&message, claim);
  pg_hmac_ctx *hmac = pg_hmac_create(PG_SHA256);
  if (hmac == nullptr) ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
  Proof proof;
  Check(hmac, pg_hmac_init(hmac, reinterpret_cast<const uint8 *>(secret), strlen(secret)));
  Check(hmac, pg_hmac_update(hmac, reinterpret_cast<const uint8 *>(message.data), message.len));
  Check(hmac, pg_hmac_final(hmac, proof.bytes, sizeof(proof.bytes)));
  pg_hmac_free(hmac);
  pfree(message.data);
  return proof;
}

bool AreEqual(const Proof &one, const uint8 *other, size_t length) {
  if (length != sizeof(one.bytes)) return false;
  uint8 difference = 0;
  for (size_t i = 0; i < length; i++) difference |= one.bytes[i] ^ other[i];
  return difference == 0;
}

}  // namespace altius::task
