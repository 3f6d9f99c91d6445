// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace altius::core::door {

/// Lower-case digits of `length` bytes, without a terminator: 2 * length characters.
inline void WriteHex(const std::uint8_t* bytes, std::size_t length, char* out) noexcept {
  static constexpr char kDigits[] = "0123456789abcdef";
  for (std::size_t i = 0; i < length; i++) {
    out[2 * i] = kDigits[bytes[i] >> 4];
    out[2 * i + 1] = kDigits[bytes[i] & 15];
  }
}

/// The value of a lower-case digit, -1 for anything else.
inline int HexDigit(char letter) noexcept {
  if (letter >= '0' && letter <= '9') return letter - '0';
  if (letter >= 'a' && letter <= 'f') return letter - 'a' + 10;
  return -1;
}

/// False unless the text is exactly 2 * length lower-case digits.
inline bool ReadHex(std::string_view text, std::uint8_t* bytes, std::size_t length) noexcept {
  if (text.size() != 2 * length) return false;
  for (std::size_t i = 0; i < length; i++) {
    const int high = HexDigit(text[2 * i]);
    const int low = HexDigit(text[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    bytes[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return true;
}

}  // namespace altius::core::door
