// SPDX-License-Identifier: PostgreSQL
#include "planning.hpp"

extern "C" {
#include "nodes/value.h"
}

namespace altius::planner {

Planning* Planning::innermost_ = nullptr;

int64 Planning::Add(plan::Fragment* fragment) {
  static int64 last = 0;
  if (innermost_ == nullptr) elog(ERROR, "a fragment was made outside of a planning");
  auto* entry = static_cast<Entry*>(palloc(sizeof(Entry)));
  *entry = {++last, fragment, innermost_->entries_};
  innermost_->entries_ = entry;
  return last;
}

void Planning::SetFirst(List* names) {
  if (innermost_ != nullptr) innermost_->first_ = names;
}

int Planning::PlaceAmongFirst(const char* name) {
  ListCell* cell;
  foreach (cell, innermost_ == nullptr ? NIL : innermost_->first_) {
    if (strcmp(strVal(lfirst(cell)), name) == 0) return foreach_current_index(cell) + 1;
  }
  return 0;
}

plan::Fragment* Planning::Find(int64 number) {
  if (innermost_ == nullptr) return nullptr;
  for (const Entry* entry = innermost_->entries_; entry != nullptr; entry = entry->next)
    if (entry->number == number) return entry->fragment;
  return nullptr;
}

}  // namespace altius::planner
