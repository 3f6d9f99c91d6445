// SPDX-License-Identifier: PostgreSQL
// The values of Patroni's keys.
#include <algorithm>
#include <charconv>

#include "altius/core/etcd/json.hpp"
#include "altius/core/ha/view.hpp"
#include "altius/core/route/password.hpp"

namespace altius::core::ha {

using etcd::Find;
using etcd::Int64Of;
using etcd::Json;
using etcd::ParseJson;
using etcd::StringOf;

namespace {

constexpr std::size_t kLongestValue = std::size_t{1024} * 1024;

bool IsHost(std::string_view host) { return host.size() <= kLongestHost && IsNetworkHost(host); }

/// Takes `digits` digits off the front.
bool TakeNumber(std::string_view* text, std::size_t digits, int* out) {
  if (text->size() < digits) return false;
  const char* end = text->data() + digits;
  const auto [rest, error] = std::from_chars(text->data(), end, *out);
  if (error != std::errc{} || rest != end || *out < 0) return false;
  text->remove_prefix(digits);
  return true;
}

bool TakeLetter(std::string_view* text, std::string_view letters) {
  if (text->empty() || letters.find(text->front()) == std::string_view::npos) return false;
  text->remove_prefix(1);
  return true;
}

/// Days since 1970 of a date of the Gregorian calendar.
std::int64_t DaysOf(int year, int month, int day) {
  year -= month <= 2 ? 1 : 0;
  const int era = year / 400;
  const int of_era = year - era * 400;
  const int of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return std::int64_t{era} * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/// "+02:00", "Z" or nothing, in minutes.
bool TakeZone(std::string_view text, int* minutes) {
  *minutes = 0;
  if (text.empty() || text == "Z") return true;
  const bool west = text[0] == '-';
  int hours = 0;
  int rest = 0;
  if (!TakeLetter(&text, "+-") || !TakeNumber(&text, 2, &hours)) return false;
  TakeLetter(&text, ":");
  if (!text.empty() && !TakeNumber(&text, 2, &rest)) return false;
  *minutes = (hours * 60 + rest) * (west ? -1 : 1);
  return text.empty();
}

}  // namespace

std::int64_t ParseTime(std::string_view text) {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  const bool date = TakeNumber(&text, 4, &year) && TakeLetter(&text, "-") &&
                    TakeNumber(&text, 2, &month) && TakeLetter(&text, "-") &&
                    TakeNumber(&text, 2, &day) && TakeLetter(&text, "T ");
  const bool time = date && TakeNumber(&text, 2, &hour) && TakeLetter(&text, ":") &&
                    TakeNumber(&text, 2, &minute);
  if (!time || year < 1970 || month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 ||
      minute > 59)
    return 0;
  if (TakeLetter(&text, ":") && !TakeNumber(&text, 2, &second)) return 0;
  if (TakeLetter(&text, ".")) {  // fractions do not matter
    while (TakeLetter(&text, "0123456789")) {
    }
  }
  int zone = 0;
  if (!TakeZone(text, &zone)) return 0;
  return ((DaysOf(year, month, day) * 24 + hour) * 60 + minute - zone) * 60000 +
         std::int64_t{second} * 1000;
}

std::optional<HostPort> ParseConnUrl(std::string_view url) {
  const std::size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) return std::nullopt;
  if (url.substr(0, scheme) != "postgres" && url.substr(0, scheme) != "postgresql")
    return std::nullopt;
  url.remove_prefix(scheme + 3);
  url = url.substr(0, url.find_first_of("/?"));
  if (const std::size_t at = url.rfind('@'); at != std::string_view::npos)
    url.remove_prefix(at + 1);
  HostPort result;
  std::string_view port;
  if (url.starts_with('[')) {
    const std::size_t end = url.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    result.host = url.substr(1, end - 1);
    port = url.substr(end + 1);
  } else {
    const std::size_t colon = url.find(':');
    result.host = url.substr(0, colon);
    port = colon == std::string_view::npos ? std::string_view{} : url.substr(colon);
  }
  if (!IsHost(result.host)) return std::nullopt;
  if (port.empty()) return result;
  const char* end = port.data() + port.size();
  const auto [rest, error] = std::from_chars(port.data() + 1, end, result.port);
  const bool good = port[0] == ':' && error == std::errc{} && rest == end && result.port > 0 &&
                    result.port < 65536;
  return good ? std::optional(result) : std::nullopt;
}

std::optional<Member> ParseMember(std::string_view value) {
  const std::optional<Json> json = ParseJson(value, kLongestValue);
  if (!json || !json->is_object()) return std::nullopt;
  const std::optional<HostPort> address = ParseConnUrl(StringOf(*json, "conn_url"));
  if (!address) return std::nullopt;
  Member member;
  member.host = address->host;
  member.port = address->port;
  member.role = StringOf(*json, "role");
  member.state = StringOf(*json, "state");
  const std::int64_t timeline = Int64Of(*json, "timeline");
  member.timeline = timeline > 0 && timeline <= INT32_MAX ? static_cast<int>(timeline) : 0;
  member.xlog = std::max<std::int64_t>(0, Int64Of(*json, "xlog_location"));
  if (const Json* tags = Find(*json, "tags")) {
    const Json* tag = Find(*tags, "noloadbalance");
    member.no_load_balance = tag != nullptr && (*tag == true || *tag == "true" || *tag == 1);
  }
  return member;
}

std::optional<PlannedFailover> ParseFailover(std::string_view value, std::int64_t revision) {
  const std::optional<Json> json = ParseJson(value, kLongestValue);
  if (!json) return std::nullopt;
  PlannedFailover failover{StringOf(*json, "leader"), StringOf(*json, "member"), 0, revision};
  if (failover.leader.empty() && failover.member.empty()) return std::nullopt;
  const std::string at = StringOf(*json, "scheduled_at");
  if (!at.empty()) {
    failover.scheduled_ms = ParseTime(at);
    if (failover.scheduled_ms == 0) return std::nullopt;  // some day; we don't know when
  }
  return failover;
}

}  // namespace altius::core::ha
