// SPDX-License-Identifier: PostgreSQL
// The names of shards and of everything that hangs on them (indexes, constraints, sequences):
// `name_<shard id>`. Every node makes the same name from the same input; no allocation, no
// exception.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

namespace altius::core {

/// PostgreSQL's limit for identifiers, the terminator included.
inline constexpr std::size_t kNameSize = 64;

/// Writes `name_<shard_id>` into `out`.  When that is longer than 63 bytes the name is cut at a
/// character boundary and eight hexadecimal digits of the whole name's hash stand before the id, so
/// that long names with one beginning differ.
void AppendShardId(const char* name, std::int64_t shard_id, char out[kNameSize]) noexcept;

/// The number behind the last underscore when the name has the form AppendShardId makes.
std::optional<std::int64_t> ShardIdOfName(const char* name) noexcept;

}  // namespace altius::core
