// SPDX-License-Identifier: PostgreSQL
// Follows the keys below some prefixes: a state machine without I/O.
//
// The caller tells it what happened (an answer, a line of the stream, a failure, the time) and does
// what it asks for (requests to send, requests to drop).  It chooses the endpoint, notices when one
// is silent or cut off from its quorum, authenticates, reads everything after each reconnect and
// watches from there.  What changed in between is handed out as the newest state of each key, never
// as a replay of old events.
#pragma once

#include <map>
#include <set>
#include <utility>

#include "altius/core/etcd/messages.hpp"

namespace altius::core::etcd {

/// Milliseconds of a clock that never goes back.
using Millis = std::int64_t;

struct WatcherOptions {
  std::vector<std::string> endpoints;  // base URLs: https://host:2379
  std::vector<std::string> prefixes;
  std::string user;  // empty: no authentication
  std::string password;
  std::uint64_t seed = 1;  // for the first endpoint and for jitter
  Millis request_timeout = 2000;
  Millis created_timeout = 1000;
  Millis heartbeat = 1000;
  Millis shortest_backoff = 200;
  Millis longest_backoff = 2000;
  Millis refused_pause = 10000;  // after a wrong password
};

enum class RequestKind : std::uint8_t { Authenticate, Read, Watch, Heartbeat };

struct Request {
  int id = 0;
  RequestKind kind = RequestKind::Read;
  std::string url;
  std::string body;
  std::string token;    // for the header Authorization, as it is
  bool stream = false;  // lines are wanted as they arrive; there is no end to wait for
};

struct LogLine {
  bool warning = false;
  std::string text;
};

struct Actions {
  std::vector<int> drop;  // first
  std::vector<Request> send;
  std::vector<LogLine> log;
};

/// What a key is now.
struct Change {
  std::string key;
  std::optional<KeyValue> now;  // nothing: it is gone
};

enum class Phase : std::uint8_t { Stopped, Waiting, Authenticating, Reading, Creating, Live };
const char* NameOf(Phase phase);

class Watcher {
 public:
  explicit Watcher(WatcherOptions options);

  // What happened.
  void Start(Millis now);
  void Tick(Millis now);
  void Answer(int id, int http_status, std::string_view body, Millis now);
  void Line(int id, std::string_view line, Millis now);
  void Ended(int id, const std::string& reason, Millis now);  // failed, or the stream is over
  void SetPassword(std::string password);

  // What is to be done.
  Actions TakeActions();
  Millis NextDeadline() const;  // when Tick is due
  std::vector<Change> TakeChanges();

  // What is known.
  const std::map<std::string, KeyValue>& keys() const { return keys_; }
  Phase phase() const { return phase_; }
  const std::string& endpoint() const { return options_.endpoints[endpoint_]; }
  std::uint64_t cluster_id() const { return cluster_id_; }
  std::int64_t revision() const { return seen_revision_; }
  int syncs() const { return syncs_; }  // full reads so far
  int incarnation() const {
    return incarnation_;
  }  // grows when etcd is another one or went back in time
  Millis last_contact() const { return last_contact_; }
  /// Heartbeats that a quorum has answered and that knew of nothing beyond keys().
  std::uint64_t agreements() const { return agreements_; }
  const std::string& problem() const { return problem_; }  // empty when all is well

 private:
  void Connect(Millis now);
  void Send(RequestKind kind, std::string path, std::string body, Millis deadline);
  void Authenticate(Millis now);
  void Read(Millis now);
  void GiveUp(const std::string& reason);
  void Fail(const std::string& reason, Millis now);
  void FailLogin(const std::string& reason, Millis now);
  void WaitAbout(Millis pause, Millis now);
  void Restart(const std::string& reason, Millis now);
  void DropAll();
  bool Refused(const Status& status, Millis now);
  void OnAuthenticated(std::string_view body, Millis now);
  void OnRead(std::string_view body, Millis now);
  void OnHeartbeat(std::string_view body, Millis now);
  void OnWatchMessage(const WatchMessage& message, Millis now);
  void OnCanceled(const WatchMessage& message, Millis now);
  void OnCreated(Millis now);
  bool HeaderFits(const Header& header, Millis now);
  void NoteIdentity(const TxnAnswer& answer);
  bool IsOlder(const TxnAnswer& answer) const;
  void Replace(const TxnAnswer& answer);
  void Apply(const Event& event);
  bool Missed(const TxnAnswer& answer);
  void Log(bool warning, std::string text);
  double Random();

  WatcherOptions options_;
  Phase phase_ = Phase::Stopped;
  std::size_t endpoint_ = 0;
  std::uint64_t random_;
  std::string token_;
  int next_id_ = 1;
  int unary_ = 0;  // request under way beside the stream, 0: none
  RequestKind unary_kind_ = RequestKind::Read;
  int stream_ = 0;
  std::size_t created_ = 0;  // watches
  Millis deadline_ = 0;      // of what is under way, or of the pause
  Millis next_heartbeat_ = 0;
  Millis last_contact_ = 0;
  std::uint64_t agreements_ = 0;
  int failures_ = 0;  // since the last heartbeat that was answered
  int refusals_ = 0;  // of the token, since then
  int restarts_ = 0;  // since then

  std::map<std::string, KeyValue> keys_;
  std::set<std::string> changed_;
  std::uint64_t cluster_id_ = 0;
  std::int64_t read_revision_ = 0;       // of the last full read
  std::int64_t processed_revision_ = 0;  // of the newest change known
  std::int64_t seen_revision_ = 0;       // in any header
  std::int64_t suspicion_ = -1;  // processed_revision_ when a heartbeat knew of more; -1: none
  std::uint64_t raft_term_ = 0;
  bool counts_help_ = true;  // a heartbeat's count of keys is what we think it is
  int count_restarts_ = 0;   // one after the other
  int syncs_ = 0;
  int incarnation_ = 0;
  std::string problem_;
  std::string logged_;  // the last problem that was logged
  Actions actions_;
};

}  // namespace altius::core::etcd
