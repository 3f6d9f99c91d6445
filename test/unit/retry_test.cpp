// SPDX-License-Identifier: PostgreSQL
#include "altius/core/route/retry.hpp"
#include "catch.hpp"

using namespace altius::core;

TEST_CASE("retry: an error of the statement itself is raised") {
  Failure failure;
  failure.sqlstate = "23505";
  CHECK(Judge(failure) == Verdict::OwnError);
  failure.commits_alone = true;
  CHECK(Judge(failure) == Verdict::OwnError);
}

TEST_CASE("retry: inside of a block a lost connection has undone the statement") {
  Failure failure;
  failure.lost = true;
  CHECK(Judge(failure) == Verdict::RunAgain);
  failure.shared = true;
  CHECK(Judge(failure) == Verdict::RolledBack);
  failure.shared = false;
  failure.rows_taken = true;
  CHECK(Judge(failure) == Verdict::RolledBack);
}

TEST_CASE("retry: a statement that commits by itself is uncertain once it was sent") {
  Failure failure;
  failure.lost = true;
  failure.commits_alone = true;
  CHECK(Judge(failure) == Verdict::Unknown);
  failure.sent = false;
  CHECK(Judge(failure) == Verdict::RunAgain);
}

TEST_CASE("retry: unless the node says before the tag that it ends the session") {
  for (const char* state : {"57P01", "57P02", "57P03", "25006"}) {
    Failure failure;
    failure.sqlstate = state;
    failure.lost = state[0] == '5';
    failure.commits_alone = true;
    CHECK(Judge(failure) == Verdict::RunAgain);
    failure.answered = true;
    CHECK(Judge(failure) == Verdict::Unknown);
  }
}

TEST_CASE("retry: a session that was not accepted is opened once more, for the secret may have been changed") {
  Failure failure;
  failure.sqlstate = "28000";
  failure.lost = true;
  failure.commits_alone = true;
  CHECK(Judge(failure) == Verdict::RunAgain);
  failure.tries = 1;
  CHECK(Judge(failure) == Verdict::OwnError);
  failure.tries = 0;
  failure.shared = true;
  CHECK(Judge(failure) == Verdict::OwnError);
}
