// SPDX-License-Identifier: PostgreSQL
#include <algorithm>
#include <array>

#include "altius/core/etcd/messages.hpp"

namespace altius::core::etcd {
namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr int kNoDigit = -1;

constexpr std::array<int, 256> MakeDigits() {
  std::array<int, 256> digits{};
  for (int& digit : digits) digit = kNoDigit;
  for (std::size_t i = 0; i < kAlphabet.size(); i++) {
    digits[static_cast<unsigned char>(kAlphabet[i])] = static_cast<int>(i);
  }
  return digits;
}

constexpr std::array<int, 256> kDigits = MakeDigits();

}  // namespace

std::string EncodeBase64(std::string_view bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
    for (std::size_t k = 0; k < 3; k++) {
      group = group << 8 | (k < count ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    }
    for (std::size_t k = 0; k < 4; k++) {
      out.push_back(k <= count ? kAlphabet[group >> (18 - 6 * k) & 63U] : '=');
    }
  }
  return out;
}

std::optional<std::string> DecodeBase64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') padding++;
  std::string out;
  out.reserve(text.size() / 4 * 3);
  const std::size_t digits = text.size() - padding;
  for (std::size_t i = 0; i < text.size(); i += 4) {
    std::uint32_t group = 0;
    for (std::size_t k = i; k < i + 4; k++) {
      const int digit = k < digits ? kDigits[static_cast<unsigned char>(text[k])] : 0;
      if (digit == kNoDigit) return std::nullopt;
      group = group << 6 | static_cast<std::uint32_t>(digit);
    }
    const std::size_t bytes = i + 4 < text.size() ? 3 : 3 - padding;
    for (std::size_t k = 0; k < bytes; k++) out.push_back(static_cast<char>(group >> (16 - 8 * k)));
  }
  return out;
}

}  // namespace altius::core::etcd
