// SPDX-License-Identifier: PostgreSQL
// What etcd's JSON gateway (v3, HTTP) says and wants to hear, as plain data.
//
// Nothing here trusts its input: sizes and nesting are bounded, a field of a wrong type counts as
// absent, int64 may come as numbers or as strings, fields that are zero, empty or false may be
// missing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace altius::core::etcd {

/// Longest answer or line that is looked at.
inline constexpr std::size_t kLongestMessage = std::size_t{16} * 1024 * 1024;

struct Header {
  std::uint64_t cluster_id = 0;
  std::uint64_t member_id = 0;
  std::int64_t revision = 0;
  std::uint64_t raft_term = 0;
};

struct KeyValue {
  std::string key;
  std::string value;
  std::int64_t create_revision = 0;
  std::int64_t mod_revision = 0;
  std::int64_t version = 0;
  std::int64_t lease = 0;
};

struct Event {
  bool deleted = false;
  KeyValue kv;  // of a deletion only key and mod_revision
};

/// A gRPC status that is not OK.
struct Status {
  int code = 0;
  std::string message;
};

struct RangeAnswer {
  Header header;
  std::vector<KeyValue> kvs;
  std::int64_t count = 0;  // keys in the range, also when limits left some out of kvs
};

struct TxnAnswer {
  Header header;
  bool succeeded = false;
  std::vector<RangeAnswer> ranges;
};

struct AuthenticateAnswer {
  Header header;
  std::string token;
};

struct WatchMessage {
  Header header;
  std::int64_t watch_id = 0;
  bool created = false;
  bool canceled = false;
  std::int64_t compact_revision = 0;  // canceled because the start revision is gone
  std::string cancel_reason;
  std::vector<Event> events;
  std::optional<Status> error;  // the stream is over
};

/// Keys that begin with `prefix`.  Filters are off when zero.
struct PrefixRange {
  std::string prefix;
  bool keys_only = false;
  std::int64_t limit = 0;
  std::int64_t min_mod_revision = 0;
};

// Standard alphabet with padding.
std::string EncodeBase64(std::string_view bytes);
std::optional<std::string> DecodeBase64(std::string_view text);

/// The first key behind all that begin with the prefix ("a/" -> "a0").
std::string EndOfPrefix(std::string_view prefix);

// Bodies of requests.
std::string RangeBody(const PrefixRange& range);
/// All ranges from one revision of the store, linearizable.
std::string ReadBody(const std::vector<PrefixRange>& ranges);
/// One watch for each prefix, all in one stream.
std::string WatchBody(const std::vector<std::string>& prefixes, std::int64_t start_revision);
std::string AuthenticateBody(std::string_view user, std::string_view password);

// Answers.  Nothing when the text is not what it should be.
std::optional<RangeAnswer> ParseRange(std::string_view text);
std::optional<TxnAnswer> ParseTxn(std::string_view text);
std::optional<AuthenticateAnswer> ParseAuthenticate(std::string_view text);
std::optional<WatchMessage> ParseWatchMessage(std::string_view line);
/// The error object of an answer whose HTTP status is not 200; code 2 (unknown) when there is none.
Status ParseStatus(int http_status, std::string_view text);

/// Reassembles the lines of a stream from the pieces in which they arrive.
class LineBuffer {
 public:
  explicit LineBuffer(std::size_t longest = kLongestMessage) : longest_(longest) {}

  /// False when a line is longer than allowed: the stream is to be dropped.
  bool Append(std::string_view piece);

  /// The next whole line without its end; empty lines are passed over.
  std::optional<std::string> Next();

 private:
  std::size_t longest_;
  std::string waiting_;
  std::size_t read_ = 0;     // everything before was handed out
  std::size_t scanned_ = 0;  // no line end between read_ and here
};

}  // namespace altius::core::etcd
