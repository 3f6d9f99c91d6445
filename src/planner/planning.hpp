// SPDX-License-Identifier: PostgreSQL
// The plannings in progress, and the fragments that each has found so far.
#pragma once

#include "altius/plan/fragment.hpp"

namespace altius::planner {

/// One planning, from its first step to its end or error.  Plannings nest: a function called while constants are folded plans
/// its own queries.  A leaf's number stands for a fragment in the planning that made it and nowhere else.
class Planning {
 public:
  Planning() noexcept : outer_(innermost_) { innermost_ = this; }
  ~Planning() { innermost_ = outer_; }
  Planning(const Planning&) = delete;
  Planning& operator=(const Planning&) = delete;

  /// Gives the fragment a number that this session has not used yet.
  static int64 Add(plan::Fragment* fragment);

  /// Modifications in WITH that run before all others (modify/order.hpp), by name, in their order.
  static void SetFirst(List* names);
  /// The place of the one with this name among them, from 1; 0: it may run at any time.
  static int PlaceAmongFirst(const char* name);

  /// The fragment of the innermost planning with the number; null: not of this planning.
  static plan::Fragment* Find(int64 number);

 private:
  struct Entry {
    int64 number;
    plan::Fragment* fragment;
    Entry* next;
  };

  static Planning* innermost_;
  Planning* outer_;
  Entry* entries_ = nullptr;
  List* first_ = NIL;
};

}  // namespace altius::planner
