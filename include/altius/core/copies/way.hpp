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
  bool partitioned = false;   // what becomes of rows of partitions can't be carried
  bool own_snapshot = false;  // it sees the rows of its transaction's beginning, which is another moment on each node
};

/// What the statement does follows from more than the rows of the copy.
constexpr bool DependsOnMore(const CopyStatement& statement) {
  return statement.row_triggers || !statement.proven || statement.reads_others;
}

/// Writers of a partitioned table are alone on each copy, the leading one included: so each copy has the same rows for them.
constexpr bool IsAloneOnAll(const CopyStatement& statement) { return statement.partitioned; }

/// Where it is partitioned, too, the statement has to be refused.
constexpr bool IsCarried(const CopyStatement& statement) {
  if (DependsOnMore(statement)) return true;
  if (statement.inserts_only) return false;
  return statement.own_snapshot || !(statement.one_row || IsAloneOnAll(statement));
}

constexpr CopyLock LockFor(const CopyStatement& statement, bool has_primary_key) {
  if (has_primary_key && !IsAloneOnAll(statement)) return CopyLock::None;
  return statement.inserts_only ? CopyLock::Insert : CopyLock::Change;
}

}  // namespace altius::core
