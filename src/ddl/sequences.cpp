// SPDX-License-Identifier: PostgreSQL
// Numbers of a sequence that all nodes know come from the coordinator, whatever node draws them: no
// two rows get the same, and a column may be as narrow as smallint.  On other nodes nextval() and
// identity columns in a query are replaced, before it is planned, by a function that asks there.
#include "sequences.hpp"

#include "altius/catalog/writer.hpp"
#include "altius/pg/bridge.hpp"
#include "altius/pg/settings.hpp"
#include "altius/plan/numbers.hpp"
#include "altius/txn/coordinated.hpp"
#include "sql.hpp"

extern "C" {
#include "catalog/dependency.h"
#include "catalog/pg_class.h"
#include "commands/sequence.h"
#include "optimizer/planner.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
}

namespace altius::ddl {

namespace {

planner_hook_type previous_planner = nullptr;

PlannedStmt* Plan(Query* query, const char* source, int cursor_options, ParamListInfo params) {
  return pg::Entry([&] {
    if (query->commandType != CMD_UTILITY && !pg::settings::plan_locally) {
      query = reinterpret_cast<Query*>(plan::AskForNumbers(reinterpret_cast<Node*>(query)));
    }
    return previous_planner != nullptr ? previous_planner(query, source, cursor_options, params)
                                       : standard_planner(query, source, cursor_options, params);
  });
}

int64 Draw(Oid relid) {
  if (get_rel_relkind(relid) != RELKIND_SEQUENCE) {
    const char* name = get_rel_name(relid);
    ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
                    name != nullptr ? errmsg("\"%s\" is not a sequence", name)
                                    : errmsg("relation with OID %u does not exist", relid)));
  }
  if (catalog::IsCoordinator() || !IsSharedSequence(relid)) return nextval_internal(relid, true);
  remote::Connection* connection = txn::OutsideTransaction(catalog::kCoordinatorGroup);
  const char* value = remote::FetchValue(
      connection,
      psprintf("SELECT pg_catalog.nextval(%s)", quote_literal_cstr(QualifiedName(relid))));
  if (value == nullptr) {
    ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR),
                    errmsg("sequence \"%s\" gave no value", get_rel_name(relid))));
  }
  return strtoll(value, nullptr, 10);
}

}  // namespace

bool IsSharedSequence(Oid relid) {
  if (get_rel_relkind(relid) != RELKIND_SEQUENCE) return false;
  if (catalog::IsDistributedObject(RelationRelationId, relid)) return true;
  Oid table;
  int32 column;
  const bool owned = sequenceIsOwned(relid, DEPENDENCY_AUTO, &table, &column) ||
                     sequenceIsOwned(relid, DEPENDENCY_INTERNAL, &table, &column);
  return owned && catalog::FindTable(table) != nullptr;
}

void InitSequences() {
  previous_planner = planner_hook;
  planner_hook = Plan;
}

}  // namespace altius::ddl

/// nextval_on_coordinator(regclass): the next number of a sequence; of one that only this node has,
/// its own.
ALTIUS_FUNCTION(altius_nextval_on_coordinator) {
  PG_RETURN_INT64(altius::ddl::Draw(PG_GETARG_OID(0)));
}
