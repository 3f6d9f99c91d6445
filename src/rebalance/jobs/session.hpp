// SPDX-License-Identifier: PostgreSQL
// Transactions and SQL for the background processes of jobs.  RAII style: errors are exceptions.
#pragma once

#include <string>

#include "altius/pg/bridge.hpp"

namespace altius::rebalance::jobs {

void BeginTransaction();
void CommitTransaction();
void AbortTransaction();

/// Runs the body in a transaction (READ COMMITTED); whatever it throws aborts that and goes on up.
template <typename Body>
void InTransaction(Body&& body) {
  BeginTransaction();
  try {
    body();
    CommitTransaction();
  } catch (...) {
    AbortTransaction();
    throw;
  }
}

/// Rows as text, in memory of the current transaction.
struct Rows {
  char*** cells;
  int count;

  bool IsNull(int row, int column) const { return cells[row][column] == nullptr; }
  const char* Text(int row, int column) const {
    return IsNull(row, column) ? "" : cells[row][column];
  }
  int64 Number(int row, int column) const { return strtoll(Text(row, column), nullptr, 10); }
  double Real(int row, int column) const { return strtod(Text(row, column), nullptr); }
  bool Bool(int row, int column) const { return Text(row, column)[0] == 't'; }
};

/// Runs a statement as the bootstrap superuser, whoever the session's user is: users can't write
/// the catalog of jobs.
Rows QueryCatalog(const std::string& sql);
/// The number of rows that it changed or returned.
int64 ChangeCatalog(const std::string& sql);

/// 'quoted' for SQL.
std::string Quote(const std::string& text);
/// '{1,2}' for SQL.
template <typename Numbers>
std::string ArrayLiteral(const Numbers& numbers) {
  std::string text = "'{";
  for (const auto number : numbers) text += (text.size() > 2 ? "," : "") + std::to_string(number);
  return text + "}'";
}

/// Microseconds since 1970 in SQL and here.
int64 UnixMicroseconds();

/// Signals and connection of a background process; the user may be InvalidOid for the superuser.
void ConnectWorker(Oid database, Oid user, const char* application);

/// After SIGHUP.
void ReloadSettingsIfAsked();

}  // namespace altius::rebalance::jobs
