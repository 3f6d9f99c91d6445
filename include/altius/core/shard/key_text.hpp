// SPDX-License-Identifier: PostgreSQL
// pg_dist_partition.partkey: the distribution column as a Var in PostgreSQL's text form of nodes,
// `{VAR :varno 1 :varattno 2 ... :location -1}`. Anybody may hand such a text to
// column_to_column_name(), so it is read here, not by PostgreSQL's reader of nodes, which trusts
// what it reads. No allocation, no exception, no recursion.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace altius::core {

/// The column's number (above 0); nullopt for any text that is not of that form, to the last
/// character.
std::optional<std::int16_t> ColumnOfKeyText(std::string_view text) noexcept;

}  // namespace altius::core
