// SPDX-License-Identifier: PostgreSQL
// Small helpers of the follower: the log, fixed texts in shared memory, verdicts in words.
#pragma once

#include <string>

#include "altius/core/ha/group.hpp"
#include "altius/pg/pg.hpp"

namespace altius::ha {

void Log(bool warning, const std::string& text);

/// Milliseconds since 1970.
int64 WallMillis();

std::string DescribeVerdict(const core::ha::Verdict& verdict);

template <std::size_t size>
void CopyText(char (&to)[size], const std::string& from) {
  strlcpy(to, from.c_str(), size);
}

}  // namespace altius::ha
