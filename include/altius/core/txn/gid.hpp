// SPDX-License-Identifier: PostgreSQL
// The names of distributed transactions: the id that travels to every participant with its BEGIN,
// and the gid under which a participant prepares.  Fixed buffers only: both are made and read in
// commit callbacks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace altius::core {

/// A transaction of the whole cluster, named by the node that began it.
struct TransactionId {
  int group = 0;  // of the node that began it
  int pid = 0;    // its backend there
  std::uint64_t number =
      0;  // never used twice by a group, not even after a restart or failover; 0 = no transaction
  std::int64_t started_us = 0;  // microseconds since 2000-01-01, the begin of the transaction

  bool IsValid() const noexcept { return number != 0; }
  friend auto operator<=>(const TransactionId&, const TransactionId&) = default;
};

/// Whether `left` began after `right`: a total order that every node agrees on.
bool IsYounger(const TransactionId& left, const TransactionId& right) noexcept;

inline constexpr std::size_t kTransactionIdSize = 72;
inline constexpr std::size_t kGidSize = 72;
inline constexpr const char* kGidPrefix = "altius_";

/// `<group>:<pid>:<number>:<started_us>`.
void FormatTransactionId(const TransactionId& id, char out[kTransactionIdSize]) noexcept;
std::optional<TransactionId> ParseTransactionId(std::string_view text) noexcept;

/// The prepared transaction of one participant.  The origin's record in pg_dist_transaction has the
/// same gid.
struct PreparedId {
  int group = 0;
  int pid = 0;
  std::uint64_t number = 0;
  int participant = 0;  // counts the connections of the transaction, so that two on one node differ

  friend auto operator<=>(const PreparedId&, const PreparedId&) = default;
};

/// `altius_<group>_<pid>_<number>_<participant>`.
void FormatGid(const TransactionId& id, int participant, char out[kGidSize]) noexcept;
std::optional<PreparedId> ParseGid(const char* gid) noexcept;

/// `altius_<group>_`: what the gids of one origin begin with.
void FormatGidPrefix(int group, char out[kGidSize]) noexcept;

}  // namespace altius::core
