// SPDX-License-Identifier: PostgreSQL
#include "altius/core/route/password.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace altius::core {
namespace {

bool IsVerified(std::string_view sslmode) { return sslmode == "verify-full" || sslmode == "verify-ca"; }

/// Nobody is between this server and itself.
bool IsLoopback(std::string_view host) {
  const bool number = host.find_first_not_of("0123456789.") == std::string_view::npos;
  return host.starts_with('/') || host.starts_with('@') || (host.starts_with("127.") && number) || host == "::1" || host == "localhost";
}

bool IsHostCharacter(char letter) {
  const auto byte = static_cast<unsigned char>(letter);
  const bool alphanumeric = (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') || (letter >= '0' && letter <= '9');
  return alphanumeric || byte >= 0x80 || std::string_view(".-_:%").find(letter) != std::string_view::npos;
}

std::uint32_t NumberAt(std::string_view bytes, std::size_t at) {
  std::uint32_t number = 0;
  for (std::size_t i = 0; i < 4; i++) number = number << 8 | static_cast<unsigned char>(bytes[at + i]);
  return number;
}

constexpr std::uint32_t kOk = 0;
constexpr std::uint32_t kSasl = 10;
constexpr std::uint32_t kSaslFinal = 12;
constexpr std::size_t kHeader = 5;    // type and length
constexpr std::size_t kRequest = 9;   // of a request for authentication, as far as its code

}  // namespace

PasswordUse HowToUsePassword(const PasswordQuestion& question) {
  const bool verified = IsVerified(question.sslmode);
  const bool trusted = question.trusts_etcd || question.named_by == NamedBy::Catalog || IsLoopback(question.host);
  if (question.has_password && question.named_by == NamedBy::EtcdNew && !trusted && question.sslmode != "verify-full")
    return PasswordUse::Refuse;
  if (question.allows_cleartext && trusted) return PasswordUse::Free;
  if (question.may_choose) return question.chose_methods && trusted ? PasswordUse::Free : PasswordUse::Choose;
  if (!question.has_password || verified || question.channel_binding == "require") return PasswordUse::Free;
  return trusted ? PasswordUse::Watch : PasswordUse::BindChannel;
}

bool IsNetworkHost(std::string_view host) {
  return !host.empty() && !host.starts_with('%') && std::all_of(host.begin(), host.end(), IsHostCharacter);
}

bool IsPrivateUrl(std::string_view url) {
  constexpr std::string_view kPlain = "http://";
  if (url.starts_with("https://")) return true;
  if (!url.starts_with(kPlain)) return false;
  url.remove_prefix(kPlain.size());
  url = url.substr(0, url.find('/'));
  if (url.find('@') != std::string_view::npos) return false;
  if (url.starts_with("[::1]")) return true;
  return IsLoopback(url.substr(0, url.find(':')));
}

bool IsOneHost(std::string_view host) {
  if (host.starts_with('/') || host.starts_with('@')) return host.find(',') == std::string_view::npos;
  return IsNetworkHost(host);
}

AsksFor LookAtRequest(std::string_view bytes) {
  while (!bytes.empty()) {
    if (bytes.size() < kHeader) return AsksFor::More;
    if (bytes[0] != 'R') return AsksFor::Nothing;  // an error, say
    if (bytes.size() < kRequest) return AsksFor::More;
    const std::uint32_t length = NumberAt(bytes, 1);
    const std::uint32_t code = NumberAt(bytes, kHeader);
    if (code == kOk) return AsksFor::Nothing;
    if (code < kSasl || code > kSaslFinal || length < 8) return AsksFor::Password;
    if (bytes.size() - 1 < length) return AsksFor::More;
    bytes.remove_prefix(std::size_t{1} + length);
  }
  return AsksFor::Nothing;
}

}  // namespace altius::core
