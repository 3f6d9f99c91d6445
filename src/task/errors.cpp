// SPDX-License-Identifier: PostgreSQL
#include "altius/task/errors.hpp"

#include "altius/catalog/metadata.hpp"

namespace altius::task {

namespace {

bool IsNameChar(char c) { return isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || (c & 0x80) != 0; }

/// Length of `_<shard id>` at `at`, if that is what it is.
int ShardSuffix(const char *at) {
  if (*at != '_' || !isdigit(static_cast<unsigned char>(at[1]))) return 0;
  char *end;
  const int64 id = strtoll(at + 1, &end, 10);
  return !IsNameChar(*end) && catalog::IsCachedShard(id) ? static_cast<int>(end - at) : 0;
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

/// Takes the line `SQL statement "..."` out of the context.
void DropStatement(char *context, const char *sql) {
  constexpr const char *kPrefix = "SQL statement \"";
  if (context == nullptr || sql == nullptr) return;
  for (char *at = strstr(context, kPrefix); at != nullptr; at = strstr(at + 1, kPrefix)) {
    const char *text_start = at + strlen(kPrefix);
    if (strncmp(text_start, sql, strlen(sql)) != 0) continue;
    const char *end = text_start + strlen(sql);
    if (*end == '"') end++;
    if (*end == '\n') end++;
    if (*end == '\0' && at > context) at--;  // the newline before it
    memmove(at, end, strlen(end) + 1);
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
