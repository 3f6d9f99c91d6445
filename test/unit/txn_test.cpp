// SPDX-License-Identifier: PostgreSQL
#include <limits>
#include <string>

#include "altius/core/txn/commit.hpp"
#include "altius/core/txn/gid.hpp"
#include "altius/core/txn/recovery.hpp"
#include "catch.hpp"

using namespace altius::core;

namespace {

constexpr TransactionId kLongest{std::numeric_limits<int>::max(), std::numeric_limits<int>::max(),
                                 std::numeric_limits<std::uint64_t>::max(),
                                 std::numeric_limits<std::int64_t>::min()};

std::string TextOf(const TransactionId& id) {
  char out[kTransactionIdSize];
  FormatTransactionId(id, out);
  return out;
}

std::string GidOf(const TransactionId& id, int participant) {
  char out[kGidSize];
  FormatGid(id, participant, out);
  return out;
}

}  // namespace

TEST_CASE("a transaction id survives its text form") {
  const TransactionId id{3, 4711, 99, 781234567890123};
  CHECK(TextOf(id) == "3:4711:99:781234567890123");
  CHECK(ParseTransactionId(TextOf(id).c_str()) == id);
  CHECK(ParseTransactionId(TextOf(TransactionId{}).c_str()) == TransactionId{});
  CHECK_FALSE(TextOf(kLongest).empty());
  CHECK(ParseTransactionId(TextOf(kLongest).c_str()) == kLongest);
}

TEST_CASE("a broken transaction id is refused") {
  for (const char* text :
       {"", "1", "1:2:3", "1:2:3:", "1:2:3:4:", "1:2:3:4 ", "-1:2:3:4", "1:-2:3:4", "1:2:-3:4",
        "1:2:3:x", "a:2:3:4", "01:2:3:4", "1:2:3:9223372036854775808"}) {
    INFO(text);
    CHECK_FALSE(ParseTransactionId(text).has_value());
  }
}

TEST_CASE("a gid survives its text form and fits PostgreSQL") {
  const TransactionId id{3, 4711, 99, 12};
  CHECK(GidOf(id, 2) == "altius_3_4711_99_2");
  CHECK(ParseGid("altius_3_4711_99_2") == PreparedId{3, 4711, 99, 2});
  const std::string longest = GidOf(kLongest, std::numeric_limits<int>::max());
  CHECK_FALSE(longest.empty());
  CHECK(longest.size() < 200);
  CHECK(ParseGid(longest.c_str()).has_value());
  char prefix[kGidSize];
  FormatGidPrefix(3, prefix);
  CHECK(std::string(prefix) == "altius_3_");
}

TEST_CASE("the gids of others are not ours") {
  for (const char* gid : {"", "altius", "altius_1_2_3", "altius_1_2_3_4_5", "other_1_2_3_4",
                          "altius_1_2_x_4", "altius_-1_2_3_4", "Altius_1_2_3_4"}) {
    INFO(gid);
    CHECK_FALSE(ParseGid(gid).has_value());
  }
}

TEST_CASE("the order by age is total") {
  const TransactionId old{1, 2, 3, 100};
  CHECK(IsYounger({1, 2, 3, 101}, old));
  CHECK(IsYounger({2, 2, 3, 100}, old));
  CHECK(IsYounger({1, 3, 3, 100}, old));
  CHECK(IsYounger({1, 2, 4, 100}, old));
  CHECK_FALSE(IsYounger(old, old));
}

TEST_CASE("two phases exactly when more than one place changed") {
  CHECK(ChooseCommitProtocol({0, 0, true}) == CommitProtocol::Nothing);
  CHECK(ChooseCommitProtocol({0, 2, false}) == CommitProtocol::OnePhase);
  CHECK(ChooseCommitProtocol({0, 2, true}) == CommitProtocol::OnePhase);
  CHECK(ChooseCommitProtocol({1, 0, false}) == CommitProtocol::OnePhase);
  CHECK(ChooseCommitProtocol({1, 5, false}) == CommitProtocol::OnePhase);
  CHECK(ChooseCommitProtocol({1, 0, true}) == CommitProtocol::TwoPhase);
  CHECK(ChooseCommitProtocol({2, 0, false}) == CommitProtocol::TwoPhase);
}

TEST_CASE("recovery follows the record once the origin's transaction has ended") {
  CHECK(DecideRecovery(true, false) == Outcome::Commit);
  CHECK(DecideRecovery(false, false) == Outcome::Abort);
  CHECK(DecideRecovery(false, true) == Outcome::Wait);
  CHECK(DecideRecovery(true, true) == Outcome::Wait);
  CHECK(MayForget(true, true, false));
  CHECK_FALSE(MayForget(true, true, true));
  CHECK_FALSE(MayForget(true, false, false));
  CHECK(MayForget(false, false, false));
}

TEST_CASE("what a node answers to PREPARE and to its end") {
  CHECK(AfterPrepare(Reply::None) == Part::Asked);
  CHECK(AfterPrepare(Reply::Done) == Part::Prepared);
  CHECK(AfterPrepare(Reply::Refused) == Part::Refused);
  CHECK(AfterPrepare(Reply::Lost) == Part::Lost);
  CHECK(CommandToEnd(Part::Open, false) == EndCommand::Rollback);
  CHECK(CommandToEnd(Part::Refused, false) == EndCommand::Rollback);
  CHECK(CommandToEnd(Part::Asked, false) == EndCommand::Nothing);
  CHECK(CommandToEnd(Part::Lost, false) == EndCommand::Nothing);
  CHECK(AfterEnd(Reply::Done) == PartEnd::Confirmed);
  CHECK(AfterEnd(Reply::NoSuch) == PartEnd::Elsewhere);
  CHECK(AfterEnd(Reply::Lost) == PartEnd::Later);
  CHECK(AfterEnd(Reply::Refused) == PartEnd::Later);
}

TEST_CASE("a backend is at the transaction that it began, also while it works for another node") {
  const RunningBackend nested{.pid = 7, .works_for = {0, 9, 3, 1}, .own_number = 5};
  CHECK(RunsTransaction(nested, 7, 5));
  CHECK_FALSE(RunsTransaction(nested, 7, 3));
  CHECK_FALSE(RunsTransaction(nested, 9, 3));
  CHECK_FALSE(RunsTransaction({.pid = 7, .works_for = {0, 9, 3, 1}, .own_number = 0}, 7, 0));
}

TEST_CASE("how far a commit has come, and why what is in doubt stays so") {
  CHECK(PhaseAt(CommitStep::Prepare) == Phase::Preparing);
  CHECK(PhaseAt(CommitStep::RequireAll) == Phase::Preparing);
  CHECK(PhaseAt(CommitStep::CommitLocally) == Phase::Prepared);
  CHECK(PhaseAt(CommitStep::SecondPhase) == Phase::Committing);
  CHECK(WhyNotYet(true, Standing::Elsewhere, false) == Delay::Session);
  CHECK(WhyNotYet(false, Standing::Elsewhere, true) == Delay::Copy);
  CHECK(WhyNotYet(false, Standing::Unknown, true) == Delay::Alone);
  CHECK(WhyNotYet(false, Standing::Here, false) == Delay::Disabled);
  CHECK(WhyNotYet(false, Standing::Unregistered, true) == Delay::NextRun);
}
