// SPDX-License-Identifier: PostgreSQL
// Reading JSON that others wrote: bounded, without exceptions, forgiving about types.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace altius::core::etcd {

using Json = nlohmann::json;

/// Nothing when it is not JSON, too long or nested too deep.
std::optional<Json> ParseJson(std::string_view text, std::size_t longest);

/// The member of an object; null when it is absent or `json` is no object.
const Json* Find(const Json& json, const char* name);

/// Integers as numbers or decimal strings; 0 when absent or not one.
std::int64_t Int64Of(const Json& json, const char* name);
std::uint64_t Uint64Of(const Json& json, const char* name);
bool BoolOf(const Json& json, const char* name);
/// Empty when absent or no string.
std::string StringOf(const Json& json, const char* name);

}  // namespace altius::core::etcd
