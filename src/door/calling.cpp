// SPDX-License-Identifier: PostgreSQL
#include "altius/door/calling.hpp"

#include "altius/door/secret.hpp"
#include "mac.hpp"

extern "C" {
#include "commands/dbcommands.h"
#include "miscadmin.h"
}

namespace altius::door {

using namespace core::door;

char* GreetingCommand(const char* server_nonce, const char* user, int64 global_pid, Issuer* issuer) {
  *issuer = Issuer{};
  Secret secret = {};
  Greeting greeting;
  greeting.global_pid = global_pid;
  if (SecretInUse(&secret)) {
    const Parties parties = {server_nonce, user, get_database_name(MyDatabaseId)};
    greeting.generation = secret.generation;
    greeting.nonce = NewNonce();
    const Key session_key = SessionKey(Hmac, secret.key, parties, greeting);
    greeting.mac = GreetingMac(Hmac, session_key);
    issuer->key = TicketKey(Hmac, session_key);
  }
  char text[kGreetingSize];
  FormatGreeting(greeting, text);
  return psprintf("SET altius.node_greeting = '%s'", text);
}

char* SignStatement(Issuer* issuer, const char* sql) {
  char signature[kSignatureSize];
  FormatSignature(Issue(issuer, sql), signature);
  return psprintf("%s%s", signature, sql);
}

char* SignClaim(Issuer* issuer, const char* claim, size_t length) {
  auto* text = static_cast<char*>(palloc(kTicketSize));
  FormatTicket(Issue(issuer, {claim, length}), text);
  return text;
}

}  // namespace altius::door
