// SPDX-License-Identifier: PostgreSQL
// Writes and reads pieces of machine-made names ("altius_0_4711_3_1") in fixed buffers: no
// allocation, no exception, no locale, so it may run in frames that a longjmp leaves.
#pragma once

#include <charconv>
#include <cstddef>
#include <cstring>
#include <string_view>

namespace altius::base {

/// Appends text and numbers to a buffer and keeps it terminated.  Once something did not fit it
/// stays failed.
class BufferWriter {
 public:
  BufferWriter(char* out, std::size_t size) noexcept
      : begin_(out), at_(out), last_(out + size - 1) {
    *out = '\0';
  }

  BufferWriter& Text(std::string_view text) noexcept {
    if (failed_ || text.size() > static_cast<std::size_t>(last_ - at_)) return Fail();
    std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
    *at_ = '\0';
    return *this;
  }

  template <typename Integer>
  BufferWriter& Number(Integer value) noexcept {
    if (failed_) return *this;
    const std::to_chars_result result = std::to_chars(at_, last_, value);
    if (result.ec != std::errc{}) return Fail();
    at_ = result.ptr;
    *at_ = '\0';
    return *this;
  }

  /// The length written, or 0 when it did not fit; the buffer then holds the empty string.
  std::size_t Length() const noexcept {
    return failed_ ? 0 : static_cast<std::size_t>(at_ - begin_);
  }

 private:
  BufferWriter& Fail() noexcept {
    failed_ = true;
    *begin_ = '\0';
    return *this;
  }

  char* begin_;
  char* at_;
  char* last_;  // room for the terminator
  bool failed_ = false;
};

/// Reads what BufferWriter wrote; strict: no spaces, no plus sign, no leading zeros, nothing left
/// over.
class TextReader {
 public:
  explicit TextReader(std::string_view text) noexcept : rest_(text) {}

  TextReader& Text(std::string_view expected) noexcept {
    if (!failed_ && rest_.substr(0, expected.size()) == expected) {
      rest_.remove_prefix(expected.size());
    } else {
      failed_ = true;
    }
    return *this;
  }

  template <typename Integer>
  TextReader& Number(Integer& value) noexcept {
    if (failed_) return *this;
    const std::size_t sign = !rest_.empty() && rest_[0] == '-' ? 1 : 0;
    const bool padded = rest_.size() > sign + 1 && rest_[sign] == '0' && IsDigit(rest_[sign + 1]);
    const bool minus_zero = sign == 1 && rest_.size() > 1 && rest_[1] == '0';
    const char* end = rest_.data() + rest_.size();
    const std::from_chars_result result = std::from_chars(rest_.data(), end, value);
    if (padded || minus_zero || result.ec != std::errc{}) {
      failed_ = true;
    } else {
      rest_ = std::string_view(result.ptr, static_cast<std::size_t>(end - result.ptr));
    }
    return *this;
  }

  /// Everything was as expected and nothing is left.
  bool Done() const noexcept { return !failed_ && rest_.empty(); }

 private:
  static bool IsDigit(char letter) noexcept { return letter >= '0' && letter <= '9'; }

  std::string_view rest_;
  bool failed_ = false;
};

}  // namespace altius::base
