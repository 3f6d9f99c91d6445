// SPDX-License-Identifier: PostgreSQL
// The one exception type of PostgreSQL-free code.  src/pg turns it into an ereport with all fields
// intact.
#pragma once

#include <exception>
#include <string>
#include <utility>

namespace altius {

/// SQLSTATE codes that PostgreSQL-free code raises.
namespace sqlstate {
inline constexpr const char* kInvalidParameterValue = "22023";
inline constexpr const char* kFeatureNotSupported = "0A000";
inline constexpr const char* kConnectionFailure = "08006";
inline constexpr const char* kProtocolViolation = "08P01";
inline constexpr const char* kInternalError = "XX000";
}  // namespace sqlstate

struct Error : std::exception {
  Error(const char* state, std::string text, std::string more = {}, std::string advice = {})
      : sqlstate(state),
        message(std::move(text)),
        detail(std::move(more)),
        hint(std::move(advice)) {}

  const char* what() const noexcept override { return message.c_str(); }

  std::string sqlstate;  // five characters
  std::string message;
  std::string detail;
  std::string hint;
};

}  // namespace altius
