// SPDX-License-Identifier: PostgreSQL
// libcurl's multi interface, driven from outside.  Signals are blocked while libcurl works: the
// thread that its resolver may start inherits the mask, so that no handler of PostgreSQL's ever
// runs there.
#include "http.hpp"

#include <chrono>
#include <csignal>

#include "altius/base/error.hpp"
#include "altius/core/etcd/messages.hpp"

namespace altius::ha {
namespace {

using core::etcd::kLongestMessage;

constexpr long kConnectTimeoutMs = 1000;

class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &before_);
  }
  ~SignalsBlocked() { sigprocmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

void SetCommonOptions(CURL* easy) {
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_PROXY, "");
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
#if LIBCURL_VERSION_NUM >= 0x075500
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
#else
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS);
#endif
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, kConnectTimeoutMs);
  curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, 5L);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, 5L);
}

void SetTls(CURL* easy, const Tls& tls) {
  if (!tls.cacert.empty()) curl_easy_setopt(easy, CURLOPT_CAINFO, tls.cacert.c_str());
  if (!tls.cert.empty()) curl_easy_setopt(easy, CURLOPT_SSLCERT, tls.cert.c_str());
  if (!tls.key.empty()) curl_easy_setopt(easy, CURLOPT_SSLKEY, tls.key.c_str());
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, tls.verify ? 1L : 0L);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, tls.verify ? 2L : 0L);
}

}  // namespace

core::etcd::Millis Now() {
  using std::chrono::duration_cast;
  using std::chrono::milliseconds;
  return duration_cast<milliseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

struct Http::Transfer {
  Transfer(int number, bool is_stream) : id(number), stream(is_stream) {}
  ~Transfer() {
    if (easy != nullptr) curl_easy_cleanup(easy);
    curl_slist_free_all(headers);
  }
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  bool HasLines() const {
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    return stream && status == 200;
  }

  int id;
  bool stream;
  CURL* easy = nullptr;
  curl_slist* headers = nullptr;
  std::string received;
  core::etcd::LineBuffer lines;
  bool too_long = false;
  char error[CURL_ERROR_SIZE] = {};
};

Http::Http(Tls tls) : tls_(std::move(tls)) {
  const SignalsBlocked blocked;
  static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  multi_ = ready == CURLE_OK ? curl_multi_init() : nullptr;
  if (multi_ == nullptr) throw Error("58000", "libcurl could not be initialized");
  curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, OnInterest);
  curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
  curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, OnTimeout);
  curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
}

Http::~Http() {
  const SignalsBlocked blocked;
  for (const auto& [id, transfer] : transfers_) curl_multi_remove_handle(multi_, transfer->easy);
  transfers_.clear();
  curl_multi_cleanup(multi_);
}

/// Called by libcurl: nothing may be thrown.
std::size_t Http::OnData(char* data, std::size_t size, std::size_t count, void* argument) {
  auto* transfer = static_cast<Transfer*>(argument);
  const std::size_t length = size * count;
  try {
    if (transfer->HasLines()) {
      transfer->too_long = !transfer->lines.Append({data, length});
    } else {
      transfer->too_long = transfer->received.size() + length > kLongestMessage;
      if (!transfer->too_long) transfer->received.append(data, length);
    }
  } catch (...) {
    transfer->too_long = true;
  }
  return transfer->too_long ? 0 : length;  // less than there is: libcurl gives the transfer up
}

int Http::OnInterest(CURL*, curl_socket_t socket, int what, void* argument, void*) {
  auto* http = static_cast<Http*>(argument);
  try {
    if (what == CURL_POLL_REMOVE) {
      http->interests_.erase(socket);
    } else {
      http->interests_[socket] = {socket, (what & CURL_POLL_IN) != 0, (what & CURL_POLL_OUT) != 0};
    }
  } catch (...) {
    return -1;
  }
  return 0;
}

int Http::OnTimeout(CURLM*, long timeout_ms, void* argument) {
  auto* http = static_cast<Http*>(argument);
  http->deadline_.reset();
  if (timeout_ms >= 0) http->deadline_ = Now() + timeout_ms;
  return 0;
}

