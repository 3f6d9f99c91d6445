// SPDX-License-Identifier: PostgreSQL
// Parse analysis of a statement on shards of this node.  Its text was made with every name qualified that is not PostgreSQL's:
// so it is read with the search path of pg_catalog alone, whatever the session's is when it runs.
//
// With lent rights (altius/task/lent_rights.hpp) the names of shards are found without the right to use their schemas, and the
// executor checks the shards as if a superuser used them, which also leaves row security out; one with row security that is
// changed it checks as the role that changes it.  All else is found, checked and run as the user's own.
#pragma once

#include "altius/task/lending.hpp"

extern "C" {
#include "parser/parse_node.h"
}

namespace altius::task {

/// The statement's parameters, and what is to be restored when it has been parsed.
struct Parsing;

Parsing *MakeParsing(const Oid *types, int count, const Lending &lending, MemoryContext home);

/// For SPI and the plan cache, as a ParserSetupHook; the argument is the Parsing.
void SetUpParsing(ParseState *pstate, void *parsing);

/// Raises 42501 when reading the text would mean to read a literal of a type that users make.
void RefuseLiteralsOfUsers(const char *sql);

/// Installs the hook.
void InitParsing();

}  // namespace altius::task
