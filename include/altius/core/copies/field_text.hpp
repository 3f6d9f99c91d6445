// SPDX-License-Identifier: PostgreSQL
// Fields of rows and bounds of ranges, as PostgreSQL writes them: quoted, with quotes doubled and backslashes in front of letters.
#pragma once

namespace altius::core {

inline bool IsOneOf(char letter, const char* letters) {
  for (; *letters != '\0'; letters++)
    if (*letters == letter) return true;
  return false;
}

/// Takes a field's quotes and backslashes away in its own memory, from `*at` up to one of `ends` that stands outside of quotes or to
/// the end of the text, and leaves the place there.  Where the field ends now, which a null character may be put at.
inline char* Unquote(char** at, const char* ends) {
  char* from = *at;
  char* end = from;
  bool quoted = false;
  for (; *from != '\0' && (quoted || !IsOneOf(*from, ends)); from++) {
    if (*from == '"' && quoted && from[1] == '"') {
      *end++ = *from++;
    } else if (*from == '"') {
      quoted = !quoted;
    } else {
      if (*from == '\\' && from[1] != '\0') from++;
      *end++ = *from;
    }
  }
  *at = from;
  return end;
}

}  // namespace altius::core
