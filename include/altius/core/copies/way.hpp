// SPDX-License-Identifier: PostgreSQL
// How a statement that changes a reference table reaches all copies.
//
// The copy of the lowest group leads: a statement runs there first, and the locks of its rows decide which of two writers comes
// first, as on a single server.  On the other copies either the same statement runs, which is right when what it does follows from
// the one row it touches and from values computed beforehand; or the rows that the leading copy has changed are carried there.
#pragma once

namespace altius::core {

/// What a writer holds on the copies that follow, until its transaction has ended there.  A primary key makes whoever looks for a
/// row wait for those that are changing it.  Where there is none, rows are known by how they look, so who looks must be alone.
enum class CopyLock : int { None, Insert, Change };

struct CopyStatement {
  bool inserts_only = false;  // touches no row that is there
  bool one_row = false;       // touches one row at most, and its primary key or the conflict with an inserted row says which
  bool reads_others = false;  // anything but the row it touches
  bool proven = false;        // its expressions give the same for the same row, on every node
  bool row_triggers = false;  // of users
  bool own_snapshot = false;  // it sees the rows of its transaction's beginning, which is another moment on each node
};

constexpr bool IsCarried(const CopyStatement& statement) {
  if (statement.row_triggers || !statement.proven || statement.reads_others) return true;
  return !statement.inserts_only && (!statement.one_row || statement.own_snapshot);
}

constexpr CopyLock LockFor(const CopyStatement& statement, bool has_primary_key) {
  if (has_primary_key) return CopyLock::None;
  return statement.inserts_only ? CopyLock::Insert : CopyLock::Change;
}

}  // namespace altius::core
