// SPDX-License-Identifier: PostgreSQL
#include "altius/core/door/proof.hpp"

#include <cstring>

#include "hex.hpp"

namespace altius::core::door {

namespace {

std::string_view BytesOf(const std::uint8_t* bytes, std::size_t length) noexcept {
  return {reinterpret_cast<const char*>(bytes), length};
}

/// Big-endian.
template <typename Integer>
struct Encoded {
  char bytes[sizeof(Integer)];

  explicit Encoded(Integer value) noexcept {
    for (std::size_t i = 0; i < sizeof(Integer); i++) {
      const auto shift = 8 * (sizeof(Integer) - 1 - i);
      bytes[i] = static_cast<char>((static_cast<std::uint64_t>(value) >> shift) & 0xff);
    }
  }
  std::string_view View() const noexcept { return {bytes, sizeof(bytes)}; }
};

}  // namespace

bool AreEqual(const std::uint8_t* one, const std::uint8_t* other, std::size_t length) noexcept {
  unsigned difference = 0;
  for (std::size_t i = 0; i < length; i++) difference |= static_cast<unsigned>(one[i] ^ other[i]);
  return difference == 0;
}

Digest Authenticate(MacFunction mac, const Key& key, std::string_view purpose, std::initializer_list<std::string_view> parts) {
  char lengths[kMostParts + 1][4];
  std::string_view all[2 * (kMostParts + 1)];
  std::size_t count = 0;
  const auto add = [&](std::string_view part) {
    const Encoded<std::uint32_t> length(static_cast<std::uint32_t>(part.size()));
    std::memcpy(lengths[count / 2], length.bytes, sizeof(length.bytes));
    all[count] = {lengths[count / 2], sizeof(length.bytes)};
    all[count + 1] = part;
    count += 2;
  };
  add(purpose);
  for (const std::string_view part : parts) add(part);
  return mac(key, all, count);
}

Key SessionKey(MacFunction mac, const Key& secret, const Parties& parties, const Greeting& greeting) {
  const Encoded<std::int32_t> generation(greeting.generation);
  const Encoded<std::int64_t> global_pid(greeting.global_pid);
  return Authenticate(mac, secret, "altius session",
                      {parties.server_nonce, BytesOf(greeting.nonce.bytes, kNonceBytes), parties.user, parties.database,
                       generation.View(), global_pid.View()});
}

Digest GreetingMac(MacFunction mac, const Key& session_key) { return Authenticate(mac, session_key, "altius greeting", {}); }

SipKey TicketKey(MacFunction mac, const Key& session_key) {
  const Digest digest = Authenticate(mac, session_key, "altius tickets", {});
  SipKey key;
  std::memcpy(key.bytes, digest.bytes, kSipBytes);
  return key;
}

Ticket Issue(Issuer* issuer, std::string_view claim) noexcept {
  Ticket ticket;
  ticket.counter = ++issuer->counter;
  ticket.mac = SipHash(issuer->key).Word(ticket.counter).Finish(claim);
  return ticket;
}

bool Admit(Gate* gate, const Ticket& ticket, std::string_view claim) noexcept {
  if (ticket.counter <= gate->last) return false;
  const SipTag expected = SipHash(gate->key).Word(ticket.counter).Finish(claim);
  if (!AreEqual(expected.bytes, ticket.mac.bytes, kSipBytes)) return false;
  gate->last = ticket.counter;
  return true;
}

namespace {

/// One block of the key stream is as long as a secret, and a nonce is used once.
Digest Stream(MacFunction mac, const Key& own, const Nonce& nonce) {
  return Authenticate(mac, own, "altius stream", {BytesOf(nonce.bytes, kNonceBytes)});
}

Digest SealMac(MacFunction mac, const Key& own, int generation, const Sealed& sealed) {
  const Encoded<std::int32_t> number(generation);
  return Authenticate(mac, own, "altius seal",
                      {number.View(), BytesOf(sealed.nonce.bytes, kNonceBytes), BytesOf(sealed.cipher, kDigestBytes)});
}

void Mix(std::uint8_t* target, const Digest& stream) noexcept {
  for (std::size_t i = 0; i < kDigestBytes; i++) target[i] = static_cast<std::uint8_t>(target[i] ^ stream.bytes[i]);
}

}  // namespace

Sealed Seal(MacFunction mac, const Key& own, const Nonce& nonce, int generation, const Key& secret) {
  Sealed sealed;
  sealed.nonce = nonce;
  std::memcpy(sealed.cipher, secret.bytes, kDigestBytes);
  Mix(sealed.cipher, Stream(mac, own, nonce));
  sealed.mac = SealMac(mac, own, generation, sealed);
  return sealed;
}

std::optional<Key> Open(MacFunction mac, const Key& own, int generation, const Sealed& sealed) {
  const Digest expected = SealMac(mac, own, generation, sealed);
  if (!AreEqual(expected.bytes, sealed.mac.bytes, kDigestBytes)) return std::nullopt;
  Key secret;
  std::memcpy(secret.bytes, sealed.cipher, kDigestBytes);
  Mix(secret.bytes, Stream(mac, own, sealed.nonce));
  return secret;
}

}  // namespace altius::core::door
