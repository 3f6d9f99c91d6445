// SPDX-License-Identifier: PostgreSQL
#include "altius/task/lent_rights.hpp"

#include "altius/catalog/metadata.hpp"
#include "altius/pg/permissions.hpp"
#include "altius/pg/text_forms.hpp"
#include "claim.hpp"

extern "C" {
#include "access/transam.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/rel.h"
#include "utils/relcache.h"
}

namespace altius::task {

namespace {

struct Need {
  const List *tables;
  Lending lending;
  bool finds_rows;  // by ctid, which only SELECT of the whole table allows, and locks them, which takes UPDATE
  bool changes;     // one of the tables
  bool unclear;     // tables with row security are changed as different roles
  bool superuser;   // who lacks no rights, but is subject to the policies of who owns a view
};

bool HasRowSecurity(Oid relid) {
  Relation relation = RelationIdGetRelation(relid);
  if (relation == nullptr) return false;
  const bool has = relation->rd_rel->relrowsecurity;
  RelationClose(relation);
  return has;
}

}  // namespace

bool PoliciesReadMore(Oid relid) { return HasRowSecurity(relid) && !pg::MayUse(relid, GetUserId(), ACL_SELECT); }

bool FindsRowsUnseen(const pg::Requirement &requirement) {
  if ((requirement.rights & (ACL_UPDATE | ACL_DELETE)) == 0) return false;
  const Oid user = GetUserId();
  if ((requirement.rights & ACL_SELECT) == 0 && HasRowSecurity(requirement.relid)) return true;
  return !pg::MayUse(requirement.relid, user, ACL_SELECT) || !pg::MayUse(requirement.relid, user, ACL_UPDATE);
}

namespace {

/// Rows go to shards with all their columns, defaults included, which the user may not write by himself.
bool WritesMore(const pg::Requirement &requirement) {
  return (requirement.rights & ACL_INSERT) != 0 && !pg::MayUse(requirement.relid, GetUserId(), ACL_INSERT);
}

void Look(const pg::Requirement &requirement, void *data) {
  auto *need = static_cast<Need *>(data);
  const Oid role = OidIsValid(requirement.role) ? requirement.role : GetUserId();
  const bool changes = (requirement.rights & (ACL_INSERT | ACL_UPDATE | ACL_DELETE)) != 0;
  if (!list_member_oid(need->tables, requirement.relid)) return;
  need->changes = need->changes || changes;
  if (need->superuser && (role == GetUserId() || !changes || !HasRowSecurity(requirement.relid))) return;
  if (role == GetUserId() && !changes) {
    need->lending.needed = need->lending.needed || PoliciesReadMore(requirement.relid);
    return;
  }
  const bool secured = HasRowSecurity(requirement.relid);
  const bool unread = need->finds_rows && (requirement.rights & ACL_SELECT) == 0;
  Lending *lending = &need->lending;
  if (need->finds_rows && FindsRowsUnseen(requirement)) lending->needed = true;
  if (changes && secured) {
    if (OidIsValid(lending->target) && lending->target != role) need->unclear = true;
    lending->unread = unread && (lending->unread || !OidIsValid(lending->target));
    lending->target = role;
  }
  if (role == GetUserId()) {
    if (!WritesMore(requirement)) return;
    lending->needed = true;
    lending->hides_rows = lending->hides_rows || !pg::MayUse(requirement.relid, role, ACL_SELECT);
    return;
  }
  if (secured || !pg::MayUse(requirement.relid, GetUserId(), requirement.rights)) lending->needed = true;
}

/// The columns' types as this node has them; those that users made may be out of reach for the user, and travel as text.
char *ColumnList(TupleDesc columns) {
  StringInfoData list;
  initStringInfo(&list);
  for (int i = 0; i < columns->natts; i++) {
    const Form_pg_attribute column = TupleDescAttr(columns, i);
    const bool builtin = column->atttypid < FirstNormalObjectId;
    const int32 typmod = builtin && column->atttypid != RECORDOID ? column->atttypmod : -1;  // a row's is this session's
    appendStringInfo(&list, "%sc%d %s", i > 0 ? ", " : "", i + 1,
                     format_type_extended(builtin ? column->atttypid : TEXTOID, typmod,
                                          FORMAT_TYPE_TYPEMOD_GIVEN | FORMAT_TYPE_FORCE_QUALIFY));
  }
  if (columns->natts == 0) appendStringInfoString(&list, "c1 pg_catalog.text");
  return list.data;
}

const char *TypesText(const Claim &claim) {
  StringInfoData text;
  initStringInfo(&text);
  appendStringInfoChar(&text, '{');
  for (int i = 0; i < claim.count; i++) appendStringInfo(&text, "%s%u", i > 0 ? "," : "", claim.types[i]);
  appendStringInfoChar(&text, '}');
  return text.data;
}

void CheckTypes(const Claim &claim) {
  for (int i = 0; i < claim.count; i++) {
    if (OidIsValid(claim.types[i])) continue;
    ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                    errmsg("a parameter of a type made by users can't be used in a change through another role's view"),
                    errhint("Cast the parameter, or pass it as text.")));
  }
}

constexpr Oid kParameterTypes[] = {TEXTOID, BOOLOID, NAMEOID, BOOLOID, OIDARRAYOID, TEXTARRAYOID, TEXTOID};  // the last is the ticket

}  // namespace

Lending LendingFor(const PlannedStmt *plan, const List *tables, bool finds_rows) {
  Need need = {tables, {}, finds_rows, false, false, superuser()};
  pg::VisitRequirements(plan, Look, &need);
  // MERGE that only does nothing has a target, too.
  if (!need.changes) need.lending.target = GetUserId();
  return need.lending.needed && !need.unclear ? need.lending : Lending{};
}

remote::StatementText WithLentRights(const remote::StatementText &statement, const Lending &lending, bool modifies,
                                     TupleDesc columns) {
  if (!lending.needed) return statement;
  const bool nothing = columns->natts == 0;
  // A function has at least one column.
  const char *sql =
      nothing && !modifies ? psprintf("SELECT NULL::pg_catalog.text FROM (%s) altius_none", statement.sql) : statement.sql;
  const char *target = OidIsValid(lending.target) ? GetUserNameFromId(lending.target, false) : "";
  const Claim claim = {sql, modifies, target, lending.unread, statement.param_count, statement.param_types, statement.param_values};
  CheckTypes(claim);
  auto *values = static_cast<const char **>(palloc(sizeof(char *) * (lengthof(kParameterTypes) - 1)));
  values[0] = sql;
  values[1] = modifies ? "t" : "f";
  values[2] = target;
  values[3] = lending.unread ? "t" : "f";
  values[4] = TypesText(claim);
  values[5] = pg::ArrayText(claim.values, claim.count);
  const StringInfoData *bytes = BytesOf(claim);
  remote::StatementText lent = statement;
  lent.sql = psprintf("SELECT%s FROM altius_internal.run_with_lent_rights($1, $2, $3, $4, $5, $6, $7) AS lent(%s)", nothing ? "" : " *",
                      ColumnList(columns));
  lent.param_count = lengthof(kParameterTypes) - 1;
  lent.param_types = kParameterTypes;
  lent.param_values = values;
  lent.prepare = true;
  lent.claim = bytes->data;
  lent.claim_length = bytes->len;
  lent.hides_rows = lending.hides_rows;
  return lent;
}

}  // namespace altius::task
