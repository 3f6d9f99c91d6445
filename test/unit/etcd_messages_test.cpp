// SPDX-License-Identifier: PostgreSQL
#include <string>

#include "altius/core/etcd/json.hpp"
#include "altius/core/etcd/messages.hpp"
#include "catch.hpp"
#include "etcd_recorded.hpp"

using namespace altius::core::etcd;

TEST_CASE("base64 keeps all bytes and refuses what is not base64") {
  std::string bytes;
  for (int length = 0; length < 300; length++) {
    CHECK(DecodeBase64(EncodeBase64(bytes)) == bytes);
    bytes.push_back(static_cast<char>(length * 7));
  }
  CHECK(EncodeBase64("n1") == "bjE=");
  CHECK(DecodeBase64("") == "");
  for (const char* bad : {"a", "ab", "abc", "ab=c", "=abc", "a===", "ab!=", "====", "YQ==YQ=="}) {
    INFO(bad);
    CHECK_FALSE(DecodeBase64(bad).has_value());
  }
}

TEST_CASE("a prefix ends where the next key could begin") {
  CHECK(EndOfPrefix("/service/x/") == "/service/x0");
  CHECK(EndOfPrefix("a\xff\xff") == "b");
  CHECK(EndOfPrefix("\xff") == std::string(1, '\0'));
  CHECK(EndOfPrefix("") == std::string(1, '\0'));
}

TEST_CASE("requests are what etcd took when they were recorded") {
  CHECK(RangeBody({.prefix = "/service/coord/"}) ==
        R"({"key":"L3NlcnZpY2UvY29vcmQv","range_end":"L3NlcnZpY2UvY29vcmQw"})");
  CHECK(
      ReadBody({{"/a/", true, 1, 99}}) ==
      R"({"success":[{"request_range":{"key":"L2Ev","keys_only":true,"limit":"1","min_mod_revision":"99","range_end":"L2Ew"}}]})");
  CHECK(WatchBody({"/a/", "/b/"}, 7) ==
        R"({"create_request":{"key":"L2Ev","range_end":"L2Ew","start_revision":"7"}})"
        R"({"create_request":{"key":"L2Iv","range_end":"L2Iw","start_revision":"7"}})");
  CHECK(AuthenticateBody("f", "a\"b\\\xff") ==
        "{\"name\":\"f\",\"password\":\"a\\\"b\\\\\xEF\xBF\xBD\"}");
}

TEST_CASE("recorded answers are read") {
  const auto range = ParseRange(recorded::kRange);
  REQUIRE(range.has_value());
  CHECK(range->header.cluster_id == 3556172557997394135U);
  CHECK(range->header.member_id == 17496614320493254894U);
  CHECK(range->header.revision == 3);
  CHECK(range->header.raft_term == 2);
  REQUIRE(range->kvs.size() == 1);
  CHECK(range->kvs[0].key == "/service/coord/leader");
  CHECK(range->kvs[0].value == "n1");
  CHECK(range->kvs[0].mod_revision == 2);
  CHECK(range->count == 1);

  const auto txn = ParseTxn(recorded::kTxn);
  REQUIRE(txn.has_value());
  CHECK(txn->succeeded);
  REQUIRE(txn->ranges.size() == 2);
  CHECK(txn->ranges[0].kvs.size() == 1);
  CHECK(txn->ranges[1].kvs.empty());
  CHECK(txn->ranges[1].count == 1);

  CHECK(ParseAuthenticate(recorded::kToken)->token == "lLpTmnOZEgVJzwix.18");
  CHECK(ParseStatus(401, recorded::kTokenRefused).code == 16);
  CHECK(ParseStatus(400, recorded::kWrongPassword).message ==
        "etcdserver: authentication failed, invalid user ID or password");
  CHECK(ParseStatus(502, "<html>").message == "HTTP status 502");
  CHECK(ParseStatus(400, "no such thing\n").message == "HTTP status 400: no such thing");
}

