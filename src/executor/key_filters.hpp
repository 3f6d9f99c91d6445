// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "state.hpp"

extern "C" {
#include "lib/stringinfo.h"
}

namespace altius::executor {

/// Adds the keys of joins above the fragment that are known to the arguments, and a condition on its rows that names them.
void AddKeys(FragmentState* state, Arguments* arguments);

/// The statement, with rows that fulfil the condition only.
StringInfoData Filtered(const plan::Fragment& fragment, const char* statement, const char* condition);

}  // namespace altius::executor
