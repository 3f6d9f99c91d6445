// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "planner/locus/scope.hpp"

namespace altius::planner {

/// For a level whose FROM runs whole: what stands above is done as far as possible beside the data.
/// False when nothing of it can be (then CutParts serves).
bool SplitUpper(const Level *level, Scope *scope);

}  // namespace altius::planner
