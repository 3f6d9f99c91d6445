// SPDX-License-Identifier: PostgreSQL
// The text of a row, as PostgreSQL's records are written: (a,"b ""quoted""",,d).
#pragma once

#include "altius/core/copies/field_text.hpp"

namespace altius::core {

/// Takes a row apart in its own memory, which it changes.
class RowText {
 public:
  explicit RowText(char* text) : at_(text) { more_ = at_ != nullptr && *at_++ == '('; }

  /// The next field, null for a null; false when there is none (any more).
  bool Next(char** field) {
    if (!more_) return false;
    *field = *at_ == ',' || *at_ == ')' ? nullptr : at_;
    char* end = Unquote(&at_, ",)");
    more_ = *at_ == ',';
    whole_ = *at_ == ')' && at_[1] == '\0';
    if (*at_ != '\0') at_++;
    *end = '\0';
    return more_ || whole_;
  }

  /// All fields were taken, and there was nothing else.
  bool AtEnd() const { return !more_ && whole_; }

 private:
  char* at_;
  bool more_ = false;
  bool whole_ = false;
};

}  // namespace altius::core
