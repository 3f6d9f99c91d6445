// SPDX-License-Identifier: PostgreSQL
// From a template to the text for one shard group.
#pragma once

#include "altius/catalog/metadata.hpp"
#include "altius/plan/fragment.hpp"

extern "C" {
#include "lib/stringinfo.h"
}

namespace altius::plan {

/// The table that decides where a statement over `tables` (of Oid) runs: the first hash table, else
/// the first with a single placement, else the first one.  Raises XX000 when it is no longer
/// distributed (the plan is stale).
const catalog::Table* LeadingTable(List* tables);

/// Appends the template's text for the shards that have the range of `lead`'s shard; reference and single-shard tables
/// have one shard only (`lead` is null when all are such).  False when a table has no such shard: it was read
/// before or after a split and `lead` was not, so
/// both must be read again.
bool AppendInstance(StringInfo out, const Template& text, List* tables, const catalog::Table* lead,
                    int shard_index);

}  // namespace altius::plan
