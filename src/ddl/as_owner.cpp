// SPDX-License-Identifier: PostgreSQL
#include "as_owner.hpp"

#include "altius/pg/bridge.hpp"
#include "altius/pg/rights.hpp"
#include "altius/pg/search_path.hpp"
#include "altius/pg/spi.hpp"
#include "sql.hpp"

extern "C" {
#include "access/xact.h"
#include "catalog/namespace.h"
#include "commands/tablecmds.h"
#include "nodes/parsenodes.h"
#include "parser/parse_type.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
}

namespace altius::ddl {

List* TextsOf(ArrayType* array);

namespace {

bool IsPlain(const AlterTableCmd& command) {
  if (command.subtype == AT_ChangeOwner) return true;
  return command.subtype == AT_AddConstraint && castNode(Constraint, command.def)->contype == CONSTR_FOREIGN;
}

/// Names of relations, columns, roles and functions only.
bool HasNoExpression(Node* statement) {
  switch (nodeTag(statement)) {
    case T_GrantStmt:
    case T_CommentStmt:
    case T_AlterSeqStmt:
    case T_AlterOwnerStmt:
      return true;
    case T_CreateTrigStmt:
      return reinterpret_cast<CreateTrigStmt*>(statement)->whenClause == nullptr;
    case T_AlterTableStmt: {
      ListCell* cell;
      foreach (cell, reinterpret_cast<AlterTableStmt*>(statement)->cmds) {
        if (!IsPlain(*lfirst_node(AlterTableCmd, cell))) return false;
      }
      return true;
    }
    default:
      return false;
  }
}

void AddType(List** types, const TypeName* name) {
  if (name == nullptr) return;
  const Oid type = LookupTypeNameOid(nullptr, name, true);
  if (OidIsValid(type)) *types = list_append_unique_oid(*types, type);
}

/// Those whose use PostgreSQL allows to who may: types of columns, arguments and results.
List* TypesIn(Node* statement) {
  List* types = NIL;
  ListCell* cell;
  const pg::SearchPath path = pg::PushCatalogSearchPath();  // all others have their schema
  if (IsA(statement, CreateStmt)) {
    foreach (cell, reinterpret_cast<CreateStmt*>(statement)->tableElts) {
      Node* element = static_cast<Node*>(lfirst(cell));
      if (IsA(element, ColumnDef)) AddType(&types, reinterpret_cast<ColumnDef*>(element)->typeName);
    }
  } else if (IsA(statement, CreateDomainStmt)) {
    AddType(&types, reinterpret_cast<CreateDomainStmt*>(statement)->typeName);
  } else if (IsA(statement, CreateFunctionStmt)) {
    const auto* function = reinterpret_cast<CreateFunctionStmt*>(statement);
    AddType(&types, function->returnType);
    foreach (cell, function->parameters) AddType(&types, lfirst_node(FunctionParameter, cell)->argType);
  }
  pg::PopSearchPath(path);
  return types;
}

/// ALTER TABLE .. ATTACH PARTITION; null for other statements.
const PartitionCmd* AttachedIn(Node* statement) {
  if (!IsA(statement, AlterTableStmt)) return nullptr;
  auto* command = linitial_node(AlterTableCmd, reinterpret_cast<AlterTableStmt*>(statement)->cmds);
  return command->subtype == AT_AttachPartition ? castNode(PartitionCmd, command->def) : nullptr;
}

/// The owner of the partitioned table, whose expressions say what belongs where, attaches partitions of other owners, too.
void AttachAsOwner(AlterTableStmt* statement, const PartitionCmd& attached) {
  const Oid parent = RangeVarGetRelid(statement->relation, AccessExclusiveLock, false);
  const Oid partition = RangeVarGetRelid(attached.name, AccessExclusiveLock, false);
  const Oid owner = pg::OwnerOfRelation(parent);
  const Oid own = pg::OwnerOfRelation(partition);
  const bool differ = owner != own && superuser();
  if (differ) ATExecChangeOwner(partition, owner, true, AccessExclusiveLock);
  if (differ) CommandCounterIncrement();
  pg::AsOwner(owner, [&] { RunUtility(reinterpret_cast<Node*>(statement), nullptr); });
  if (differ) ATExecChangeOwner(partition, own, true, AccessExclusiveLock);
  if (differ) CommandCounterIncrement();  // whose it is, is asked next
}

}  // namespace

void TrustForeignKeys(Node* statement) {
  if (!IsA(statement, AlterTableStmt)) return;
  ListCell* cell;
  foreach (cell, reinterpret_cast<AlterTableStmt*>(statement)->cmds) {
    Node* definition = lfirst_node(AlterTableCmd, cell)->def;
    if (definition == nullptr || !IsA(definition, Constraint)) continue;
    auto* constraint = reinterpret_cast<Constraint*>(definition);
    if (constraint->contype != CONSTR_FOREIGN || constraint->skip_validation) continue;
    constraint->skip_validation = true;
    constraint->initially_valid = true;
  }
}

void RunAsOwner(Node* statement, Oid schema, Oid owner) {
  const PartitionCmd* attached = AttachedIn(statement);
  if (attached != nullptr) return AttachAsOwner(reinterpret_cast<AlterTableStmt*>(statement), *attached);
  if (HasNoExpression(statement)) return RunUtility(statement, nullptr);
  List* types = owner == GetUserId() ? NIL : TypesIn(statement);
  pg::AsOwnerIn(schema, types, owner, [&] { RunUtility(statement, nullptr); });
}

namespace {

void MakeAsOwner(const char* command, Oid schema, Oid owner) {
  ListCell* cell;
  foreach (cell, ParseOwn(command)) {
    Node* statement = lfirst_node(RawStmt, cell)->stmt;
    if (IsA(statement, SelectStmt)) {  // a function of ours
      RunQuery(command);
    } else {
      TrustForeignKeys(statement);  // a shell has no rows
      RunAsOwner(statement, schema, owner);
    }
  }
}

}  // namespace
}  // namespace altius::ddl

/// make_as_owner(schema text, owner text, condition text, commands text[]): what a superuser's session of another node wants made
/// here unless the condition (an expression of ours; empty: none) is false.
ALTIUS_FUNCTION(altius_make_as_owner) {
  using namespace altius;
  if (!superuser()) ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("must be superuser")));
  const Oid schema = get_namespace_oid(text_to_cstring(PG_GETARG_TEXT_PP(0)), false);
  const Oid owner = get_role_oid(text_to_cstring(PG_GETARG_TEXT_PP(1)), false);
  const char* condition = text_to_cstring(PG_GETARG_TEXT_PP(2));
  const char* holds = *condition == '\0' ? "t" : pg::FetchText(psprintf("SELECT %s", condition));
  if (holds == nullptr || strcmp(holds, "t") != 0) PG_RETURN_VOID();
  const int level = ddl::BeginCommandsOfOthers();
  ListCell* cell;
  foreach (cell, ddl::TextsOf(PG_GETARG_ARRAYTYPE_P(3))) ddl::MakeAsOwner(static_cast<char*>(lfirst(cell)), schema, owner);
  ddl::EndLocalPlanning(level);
  PG_RETURN_VOID();
}
