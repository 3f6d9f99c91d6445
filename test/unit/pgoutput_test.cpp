// SPDX-License-Identifier: PostgreSQL
// The stream of a replication slot, byte by byte: well-formed messages, and every way of cutting them short.
#include "altius/core/replication/pgoutput.hpp"

#include <memory>
#include <string>

#include "catch.hpp"

using namespace altius::core;  // NOLINT

namespace {

std::string Number(uint64_t value, int bytes) {
  std::string out;
  for (int i = bytes - 1; i >= 0; i--) out.push_back(static_cast<char>(value >> (8 * i)));
  return out;
}

std::string Text(const std::string &value) { return value + '\0'; }
std::string Value(const std::string &value) { return "t" + Number(value.size(), 4) + value; }
std::string Row(std::initializer_list<std::string> values) {
  std::string out = Number(values.size(), 2);
  for (const auto &value : values) out += value;
  return out;
}

/// Every proper prefix is refused, read within its bounds (the sanitizers watch).
void RefusesPrefixes(const std::string &bytes) {
  auto message = std::make_unique<Message>();
  for (size_t length = 0; length < bytes.size(); length++) {
    const std::unique_ptr<char[]> copy(new char[length + 1]);
    bytes.copy(copy.get(), length);
    std::unique_ptr<char[]> exact(new char[length == 0 ? 1 : length]);
    std::copy(copy.get(), copy.get() + length, exact.get());
    INFO("length " << length);
    CHECK_FALSE(ParseMessage(exact.get(), static_cast<int>(length), message.get()));
  }
}

std::unique_ptr<Message> Parse(const std::string &bytes) {
  auto message = std::make_unique<Message>();
  REQUIRE(ParseMessage(bytes.data(), static_cast<int>(bytes.size()), message.get()));
  return message;
}

std::string Of(const ColumnValue &value) { return {value.data, static_cast<size_t>(value.length)}; }

}  // namespace

TEST_CASE("pgoutput: transactions") {
  const std::string begin = "B" + Number(0x1122334455667788, 8) + Number(5, 8) + Number(4711, 4);
  const auto message = Parse(begin);
  CHECK(message->kind == MessageKind::Begin);
  CHECK(message->lsn == 0x1122334455667788);
  CHECK(message->xid == 4711);
  RefusesPrefixes(begin);

  const std::string commit = std::string("C") + '\0' + Number(7, 8) + Number(9, 8) + Number(5, 8);
  CHECK(Parse(commit)->lsn == 9);
  RefusesPrefixes(commit);
}

TEST_CASE("pgoutput: relations") {
  const std::string bytes = "R" + Number(16385, 4) + Text("public") + Text("t_102008") + "d" + Number(2, 2) + '\1' + Text("id") +
                            Number(20, 4) + Number(0xffffffff, 4) + std::string(1, '\0') + Text("note") + Number(25, 4) +
                            Number(0xffffffff, 4);
  const auto message = Parse(bytes);
  CHECK(message->relation == 16385);
  CHECK(std::string(message->schema) == "public");
  CHECK(std::string(message->name) == "t_102008");
  CHECK(message->identity == 'd');
  REQUIRE(message->column_count == 2);
  CHECK(message->columns[0].key);
  CHECK(std::string(message->columns[1].name) == "note");
  CHECK_FALSE(message->columns[1].key);
  CHECK(message->columns[1].type == 25);
  RefusesPrefixes(bytes);
}

