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

/// Appends the template's text for the shards with this index; reference and single-shard tables
/// have one shard only.
void AppendInstance(StringInfo out, const Template& text, List* tables, int shard_index);

/// Raises 23502: the value of the distribution column is null.
[[noreturn]] void RaiseNullKey(const catalog::Table& table);

}  // namespace altius::plan
