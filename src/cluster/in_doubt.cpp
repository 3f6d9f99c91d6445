// SPDX-License-Identifier: PostgreSQL
#include "in_doubt.hpp"

#include "altius/catalog/metadata.hpp"
#include "altius/core/txn/recovery.hpp"
#include "altius/pg/spi.hpp"
#include "altius/remote/control.hpp"
#include "altius/txn/coordinated.hpp"
#include "ask.hpp"

extern "C" {
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
}

namespace altius::cluster {
namespace {

constexpr int kPatienceMs = 5000;
constexpr long kPauseUs = 200000;

char* PreparedQuery(const char* prefix) {
  return psprintf("SELECT pg_catalog.string_agg(gid, ', ' ORDER BY gid) FROM pg_catalog.pg_prepared_xacts"
                  " WHERE database = pg_catalog.current_database() AND pg_catalog.starts_with(gid, %s)",
                  quote_literal_cstr(prefix));
}

const char* PrefixOf(int group) {
  static char prefix[core::kGidSize];
  core::FormatGidPrefix(group, prefix);
  return prefix;
}

struct Look {
  bool all_answered;
  const char* found;  // gids; null: none
};

/// On all nodes but the group's own, for what the group began; there, if `itself`, for anything.
Look LookFor(int group, bool itself) {
  pg::Array<Question> questions;
  for (const catalog::Node* node : catalog::ActivePrimaries()) {
    if (node->group != group) questions.push_back(Question{node->group, PreparedQuery(PrefixOf(group))});
    if (node->group == group && itself) questions.push_back(Question{group, PreparedQuery(core::kGidPrefix)});
  }
  Look look{true, nullptr};
  const pg::Array<Answer> answers = Ask(questions, Scope::Outside, true);
  for (int i = 0; i < answers.size(); i++) {
    const bool answered = answers[i].success;
    if (!answered && questions[i].group != group) look.all_answered = false;
    if (answered && answers[i].value != nullptr && answers[i].value[0] != '\0') look.found = answers[i].value;
  }
  return look;
}

/// Errors are nothing new: a node that can't be asked has not finished its transactions, either.
void RecoverEverywhere() {
  pg::Array<Question> questions;
  for (const catalog::Node* node : catalog::ActivePrimaries())
    questions.push_back(Question{node->group, "SELECT pg_catalog.recover_prepared_transactions()"});
  (void)Ask(questions, Scope::Outside, true);
}

/// Looks again and again for some seconds, for it may be a transaction that is just being committed: what is still found.
template <typename Find>
auto LookPatiently(Find find) {
  const TimestampTz deadline = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), kPatienceMs);
  auto found = find();
  while (found != nullptr && GetCurrentTimestamp() < deadline) {
    CHECK_FOR_INTERRUPTS();
    pg_usleep(kPauseUs);
    found = find();
  }
  return found;
}

const char* PreparedAt(const char* host, int port) {
  const char* user = GetUserNameFromId(GetUserId(), false);
  return remote::FetchValue(remote::ConnectionToAddress(host, port, user), PreparedQuery(core::kGidPrefix));
}

}  // namespace

void FinishTransactionsOf(int group) {
  if (LookFor(group, true).found != nullptr) RecoverEverywhere();
}

void StopPreparesOf(int group) {
  pg::Array<int> others;
  for (const catalog::Node* node : catalog::ActivePrimaries()) {
    if (node->group != group && node->group != catalog::LocalGroup()) others.push_back(node->group);
  }
  const char* stop = psprintf("SELECT altius_internal.stop_prepares(%d)", group);
  txn::ExecuteOnGroups(others.data(), others.size(), stop);
  pg::RunSql(stop);
}

void RequireNothingInDoubt(int group, const char* address) {
  bool all_answered = true;
  const char* found = LookPatiently([&] {
    const Look look = LookFor(group, false);
    all_answered = look.all_answered;
    return look.found;
  });
  if (core::MayRemove(all_answered, found != nullptr)) return;
  ereport(ERROR,
          (errcode(ERRCODE_OBJECT_IN_USE),
           errmsg("cannot remove node %s: it began transactions that may be in doubt", address),
           found == nullptr ? errdetail("Not all nodes say what they have prepared.")
                            : errdetail("Other nodes have prepared %s. Whether they are committed is known on that node alone.", found),
           errhint("Start the node, which finishes them, or end them with COMMIT PREPARED or ROLLBACK PREPARED.")));
}

void FinishPreparedOn(const char* host, int port) {
  if (PreparedAt(host, port) == nullptr) return;
  RecoverEverywhere();
  const char* found = LookPatiently([&] { return PreparedAt(host, port); });
  if (found == nullptr) return;
  ereport(ERROR, (errcode(ERRCODE_OBJECT_IN_USE),
                  errmsg("node %s:%d has prepared transactions whose outcome is not known", host, port),
                  errdetail("They are %s.", found),
                  errhint("End them there with COMMIT PREPARED or ROLLBACK PREPARED.")));
}

}  // namespace altius::cluster
