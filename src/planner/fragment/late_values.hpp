// SPDX-License-Identifier: PostgreSQL
// Values that are computed beforehand, but stand for something that PostgreSQL computes when it is reached.
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "nodes/primnodes.h"
}

namespace altius::planner {

/// ARRAY(SELECT ... LIMIT 2) of a scalar subquery that may have more rows than it should; null where it can't, or there is no such
/// type.
SubLink *AsArray(Node *node);

/// (SELECT unnest(array)), in the place of `subquery`: more than one element is the error that the subquery would have been.
Node *OnlyElement(Node *array, Node *subquery);

/// (SELECT value): no part of an expression that a node computes while it plans.
Node *WhenReached(Node *value);

}  // namespace altius::planner
