// SPDX-License-Identifier: PostgreSQL
#include "altius/core/etcd/messages.hpp"

#include <algorithm>

#include "altius/core/etcd/json.hpp"

namespace altius::core::etcd {
namespace {

Header HeaderOf(const Json& answer) {
  Header header;
  if (const Json* json = Find(answer, "header")) {
    header.cluster_id = Uint64Of(*json, "cluster_id");
    header.member_id = Uint64Of(*json, "member_id");
    header.revision = Int64Of(*json, "revision");
    header.raft_term = Uint64Of(*json, "raft_term");
  }
  return header;
}

/// False when the key or the value is not base64 or the key is missing.
bool ReadKeyValue(const Json& json, KeyValue* out) {
  std::optional<std::string> key = DecodeBase64(StringOf(json, "key"));
  std::optional<std::string> value = DecodeBase64(StringOf(json, "value"));
  if (!key || !value || key->empty()) return false;
  out->key = std::move(*key);
  out->value = std::move(*value);
  out->create_revision = Int64Of(json, "create_revision");
  out->mod_revision = Int64Of(json, "mod_revision");
  out->version = Int64Of(json, "version");
  out->lease = Int64Of(json, "lease");
  return true;
}

bool ReadRange(const Json& json, RangeAnswer* out) {
  out->header = HeaderOf(json);
  out->count = Int64Of(json, "count");
  const Json* kvs = Find(json, "kvs");
  if (kvs == nullptr) return true;
  if (!kvs->is_array()) return false;
  for (const Json& kv : *kvs) {
    if (!ReadKeyValue(kv, &out->kvs.emplace_back())) return false;
  }
  return true;
}

bool ReadEvents(const Json& events, std::vector<Event>* out) {
  if (!events.is_array()) return false;
  for (const Json& json : events) {
    Event& event = out->emplace_back();
    const Json* type = Find(json, "type");
    event.deleted = type != nullptr &&
                    ((type->is_string() && *type == "DELETE") || (type->is_number() && *type == 1));
    const Json* kv = Find(json, "kv");
    if (kv == nullptr || !ReadKeyValue(*kv, &event.kv)) return false;
  }
  return true;
}

Json RangeJson(const PrefixRange& range) {
  Json json = {{"key", EncodeBase64(range.prefix)},
               {"range_end", EncodeBase64(EndOfPrefix(range.prefix))}};
  if (range.keys_only) json["keys_only"] = true;
  if (range.limit > 0) json["limit"] = std::to_string(range.limit);
  if (range.min_mod_revision > 0) {
    json["min_mod_revision"] = std::to_string(range.min_mod_revision);
  }
  return json;
}

/// Names and passwords may hold any bytes; what is not UTF-8 is replaced.
std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

std::string EndOfPrefix(std::string_view prefix) {
  std::string end(prefix);
  while (!end.empty() && static_cast<unsigned char>(end.back()) == 0xff) end.pop_back();
  if (end.empty()) return std::string(1, '\0');  // "all keys", in etcd's words
  end.back() = static_cast<char>(static_cast<unsigned char>(end.back()) + 1);
  return end;
}

std::string RangeBody(const PrefixRange& range) { return Dump(RangeJson(range)); }

std::string ReadBody(const std::vector<PrefixRange>& ranges) {
  Json operations = Json::array();
  for (const PrefixRange& range : ranges)
    operations.push_back({{"request_range", RangeJson(range)}});
  return Dump({{"success", operations}});
}

std::string WatchBody(const std::vector<std::string>& prefixes, std::int64_t start_revision) {
  std::string body;
  for (const std::string& prefix : prefixes) {
    body += Dump({{"create_request",
                   {{"key", EncodeBase64(prefix)},
                    {"range_end", EncodeBase64(EndOfPrefix(prefix))},
                    {"start_revision", std::to_string(start_revision)}}}});
  }
  return body;
}

std::string AuthenticateBody(std::string_view user, std::string_view password) {
  return Dump({{"name", std::string(user)}, {"password", std::string(password)}});
}

std::optional<RangeAnswer> ParseRange(std::string_view text) {
  const std::optional<Json> json = ParseJson(text, kLongestMessage);
  RangeAnswer answer;
  if (!json || !json->is_object() || !ReadRange(*json, &answer)) return std::nullopt;
  return answer;
}

std::optional<TxnAnswer> ParseTxn(std::string_view text) {
  const std::optional<Json> json = ParseJson(text, kLongestMessage);
  if (!json || !json->is_object()) return std::nullopt;
  TxnAnswer answer;
  answer.header = HeaderOf(*json);
  answer.succeeded = BoolOf(*json, "succeeded");
  const Json* responses = Find(*json, "responses");
  if (responses == nullptr) return answer;
  if (!responses->is_array()) return std::nullopt;
  for (const Json& response : *responses) {
    const Json* range = Find(response, "response_range");
    if (range == nullptr || !ReadRange(*range, &answer.ranges.emplace_back())) return std::nullopt;
  }
  return answer;
}

std::optional<AuthenticateAnswer> ParseAuthenticate(std::string_view text) {
  const std::optional<Json> json = ParseJson(text, kLongestMessage);
  if (!json) return std::nullopt;
  AuthenticateAnswer answer{HeaderOf(*json), StringOf(*json, "token")};
  // It goes into a header line.
  const bool printable = std::all_of(answer.token.begin(), answer.token.end(),
                                     [](char letter) { return letter > ' ' && letter < '\x7f'; });
  if (answer.token.empty() || !printable) return std::nullopt;
  return answer;
}

std::optional<WatchMessage> ParseWatchMessage(std::string_view line) {
  const std::optional<Json> json = ParseJson(line, kLongestMessage);
  if (!json) return std::nullopt;
  WatchMessage message;
  if (const Json* error = Find(*json, "error")) {
    message.error = error->is_object() ? Status{static_cast<int>(Int64Of(*error, "grpc_code")),
                                                StringOf(*error, "message")}
                                       : ParseStatus(0, line);
    return message;
  }
  const Json* result = Find(*json, "result");
  if (result == nullptr || !result->is_object()) return std::nullopt;
  message.header = HeaderOf(*result);
  message.watch_id = Int64Of(*result, "watch_id");
  message.created = BoolOf(*result, "created");
  message.canceled = BoolOf(*result, "canceled");
  message.compact_revision = Int64Of(*result, "compact_revision");
  message.cancel_reason = StringOf(*result, "cancel_reason");
  const Json* events = Find(*result, "events");
  if (events != nullptr && !ReadEvents(*events, &message.events)) return std::nullopt;
  return message;
}

namespace {

/// Some refusals are a sentence, no JSON; what proxies say is a page.
bool IsPlainLine(std::string_view text) {
  constexpr std::size_t kLongest = 300;
  return !text.empty() && text.size() <= kLongest && text[0] != '<' && text[0] != '{' &&
         text.substr(0, text.size() - 1).find('\n') == std::string_view::npos;
}

}  // namespace

Status ParseStatus(int http_status, std::string_view text) {
  Status status{2, {}};
  if (const std::optional<Json> json = ParseJson(text, kLongestMessage)) {
    status.message = StringOf(*json, "message");
    if (status.message.empty()) status.message = StringOf(*json, "error");
    if (Find(*json, "code") != nullptr) status.code = static_cast<int>(Int64Of(*json, "code"));
  }
  if (!status.message.empty()) return status;
  status.message = "HTTP status " + std::to_string(http_status);
  if (IsPlainLine(text)) status.message += ": " + std::string(text.substr(0, text.find('\n')));
  return status;
}

}  // namespace altius::core::etcd
