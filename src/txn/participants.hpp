// SPDX-License-Identifier: PostgreSQL
// The distributed transaction of this backend while it runs: its participants and how far each has
// come.
#pragma once

#include "altius/core/txn/commit.hpp"
#include "altius/core/txn/gid.hpp"
#include "altius/pg/array.hpp"
#include "altius/remote/control.hpp"

extern "C" {
#include "access/xact.h"
#include "utils/timestamp.h"
}

namespace altius::txn {

/// A node in the current transaction.  Lives in TopTransactionContext.
struct Participant {
  remote::Connection* connection;
  int number;               // part of its gid
  int joined_level;         // nesting level at which it was enlisted
  int wrote_level;          // outermost level at which it wrote; 0: only read
  uint64 owner;             // the only one for whom it was enlisted; 0: there were several
  uint64 write_owner;       // the only one that wrote; 0: none, several or unknown
  remote::Request* ending;  // COMMIT, PREPARE TRANSACTION, ... in flight
  core::Part part;          // how far two-phase commit has come
  char gid[core::kGidSize];
  bool confirmed;  // COMMIT PREPARED was sent ahead of the others' and is done
};

/// Everything about the current transaction; zero when no other node takes part.
struct Coordinated {
  Participant** participants;
  int count;
  int capacity;
  bool local_write;    // this backend wrote in-process
  bool autocommitted;  // a statement committed on its node by itself
  struct ConstraintModes* constraint_modes;  // SET CONSTRAINTS so far
  int commit_first;  // group + 1 that is to know of the commit before the other nodes; 0: none
};
extern Coordinated current;

/// Participants that wrote.
int WriterCount();

// end.cpp: how a transaction ends
void PreCommit();
/// altius.commit_timeout
void DefineCommitSetting();
void AfterCommit(XLogRecPtr end);
void AfterAbort();
void BeforeUserPrepare();

// savepoints.cpp
void EstablishSavepoints(Participant* participant);
void CommitSubtransaction(int level);
void AbortSubtransaction(int level);

// constraints.cpp
/// What was set before the participant came.
void QueueConstraints(const Participant* participant);
/// At the end of a subtransaction of this level: what it set holds on, or is undone.
void KeepConstraints(int level);
void ForgetConstraints(int level);

/// Forgets the participants and unpins their connections.
void ForgetParticipants();

/// Takes one participant out (it has nothing that the transaction needs).
void Leave(Participant* participant);

[[noreturn]] void RaiseLostParticipant(const Participant* participant);


}  // namespace altius::txn
