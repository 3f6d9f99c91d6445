// SPDX-License-Identifier: PostgreSQL
// DDL on distributed tables and on the objects they need: what runs on this node runs on all.
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "nodes/parsenodes.h"
#include "parser/parse_node.h"
#include "tcop/cmdtag.h"
}

namespace altius::ddl {

/// Asked first for every COPY; true: the statement is done.  Connected by entry to ingest.
void SetCopyHandler(bool (*handler)(CopyStmt* statement, ParseState* state, const char* query,
                                    QueryCompletion* completion));

/// Installs the utility hook.  From _PG_init.
void Init();

}  // namespace altius::ddl
