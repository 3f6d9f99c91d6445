// SPDX-License-Identifier: PostgreSQL
#include "claim.hpp"

extern "C" {
#include "commands/dbcommands.h"
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

}  // namespace

StringInfo BytesOf(const Claim &claim) {
  StringInfo message = makeStringInfo();
  AddText(message, get_database_name(MyDatabaseId));
  AddText(message, GetUserNameFromId(GetUserId(), false));
  AddText(message, claim.sql);
  pq_sendint32(message, claim.modifies ? 1 : 0);
  AddText(message, claim.target);
  pq_sendint32(message, claim.unread ? 1 : 0);
  pq_sendint32(message, static_cast<uint32>(claim.count));
  for (int i = 0; i < claim.count; i++) {
    pq_sendint32(message, claim.types[i]);
    AddText(message, claim.values[i]);
  }
  return message;
}

}  // namespace altius::task
