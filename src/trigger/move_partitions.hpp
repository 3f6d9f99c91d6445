// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "row_change.hpp"

namespace altius::trigger {

/// The triggers for an update of a row of a partitioned table, which lies in this shard of a partition: those of the partition and, where
/// the new row belongs to another one, as for a row that is deleted in one and inserted in the other.  False when it is not updated.
bool UpdateInPartitions(RowChange* update, int64 shard);

/// Raises an error when the trigger, which the partition has of its parent, has made the row one of another partition.
void CheckStaysInPartition(const RowChange& change, const Trigger& trigger);

}  // namespace altius::trigger
