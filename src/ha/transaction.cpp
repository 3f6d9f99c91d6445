// SPDX-License-Identifier: PostgreSQL
#include "transaction.hpp"

extern "C" {
#include "access/xact.h"
#include "pgstat.h"
#include "utils/snapmgr.h"
}

namespace altius::ha {

void BeginWork() {
  SetCurrentStatementStartTimestamp();
  StartTransactionCommand();
  XactIsoLevel = XACT_READ_COMMITTED;
  PushActiveSnapshot(GetTransactionSnapshot());
}

void CommitWork() {
  PopActiveSnapshot();
  CommitTransactionCommand();
  pgstat_report_stat(true);
}

void AbortWork() { AbortCurrentTransaction(); }

}  // namespace altius::ha
