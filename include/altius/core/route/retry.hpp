// SPDX-License-Identifier: PostgreSQL
// What a statement that failed on a node has done there, and what may be done about it.
#pragma once

namespace altius::core {

enum class Verdict {
  OwnError,    // the statement's own error: it is raised as it is
  RunAgain,    // certainly nothing happened, or what happened is undone and was all: it may be sent
               // again
  RolledBack,  // certainly undone, but not it alone: the client must run the transaction again
               // (40001)
  Unknown,     // perhaps committed (08007)
};

struct Failure {
  const char* sqlstate =
      "";  // of the error, or of the node's last words; empty when it hung up without any
  bool lost = false;           // the connection is gone
  bool sent = true;            // it was given to the network
  bool commits_alone = false;  // outside of a block on the node: it commits with its sync
  bool answered = false;       // its command tag came: the commit may have come after it
  bool rows_taken = false;     // rows of it have gone further
  bool shared = false;  // the transaction did something else there that counts, and is gone too
  int tries = 0;        // before this one
};

/// The server refuses or ends sessions because it stops, starts, crashed or became a standby: the
/// statement was not run, or was undone.
bool SaysNothingHappened(const char* sqlstate) noexcept;

/// The server did not accept this one as a node of its cluster, and closed the session before it ran anything.  The cluster's secret
/// may have been changed just then: that is worth one more session, which is opened with the new one.
bool IsNotAccepted(const char* sqlstate) noexcept;

Verdict Judge(const Failure& failure) noexcept;

}  // namespace altius::core
