// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "utility.hpp"

namespace altius::ddl {

/// Runs a COPY of a distributed table by itself.
using CopyRunner = bool (*)(CopyStmt* statement, const char* query, QueryEnvironment* environment,
                            QueryCompletion* completion);

/// The same call with another statement, which it may change.
UtilityCall WithStatement(const UtilityCall& call, Node* statement);

/// Has the COPY FROM run inside of the hooks behind ours.
void CopyWithin(const UtilityCall& call, CopyRunner run);

void InitCopyWithin();

}  // namespace altius::ddl
