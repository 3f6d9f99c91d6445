// SPDX-License-Identifier: PostgreSQL
#include "altius/core/etcd/messages.hpp"

namespace altius::core::etcd {

bool LineBuffer::Append(std::string_view piece) {
  if (read_ > 0) {
    waiting_.erase(0, read_);
    scanned_ -= read_;
    read_ = 0;
  }
  if (waiting_.size() + piece.size() > longest_) return false;
  waiting_.append(piece);
  return true;
}

std::optional<std::string> LineBuffer::Next() {
  while (scanned_ < waiting_.size()) {
    const std::size_t end = waiting_.find('\n', scanned_);
    if (end == std::string::npos) {
      scanned_ = waiting_.size();
      return std::nullopt;
    }
    std::string line = waiting_.substr(read_, end - read_);
    read_ = scanned_ = end + 1;
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (!line.empty()) return line;
  }
  return std::nullopt;
}

}  // namespace altius::core::etcd
