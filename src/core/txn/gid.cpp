// SPDX-License-Identifier: PostgreSQL
// Text forms of transaction ids and gids.
#include "altius/core/txn/gid.hpp"

#include <tuple>

#include "altius/base/digits.hpp"

namespace altius::core {

bool IsYounger(const TransactionId& left, const TransactionId& right) noexcept {
  return std::tie(left.started_us, left.group, left.pid, left.number) >
         std::tie(right.started_us, right.group, right.pid, right.number);
}

void FormatTransactionId(const TransactionId& id, char out[kTransactionIdSize]) noexcept {
  base::BufferWriter writer(out, kTransactionIdSize);
  writer.Number(id.group).Text(":").Number(id.pid).Text(":").Number(id.number).Text(":");
  writer.Number(id.started_us);
}

std::optional<TransactionId> ParseTransactionId(std::string_view text) noexcept {
  TransactionId id;
  base::TextReader reader(text);
  reader.Number(id.group).Text(":").Number(id.pid).Text(":").Number(id.number).Text(":");
  if (!reader.Number(id.started_us).Done()) return std::nullopt;
  if (id.group < 0 || id.pid < 0) return std::nullopt;
  return id;
}

void FormatGid(const TransactionId& id, int participant, char out[kGidSize]) noexcept {
  base::BufferWriter writer(out, kGidSize);
  writer.Text(kGidPrefix).Number(id.group).Text("_").Number(id.pid).Text("_").Number(id.number);
  writer.Text("_").Number(participant);
}

std::optional<PreparedId> ParseGid(const char* gid) noexcept {
  PreparedId id;
  base::TextReader reader(gid);
  reader.Text(kGidPrefix).Number(id.group).Text("_").Number(id.pid).Text("_").Number(id.number);
  if (!reader.Text("_").Number(id.participant).Done()) return std::nullopt;
  if (id.group < 0 || id.pid < 0 || id.participant < 0) return std::nullopt;
  return id;
}

void FormatGidPrefix(int group, char out[kGidSize]) noexcept {
  base::BufferWriter writer(out, kGidSize);
  writer.Text(kGidPrefix).Number(group).Text("_");
}

}  // namespace altius::core
