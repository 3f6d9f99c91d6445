// SPDX-License-Identifier: PostgreSQL
// What of a statement another node may compute, and what the asking node computes for it.
#pragma once

#include "scope.hpp"

namespace altius::planner {

/// Whether the list of conjuncts, targets, ... can be computed beside the rows of `part`.
bool IsShippable(Node *expr, const Scope &scope, const Part *part);

/// Whether the asking node may compute this expression once and send its value: no columns, but not constant everywhere.
bool MayBeArgument(Node *expr);
/// One that could raise an error for an argument of its own, and that a node can compute where it is reached: in a place that rows
/// decide about its arguments are sent, not its value.
bool IsComputedWhenReached(Node *expr);

/// The function may not be called by another node: never the same twice, or not known there.
bool IsUnshippableCall(Node *node);

}  // namespace altius::planner
