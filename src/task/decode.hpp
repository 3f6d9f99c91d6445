// SPDX-License-Identifier: PostgreSQL
// Values from other nodes, and values between types.
#pragma once

#include "altius/task/rows.hpp"

namespace altius::task {

/// Whether every column can be sent in binary form and read back here.
bool BinaryPossible(TupleDesc desc);

/// Decodes one row of a result, whose columns may be in text or binary form, and adds it to the
/// store.
void AddRemoteRow(RowStore* store, const PGresult* result, int row);

}  // namespace altius::task
