// SPDX-License-Identifier: PostgreSQL
// Rows into one table, without its users' triggers.  session_replication_role would switch triggers off for all that runs
// meanwhile: a constraint, a generated column or an expression of an index may call a function that writes to other tables, whose
// triggers and foreign keys hold (test/lint/rights).
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "executor/executor.h"
#include "utils/rel.h"
}

namespace altius::pg {

/// Rows that are in the table already as far as its users are concerned, written below the executor: no trigger fires, no
/// constraint but uniqueness is looked at (a row may be older than a constraint that is NOT VALID).  Generated columns are
/// computed.  Plain C in arena style; an error leaves it to the end of the transaction.
struct QuietRows;
/// Foreign keys: taken to hold; or checked at the end of the query, which the caller begins (AfterTriggerBeginQuery) and ends.
enum class Keys : uint8_t { Trusted, Hold };
QuietRows* BeginQuietRows(Relation relation, Keys keys = Keys::Trusted);
/// A slot to put the next row's values into, and the memory for them.
TupleTableSlot* NextQuietRow(QuietRows* rows);
MemoryContext MemoryOfQuietRows(const QuietRows* rows);
/// For expressions that make values of the row.
ExprContext* ContextOfQuietRows(const QuietRows* rows);
void AddQuietRow(QuietRows* rows);
/// What values point to must last until here.
void FlushQuietRows(QuietRows* rows);
/// The number of rows.
uint64 EndQuietRows(QuietRows* rows);

/// Checks the foreign keys of rows that were written with Keys::Hold, or leaves them to the end of the transaction.  PostgreSQL
/// defers no trigger in a security-restricted operation, and checks each key as the owner of its table.
void EndQueryOfKeys();

/// Takes the triggers that users have made from a target that has not fired any; what keeps foreign keys and deferred uniqueness
/// stays.
void DropTriggersOfUsers(ResultRelInfo* target);

/// Runs UPDATE of this table (and its partitions) without their users' triggers.
void UpdateQuietly(Oid relid, const char* sql);

}  // namespace altius::pg
