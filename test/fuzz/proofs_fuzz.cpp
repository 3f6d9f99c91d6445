// SPDX-License-Identifier: PostgreSQL
// What a session between nodes sends to prove itself, read before anybody knows who sent it: greetings, tickets, signed statements
// and the transaction's identity; the first byte chooses the reader.  The readers are strict: what they accept is, letter for
// letter, what the writers write, and nothing is admitted that was not issued.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "altius/core/door/proof.hpp"
#include "altius/core/txn/gid.hpp"

using namespace altius::core;
using namespace altius::core::door;

namespace {

void Check(bool holds) {
  if (!holds) __builtin_trap();
}

SipKey SessionsKey() {
  SipKey key;
  for (std::size_t i = 0; i < kSipBytes; i++) key.bytes[i] = static_cast<std::uint8_t>(0xa0 + i);
  return key;
}

/// The gate of a session whose other side has issued nothing yet.
void NothingOpens(const Ticket& ticket, std::string_view claim) {
  Gate gate{SessionsKey()};
  Check(!Admit(&gate, ticket, claim));
  Check(gate.last == 0);
}

void Greetings(std::string_view bytes) {
  const auto greeting = ParseGreeting(bytes);
  if (!greeting) return;
  Check(greeting->generation >= 0 && greeting->global_pid >= 0);
  char text[kGreetingSize];
  FormatGreeting(*greeting, text);
  Check(bytes == text);
}

void Tickets(std::string_view bytes) {
  const auto ticket = ParseTicket(bytes);
  if (!ticket) return;
  char text[kTicketSize];
  FormatTicket(*ticket, text);
  Check(bytes == text);
  NothingOpens(*ticket, bytes);
}

void SignedStatements(std::string_view bytes) {
  const auto it = ParseSigned(bytes);
  if (!it) return;
  char signature[kSignatureSize];
  FormatSignature(it->ticket, signature);
  const std::string_view comment = signature;
  Check(bytes.substr(0, comment.size()) == comment && bytes.substr(comment.size()) == it->statement);
  Check(it->statement.data() + it->statement.size() == bytes.data() + bytes.size());
  NothingOpens(it->ticket, it->statement);
}

/// Whatever the statement is, the node's own ticket for it opens, once.
void OwnStatements(std::string_view bytes) {
  Issuer issuer{SessionsKey()};
  Gate gate{SessionsKey()};
  char signature[kSignatureSize];
  FormatSignature(Issue(&issuer, bytes), signature);
  const std::string whole = std::string(signature).append(bytes);
  const auto it = ParseSigned(whole);
  Check(it && it->statement == bytes && Admit(&gate, it->ticket, it->statement) && !Admit(&gate, it->ticket, it->statement));
}

void Transactions(std::string_view bytes) {
  const auto id = ParseTransactionId(bytes);
  if (!id) return;
  char text[kTransactionIdSize];
  FormatTransactionId(*id, text);
  Check(bytes == text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  constexpr void (*kReaders[])(std::string_view) = {Greetings, Tickets, SignedStatements, OwnStatements, Transactions};
  kReaders[data[0] % std::size(kReaders)]({reinterpret_cast<const char*>(data) + 1, size - 1});
  return 0;
}
