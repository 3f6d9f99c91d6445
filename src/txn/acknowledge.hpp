// SPDX-License-Identifier: PostgreSQL
// What a client may be told of a commit that is done here: core/txn/acknowledge.hpp decides.
#pragma once

#include "altius/core/txn/acknowledge.hpp"
#include "altius/pg/pg.hpp"

extern "C" {
#include "access/xlogdefs.h"
}

namespace altius::txn {

/// Raises 40001 on a server that has lost its group.
void RequireLead();

/// What is written, whose wait is PostgreSQL's.
enum class Record : unsigned char {
  Commit,       // waits if the transaction has written anything else
  PreparedEnd,  // COMMIT PREPARED
  Prepare,      // waits for the standbys' disks at most; ROLLBACK PREPARED too
};

/// Before it is written: whether it waits for synchronous standbys, as things are now.
void NoteSyncWait(Record record);

struct Told {
  core::Telling telling;
  core::SyncWait wait;
};

/// After it, and after its wait: `end` is the end of its record.  May take some seconds when the wait has ended without the standbys'
/// answer; never raises.
Told LookAtCommit(XLogRecPtr end);

/// Whether everything that is visible here as committed now will be there on whoever leads next.  Waits for standbys until `deadline`.
bool WaitUntilLasting(TimestampTz deadline);

// What is said when it is withheld.
extern const char* const kUnknownOutcome;
extern const char* const kUnknownOutcomeDetail;
extern const char* const kUnknownOutcomeHint;

/// For callbacks that run after the commit.
void HangUpOnClient();

}  // namespace altius::txn
