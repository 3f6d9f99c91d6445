// SPDX-License-Identifier: PostgreSQL
#include "identity.hpp"

#include "altius/catalog/metadata.hpp"
#include "altius/door/door.hpp"
#include "altius/remote/control.hpp"
#include "altius/txn/coordinated.hpp"
#include "altius/txn/shared.hpp"

extern "C" {
#include "access/parallel.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/timestamp.h"
}

namespace altius::txn {

namespace {

core::TransactionId own = {};
core::TransactionId told = {};
char* told_text = nullptr;  // altius.transaction_id
int participants_numbered = 0;

/// An id, and behind it a ticket: a transaction of others can be named by nodes only.
bool CheckTold(char** value, void**, GucSource source) {
  if (*value == nullptr || **value == '\0' || InitializingParallelWorker) return true;
  const std::string_view text = *value;
  const std::string_view id = text.substr(0, text.find(' '));
  if (!core::ParseTransactionId(id).has_value() || source != PGC_S_SESSION || !IsTransactionState()) return false;
  if (superuser()) return true;
  const char* ticket = id.size() < text.size() ? id.data() + id.size() + 1 : "";
  if (door::AdmitsClaim(ticket, id.data(), id.size())) return true;
  GUC_check_errcode(ERRCODE_INSUFFICIENT_PRIVILEGE);
  GUC_check_errdetail("Only the nodes of the cluster set it.");
  return false;
}

void AssignTold(const char* value, void*) {
  told = core::TransactionId{};
  if (value != nullptr && *value != '\0')
    told = core::ParseTransactionId(std::string_view(value, strcspn(value, " "))).value_or(core::TransactionId{});
  PublishTransaction(told.IsValid() ? told : own, own.number);
}

}  // namespace

const core::TransactionId& OwnTransaction() {
  if (!own.IsValid()) {
    NeedMaintenance();
    own.group = catalog::LocalGroup();
    own.pid = MyProcPid;
    own.number = NextTransactionNumber();
    own.started_us = GetCurrentTransactionStartTimestamp();
    PublishTransaction(told.IsValid() ? told : own, own.number);
  }
  return own;
}

bool HasOwnTransaction() { return own.IsValid(); }

const core::TransactionId& WorkingFor() {
  OwnTransaction();
  return told.IsValid() ? told : own;
}

const core::TransactionId& ToldTransaction() { return told; }

int NextParticipantNumber() { return ++participants_numbered; }

void ForgetOwnTransaction() {
  if (!own.IsValid()) return;
  own = core::TransactionId{};
  participants_numbered = 0;
  PublishTransaction(told, 0);
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
