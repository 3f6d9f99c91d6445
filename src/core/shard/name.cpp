// SPDX-License-Identifier: PostgreSQL
// Shard names; see the header for the rule.
#include "altius/core/shard/name.hpp"

#include <cstring>
#include <string_view>

#include "altius/base/digits.hpp"

namespace altius::core {
namespace {

/// FNV-1a, folded to 32 bits.  Part of the on-disk naming: never change it.
std::uint32_t HashOfName(std::string_view name) noexcept {
  std::uint64_t hash = 14695981039346656037u;
  for (const char letter : name) {
    hash = (hash ^ static_cast<unsigned char>(letter)) * 1099511628211u;
  }
  return static_cast<std::uint32_t>(hash ^ (hash >> 32));
}

/// The longest beginning of at most `limit` bytes that does not end inside a UTF-8 character.
std::string_view CutAtCharacter(std::string_view name, std::size_t limit) noexcept {
  if (name.size() <= limit) return name;
  const auto continues = [&](std::size_t at) {
    return (static_cast<unsigned char>(name[at]) & 0xC0) == 0x80;
  };
  while (limit > 0 && continues(limit)) limit--;
  return name.substr(0, limit);
}

}  // namespace

void AppendShardId(const char* name, std::int64_t shard_id, char out[kNameSize]) noexcept {
  const std::string_view whole(name);
  char suffix[kNameSize];
  base::BufferWriter id(suffix, sizeof suffix);
  id.Text("_").Number(shard_id);

  base::BufferWriter writer(out, kNameSize);
  if (whole.size() + id.Length() < kNameSize) {
    writer.Text(whole).Text({suffix, id.Length()});
    return;
  }
  constexpr char kDigits[] = "0123456789abcdef";
  char hash_text[] = "_00000000";
  std::uint32_t hash = HashOfName(whole);
  for (int i = 8; i > 0; i--, hash >>= 4) hash_text[i] = kDigits[hash & 15];
  const std::size_t room = kNameSize - 1 - id.Length() - std::strlen(hash_text);
  writer.Text(CutAtCharacter(whole, room)).Text(hash_text).Text({suffix, id.Length()});
}

std::optional<std::int64_t> ShardIdOfName(const char* name) noexcept {
  const std::string_view whole(name);
  const std::size_t underscore = whole.rfind('_');
  if (underscore == std::string_view::npos || underscore == 0) return std::nullopt;
  std::int64_t id = 0;
  base::TextReader reader(whole.substr(underscore + 1));
  if (!reader.Number(id).Done() || id <= 0) return std::nullopt;
  return id;
}

}  // namespace altius::core
