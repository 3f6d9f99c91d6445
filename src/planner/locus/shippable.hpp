// SPDX-License-Identifier: PostgreSQL
// What of a statement another node may compute, and what the asking node computes for it.
#pragma once

#include "conditional.hpp"
#include "scope.hpp"

namespace altius::planner {

/// Whether the list of conjuncts, targets, ... can be computed beside the rows of `part`.
bool IsShippable(Node *expr, const Scope &scope, const Part *part);

/// Whether the asking node may compute this expression once and send its value: no columns, but not constant everywhere.
bool MayBeArgument(Node *expr);

/// What core/evaluation has to know of such an expression.
evaluation::Value DescribeValue(Node *argument);

/// The function may not be called by another node: never the same twice, or not known there.
bool IsUnshippableCall(Node *node);

}  // namespace altius::planner
