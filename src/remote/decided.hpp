// SPDX-License-Identifier: PostgreSQL
// What a node has committed by itself is committed: no cancel and no statement_timeout may turn it into a failure any more.
#pragma once

namespace altius::remote {

/// A statement that commits by itself has succeeded: cancels wait for the end of the transaction, and are forgotten there.
void HoldCancels();

/// Callbacks.
void InitDecided();

}  // namespace altius::remote
