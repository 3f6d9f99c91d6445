// SPDX-License-Identifier: PostgreSQL
// What users and other nodes hand over as text or bytes; the first byte chooses the reader, unless the program was made for one
// (-DONLY_READER=number).
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "altius/core/copy/frames.hpp"
#include "altius/core/replication/pgoutput.hpp"
#include "altius/core/shard/key_text.hpp"
#include "altius/core/shard/name.hpp"
#include "altius/core/txn/gid.hpp"

using namespace altius::core;

namespace {

void Check(bool holds) {
  if (!holds) __builtin_trap();
}

void Key(std::string_view bytes) {
  const auto column = ColumnOfKeyText(bytes);
  if (!column) return;
  Check(*column > 0 && bytes.starts_with("{VAR") && bytes.ends_with("}"));
}

void Frames(std::string_view bytes) {
  while (bytes.size() >= kFrameHeadBytes) {
    const auto head = ReadFrameHead(bytes.data());
    if (!head) return;
    bytes.remove_prefix(kFrameHeadBytes);
    if (head->length > bytes.size()) return;
    std::string_view records = bytes.substr(0, head->length);
    const auto count = CountRecords(records);
    std::uint64_t seen = 0;
    std::size_t size = 0;
    while (const auto record = TakeRecord(&records)) {
      seen++;
      size += kRecordHeadBytes + record->line.size();
    }
    Check(count.has_value() == records.empty());
    Check(!count || (*count == seen && size == head->length));
    bytes.remove_prefix(head->length);
  }
}

void Names(std::string_view bytes) {
  const std::string text(bytes);
  (void)ShardIdOfName(text.c_str());
  if (*text.c_str() == '\0') return;  // no relation has that name
  char name[kNameSize];
  AppendShardId(text.c_str(), 102008, name);
  Check(std::strlen(name) < kNameSize);
  Check(ShardIdOfName(name) == 102008);
}

void Gids(std::string_view bytes) {
  (void)ParseGid(std::string(bytes).c_str());
}

void Changes(std::string_view view) {
  const std::string bytes(view);
  static Message message;
  static Frame frame;
  if (!ParseFrame(bytes.data(), static_cast<int>(bytes.size()), &frame)) return;
  Check(frame.kind != FrameKind::Data || (frame.payload >= bytes.data() && frame.length >= 0 &&
                                          frame.payload + frame.length <= bytes.data() + bytes.size()));
  if (frame.kind == FrameKind::Data) (void)ParseMessage(frame.payload, frame.length, &message);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  constexpr void (*kReaders[])(std::string_view) = {Key, Frames, Names, Gids, Changes};
#ifdef ONLY_READER
  kReaders[ONLY_READER](bytes);
#else
  kReaders[data[0] % std::size(kReaders)](bytes);
#endif
  return 0;
}
