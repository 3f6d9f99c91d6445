// SPDX-License-Identifier: PostgreSQL
// Waiting for a group: for a primary that can be reached, and for the end of a planned switchover.
#include "session.hpp"

extern "C" {
#include "utils/inval.h"
}

namespace altius::remote {

namespace {

constexpr int kFirstPauseMs = 20;
constexpr int kLongestPauseMs = 500;
constexpr int kFollowedTimeoutMs = 60000;
constexpr int kLoneTimeoutMs = 5000;

uint32 failover_event = 0;
uint32 gate_event = 0;

int TimeoutFor(int group) {
  if (failover_timeout_ms >= 0) return failover_timeout_ms;
  GroupEntry entry;
  return Lookup(group, &entry) ? kFollowedTimeoutMs : kLoneTimeoutMs;
}

}  // namespace

void Rest(long ms, uint32 event) {
  CloseHalfOpen();
  const int got = WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, ms, event);
  if ((got & WL_LATCH_SET) != 0) ResetLatch(MyLatch);
  if (wait_hook != nullptr) wait_hook();
  CHECK_FOR_INTERRUPTS();
}

bool WaitForChange(int group, Hold* hold) {
  const TimestampTz now = GetCurrentTimestamp();
  if (hold->deadline == 0) {
    hold->deadline = TimestampTzPlusMilliseconds(now, TimeoutFor(group));
    hold->pause_ms = kFirstPauseMs;
  }
  const long left = TimestampDifferenceMilliseconds(now, hold->deadline);
  if (left <= 0) return false;
  const TimestampTz next = TimestampTzPlusMilliseconds(now, std::min<long>(left, hold->pause_ms));
  const uint32 event = pg::NamedWaitEvent(&failover_event, "AltiusFailover");
  for (;;) {
    if (BookVersion() != hold->version) break;
    const long pause = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), next);
    if (pause <= 0) break;
    Rest(pause, event);
  }
  // A change is worth an attempt at once; without one the pauses grow.
  const uint64 version = BookVersion();
  const bool changed = version != hold->version;
  hold->pause_ms = changed ? kFirstPauseMs : std::min(hold->pause_ms * 2, kLongestPauseMs);
  hold->version = version;
  AcceptInvalidationMessages();  // citus_update_node may have been committed
  return true;
}

bool MayHold() { return failover_timeout_ms != 0; }

void PauseBeforeRetry(int attempt) {
  if (attempt == 0) return;
  const int pause_ms = kFirstPauseMs << std::min(attempt, 5);
  const TimestampTz until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), pause_ms);
  for (;;) {
    const long left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), until);
    if (left <= 0) return;
    Rest(left, pg::NamedWaitEvent(&failover_event, "AltiusFailover"));
  }
}

void PassGate(int group, uint64* seen_open) {
  if (*seen_open == BookVersion()) return;
  GroupEntry entry;
  TimestampTz limit = 0;
  const uint32 event = pg::NamedWaitEvent(&gate_event, "AltiusGate");
  for (;;) {
    const uint64 version = BookVersion();
    if (!Lookup(group, &entry) || entry.gated_until == 0) {
      *seen_open = version;
      return;
    }
    // The old leader is out of reach, and who connects waits for the new one.
    if (entry.at.state == core::GroupState::Probing && !entry.verified) return;
    const TimestampTz now = GetCurrentTimestamp();
    if (limit == 0) limit = TimestampTzPlusMilliseconds(now, gate_timeout_ms);
    const long left = TimestampDifferenceMilliseconds(now, std::min(limit, entry.gated_until));
    if (left <= 0) return;
    Rest(left, event);
  }
}

}  // namespace altius::remote
