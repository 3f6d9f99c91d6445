// SPDX-License-Identifier: PostgreSQL
#include "watch.hpp"

#include "altius/remote/address_book.hpp"
#include "online.hpp"

extern "C" {
#include "utils/builtins.h"
#include "utils/timestamp.h"
}

namespace altius::rebalance {

uint64 GenerationOf(int group) {
  remote::GroupEntry entry;
  return remote::Lookup(group, &entry) ? entry.generation : 0;
}

bool IsLeaving(int group, uint64 generation) {
  remote::GroupEntry entry;
  if (!remote::Lookup(group, &entry)) return false;
  if (entry.gated_until > GetCurrentTimestamp()) return true;
  return generation != 0 && entry.generation != generation;
}

namespace {

constexpr int kLookMs = 50;
constexpr int kFeedEachMs = 1500;

[[noreturn]] void RaiseLeaving(int node_id) {
  const catalog::Node* node = catalog::FindNode(node_id);
  ereport(ERROR, (errcode(ERRCODE_CANNOT_CONNECT_NOW),
                  errmsg("node %s:%d stops or gets another primary", node == nullptr ? "?" : node->host,
                         node == nullptr ? 0 : node->port),
                  errdetail("The move has ended, so that nobody has to wait for it."), errhint("Try again.")));
  pg_unreachable();
}

const Move& LeadOf(const Move& move) { return move.lead != nullptr ? *move.lead : move; }

/// Until it is finished or the time is over.
bool WaitShortly(remote::Request* request) {
  if (remote::WaitBounded(request, TimestampTzPlusMilliseconds(GetCurrentTimestamp(), kLookMs))) return true;
  return remote::IsBroken(request->connection);
}

/// Applies a little, and so tells the source that somebody reads.
void Feed(const Move& lead, Move* stream) {
  remote::StatementText statement;
  statement.sql = "SELECT altius_internal.apply_changes('FFFFFFFF/FFFFFFFF', 10, false)";
  remote::Request* request = remote::Send(stream->lanes[0], statement, nullptr);
  while (!WaitShortly(request)) RaiseIfLeaving(lead);
  stream->fed = GetCurrentTimestamp();
  if (request->failed) remote::RaiseError(request);
}

void FeedStreams(const Move& lead, const remote::Connection* busy) {
  for (Move* stream : lead.streams) {
    if (stream->lanes[0] == busy) continue;
    if (TimestampDifferenceExceeds(stream->fed, GetCurrentTimestamp(), kFeedEachMs)) Feed(lead, stream);
  }
}

class FirstValue final : public remote::RowSink {
 public:
  void Row(const PGresult* result, int row) override {
    if (!seen && PQgetisnull(result, row, 0) == 0) value = pstrdup(PQgetvalue(result, row, 0));
    seen = true;
  }
  char* value = nullptr;
  bool seen = false;
};

/// Not finished when the time is over (0: it has no end).
remote::Request* Finished(Move* move, remote::Connection* session, const char* sql, int within_ms, FirstValue* sink) {
  const Move& lead = LeadOf(*move);
  const TimestampTz begun = GetCurrentTimestamp();
  remote::StatementText statement;
  statement.sql = sql;
  remote::Request* request = remote::Send(session, statement, sink);
  while (!WaitShortly(request)) {
    RaiseIfLeaving(lead);
    if (within_ms > 0 && TimestampDifferenceExceeds(begun, GetCurrentTimestamp(), within_ms)) break;
    FeedStreams(lead, session);
  }
  if (!move->lanes.empty() && session == move->lanes[0]) move->fed = GetCurrentTimestamp();
  return request;
}

/// The session is gone, or one that it uses on another node.
bool IsOfLostSession(const remote::Request* request) {
  const core::Failure failure = remote::FailureOf(request);
  if (failure.lost) return true;
  const char* state = failure.sqlstate;
  return strncmp(state, "08", 2) == 0 || strncmp(state, "40", 2) == 0 || strncmp(state, "57P", 3) == 0 || strcmp(state, "25P03") == 0;
}

}  // namespace

void WarnOfUntidy(ErrorData* error) {
  if (error == nullptr) return;
  ereport(WARNING, (errmsg("the shards have their new places, but not all that helped could be removed"),
                    errdetail_internal("%s", error->message), errhint("altius_leftovers shows what the clean-up still has to do.")));
}

void BeginWatch(Move* move) {
  move->source_generation = GenerationOf(move->source);
  if (!move->lanes.empty()) move->target_generation = GenerationOf(move->target);
}

void RaiseIfLeaving(const Move& move) {
  const Move& lead = LeadOf(move);
  if (IsLeaving(lead.source, lead.source_generation)) RaiseLeaving(lead.source_node);
  if (lead.at_source != nullptr && remote::HasLeft(lead.at_source)) RaiseLeaving(lead.source_node);
  if (!lead.lanes.empty() && IsLeaving(lead.target, lead.target_generation)) RaiseLeaving(lead.target_node);
  for (const Move* stream : lead.streams) {
    if (IsLeaving(stream->target, stream->target_generation)) RaiseLeaving(stream->target_node);
    if (remote::HasLeft(stream->lanes[0])) RaiseLeaving(stream->target_node);
  }
}

char* Ask(Move* move, remote::Connection* session, const char* sql) {
  auto* sink = new (palloc(sizeof(FirstValue))) FirstValue;
  remote::Request* request = Finished(move, session, sql, 0, sink);
  if (request->failed || !request->finished) remote::RaiseError(request);
  return sink->value;
}

bool TryInFlip(Move* move, const char* sql, int within_ms, char** value) {
  auto* sink = new (palloc(sizeof(FirstValue))) FirstValue;
  remote::Request* request = Finished(move, move->flip, sql, within_ms, sink);
  *value = sink->value;
  if (!request->failed && request->finished) return true;
  if (!request->finished && !remote::IsBroken(move->flip)) {
    (void)remote::SendCancel(move->flip);
    (void)WaitShortly(request);  // the session is of use still, when it obeys
    return false;
  }
  if (!IsOfLostSession(request)) remote::RaiseError(request);
  return false;
}

}  // namespace altius::rebalance
