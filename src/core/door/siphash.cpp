// SPDX-License-Identifier: PostgreSQL
#include "altius/core/door/siphash.hpp"

#include <bit>

namespace altius::core::door {

namespace {

constexpr std::size_t kWordBytes = 8;

/// Little-endian, whatever the machine is; compilers make one load of it.
std::uint64_t Load(const char* bytes, std::size_t count = kWordBytes) noexcept {
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < count; i++) word |= std::uint64_t{static_cast<std::uint8_t>(bytes[i])} << (8 * i);
  return word;
}

void Store(std::uint64_t word, std::uint8_t* bytes) noexcept {
  for (std::size_t i = 0; i < kWordBytes; i++) bytes[i] = static_cast<std::uint8_t>(word >> (8 * i));
}

}  // namespace

SipHash::SipHash(const SipKey& key) noexcept {
  const auto* bytes = reinterpret_cast<const char*>(key.bytes);
  const std::uint64_t low = Load(bytes);
  const std::uint64_t high = Load(bytes + kWordBytes);
  v0_ = low ^ 0x736f6d6570736575U;
  v1_ = high ^ 0x646f72616e646f6dU ^ 0xee;  // 128 bits of output
  v2_ = low ^ 0x6c7967656e657261U;
  v3_ = high ^ 0x7465646279746573U;
}

void SipHash::Round() noexcept {
  v0_ += v1_;
  v2_ += v3_;
  v1_ = std::rotl(v1_, 13) ^ v0_;
  v3_ = std::rotl(v3_, 16) ^ v2_;
  v0_ = std::rotl(v0_, 32);
  v2_ += v1_;
  v0_ += v3_;
  v1_ = std::rotl(v1_, 17) ^ v2_;
  v3_ = std::rotl(v3_, 21) ^ v0_;
  v2_ = std::rotl(v2_, 32);
}

SipHash& SipHash::Word(std::uint64_t word) noexcept {
  v3_ ^= word;
  Round();
  Round();
  v0_ ^= word;
  length_ += kWordBytes;
  return *this;
}

void SipHash::Close(std::uint64_t constant, std::uint64_t* lane) noexcept {
  *lane ^= constant;
  for (int i = 0; i < 4; i++) Round();
}

SipTag SipHash::Finish(std::string_view rest) noexcept {
  for (; rest.size() >= kWordBytes; rest.remove_prefix(kWordBytes)) Word(Load(rest.data()));
  const std::uint64_t length = length_ + rest.size();
  Word(Load(rest.data(), rest.size()) | length << 56);
  SipTag tag;
  Close(0xee, &v2_);
  Store(v0_ ^ v1_ ^ v2_ ^ v3_, tag.bytes);
  Close(0xdd, &v1_);
  Store(v0_ ^ v1_ ^ v2_ ^ v3_, tag.bytes + kWordBytes);
  return tag;
}

}  // namespace altius::core::door