TEST_CASE("pgoutput: rows") {
  const std::string insert = "I" + Number(9, 4) + "N" + Row({Value("1"), "n", Value("")});
  auto message = Parse(insert);
  CHECK(message->kind == MessageKind::Insert);
  REQUIRE(message->new_row.count == 3);
  CHECK(Of(message->new_row.columns[0]) == "1");
  CHECK(message->new_row.columns[1].kind == ColumnKind::Null);
  CHECK(message->new_row.columns[2].kind == ColumnKind::Text);
  CHECK(message->new_row.columns[2].length == 0);
  RefusesPrefixes(insert);

  message = Parse("U" + Number(9, 4) + "N" + Row({Value("1"), "u"}));
  CHECK(message->old_kind == OldRow::None);
  CHECK(message->new_row.columns[1].kind == ColumnKind::Unchanged);

  const std::string update = "U" + Number(9, 4) + "O" + Row({Value("1"), "n"}) + "N" + Row({Value("2"), Value("x")});
  message = Parse(update);
  CHECK(message->old_kind == OldRow::Whole);
  CHECK(Of(message->old_row.columns[0]) == "1");
  CHECK(Of(message->new_row.columns[1]) == "x");
  RefusesPrefixes(update);

  const std::string remove = "D" + Number(9, 4) + "K" + Row({Value("1")});
  message = Parse(remove);
  CHECK(message->kind == MessageKind::Delete);
  CHECK(message->old_kind == OldRow::Key);
  RefusesPrefixes(remove);
}

TEST_CASE("pgoutput: what is not well formed") {
  auto message = std::make_unique<Message>();
  const auto refused = [&](const std::string &bytes) {
    return !ParseMessage(bytes.data(), static_cast<int>(bytes.size()), message.get());
  };
  CHECK(refused("D" + Number(9, 4) + "N" + Row({Value("1")})));                          // a delete without an old row
  CHECK(refused("I" + Number(9, 4) + "K" + Row({Value("1")}) + "N" + Row({Value("1")})));  // an insert with one
  CHECK(refused("I" + Number(9, 4) + "N" + Row({"x"})));                                 // no such kind of value
  CHECK(refused("I" + Number(9, 4) + "N" + Number(0xffff, 2)));                          // fewer than no columns
  CHECK(refused("I" + Number(9, 4) + "N" + Number(1, 2) + "t" + Number(0xffffffff, 4)));
  CHECK_FALSE(refused("Y" + Number(1, 4)));  // types are skipped
  CHECK(message->kind == MessageKind::Other);
}

TEST_CASE("pgoutput: truncate") {
  const std::string bytes = "T" + Number(2, 4) + '\3' + Number(5, 4) + Number(6, 4);
  const auto message = Parse(bytes);
  CHECK(message->cascade);
  CHECK(message->restart_identity);
  REQUIRE(message->truncated_count == 2);
  CHECK(message->truncated[1] == 6);
  RefusesPrefixes(bytes);
}

TEST_CASE("replication stream: frames and answers") {
  Frame frame;
  const std::string data = "w" + Number(1, 8) + Number(2, 8) + Number(3, 8) + "Bxyz";
  REQUIRE(ParseFrame(data.data(), static_cast<int>(data.size()), &frame));
  CHECK(frame.kind == FrameKind::Data);
  CHECK(frame.end == 2);
  CHECK(std::string(frame.payload, static_cast<size_t>(frame.length)) == "Bxyz");
  const std::string keepalive = "k" + Number(77, 8) + Number(3, 8) + '\1';
  REQUIRE(ParseFrame(keepalive.data(), static_cast<int>(keepalive.size()), &frame));
  CHECK(frame.end == 77);
  CHECK(frame.wants_reply);
  CHECK_FALSE(ParseFrame(keepalive.data(), 5, &frame));

  char status[kStatusSize];
  FormatStatus(1, 2, 3, true, status);
  CHECK(std::string(status, kStatusSize) == "r" + Number(1, 8) + Number(2, 8) + Number(2, 8) + Number(3, 8) + '\1');

  char text[18];
  FormatLsn(0x16B3748ABCULL, text);
  CHECK(std::string(text) == "16/B3748ABC");
  uint64_t lsn = 0;
  REQUIRE(ParseLsn(text, &lsn));
  CHECK(lsn == 0x16B3748ABCULL);
  CHECK_FALSE(ParseLsn("16", &lsn));
  CHECK_FALSE(ParseLsn("16/0 ", &lsn));
}
