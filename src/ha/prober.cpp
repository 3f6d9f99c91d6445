// SPDX-License-Identifier: PostgreSQL
#include "prober.hpp"

#include <chrono>

#include "altius/pg/bridge.hpp"
#include "altius/remote/control.hpp"
#include "transaction.hpp"

namespace altius::ha {
namespace {

using core::ha::Verdict;

constexpr Millis kConnectTimeout = 2000;
constexpr Millis kAnswerTimeout = 1000;
constexpr Millis kLongestPause = 10000;  // between attempts that nobody waits for
constexpr Millis kShortestPause = 20;    // between attempts for a question

/// In recovery, the timeline that is written to (the control file's follows only with the first
/// checkpoint), and, asked once a connection, the system.
constexpr const char* kFirstQuestion =
    "SELECT pg_catalog.pg_is_in_recovery(),"
    " CASE WHEN NOT pg_catalog.pg_is_in_recovery() THEN"
    " pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_insert_lsn()) END,"
    " (SELECT system_identifier FROM pg_catalog.pg_control_system())";
constexpr const char* kQuestion =
    "SELECT pg_catalog.pg_is_in_recovery(),"
    " CASE WHEN NOT pg_catalog.pg_is_in_recovery() THEN"
    " pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_insert_lsn()) END";

double PreciseNow() {
  using Milliseconds = std::chrono::duration<double, std::milli>;
  return Milliseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// libpq's messages in one line.
std::string OneLine(const char* message) {
  std::string line = message == nullptr ? "" : message;
  while (!line.empty() && line.back() == '\n') line.pop_back();
  for (char& letter : line) {
    if (letter == '\n' || letter == '\t') letter = ' ';
  }
  return line;
}

Verdict ReadVerdict(const PGresult* result, uint64* system_id) {
  Verdict verdict;
  verdict.kind =
      *PQgetvalue(result, 0, 0) == 't' ? Verdict::Kind::InRecovery : Verdict::Kind::Primary;
  const std::string file = PQgetvalue(result, 0, 1);
  verdict.timeline = static_cast<int>(strtoul(file.substr(0, 8).c_str(), nullptr, 16));
  if (PQnfields(result) > 2) *system_id = strtoull(PQgetvalue(result, 0, 2), nullptr, 10);
  verdict.system_id = *system_id;
  return verdict;
}

}  // namespace

Prober::~Prober() {
  for (auto& [server, line] : lines_) Close(&line);
}

void Prober::Ask(const ServerAddress& server, const core::Epoch& epoch, Millis now) {
  Line& line = lines_[server];
  const bool same = line.question && line.question->epoch == epoch;
  if (same) return;
  line.question = Question{epoch, now, PreciseNow()};
  // What an earlier question still waits for is of no use; a bad connection must not hold this up.
  if (line.state == State::Asked) Close(&line);
  if (line.state == State::Closed)
    line.deadline = std::min(line.deadline, line.failures == 0 ? now : now + kShortestPause);
  if (line.state == State::Idle) Send(server, &line, now);
}

bool Prober::IsAsking(const ServerAddress& server) const {
  const auto found = lines_.find(server);
  return found != lines_.end() && found->second.question.has_value();
}

void Prober::Close(Line* line) {
  if (line->connection != nullptr) pg::Call([&] { remote::CloseBare(line->connection); });
  line->connection = nullptr;
  line->system_id = 0;
  line->state = State::Closed;
}

void Prober::Answer(const ServerAddress& server, Line* line, Verdict verdict) {
  if (!line->question) return;
  verdict.epoch = line->question->epoch;
  verdict.host = server.host;
  verdict.port = server.port;
  found_.push_back({server.group, std::move(verdict), PreciseNow() - line->question->began});
  line->question.reset();
}

void Prober::Fail(const ServerAddress& server, Line* line, std::string problem, Millis now) {
  Close(line);
  line->failures = std::min(line->failures + 1, 10);
  line->deadline = now + std::min(kLongestPause, kShortestPause << line->failures);
  Verdict verdict;
  verdict.problem = std::move(problem);
  if (line->question) line->deadline = now + kShortestPause;
  Answer(server, line, std::move(verdict));
}

void Prober::Open(const ServerAddress& server, Line* line, Millis now) {
  std::string error;
  char refused[300] = "out of memory";
  const bool started = InTransaction(
      [&] {
        const char* reason;
        line->connection = remote::StartProbe(server.group, server.host.c_str(), server.port, &reason);
        if (reason != nullptr) strlcpy(refused, reason, sizeof(refused));
      },
      &error);
  if (!started) return Fail(server, line, error, now);
  if (line->connection == nullptr) {
    pg::Call([] { remote::CloseBare(nullptr); });
    return Fail(server, line, refused, now);
  }
  if (PQstatus(line->connection) == CONNECTION_BAD) {
    return Fail(server, line, OneLine(PQerrorMessage(line->connection)), now);
  }
  line->state = State::Connecting;
  line->wants_write = true;
  line->deadline = now + kConnectTimeout;
}

void Prober::Poll(const ServerAddress& server, Line* line, Millis now) {
  const char* refused = nullptr;
  const PostgresPollingStatusType poll =
      pg::Call([&] { return remote::GoOnConnecting(&line->connection, &refused); });
  if (poll == PGRES_POLLING_FAILED)
    return Fail(server, line, OneLine(refused != nullptr ? refused : PQerrorMessage(line->connection)), now);
  line->wants_write = poll == PGRES_POLLING_WRITING;
  if (poll != PGRES_POLLING_OK) return;
  line->state = State::Idle;
  line->failures = 0;
  if (line->question) Send(server, line, now);
}

void Prober::Send(const ServerAddress& server, Line* line, Millis now) {
  if (PQsendQuery(line->connection, line->system_id == 0 ? kFirstQuestion : kQuestion) != 1)
    return Fail(server, line, OneLine(PQerrorMessage(line->connection)), now);
  line->state = State::Asked;
  line->deadline = now + kAnswerTimeout;
}

void Prober::Receive(const ServerAddress& server, Line* line, Millis now) {
  if (PQconsumeInput(line->connection) != 1)
    return Fail(server, line, OneLine(PQerrorMessage(line->connection)), now);
  if (line->state == State::Idle || PQisBusy(line->connection) == 1) return;
  std::optional<Verdict> verdict;
  std::string problem;
  while (PGresult* result = PQgetResult(line->connection)) {
    if (PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) == 1) {
      verdict = ReadVerdict(result, &line->system_id);
    } else {
      problem = OneLine(PQresultErrorMessage(result));
    }
    PQclear(result);
    if (PQisBusy(line->connection) == 1) break;
  }
  if (!verdict) return Fail(server, line, std::move(problem), now);
  line->state = State::Idle;
  Answer(server, line, std::move(*verdict));
}

void Prober::Step(Millis now) {
  for (const ServerAddress& server : wanted_) lines_.try_emplace(server);
  for (auto it = lines_.begin(); it != lines_.end();) {
    const ServerAddress& server = it->first;
    Line* line = &it->second;
    const bool wanted = line->question.has_value() || wanted_.count(server) != 0;
    if (!wanted && line->state != State::Connecting) {
      Close(line);
      it = lines_.erase(it);
      continue;
    }
    const bool due = line->state != State::Idle && now >= line->deadline;
    if (due && line->state == State::Closed) {
      Open(server, line, now);
    } else if (due) {
      Fail(server, line, "no answer in time", now);
    }
    ++it;
  }
}

void Prober::OnSocket(int socket, Millis now) {
  for (auto& [server, line] : lines_) {
    if (line.connection == nullptr || PQsocket(line.connection) != socket) continue;
    if (line.state == State::Connecting) {
      Poll(server, &line, now);
    } else {
      Receive(server, &line, now);
    }
    return;
  }
}

std::vector<Interest> Prober::Interests() const {
  std::vector<Interest> interests;
  for (const auto& [server, line] : lines_) {
    if (line.connection == nullptr) continue;
    const bool write = line.state == State::Connecting && line.wants_write;
    interests.push_back({PQsocket(line.connection), !write, write});
  }
  return interests;
}

std::optional<Millis> Prober::Deadline() const {
  std::optional<Millis> next;
  for (const auto& [server, line] : lines_) {
    if (line.state == State::Idle) continue;
    if (!next || line.deadline < *next) next = line.deadline;
  }
  return next;
}

std::vector<Found> Prober::TakeFound() { return std::exchange(found_, {}); }

}  // namespace altius::ha
