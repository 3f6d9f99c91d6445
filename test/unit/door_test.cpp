// SPDX-License-Identifier: PostgreSQL
// Proofs between nodes.  The MAC here is a keyed mixture with the two properties that the code relies on: another key or
// another message gives another digest.
#include <cstring>
#include <random>
#include <set>
#include <string>

#include "altius/core/door/context.hpp"
#include "altius/core/door/proof.hpp"
#include "catch.hpp"

using namespace altius::core::door;

namespace {

/// FNV-1a in four lanes, over the key, the bytes, and the key again.
Digest Mix(const Key& key, const std::string_view* parts, std::size_t count) {
  Digest digest;
  for (std::uint64_t lane = 0; lane < 4; lane++) {
    std::uint64_t hash = 14695981039346656037ULL + lane * 1099511628211ULL;
    const auto add = [&](const void* bytes, std::size_t length) {
      for (std::size_t i = 0; i < length; i++) {
        hash ^= static_cast<const unsigned char*>(bytes)[i];
        hash *= 1099511628211ULL;
      }
    };
    add(key.bytes, kDigestBytes);
    for (std::size_t i = 0; i < count; i++) add(parts[i].data(), parts[i].size());
    add(key.bytes, kDigestBytes);
    std::memcpy(digest.bytes + 8 * lane, &hash, 8);
  }
  return digest;
}

Key KeyOf(int number) {
  Key key;
  for (std::size_t i = 0; i < kDigestBytes; i++) key.bytes[i] = static_cast<std::uint8_t>(number + static_cast<int>(i) * 7);
  return key;
}

SipKey SipKeyOf(int number) {
  SipKey key;
  std::memcpy(key.bytes, KeyOf(number).bytes, kSipBytes);
  return key;
}

bool Same(const Digest& one, const Digest& other) { return AreEqual(one.bytes, other.bytes, kDigestBytes); }

}  // namespace

TEST_CASE("door: lists of texts with the same letters are different claims") {
  std::set<std::string> seen;
  const auto digest = [&](std::string_view purpose, std::initializer_list<std::string_view> parts) {
    const Digest it = Authenticate(Mix, KeyOf(1), purpose, parts);
    return std::string(reinterpret_cast<const char*>(it.bytes), kDigestBytes);
  };
  CHECK(seen.insert(digest("p", {"ab", "c"})).second);
  CHECK(seen.insert(digest("p", {"a", "bc"})).second);
  CHECK(seen.insert(digest("p", {"abc"})).second);
  CHECK(seen.insert(digest("p", {"abc", ""})).second);
  CHECK(seen.insert(digest("pa", {"bc"})).second);
  CHECK(!seen.insert(digest("p", {"a", "bc"})).second);
}

TEST_CASE("door: a greeting reads back, and nothing else does") {
  Greeting greeting;
  greeting.generation = 7;
  greeting.global_pid = 20000004711;
  greeting.nonce.bytes[3] = 200;
  greeting.mac = KeyOf(9);
  char text[kGreetingSize];
  FormatGreeting(greeting, text);
  const auto back = ParseGreeting(text);
  REQUIRE(back.has_value());
  CHECK(back->generation == 7);
  CHECK(back->global_pid == 20000004711);
  CHECK(std::memcmp(&back->nonce, &greeting.nonce, sizeof(Nonce)) == 0);
  CHECK(Same(back->mac, greeting.mac));

  const std::string good = text;
  for (std::size_t i = 0; i <= good.size(); i++) {
    CHECK_FALSE(ParseGreeting(good.substr(0, i) + "." + good.substr(i)).has_value());
    if (i < good.size()) CHECK_FALSE(ParseGreeting(good.substr(0, i)).has_value());
  }
  CHECK_FALSE(ParseGreeting("").has_value());
  CHECK_FALSE(ParseGreeting("2" + good.substr(1)).has_value());
  CHECK_FALSE(ParseGreeting(std::string(1 << 20, '1')).has_value());
}

