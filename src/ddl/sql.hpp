// SPDX-License-Identifier: PostgreSQL
// Short forms for what this folder does all the time: read catalogs with a query, quote names,
// build texts.
#pragma once

#include <initializer_list>

#include "altius/pg/pg.hpp"

extern "C" {
#include "nodes/nodes.h"
#include "nodes/pg_list.h"
}

namespace altius::ddl {

/// A parameter of a catalog query.
struct Value {
  Oid type;
  Datum datum;
};
Value OidValue(Oid value);
Value TextValue(const char* value);

/// While alive names resolve and print against pg_catalog alone, so that deparse functions qualify
/// every user's name. Must be ended by hand (an error ends it with the transaction).
int BeginQualifiedNames();
void EndQualifiedNames(int nest_level);

/// While alive statements see the shell tables of this node only (foreign keys are validated by
/// queries).
int BeginLocalPlanning();
void EndLocalPlanning(int nest_level);

/// The same for commands that another node has run before and checked: notices were shown there, and
/// the bodies of functions need not fit this session's search path. Ended by EndLocalPlanning.
int BeginCommandsOfOthers();

/// The first column of all rows as palloc'd text in the caller's memory context; nulls are left
/// out.
List* QueryTexts(const char* sql, std::initializer_list<Value> values);

/// All rows as char *[] (null for SQL null).
List* QueryRows(const char* sql, std::initializer_list<Value> values);

/// The single value of a query, null when it has no row.
char* QueryText(const char* sql, std::initializer_list<Value> values);
Oid QueryOid(const char* sql, std::initializer_list<Value> values);
List* QueryOids(const char* sql, std::initializer_list<Value> values);

/// Schema-qualified, quoted.
char* QualifiedName(Oid relid);

/// '{"..","..."}'::text[] as an SQL literal.
char* TextArrayLiteral(List* texts);

/// copyObject of PostgreSQL, without its macro that C++ can not read.
template <typename T>
T* Copy(const T* node) {
  return static_cast<T*>(copyObjectImpl(node));
}

/// Runs one utility command on this node as a part of another one, past this extension's own
/// handling and past event triggers.  `sql` may be null.
void RunUtility(Node* statement, const char* sql);
void RunCommand(const char* sql);

/// The raw parse trees (of RawStmt) of text that the functions above have made.
List* ParseOwn(const char* sql);

/// As above, but event triggers fire: ours cleans up after DROP.  For text of other nodes: raises an error for statements that
/// are no commands about objects, that is queries and commands with a query within (they need analysis), COPY, COMMIT.
void RunWholeUtility(Node* statement, const char* sql);

/// Runs a statement through SPI for its effect.
void RunQuery(const char* sql);

}  // namespace altius::ddl
