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

/// Asked first for every COPY.  Connected by entry to ingest.
struct CopyHandler {
  CopyStmt* (*as_query)(const CopyStmt* statement);   // what PostgreSQL runs in its place; null: nothing
  bool (*fills_shards)(const CopyStmt* statement);    // COPY FROM of a table whose rows go to shards
  bool (*run)(CopyStmt* statement, ParseState* state, const char* query, QueryCompletion* completion);  // true: it is done
};
void SetCopyHandler(const CopyHandler& handler);

/// Installs the utility hook.  From _PG_init.
void Init();

}  // namespace altius::ddl