TEST_CASE("door: the key of a session depends on everything that is said") {
  const Parties parties = {"nonce", "alice", "shop"};
  Greeting greeting;
  greeting.generation = 1;
  const auto key = [&](const Key& secret, const Parties& who, const Greeting& what) {
    const Key it = SessionKey(Mix, secret, who, what);
    return std::string(reinterpret_cast<const char*>(it.bytes), kDigestBytes);
  };
  std::set<std::string> keys = {key(KeyOf(1), parties, greeting)};
  CHECK(keys.insert(key(KeyOf(2), parties, greeting)).second);
  CHECK(keys.insert(key(KeyOf(1), {"nonces", "alice", "shop"}, greeting)).second);
  CHECK(keys.insert(key(KeyOf(1), {"nonce", "bob", "shop"}, greeting)).second);
  CHECK(keys.insert(key(KeyOf(1), {"nonce", "alice", "shops"}, greeting)).second);
  CHECK(keys.insert(key(KeyOf(1), {"nonce", "alices", "hop"}, greeting)).second);
  Greeting other = greeting;
  other.generation = 2;
  CHECK(keys.insert(key(KeyOf(1), parties, other)).second);
  other = greeting;
  other.global_pid = 1;
  CHECK(keys.insert(key(KeyOf(1), parties, other)).second);
  other = greeting;
  other.nonce.bytes[0] = 1;
  CHECK(keys.insert(key(KeyOf(1), parties, other)).second);
  CHECK_FALSE(keys.insert(key(KeyOf(1), parties, greeting)).second);
}

TEST_CASE("door: the key of tickets is the session's, and does not show it") {
  const SipKey key = TicketKey(Mix, KeyOf(1));
  CHECK(std::memcmp(key.bytes, TicketKey(Mix, KeyOf(1)).bytes, kSipBytes) == 0);
  CHECK(std::memcmp(key.bytes, TicketKey(Mix, KeyOf(2)).bytes, kSipBytes) != 0);
  CHECK(std::memcmp(key.bytes, KeyOf(1).bytes, kSipBytes) != 0);
  CHECK(std::memcmp(key.bytes, GreetingMac(Mix, KeyOf(1)).bytes, kSipBytes) != 0);
}

TEST_CASE("door: a ticket opens once, for its claim, in its session, and not after a later one") {
  Issuer issuer{SipKeyOf(3)};
  Gate gate{SipKeyOf(3)};
  const Ticket first = Issue(&issuer, "a");
  const Ticket second = Issue(&issuer, "b");
  const Ticket third = Issue(&issuer, "c");

  CHECK_FALSE(Admit(&gate, second, "a"));
  Gate elsewhere{SipKeyOf(4)};
  CHECK_FALSE(Admit(&elsewhere, second, "b"));
  CHECK(Admit(&gate, second, "b"));
  CHECK_FALSE(Admit(&gate, second, "b"));
  CHECK_FALSE(Admit(&gate, first, "a"));
  Ticket moved = second;
  moved.counter = 3;
  CHECK_FALSE(Admit(&gate, moved, "b"));
  CHECK(Admit(&gate, third, "c"));
  CHECK_FALSE(Admit(&gate, Ticket{}, ""));
}

TEST_CASE("door: whatever is delivered, in whatever order, nothing is admitted twice or backwards") {
  std::mt19937 random(20261130);
  for (int round = 0; round < 2000; round++) {
    Issuer issuer{SipKeyOf(round)};
    Gate gate{SipKeyOf(round)};
    std::vector<std::pair<Ticket, std::string>> sent;
    for (int i = 0; i < 6; i++) {
      const std::string claim = "claim " + std::to_string(random() % 3);
      sent.emplace_back(Issue(&issuer, claim), claim);
    }
    std::uint64_t last = 0;
    for (int i = 0; i < 20; i++) {
      auto [ticket, claim] = sent[random() % sent.size()];
      if (random() % 4 == 0) claim = "claim " + std::to_string(random() % 3);
      const bool fits = claim == sent[ticket.counter - 1].second;
      const bool admitted = Admit(&gate, ticket, claim);
      REQUIRE(admitted == (fits && ticket.counter > last));
      if (admitted) last = ticket.counter;
    }
  }
}

