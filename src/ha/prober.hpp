// SPDX-License-Identifier: PostgreSQL
// Asks servers whether they accept writes, and who they are: one libpq connection to each, kept
// open where that is worth it, all of them driven by the caller's wait loop.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "altius/core/ha/group.hpp"
#include "http.hpp"

struct pg_conn;

namespace altius::ha {

using core::ha::Millis;

struct ServerAddress {
  int group = 0;
  std::string host;
  int port = 0;

  auto Key() const { return std::tie(group, host, port); }
  bool operator<(const ServerAddress& other) const { return Key() < other.Key(); }
  bool operator==(const ServerAddress& other) const { return Key() == other.Key(); }
};

/// What became of one question.
struct Found {
  int group = 0;
  core::ha::Verdict verdict;
  double ms = 0;  // from the question to the answer
};

class Prober {
 public:
  Prober() = default;
  ~Prober();
  Prober(const Prober&) = delete;
  Prober& operator=(const Prober&) = delete;

  /// The servers to keep a connection to; those to others are closed once nobody asks there.
  void Keep(std::set<ServerAddress> wanted) { wanted_ = std::move(wanted); }

  /// One question at a time for each server; a new one replaces it.
  void Ask(const ServerAddress& server, const core::Epoch& epoch, Millis now);
  bool IsAsking(const ServerAddress& server) const;

  /// Opens, gives up and closes what is due.
  void Step(Millis now);
  void OnSocket(int socket, Millis now);
  std::vector<Interest> Interests() const;
  std::optional<Millis> Deadline() const;
  std::vector<Found> TakeFound();

 private:
  enum class State : std::uint8_t { Closed, Connecting, Idle, Asked };
  struct Question {
    core::Epoch epoch;
    Millis asked = 0;
    double began = 0;
  };
  struct Line {
    State state = State::Closed;
    pg_conn* connection = nullptr;
    bool wants_write = false;
    std::uint64_t system_id = 0;  // of the server at the other end; 0: not asked yet
    Millis deadline = 0;          // of what is under way; Closed: not before
    int failures = 0;
    std::optional<Question> question;
  };
  void Open(const ServerAddress& server, Line* line, Millis now);
  void Poll(const ServerAddress& server, Line* line, Millis now);
  void Send(const ServerAddress& server, Line* line, Millis now);
  void Receive(const ServerAddress& server, Line* line, Millis now);
  void Fail(const ServerAddress& server, Line* line, std::string problem, Millis now);
  void Close(Line* line);
  void Answer(const ServerAddress& server, Line* line, core::ha::Verdict verdict);

  std::set<ServerAddress> wanted_;
  std::map<ServerAddress, Line> lines_;
  std::vector<Found> found_;
};

}  // namespace altius::ha
