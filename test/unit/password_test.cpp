// SPDX-License-Identifier: PostgreSQL
#include <string>

#include "altius/core/route/password.hpp"
#include "catch.hpp"

using namespace altius::core;  // NOLINT

namespace {

PasswordQuestion Ask(NamedBy named_by, const char* host, const char* sslmode, bool may_choose) {
  PasswordQuestion question;
  question.named_by = named_by;
  question.host = host;
  question.sslmode = sslmode;
  question.has_password = true;
  question.may_choose = may_choose;
  return question;
}

std::string Request(int code, const std::string& rest = {}) {
  std::string bytes = "R";
  const auto length = static_cast<unsigned>(8 + rest.size());
  for (const unsigned number : {length, static_cast<unsigned>(code)}) {
    for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(number >> shift & 0xff));
  }
  return bytes + rest;
}

}  // namespace

TEST_CASE("libpq is told which methods to take where it can be") {
  CHECK(HowToUsePassword(Ask(NamedBy::Catalog, "10.0.0.1", "prefer", true)) == PasswordUse::Choose);
  CHECK(HowToUsePassword(Ask(NamedBy::Etcd, "10.0.0.1", "prefer", true)) == PasswordUse::Choose);
  PasswordQuestion chosen = Ask(NamedBy::Catalog, "10.0.0.1", "prefer", true);
  chosen.chose_methods = true;
  CHECK(HowToUsePassword(chosen) == PasswordUse::Free);
  chosen.named_by = NamedBy::Etcd;
  CHECK(HowToUsePassword(chosen) == PasswordUse::Choose);
}

TEST_CASE("an older libpq is watched, and is given TLS where etcd alone names the address") {
  CHECK(HowToUsePassword(Ask(NamedBy::Catalog, "10.0.0.1", "prefer", false)) == PasswordUse::Watch);
  CHECK(HowToUsePassword(Ask(NamedBy::Catalog, "10.0.0.1", "verify-ca", false)) == PasswordUse::Free);
  CHECK(HowToUsePassword(Ask(NamedBy::Etcd, "10.0.0.1", "prefer", false)) == PasswordUse::BindChannel);
  CHECK(HowToUsePassword(Ask(NamedBy::Etcd, "127.0.0.1", "prefer", false)) == PasswordUse::Watch);
  CHECK(HowToUsePassword(Ask(NamedBy::Etcd, "127.0.0.1.example", "prefer", false)) == PasswordUse::BindChannel);
  PasswordQuestion without = Ask(NamedBy::Etcd, "10.0.0.1", "disable", false);
  without.has_password = false;
  CHECK(HowToUsePassword(without) == PasswordUse::Free);
}

TEST_CASE("a server that etcd alone wants to join gets a password over verified connections only") {
  for (const bool may_choose : {false, true}) {
    PasswordQuestion question = Ask(NamedBy::EtcdNew, "10.0.0.1", "require", may_choose);
    CHECK(HowToUsePassword(question) == PasswordUse::Refuse);
    question.sslmode = "verify-ca";
    CHECK(HowToUsePassword(question) == PasswordUse::Refuse);
    question.allows_cleartext = true;
    CHECK(HowToUsePassword(question) == PasswordUse::Refuse);
    question.allows_cleartext = false;
    question.sslmode = "verify-full";
    CHECK(HowToUsePassword(question) == (may_choose ? PasswordUse::Choose : PasswordUse::Free));
    question.sslmode = "prefer";
    question.trusts_etcd = true;
    CHECK(HowToUsePassword(question) == (may_choose ? PasswordUse::Choose : PasswordUse::Watch));
    question.trusts_etcd = false;
    question.has_password = false;
    CHECK(HowToUsePassword(question) == (may_choose ? PasswordUse::Choose : PasswordUse::Free));
  }
}

TEST_CASE("passwords in clear are a matter of a setting, but not where etcd alone points") {
  PasswordQuestion question = Ask(NamedBy::Catalog, "10.0.0.1", "prefer", false);
  question.allows_cleartext = true;
  CHECK(HowToUsePassword(question) == PasswordUse::Free);
  question.named_by = NamedBy::Etcd;
  CHECK(HowToUsePassword(question) == PasswordUse::BindChannel);
  question.may_choose = true;
  CHECK(HowToUsePassword(question) == PasswordUse::Choose);
}

TEST_CASE("one host is one host") {
  for (const char* host : {"10.0.0.1", "node-1.example", "::1", "fe80::1%eth0", "a_b", "knoten-\xc3\xa4"}) {
    CHECK(IsOneHost(host));
    CHECK(IsNetworkHost(host));
  }
  CHECK(IsOneHost("/run/postgresql"));
  for (const char* host : {"/tmp/x", "@x"}) CHECK_FALSE(IsNetworkHost(host));
  for (const char* host : {"", "a,b", "/tmp,10.0.0.1", "a b", "a'b", "host=a", "a\\b", "a\tb", "%x", "a/b"}) CHECK_FALSE(IsOneHost(host));
}

TEST_CASE("what is sent over http is for all to read, unless it stays here") {
  for (const char* url : {"https://10.0.0.1:2379", "http://127.0.0.1:2379", "http://127.0.0.1", "http://localhost:2379/",
                          "http://[::1]:2379"})
    CHECK(IsPrivateUrl(url));
  for (const char* url : {"http://10.0.0.1:2379", "http://127.example:2379@10.0.0.1", "http://localhost@10.0.0.1/",
                          "ftp://127.0.0.1", "127.0.0.1", ""})
    CHECK_FALSE(IsPrivateUrl(url));
}

TEST_CASE("only SCRAM is answered") {
  CHECK(LookAtRequest("") == AsksFor::Nothing);
  CHECK(LookAtRequest(Request(0)) == AsksFor::Nothing);
  CHECK(LookAtRequest(Request(10, std::string("SCRAM-SHA-256\0\0", 15))) == AsksFor::Nothing);
  for (const int code : {1, 2, 3, 4, 5, 6, 7, 8, 9, 13, -1}) CHECK(LookAtRequest(Request(code, "salt")) == AsksFor::Password);
  CHECK(LookAtRequest(Request(10, "x") + Request(3)) == AsksFor::Password);
  CHECK(LookAtRequest(Request(0) + Request(3)) == AsksFor::Nothing);
  CHECK(LookAtRequest("E\0\0\0\4") == AsksFor::More);
  CHECK(LookAtRequest(std::string("E\0\0\0\4", 5)) == AsksFor::Nothing);
  const std::string whole = Request(10, "SCRAM");
  for (std::size_t size = 1; size < whole.size(); size++) CHECK(LookAtRequest(whole.substr(0, size)) == AsksFor::More);
}
