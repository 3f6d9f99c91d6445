// SPDX-License-Identifier: PostgreSQL
// SipHash-2-4 with 128 bits of output: a MAC for short texts by a key of 128 bits, in some ten instructions per word and without
// memory of its own.  (J.-P. Aumasson, D. J. Bernstein: SipHash: a fast short-input PRF.)
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace altius::core::door {

inline constexpr std::size_t kSipBytes = 16;

struct SipKey {
  std::uint8_t bytes[kSipBytes] = {};
};

struct SipTag {
  std::uint8_t bytes[kSipBytes] = {};
};

class SipHash {
 public:
  explicit SipHash(const SipKey& key) noexcept;

  /// Eight bytes of the message, the lowest first.
  SipHash& Word(std::uint64_t word) noexcept;
  /// The rest of the message, and the tag of it all.
  SipTag Finish(std::string_view rest) noexcept;

 private:
  void Round() noexcept;
  void Close(std::uint64_t constant, std::uint64_t* lane) noexcept;

  std::uint64_t v0_, v1_, v2_, v3_;
  std::uint64_t length_ = 0;
};

}  // namespace altius::core::door