TEST_CASE("int64 may be numbers or strings") {
  const auto range = ParseRange(
      R"({"header":{"cluster_id":17496614320493254894,"revision":12},"kvs":[{"key":"YQ==","mod_revision":11}],"count":1})");
  REQUIRE(range.has_value());
  CHECK(range->header.cluster_id == 17496614320493254894U);
  CHECK(range->header.revision == 12);
  CHECK(range->kvs[0].mod_revision == 11);
  CHECK(range->kvs[0].value.empty());
}

TEST_CASE("fields of a wrong type count as absent, numbers out of range as zero") {
  const auto range = ParseRange(
      R"({"header":{"revision":{},"cluster_id":"-1","raft_term":"1e3"},"count":"99999999999999999999"})");
  REQUIRE(range.has_value());
  CHECK(range->header.revision == 0);
  CHECK(range->header.cluster_id == 0);
  CHECK(range->header.raft_term == 0);
  CHECK(range->count == 0);
}

TEST_CASE("what is not an answer of etcd is refused") {
  for (const char* bad :
       {"", "null", "[]", "\"x\"", "{", R"({"kvs":{}})", R"({"kvs":[{"key":"!!!!"}]})",
        R"({"kvs":[{"value":"YQ=="}]})", R"({"kvs":[7]})"}) {
    INFO(bad);
    CHECK_FALSE(ParseRange(bad).has_value());
  }
  CHECK_FALSE(ParseTxn(R"({"responses":[{"response_put":{}}]})").has_value());
  CHECK_FALSE(ParseWatchMessage("{}").has_value());
  CHECK_FALSE(ParseWatchMessage(R"({"result":{"events":[{"type":"PUT"}]}})").has_value());
  CHECK_FALSE(ParseAuthenticate(R"({"token":"a\r\nHost: b"})").has_value());
  const std::string deep(100000, '[');
  CHECK_FALSE(ParseJson(deep, kLongestMessage).has_value());
  CHECK_FALSE(ParseJson("[1,2,3]", 5).has_value());
  CHECK(ParseJson(R"({"a":"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\"[[["})", 1000).has_value());
}

TEST_CASE("a recorded stream is read however it is cut into pieces") {
  const std::string stream = recorded::kStream;
  for (std::size_t piece = 1; piece < stream.size(); piece += 61) {
    LineBuffer lines;
    std::vector<WatchMessage> messages;
    for (std::size_t at = 0; at < stream.size(); at += piece) {
      REQUIRE(lines.Append(std::string_view(stream).substr(at, piece)));
      while (const auto line = lines.Next()) messages.push_back(ParseWatchMessage(*line).value());
    }
    REQUIRE(messages.size() == 6);
    CHECK(messages[0].created);
    CHECK(messages[1].watch_id == 1);
    CHECK(messages[3].events[0].kv.value == "m2");
    CHECK(messages[3].header.revision == 4);
    CHECK(messages[4].events[0].kv.value.empty());
    CHECK_FALSE(messages[4].events[0].deleted);
    CHECK(messages[5].events[0].deleted);
    CHECK(messages[5].events[0].kv.mod_revision == 6);
  }
}

TEST_CASE("a line without end is not collected for ever") {
  LineBuffer lines(100);
  CHECK(lines.Append(std::string(60, 'x')));
  CHECK_FALSE(lines.Next().has_value());
  CHECK_FALSE(lines.Append(std::string(60, 'x')));
  LineBuffer others(100);
  for (int i = 0; i < 1000; i++) {
    CHECK(others.Append("0123456789\r\n\n"));
    CHECK(others.Next() == "0123456789");
  }
}

TEST_CASE("the ways in which a stream ends are told apart") {
  const auto compacted = ParseWatchMessage(recorded::kCompacted);
  REQUIRE(compacted.has_value());
  CHECK(compacted->canceled);
  CHECK(compacted->compact_revision == 5);
  const auto closing = ParseWatchMessage(recorded::kClosing);
  REQUIRE(closing->error.has_value());
  CHECK(closing->error->code == 14);
  CHECK(closing->error->message == "transport is closing");
  const auto no_user = ParseWatchMessage(recorded::kNoUser);
  CHECK(no_user->created);
  CHECK(no_user->canceled);
  CHECK(no_user->watch_id == -1);
  CHECK_FALSE(no_user->cancel_reason.empty());
}
