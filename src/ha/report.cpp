// SPDX-License-Identifier: PostgreSQL
#include "report.hpp"

#include <chrono>

#include "altius/pg/bridge.hpp"

namespace altius::ha {

void Log(bool warning, const std::string& text) {
  const char* words = text.c_str();
  const int level = warning ? WARNING : LOG;
  pg::Call([&] { ereport(level, (errmsg_internal("follower: %s", words))); });
}

int64 WallMillis() {
  using std::chrono::duration_cast;
  using std::chrono::milliseconds;
  return duration_cast<milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::string DescribeVerdict(const core::ha::Verdict& verdict) {
  switch (verdict.kind) {
    case core::ha::Verdict::Kind::Primary:
      return "accepts writes on timeline " + std::to_string(verdict.timeline);
    case core::ha::Verdict::Kind::InRecovery:
      return "in recovery";
    case core::ha::Verdict::Kind::Unreachable:
      return verdict.problem;
  }
  return {};
}

}  // namespace altius::ha