void Http::Prepare(Transfer* transfer, const core::etcd::Request& request) {
  CURL* easy = transfer->easy;
  transfer->headers = curl_slist_append(nullptr, "Content-Type: application/json");
  transfer->headers = curl_slist_append(transfer->headers, "Expect:");
  if (!request.token.empty()) {
    transfer->headers =
        curl_slist_append(transfer->headers, ("Authorization: " + request.token).c_str());
  }
  SetCommonOptions(easy);
  SetTls(easy, tls_);
  curl_easy_setopt(easy, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers);
  curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, static_cast<long>(request.body.size()));
  curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, request.body.c_str());
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, OnData);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->error);
  curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
}

void Http::Send(const core::etcd::Request& request) {
  const SignalsBlocked blocked;
  auto transfer = std::make_unique<Transfer>(request.id, request.stream);
  transfer->easy = curl_easy_init();
  if (transfer->easy == nullptr) {
    events_.push_back({HttpEvent::Kind::Ended, request.id, 0, "out of memory"});
    return;
  }
  Prepare(transfer.get(), request);
  Transfer* added = (transfers_[request.id] = std::move(transfer)).get();
  const CURLMcode result = curl_multi_add_handle(multi_, added->easy);
  if (result == CURLM_OK) return;
  events_.push_back({HttpEvent::Kind::Ended, request.id, 0, curl_multi_strerror(result)});
  transfers_.erase(request.id);
}

void Http::Drop(int id) {
  const SignalsBlocked blocked;
  Remove(id);
}

void Http::Remove(int id) {
  const auto found = transfers_.find(id);
  if (found == transfers_.end()) return;
  curl_multi_remove_handle(multi_, found->second->easy);
  transfers_.erase(found);
}

std::vector<Interest> Http::Interests() const {
  std::vector<Interest> interests;
  for (const auto& [socket, interest] : interests_) interests.push_back(interest);
  return interests;
}

void Http::OnSocket(int socket, bool readable, bool writable) {
  if (interests_.count(socket) == 0) return;
  Act(socket, (readable ? CURL_CSELECT_IN : 0) | (writable ? CURL_CSELECT_OUT : 0));
}

void Http::OnTimer(core::etcd::Millis now) {
  if (!deadline_ || now < *deadline_) return;
  deadline_.reset();
  Act(CURL_SOCKET_TIMEOUT, 0);
}

void Http::Act(curl_socket_t socket, int events) {
  const SignalsBlocked blocked;
  int running = 0;
  curl_multi_socket_action(multi_, socket, events, &running);
  Collect();
}

void Http::Collect() {
  for (const auto& [id, transfer] : transfers_) {
    while (std::optional<std::string> line = transfer->lines.Next())
      events_.push_back({HttpEvent::Kind::Line, id, 0, std::move(*line)});
  }
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    const CURLcode result = message->data.result;
    char* transfer = nullptr;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
    Finish(reinterpret_cast<Transfer*>(transfer), result);
  }
}

void Http::Finish(Transfer* transfer, CURLcode result) {
  long status = 0;
  curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
  const int id = transfer->id;
  if (transfer->too_long) {
    events_.push_back({HttpEvent::Kind::Ended, id, 0, "the answer is too long"});
  } else if (result != CURLE_OK) {
    const char* reason = transfer->error[0] != '\0' ? transfer->error : curl_easy_strerror(result);
    events_.push_back({HttpEvent::Kind::Ended, id, 0, reason});
  } else if (transfer->HasLines()) {
    events_.push_back({HttpEvent::Kind::Ended, id, 0, "the stream ended"});
  } else {
    events_.push_back(
        {HttpEvent::Kind::Answer, id, static_cast<int>(status), std::move(transfer->received)});
  }
  Remove(id);
}

std::vector<HttpEvent> Http::TakeEvents() { return std::exchange(events_, {}); }

}  // namespace altius::ha
