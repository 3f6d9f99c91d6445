// SPDX-License-Identifier: PostgreSQL
#include "identity.hpp"

#include "altius/catalog/metadata.hpp"
#include "altius/remote/control.hpp"
#include "altius/txn/coordinated.hpp"
#include "altius/txn/shared.hpp"

extern "C" {
#include "access/xact.h"
#include "utils/guc.h"
#include "utils/timestamp.h"
}

namespace altius::txn {

namespace {

core::TransactionId own = {};
core::TransactionId told = {};
char* told_text = nullptr;  // altius.transaction_id
int participants_numbered = 0;

bool CheckTold(char** value, void**, GucSource) {
  if (*value == nullptr || **value == '\0') return true;
  return core::ParseTransactionId(*value).has_value();
}

void AssignTold(const char* value, void*) {
  told = core::TransactionId{};
  if (value != nullptr && *value != '\0')
    told = core::ParseTransactionId(value).value_or(core::TransactionId{});
  PublishTransaction(told.IsValid() ? told : own);
}

}  // namespace

const core::TransactionId& OwnTransaction() {
  if (!own.IsValid()) {
    NeedMaintenance();
    own.group = catalog::LocalGroup();
    own.pid = MyProcPid;
    own.number = NextTransactionNumber();
    own.started_us = GetCurrentTransactionStartTimestamp();
    if (!told.IsValid()) PublishTransaction(own);
  }
  return own;
}

bool HasOwnTransaction() { return own.IsValid(); }

const core::TransactionId& WorkingFor() {
  OwnTransaction();
  return told.IsValid() ? told : own;
}

int NextParticipantNumber() { return ++participants_numbered; }

void ForgetOwnTransaction() {
  if (!own.IsValid()) return;
  own = core::TransactionId{};
  participants_numbered = 0;
  PublishTransaction(told);
}

const char* CurrentTransactionId() {
  static char text[core::kTransactionIdSize];
  core::FormatTransactionId(WorkingFor(), text);
  return text;
}

int64 GlobalPid() {
  int node_id = 0;
  const int group = catalog::LocalGroup();
  for (const catalog::Node* node : catalog::AllNodes()) {
    if (node->group == group && node->role == catalog::NodeRole::Primary) node_id = node->id;
  }
  return static_cast<int64>(node_id) * INT64CONST(10000000000) + MyProcPid;
}

void DefineIdentitySettings() {
  DefineCustomStringVariable(
      "altius.transaction_id", "Names the distributed transaction that this session works for.",
      "Set by other nodes.", &told_text, "", PGC_USERSET,
      GUC_NO_SHOW_ALL | GUC_NOT_IN_SAMPLE | GUC_DISALLOW_IN_FILE, CheckTold, AssignTold, nullptr);
  remote::global_pid_hook = GlobalPid;
}

}  // namespace altius::txn
