// SPDX-License-Identifier: PostgreSQL
// The plan of a task, fetched from its node and put into this node's EXPLAIN.
#pragma once

#include "state.hpp"

extern "C" {
#include "commands/explain.h"
}

namespace altius::executor {

/// The line that names the node; what follows is indented until CloseTask.
void OpenTask(const Task& task, bool reads, ExplainState* es);
void CloseTask(ExplainState* es);

/// Asks the node for its plan, in the format and with the options of this EXPLAIN; `again`: runs
/// the statement for it.
void ShowRemotePlan(const FragmentState* state, const Task& task, Arguments* arguments, bool again,
                    ExplainState* es);

}  // namespace altius::executor
