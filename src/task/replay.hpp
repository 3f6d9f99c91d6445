// SPDX-License-Identifier: PostgreSQL
// Changes of the leading copy, made on this node's.
#pragma once

#include "capture.hpp"

namespace altius::task {

/// Makes the changes, in their order, on the copy `relid` with the rights of its owner.  Rows are stored as they come; no trigger
/// of a user fires, foreign keys are followed.
void ReplayChanges(Oid relid, const pg::Array<RowChange>& changes);

/// The same without looking at foreign keys: for a copy that has got other rows than it should have.
void MendRows(Oid relid, const pg::Array<RowChange>& changes);

}  // namespace altius::task
