// SPDX-License-Identifier: PostgreSQL
#include "altius/core/route/retry.hpp"

#include <cstring>

namespace altius::core {

bool SaysNothingHappened(const char* sqlstate) noexcept {
  constexpr const char* kStates[] = {
      "57P01",  // terminated by an administrator, or the server stops
      "57P02",  // another process of the server crashed
      "57P03",  // it starts, stops or recovers
      "25006",  // read only: it is a standby now
  };
  for (const char* state : kStates) {
    if (std::strcmp(sqlstate, state) == 0) return true;
  }
  return false;
}

bool IsNotAccepted(const char* sqlstate) noexcept { return std::strcmp(sqlstate, "28000") == 0; }

Verdict Judge(const Failure& failure) noexcept {
  const bool refused = SaysNothingHappened(failure.sqlstate);
  if (IsNotAccepted(failure.sqlstate))
    return failure.tries > 0 || failure.shared ? Verdict::OwnError : Verdict::RunAgain;
  if (!failure.lost && !refused) return Verdict::OwnError;
  // Such words after the tag leave open whether the commit had come in between.
  const bool certain = !failure.sent || (refused && !failure.answered);
  if (failure.commits_alone && !certain) return Verdict::Unknown;
  // In a block nothing was committed: a lost connection has undone it.
  return failure.shared || failure.rows_taken ? Verdict::RolledBack : Verdict::RunAgain;
}

}  // namespace altius::core
