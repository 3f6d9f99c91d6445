// SPDX-License-Identifier: PostgreSQL
// Which distributed transaction this backend works for.
#pragma once

#include "altius/core/txn/gid.hpp"
#include "altius/pg/pg.hpp"

namespace altius::txn {

/// The transaction that another node told us (altius.transaction_id), else this backend's own,
/// assigned now.
const core::TransactionId& WorkingFor();

/// That of another node, if one was told.
const core::TransactionId& ToldTransaction();

/// This backend's own transaction, assigned now: its gids begin with it.
const core::TransactionId& OwnTransaction();
bool HasOwnTransaction();

/// Counts the participants of the own transaction.
int NextParticipantNumber();

/// At the end of the transaction.
void ForgetOwnTransaction();

/// Global pid of this backend: node id * 10^10 + pid.
int64 GlobalPid();

void DefineIdentitySettings();

}  // namespace altius::txn