TEST_CASE("door: a signed statement reads back") {
  Issuer issuer{SipKeyOf(5)};
  const std::string statement = "SELECT '*/', 1";
  const Ticket ticket = Issue(&issuer, statement);
  char signature[kSignatureSize];
  FormatSignature(ticket, signature);
  const std::string whole = signature + statement;
  const auto back = ParseSigned(whole);
  REQUIRE(back.has_value());
  CHECK(back->statement == statement);
  Gate gate{SipKeyOf(5)};
  CHECK(Admit(&gate, back->ticket, back->statement));

  for (const char* text : {"", "SELECT 1", "/*altius */SELECT 1", "/*altius 1*/", "/*altius 1.zz*/x", "/* altius 1.00*/", "/*altius "}) {
    CHECK_FALSE(ParseSigned(text).has_value());
  }
  const std::string name = signature;
  for (std::size_t i = 0; i < name.size(); i++) CHECK_FALSE(ParseSigned(name.substr(0, i)).has_value());
  for (std::size_t i = 0; i < name.size(); i++) {
    std::string broken = whole;
    broken[i] = static_cast<char>(broken[i] ^ 1);
    const auto read = ParseSigned(broken);
    Gate fresh{SipKeyOf(5)};
    CHECK_FALSE((read.has_value() && Admit(&fresh, read->ticket, read->statement)));
  }
}

TEST_CASE("door: only calls of functions of ours get a ticket") {
  CHECK(IsOwnCall("SELECT altius_internal.insert_shards('t', '{1}', NULL, NULL)"));
  CHECK(IsOwnCall("SELECT * FROM altius_internal.rows_of_copy(1)"));
  for (const char* text : {"", "SELECT altius_internal", " SELECT altius_internal.f()", "SELECT a.f(), altius_internal.f()",
                           "CREATE INDEX ON t (f(v))", "LOCK TABLE ONLY t IN SHARE ROW EXCLUSIVE MODE", "INSERT INTO t VALUES (f())",
                           "/**/SELECT altius_internal.f()", "SELECT altius_internals.f()"}) {
    CHECK_FALSE(IsOwnCall(text));
  }
}

TEST_CASE("door: the context of an error shows what is inside of a statement, or nothing") {
  const std::string end = kContextEnd;
  CHECK(ContextInside(end) == "");
  CHECK(ContextInside("PL/pgSQL function f() line 1 at RAISE\n" + end) == "PL/pgSQL function f() line 1 at RAISE");
  CHECK(ContextInside("a\n" + end + "\n" + end) == "a\n" + end);
  for (const std::string& text : {std::string(), std::string("unnamed portal with parameters: $1 = '" + end + "'"),
                                 "a\n" + end + "\nunnamed portal with parameters: $1 = 'x'", "a" + end, end + "\n",
                                 "unnamed portal with parameters: $1 = 'x\n" + end + "'", end.substr(1)}) {
    CHECK_FALSE(ContextInside(text).has_value());
  }
}

TEST_CASE("door: a sealed secret opens with its own key, as its own generation, unchanged") {
  const Key secret = KeyOf(11);
  Nonce nonce;
  nonce.bytes[0] = 1;
  const Sealed sealed = Seal(Mix, KeyOf(12), nonce, 4, secret);
  CHECK_FALSE(AreEqual(sealed.cipher, secret.bytes, kDigestBytes));
  const auto opened = Open(Mix, KeyOf(12), 4, sealed);
  REQUIRE(opened.has_value());
  CHECK(Same(*opened, secret));
  CHECK_FALSE(Open(Mix, KeyOf(13), 4, sealed).has_value());
  CHECK_FALSE(Open(Mix, KeyOf(12), 5, sealed).has_value());
  for (std::size_t i = 0; i < sizeof(Sealed); i++) {
    Sealed broken = sealed;
    reinterpret_cast<std::uint8_t*>(&broken)[i] ^= 1;
    CHECK_FALSE(Open(Mix, KeyOf(12), 4, broken).has_value());
  }
}
