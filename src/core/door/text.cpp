// SPDX-License-Identifier: PostgreSQL
// Text forms.  Readers are strict: what they accept is what the writers write, letter for letter.
#include "altius/base/digits.hpp"
#include "altius/core/door/proof.hpp"
#include "hex.hpp"

namespace altius::core::door {

namespace {

constexpr std::string_view kVersion = "1.";
constexpr std::string_view kBegin = "/*altius ";
constexpr std::string_view kEnd = "*/";
constexpr std::string_view kOwnCalls[] = {"SELECT altius_internal.", "SELECT * FROM altius_internal."};

template <std::size_t bytes>
struct Hex {
  char text[2 * bytes];

  explicit Hex(const std::uint8_t (&value)[bytes]) noexcept { WriteHex(value, bytes, text); }
  std::string_view View() const noexcept { return {text, sizeof(text)}; }
};

/// The text up to the next dot, which goes with it; nothing left when there is none.
std::string_view TakeField(std::string_view* rest) noexcept {
  const std::size_t dot = rest->find('.');
  const std::string_view field = rest->substr(0, dot);
  rest->remove_prefix(dot == std::string_view::npos ? rest->size() : dot + 1);
  return field;
}

template <typename Integer>
bool ReadNumber(std::string_view field, Integer* value) noexcept {
  base::TextReader reader(field);
  return reader.Number(*value).Done();
}

}  // namespace

void FormatGreeting(const Greeting& greeting, char out[kGreetingSize]) noexcept {
  base::BufferWriter writer(out, kGreetingSize);
  writer.Text(kVersion).Number(greeting.generation).Text(".").Number(greeting.global_pid).Text(".");
  writer.Text(Hex(greeting.nonce.bytes).View()).Text(".").Text(Hex(greeting.mac.bytes).View());
}

std::optional<Greeting> ParseGreeting(std::string_view text) noexcept {
  if (text.size() >= kGreetingSize || text.substr(0, kVersion.size()) != kVersion) return std::nullopt;
  text.remove_prefix(kVersion.size());
  Greeting greeting;
  if (!ReadNumber(TakeField(&text), &greeting.generation) || greeting.generation < 0) return std::nullopt;
  if (!ReadNumber(TakeField(&text), &greeting.global_pid) || greeting.global_pid < 0) return std::nullopt;
  if (!ReadHex(TakeField(&text), greeting.nonce.bytes, kNonceBytes)) return std::nullopt;
  if (!ReadHex(text, greeting.mac.bytes, kDigestBytes)) return std::nullopt;
  return greeting;
}

void FormatTicket(const Ticket& ticket, char out[kTicketSize]) noexcept {
  base::BufferWriter writer(out, kTicketSize);
  writer.Number(ticket.counter).Text(".").Text(Hex(ticket.mac.bytes).View());
}

std::optional<Ticket> ParseTicket(std::string_view text) noexcept {
  if (text.size() >= kTicketSize) return std::nullopt;
  Ticket ticket;
  if (!ReadNumber(TakeField(&text), &ticket.counter)) return std::nullopt;
  if (!ReadHex(text, ticket.mac.bytes, kSipBytes)) return std::nullopt;
  return ticket;
}

void FormatSignature(const Ticket& ticket, char out[kSignatureSize]) noexcept {
  char text[kTicketSize];
  FormatTicket(ticket, text);
  base::BufferWriter writer(out, kSignatureSize);
  writer.Text(kBegin).Text(text).Text(kEnd);
}

bool IsOwnCall(std::string_view statement) noexcept {
  for (const std::string_view call : kOwnCalls) {
    if (statement.substr(0, call.size()) == call) return true;
  }
  return false;
}

std::optional<Signed> ParseSigned(std::string_view text) noexcept {
  if (text.substr(0, kBegin.size()) != kBegin) return std::nullopt;
  text.remove_prefix(kBegin.size());
  const std::size_t end = text.substr(0, kTicketSize + kEnd.size()).find(kEnd);
  if (end == std::string_view::npos) return std::nullopt;
  const std::optional<Ticket> ticket = ParseTicket(text.substr(0, end));
  if (!ticket.has_value()) return std::nullopt;
  return Signed{*ticket, text.substr(end + kEnd.size())};
}

}  // namespace altius::core::door
