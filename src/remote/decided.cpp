// SPDX-License-Identifier: PostgreSQL
#include "decided.hpp"

#include "altius/pg/pg.hpp"

extern "C" {
#include "access/xact.h"
#include "miscadmin.h"
}

namespace altius::remote {

namespace {

bool holding = false;

void OnTransaction(XactEvent event, void*) {
  if (!holding || (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT)) return;
  holding = false;
  if (event == XACT_EVENT_COMMIT) QueryCancelPending = false;
  if (QueryCancelHoldoffCount > 0) RESUME_CANCEL_INTERRUPTS();  // an error has set it to 0
}

}  // namespace

void HoldCancels() {
  if (holding || !IsTransactionState()) return;
  holding = true;
  HOLD_CANCEL_INTERRUPTS();
}

void InitDecided() { RegisterXactCallback(OnTransaction, nullptr); }

}  // namespace altius::remote
