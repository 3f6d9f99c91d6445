// SPDX-License-Identifier: PostgreSQL
// Lines of COPY on their way between nodes: frames (shard id, 8 bytes; length, 4 bytes; records)
// of records (line number, 4 bytes; length, 4 bytes; the line without its end). Numbers are in
// network byte order. What reads them believes no length. No allocation, no exception.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace altius::core {

inline constexpr std::size_t kFrameHeadBytes = 12;
inline constexpr std::size_t kRecordHeadBytes = 8;

/// What a frame may hold: a line has PostgreSQL's limit of a gigabyte, as the buffers have.
inline constexpr std::uint32_t kMostFrameBytes = 0x3fffff00;

struct FrameHead {
  std::int64_t shard_id;
  std::uint32_t length;  // of the records
};

void WriteFrameHead(const FrameHead& head, char out[kFrameHeadBytes]) noexcept;

/// nullopt when the length can't be one.
std::optional<FrameHead> ReadFrameHead(const char head[kFrameHeadBytes]) noexcept;

void WriteRecordHead(std::uint32_t line_number, std::uint32_t length,
                     char out[kRecordHeadBytes]) noexcept;

struct Record {
  std::uint32_t line_number;
  std::string_view line;
};

/// Takes the first record off the bytes; nullopt when there is no whole one.
std::optional<Record> TakeRecord(std::string_view* bytes) noexcept;

/// How many records the bytes are; nullopt when they are not records to the last byte.
std::optional<std::uint64_t> CountRecords(std::string_view bytes) noexcept;

}  // namespace altius::core
