// SPDX-License-Identifier: PostgreSQL
#include "altius/core/copy/frames.hpp"

namespace altius::core {

namespace {

template <typename Unsigned>
void Put(Unsigned value, char* out) noexcept {
  for (std::size_t i = sizeof(value); i-- > 0; value = static_cast<Unsigned>(value >> 8))
    out[i] = static_cast<char>(value & 0xff);
}

template <typename Unsigned>
Unsigned Get(const char* bytes) noexcept {
  Unsigned value = 0;
  for (std::size_t i = 0; i < sizeof(value); i++)
    value = static_cast<Unsigned>((value << 8) | static_cast<unsigned char>(bytes[i]));
  return value;
}

}  // namespace

void WriteFrameHead(const FrameHead& head, char out[kFrameHeadBytes]) noexcept {
  Put(static_cast<std::uint64_t>(head.shard_id), out);
  Put(head.length, out + sizeof(std::uint64_t));
}

std::optional<FrameHead> ReadFrameHead(const char head[kFrameHeadBytes]) noexcept {
  const auto length = Get<std::uint32_t>(head + sizeof(std::uint64_t));
  if (length > kMostFrameBytes) return std::nullopt;
  return FrameHead{static_cast<std::int64_t>(Get<std::uint64_t>(head)), length};
}

void WriteRecordHead(std::uint32_t line_number, std::uint32_t length,
                     char out[kRecordHeadBytes]) noexcept {
  Put(line_number, out);
  Put(length, out + sizeof(line_number));
}

std::optional<Record> TakeRecord(std::string_view* bytes) noexcept {
  if (bytes->size() < kRecordHeadBytes) return std::nullopt;
  const auto number = Get<std::uint32_t>(bytes->data());
  const auto length = Get<std::uint32_t>(bytes->data() + sizeof(number));
  if (length > bytes->size() - kRecordHeadBytes) return std::nullopt;
  const Record record = {number, bytes->substr(kRecordHeadBytes, length)};
  bytes->remove_prefix(kRecordHeadBytes + length);
  return record;
}

std::optional<std::uint64_t> CountRecords(std::string_view bytes) noexcept {
  std::uint64_t count = 0;
  for (; !bytes.empty(); count++)
    if (!TakeRecord(&bytes)) return std::nullopt;
  return count;
}

}  // namespace altius::core
