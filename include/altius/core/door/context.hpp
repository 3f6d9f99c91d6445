// SPDX-License-Identifier: PostgreSQL
// The context of an error in a statement that carries a ticket.  What is around the statement on its node may show all arguments
// there, the ticket too; what is inside is the user's.
#pragma once

#include <optional>
#include <string_view>

namespace altius::core::door {

/// Stands for what is around, and comes last.
inline constexpr char kContextEnd[] = "statement of another node";

/// The context inside; none when it does not end so: then it may have arguments.  Those end with a quote or NULL, whoever chose them.
inline std::optional<std::string_view> ContextInside(std::string_view context) {
  constexpr std::string_view end = kContextEnd;
  if (context.size() < end.size() || context.substr(context.size() - end.size()) != end) return std::nullopt;
  context.remove_suffix(end.size());
  if (context.empty()) return context;
  if (context.back() != '\n') return std::nullopt;
  context.remove_suffix(1);
  return context;
}

}  // namespace altius::core::door
