// SPDX-License-Identifier: PostgreSQL
// The text of a row, as PostgreSQL's records are written: (a,"b ""quoted""",,d).
#pragma once

namespace altius::core {

/// Takes a row apart in its own memory, which it changes.
class RowText {
 public:
  explicit RowText(char* text) : at_(text) { more_ = at_ != nullptr && *at_++ == '('; }

  /// The next field, null for a null; false when there is none (any more).
  bool Next(char** field) {
    if (!more_) return false;
    *field = *at_ == ',' || *at_ == ')' ? nullptr : at_;
    char* end = Unquote();
    more_ = *at_ == ',';
    whole_ = *at_ == ')' && at_[1] == '\0';
    if (*at_ != '\0') at_++;
    *end = '\0';
    return more_ || whole_;
  }

  /// All fields were taken, and there was nothing else.
  bool AtEnd() const { return !more_ && whole_; }

 private:
  /// Leaves the place behind the field; where the field ends once quotes and backslashes are gone.
  char* Unquote() {
    char* end = at_;
    bool quoted = false;
    for (; *at_ != '\0' && (quoted || (*at_ != ',' && *at_ != ')')); at_++) {
      if (*at_ == '"' && quoted && at_[1] == '"') {
        *end++ = *at_++;
      } else if (*at_ == '"') {
        quoted = !quoted;
      } else {
        if (*at_ == '\\' && at_[1] != '\0') at_++;
        *end++ = *at_;
      }
    }
    return end;
  }

  char* at_;
  bool more_ = false;
  bool whole_ = false;
};

}  // namespace altius::core
