// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "state.hpp"

namespace altius::executor {

/// How the modification of a reference table goes about its copies.
task::CopyWrite WriteOf(const FragmentState* state);

/// Runs it on all of them; the number of rows.
int64 ModifyCopies(FragmentState* state);

}  // namespace altius::executor
