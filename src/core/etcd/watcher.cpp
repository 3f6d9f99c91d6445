// SPDX-License-Identifier: PostgreSQL
// The watcher's way through its phases: connect, authenticate, read, watch, heartbeats, failures.
#include "altius/core/etcd/watcher.hpp"

#include <algorithm>
#include <limits>

namespace altius::core::etcd {
namespace {

constexpr int kInvalidArgument = 3;
constexpr int kPermissionDenied = 7;
constexpr int kFailedPrecondition = 9;
constexpr int kUnauthenticated = 16;
constexpr int kMaxRestarts = 3;  // before a heartbeat; then the endpoint counts as failed

bool Contains(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

/// The token is missing, too old or from before a change of users.
bool WantsToken(const Status& status) {
  return status.code == kUnauthenticated || Contains(status.message, "user name is empty") ||
         Contains(status.message, "revision of auth store is old") ||
         Contains(status.message, "invalid auth token");
}

/// A prefix below another one would be read and watched twice.
void KeepShortest(std::vector<std::string>* prefixes) {
  std::sort(prefixes->begin(), prefixes->end());
  std::vector<std::string> kept;
  for (const std::string& prefix : *prefixes) {
    if (kept.empty() || !prefix.starts_with(kept.back())) kept.push_back(prefix);
  }
  *prefixes = std::move(kept);
}

}  // namespace

const char* NameOf(Phase phase) {
  constexpr const char* kNames[] = {"stopped", "waiting",  "authenticating",
                                    "reading", "creating", "live"};
  return kNames[static_cast<int>(phase)];
}

Watcher::Watcher(WatcherOptions options) : options_(std::move(options)), random_(options_.seed) {
  KeepShortest(&options_.prefixes);
  for (std::string& url : options_.endpoints) {
    while (!url.empty() && url.back() == '/') url.pop_back();
  }
}

void Watcher::Start(Millis now) {
  if (options_.endpoints.empty() || options_.prefixes.empty()) return;
  endpoint_ = static_cast<std::size_t>(Random() * static_cast<double>(options_.endpoints.size()));
  Connect(now);
}

void Watcher::Connect(Millis now) {
  if (!options_.user.empty() && token_.empty()) {
    Authenticate(now);
  } else {
    Read(now);
  }
}

void Watcher::Send(RequestKind kind, std::string path, std::string body, Millis deadline) {
  const bool stream = kind == RequestKind::Watch;
  const int id = next_id_++;
  const std::string& token = kind == RequestKind::Authenticate ? std::string() : token_;
  actions_.send.push_back({id, kind, endpoint() + path, std::move(body), token, stream});
  if (stream) {
    stream_ = id;
  } else {
    unary_ = id;
    unary_kind_ = kind;
  }
  deadline_ = deadline;
}

void Watcher::Authenticate(Millis now) {
  if (phase_ != Phase::Live) phase_ = Phase::Authenticating;
  Send(RequestKind::Authenticate, "/v3/auth/authenticate",
       AuthenticateBody(options_.user, options_.password), now + options_.request_timeout);
}

void Watcher::Read(Millis now) {
  phase_ = Phase::Reading;
  std::vector<PrefixRange> ranges;
  for (const std::string& prefix : options_.prefixes) ranges.push_back({.prefix = prefix});
  Send(RequestKind::Read, "/v3/kv/txn", ReadBody(ranges), now + options_.request_timeout);
}

void Watcher::DropAll() {
  for (int* request : {&unary_, &stream_}) {
    if (*request != 0) actions_.drop.push_back(*request);
    *request = 0;
  }
}

/// Leaves the endpoint for the next one.
void Watcher::GiveUp(const std::string& reason) {
  problem_ = endpoint() + ": " + reason;
  if (problem_ != logged_) Log(true, problem_);
  logged_ = problem_;
  DropAll();
  endpoint_ = (endpoint_ + 1) % options_.endpoints.size();
  failures_++;
}

void Watcher::Fail(const std::string& reason, Millis now) {
  GiveUp(reason);
  const std::size_t count = options_.endpoints.size();
  if (static_cast<std::size_t>(failures_) % count != 0) {
    Connect(now);
    return;
  }
  const int rounds = std::min(failures_ / static_cast<int>(count) - 1, 10);
  WaitAbout(std::min(options_.shortest_backoff << rounds, options_.longest_backoff), now);
}

/// The password is wrong wherever it is shown, and looking at it costs etcd so much time that
/// Patroni's own requests come too late.
void Watcher::FailLogin(const std::string& reason, Millis now) {
  GiveUp("authentication failed: " + reason);
  WaitAbout(options_.refused_pause, now);
}

/// From half of the pause to all of it.
void Watcher::WaitAbout(Millis pause, Millis now) {
  phase_ = Phase::Waiting;
  deadline_ = now + pause / 2 + static_cast<Millis>(Random() * static_cast<double>(pause) / 2);
}

/// A new one is tried at once.
void Watcher::SetPassword(std::string password) {
  if (password == options_.password) return;
  options_.password = std::move(password);
  if (phase_ == Phase::Waiting) deadline_ = 0;
}

/// The endpoint is all right but what we hold may not be: everything is read again.
void Watcher::Restart(const std::string& reason, Millis now) {
  if (++restarts_ > kMaxRestarts) return Fail(reason, now);
  Log(false, endpoint() + ": " + reason + "; reading everything again");
  DropAll();
  Read(now);
}

void Watcher::Tick(Millis now) {
  if (phase_ == Phase::Stopped) return;
  if (phase_ == Phase::Waiting) {
    if (now >= deadline_) Connect(now);
    return;
  }
  if ((phase_ != Phase::Live || unary_ != 0) && now >= deadline_) {
    const bool creating = phase_ == Phase::Creating;
    Fail(creating ? "the watch was not created in time" : "no answer in time", now);
    return;
  }
  if (phase_ != Phase::Live || unary_ != 0 || now < next_heartbeat_) return;
  std::vector<PrefixRange> ranges;
  for (const std::string& prefix : options_.prefixes) {
    ranges.push_back({prefix, true, 1, processed_revision_ + 1});
  }
  next_heartbeat_ = now + options_.heartbeat;
  Send(RequestKind::Heartbeat, "/v3/kv/txn", ReadBody(ranges), now + options_.request_timeout);
}

Millis Watcher::NextDeadline() const {
  if (phase_ == Phase::Stopped) return std::numeric_limits<Millis>::max();
  return phase_ == Phase::Live && unary_ == 0 ? next_heartbeat_ : deadline_;
}

/// Something was refused: get a new token where that may help.  True: it was dealt with.
bool Watcher::Refused(const Status& status, Millis now) {
  if (!WantsToken(status) || options_.user.empty() || refusals_ >= 2) return false;
  refusals_++;
  token_.clear();
  Authenticate(now);
  return true;
}

void Watcher::Answer(int id, int http_status, std::string_view body, Millis now) {
  if (id == 0) return;
  if (id == stream_) {  // streams have no answer unless they failed
    const std::string reason = ParseStatus(http_status, body).message;
    Ended(id, reason, now);
    return;
  }
  if (id != unary_) return;
  unary_ = 0;
  if (http_status == 404) {
    Fail("it has no v3 JSON gateway (etcd 3.4 or later is needed)", now);
  } else if (http_status != 200) {
    const Status status = ParseStatus(http_status, body);
    const bool no_auth =
        status.code == kFailedPrecondition || Contains(status.message, "not enabled");
    if (unary_kind_ == RequestKind::Authenticate) {
      if (!no_auth) return FailLogin(status.message, now);
      if (phase_ != Phase::Live) Read(now);
    } else if (!Refused(status, now)) {
      const bool denied = status.code == kPermissionDenied || status.code == kInvalidArgument;
      Fail((denied ? "refused: " : "") + status.message, now);
    }
  } else if (unary_kind_ == RequestKind::Authenticate) {
    OnAuthenticated(body, now);
  } else if (unary_kind_ == RequestKind::Read) {
    OnRead(body, now);
  } else {
    OnHeartbeat(body, now);
  }
}

void Watcher::Ended(int id, const std::string& reason, Millis now) {
  if (id == 0 || (id != unary_ && id != stream_)) return;
  (id == unary_ ? unary_ : stream_) = 0;
  Fail(reason, now);
}

void Watcher::OnAuthenticated(std::string_view body, Millis now) {
  std::optional<AuthenticateAnswer> answer = ParseAuthenticate(body);
  if (!answer) return Fail("authentication gave no token", now);
  token_ = std::move(answer->token);
  if (phase_ == Phase::Live) {
    next_heartbeat_ = now;
  } else {
    Read(now);
  }
}

void Watcher::OnRead(std::string_view body, Millis now) {
  const std::optional<TxnAnswer> answer = ParseTxn(body);
  if (!answer || answer->ranges.size() != options_.prefixes.size() ||
      answer->header.revision <= 0) {
    return Fail("it answers with something that etcd does not say", now);
  }
  last_contact_ = now;
  NoteIdentity(*answer);
  Replace(*answer);
  syncs_++;
  created_ = 0;
  phase_ = Phase::Creating;
  Send(RequestKind::Watch, "/v3/watch", WatchBody(options_.prefixes, read_revision_ + 1),
       now + options_.created_timeout);
}

void Watcher::OnHeartbeat(std::string_view body, Millis now) {
  const std::optional<TxnAnswer> answer = ParseTxn(body);
  if (!answer || answer->ranges.size() != options_.prefixes.size()) {
    return Fail("it answers with something that etcd does not say", now);
  }
  if (!HeaderFits(answer->header, now)) return;
  last_contact_ = now;
  failures_ = refusals_ = restarts_ = 0;
  problem_.clear();
  if (Missed(*answer)) return Restart("the watch left out a change", now);
  if (suspicion_ == -1) agreements_++;
}

void Watcher::Line(int id, std::string_view line, Millis now) {
  if (id == 0 || id != stream_) return;
  const std::optional<WatchMessage> message = ParseWatchMessage(line);
  if (!message) return Fail("its stream has something that etcd does not say", now);
  if (message->error) {
    if (!WantsToken(*message->error) || options_.user.empty() || refusals_ >= 2) {
      return Fail("the stream ended: " + message->error->message, now);
    }
    DropAll();
    phase_ = Phase::Creating;
    (void)Refused(*message->error, now);
    return;
  }
  OnWatchMessage(*message, now);
}

void Watcher::OnWatchMessage(const WatchMessage& message, Millis now) {
  if (message.canceled) return OnCanceled(message, now);
  if (!HeaderFits(message.header, now)) return;
  last_contact_ = now;
  if (message.created) OnCreated(now);
  for (const Event& event : message.events) Apply(event);
}

void Watcher::OnCanceled(const WatchMessage& message, Millis now) {
  if (message.compact_revision > 0) return Restart("the watched revision was compacted", now);
  const Status status{0, message.cancel_reason};
  DropAll();
  phase_ = Phase::Creating;
  if (Refused(status, now)) return;
  Fail("the watch was canceled: " + message.cancel_reason, now);
}

void Watcher::OnCreated(Millis now) {
  if (++created_ < options_.prefixes.size() || phase_ != Phase::Creating) return;
  phase_ = Phase::Live;
  next_heartbeat_ = now;  // proves the quorum at once
  suspicion_ = -1;
  Log(false, "following " + endpoint());
  logged_.clear();
}

void Watcher::Log(bool warning, std::string text) {
  actions_.log.push_back({warning, std::move(text)});
}

double Watcher::Random() {
  random_ += 0x9e3779b97f4a7c15U;
  std::uint64_t mixed = random_;
  mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9U;
  mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebU;
  return static_cast<double>((mixed ^ mixed >> 31) >> 11) / static_cast<double>(1ULL << 53);
}

Actions Watcher::TakeActions() { return std::exchange(actions_, {}); }

}  // namespace altius::core::etcd
