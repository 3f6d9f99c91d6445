// SPDX-License-Identifier: PostgreSQL
// How a session between nodes proves itself, and how single statements of it do: the arithmetic and the text forms, without
// sockets, tables or a hash function of its own.  Fixed buffers only: the hash function of the server may raise, and a longjmp
// may jump over every frame here.
//
// A *greeting* answers the nonce of the accepting server with an HMAC; both sides derive a key of this session alone from it.
// A *ticket* is a SipHash with a key made of the session's over a counter and a claim (a statement, say).  A counter is good once,
// and only upwards.  A *sealed* secret is one that lies where others may read it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>

#include "altius/core/door/siphash.hpp"

namespace altius::core::door {

inline constexpr std::size_t kDigestBytes = 32;
inline constexpr std::size_t kNonceBytes = 16;

struct Digest {
  std::uint8_t bytes[kDigestBytes] = {};
};
using Key = Digest;

struct Nonce {
  std::uint8_t bytes[kNonceBytes] = {};
};

/// HMAC-SHA-256 of the concatenated parts.
using MacFunction = Digest (*)(const Key& key, const std::string_view* parts, std::size_t count);

/// In a time that does not depend on where they differ.
bool AreEqual(const std::uint8_t* one, const std::uint8_t* other, std::size_t length) noexcept;

/// The MAC of a list of texts under a purpose.  Each has its length in front, so no two lists are the same bytes.
/// At most kMostParts texts.
inline constexpr std::size_t kMostParts = 8;
Digest Authenticate(MacFunction mac, const Key& key, std::string_view purpose, std::initializer_list<std::string_view> parts);

/// --- greeting -----------------------------------------------------------------------------------------------------------

/// Who greets whom, as both sides know it by themselves.
struct Parties {
  std::string_view server_nonce;  // as the accepting server shows it
  std::string_view user;          // who has logged in there
  std::string_view database;
};

struct Greeting {
  int generation = 0;             // of the cluster's secret
  std::int64_t global_pid = 0;    // of the session that the new one serves; 0: of none
  Nonce nonce;                    // of the asking server
  Digest mac;
};

inline constexpr std::size_t kGreetingSize = 160;
/// `1.<generation>.<global pid>.<nonce>.<mac>`, the latter two in hexadecimal.
void FormatGreeting(const Greeting& greeting, char out[kGreetingSize]) noexcept;
std::optional<Greeting> ParseGreeting(std::string_view text) noexcept;

/// The key of one session: of the secret, both nonces, the parties and everything the greeting says.
Key SessionKey(MacFunction mac, const Key& secret, const Parties& parties, const Greeting& greeting);
/// What proves that a side has that key.
Digest GreetingMac(MacFunction mac, const Key& session_key);

/// --- tickets ------------------------------------------------------------------------------------------------------------

struct Ticket {
  std::uint64_t counter = 0;
  SipTag mac;
};

inline constexpr std::size_t kTicketSize = 64;
/// `<counter>.<mac>`.
void FormatTicket(const Ticket& ticket, char out[kTicketSize]) noexcept;
std::optional<Ticket> ParseTicket(std::string_view text) noexcept;

/// Both sides make it once a session: the MAC of tickets has a key of its own.
SipKey TicketKey(MacFunction mac, const Key& session_key);

/// The asking side.
struct Issuer {
  SipKey key;
  std::uint64_t counter = 0;
};
Ticket Issue(Issuer* issuer, std::string_view claim) noexcept;

/// The accepting side.  Admit is true once for a ticket, if it fits the claim and no later ticket was admitted.
struct Gate {
  SipKey key;
  std::uint64_t last = 0;
};
bool Admit(Gate* gate, const Ticket& ticket, std::string_view claim) noexcept;

/// A statement carries its ticket in a comment in front: `/*altius <ticket>*/`.
inline constexpr std::size_t kSignatureSize = kTicketSize + 16;
void FormatSignature(const Ticket& ticket, char out[kSignatureSize]) noexcept;
struct Signed {
  Ticket ticket;
  std::string_view statement;  // behind the comment
};
std::optional<Signed> ParseSigned(std::string_view text) noexcept;

/// Whether the statement is a call of a function of ours.  Nothing else gets a ticket: functions of users would find it unused.
bool IsOwnCall(std::string_view statement) noexcept;

/// --- secrets ------------------------------------------------------------------------------------------------------------

/// Encrypted and authenticated under a key of the server's own; each with a fresh nonce.
struct Sealed {
  Nonce nonce;
  std::uint8_t cipher[kDigestBytes] = {};
  Digest mac;
};
Sealed Seal(MacFunction mac, const Key& own, const Nonce& nonce, int generation, const Key& secret);
/// Nothing when it was sealed with another key, as another generation, or was changed.
std::optional<Key> Open(MacFunction mac, const Key& own, int generation, const Sealed& sealed);

}  // namespace altius::core::door
