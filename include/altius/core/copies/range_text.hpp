// SPDX-License-Identifier: PostgreSQL
// The text of a range, as PostgreSQL writes it: [1,5), ["a b",), empty.
#pragma once

#include <cstring>

#include "altius/core/copies/field_text.hpp"

namespace altius::core {

struct RangeText {
  char* lower;  // null: without limit
  char* upper;
  bool lower_inclusive;
  bool upper_inclusive;
  bool empty;
};

/// Takes a range apart in its own memory, which it changes, and leaves the place behind it; false when there is none.
inline bool TakeRange(char** at, RangeText* range) {
  constexpr const char* kEmpty = "empty";
  *range = {};
  if (strncmp(*at, kEmpty, strlen(kEmpty)) == 0) {
    range->empty = true;
    *at += strlen(kEmpty);
    return true;
  }
  if (!IsOneOf(**at, "[(")) return false;
  range->lower_inclusive = *(*at)++ == '[';
  range->lower = **at == ',' ? nullptr : *at;
  char* lower_end = Unquote(at, ",)]");
  if (**at != ',') return false;
  range->upper = IsOneOf(*++*at, ")]") ? nullptr : *at;
  char* upper_end = Unquote(at, ",)]");
  if (!IsOneOf(**at, ")]") || **at == '\0') return false;
  range->upper_inclusive = *(*at)++ == ']';
  *lower_end = *upper_end = '\0';
  return true;
}

}  // namespace altius::core
