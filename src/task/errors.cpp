// SPDX-License-Identifier: PostgreSQL
#include "altius/task/errors.hpp"

#include "altius/catalog/metadata.hpp"

namespace altius::task {

namespace {

bool IsNameChar(char c) { return isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || (c & 0x80) != 0; }

/// Length of `_<shard id>` at `at`, if that is what it is: at the end of a name, or within that of a partition's constraint.
int ShardSuffix(const char *at) {
  if (*at != '_' || !isdigit(static_cast<unsigned char>(at[1]))) return 0;
  char *end;
  const int64 id = strtoll(at + 1, &end, 10);
  return (!IsNameChar(*end) || *end == '_') && catalog::IsCachedShard(id) ? static_cast<int>(end - at) : 0;
}

void HideIn(char *words) {
  if (words == nullptr) return;
  char *to = words;
  for (const char *from = words; *from != '\0';) {
    const int skip = from == words ? 0 : ShardSuffix(from);
    if (skip == 0) *to++ = *from;
    from += skip == 0 ? 1 : skip;
  }
  *to = '\0';
}

constexpr int kMostWords = 40;  // of PostgreSQL around a statement, in whatever language

/// Takes the line `SQL statement "..."` out of the context.
void DropStatement(char *context, const char *sql) {
  if (context == nullptr || sql == nullptr || *sql == '\0') return;
  for (char *at = strstr(context, sql); at != nullptr; at = strstr(at + 1, sql)) {
    char *start = at;
    while (start > context && start[-1] != '\n') start--;
    char *end = at + strlen(sql);
    const char *rest = end;
    while (*end != '\0' && *end != '\n') end++;
    if (at - start > kMostWords || end - rest > kMostWords) continue;
    if (*end == '\n') {
      end++;
    } else if (start > context) {
      start--;  // the newline before it
    }
    memmove(start, end, strlen(end) + 1);
    return;
  }
}

}  // namespace

void HideShards(ErrorData *error, const char *sql) noexcept {
  DropStatement(error->context, sql);
  if (error->context != nullptr && error->context[0] == '\0') error->context = nullptr;
  error->internalquery = nullptr;
  error->internalpos = 0;
  for (char *words : {error->message, error->detail, error->hint, error->context, error->table_name, error->constraint_name}) {
    HideIn(words);
  }
  if (remote::IsOfMovedRow(error->sqlerrcode, error->funcname)) {
    error->message = const_cast<char *>(remote::kMovedRow);
    error->detail = const_cast<char *>(remote::kMovedRowDetail);
    error->hint = const_cast<char *>(remote::kMovedRowHint);
  }
}

}  // namespace altius::task
