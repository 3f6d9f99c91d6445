// SPDX-License-Identifier: PostgreSQL
// HTTP requests to etcd, several at once, on libcurl's multi interface: the caller's wait loop says
// which sockets are ready.  Knows nothing of PostgreSQL, raises no C++ exception out of libcurl's
// frames, and never waits.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <curl/curl.h>

#include "altius/core/etcd/watcher.hpp"

namespace altius::ha {

/// Files; empty: none.
struct Tls {
  std::string cacert;
  std::string cert;
  std::string key;
  bool verify = true;

  bool operator==(const Tls&) const = default;
};

struct HttpEvent {
  enum class Kind : std::uint8_t { Line, Answer, Ended };
  Kind kind = Kind::Ended;
  int id = 0;
  int status = 0;    // of an Answer
  std::string text;  // the line, the body, or why it ended
};

struct Interest {
  int socket = -1;
  bool read = false;
  bool write = false;
};

class Http {
 public:
  /// Throws altius::Error when libcurl can't be had.
  explicit Http(Tls tls);
  ~Http();
  Http(const Http&) = delete;
  Http& operator=(const Http&) = delete;

  void Send(const core::etcd::Request& request);
  void Drop(int id);

  // What libcurl waits for.
  std::vector<Interest> Interests() const;
  /// When OnTimer is due, on the clock that Now() reads; nothing: never.
  std::optional<core::etcd::Millis> Deadline() const { return deadline_; }

  // What has happened.
  void OnSocket(int socket, bool readable, bool writable);
  void OnTimer(core::etcd::Millis now);
  std::vector<HttpEvent> TakeEvents();

 private:
  struct Transfer;
  static std::size_t OnData(char* data, std::size_t size, std::size_t count, void* transfer);
  static int OnInterest(CURL* easy, curl_socket_t socket, int what, void* http, void* unused);
  static int OnTimeout(CURLM* multi, long timeout_ms, void* http);
  void Prepare(Transfer* transfer, const core::etcd::Request& request);
  void Act(curl_socket_t socket, int events);
  void Collect();
  void Finish(Transfer* transfer, CURLcode result);
  void Remove(int id);

  Tls tls_;
  CURLM* multi_ = nullptr;
  std::map<int, std::unique_ptr<Transfer>> transfers_;
  std::map<int, Interest> interests_;
  std::optional<core::etcd::Millis> deadline_;
  std::vector<HttpEvent> events_;
};

/// Milliseconds of a clock that never goes back.
core::etcd::Millis Now();

}  // namespace altius::ha
