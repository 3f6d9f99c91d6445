// SPDX-License-Identifier: PostgreSQL
// Expressions of a command may name the columns of its table with the table's name (CHECK (t.a > 0), a policy's subquery): on a
// shard that is the shard's name.
#include "rewrite.hpp"

#include "altius/pg/walk.hpp"

extern "C" {
#include "nodes/nodeFuncs.h"
#include "nodes/value.h"
}

namespace altius::ddl {

namespace {

struct Renaming {
  const char* from;
  char* to;
};

/// Whether an item of FROM has the name: columns that bear it are that item's.
bool Binds(const Node* item, const char* name) {
  const Alias* alias = nullptr;
  switch (nodeTag(item)) {
    case T_RangeVar: {
      const auto* relation = reinterpret_cast<const RangeVar*>(item);
      return strcmp(relation->alias != nullptr ? relation->alias->aliasname : relation->relname, name) == 0;
    }
    case T_JoinExpr: {
      const auto* join = reinterpret_cast<const JoinExpr*>(item);
      if (join->alias != nullptr) return strcmp(join->alias->aliasname, name) == 0;
      return Binds(join->larg, name) || Binds(join->rarg, name);
    }
    case T_RangeSubselect:
      alias = reinterpret_cast<const RangeSubselect*>(item)->alias;
      break;
    case T_RangeFunction:
      alias = reinterpret_cast<const RangeFunction*>(item)->alias;
      break;
    case T_RangeTableSample:
      return Binds(reinterpret_cast<const RangeTableSample*>(item)->relation, name);
    default:
      break;
  }
  return alias != nullptr && strcmp(alias->aliasname, name) == 0;
}

bool BindsAny(const List* items, const char* name) {
  ListCell* cell;
  foreach (cell, items)
    if (Binds(static_cast<const Node*>(lfirst(cell)), name)) return true;
  return false;
}

bool Requalify(Node* node, void* data) {
  if (node == nullptr) return false;
  const auto* renaming = static_cast<const Renaming*>(data);
  if (IsA(node, SelectStmt) && BindsAny(reinterpret_cast<SelectStmt*>(node)->fromClause, renaming->from)) return false;
  if (!IsA(node, ColumnRef)) return pg::WalkRaw(node, Requalify, data);
  const List* fields = reinterpret_cast<ColumnRef*>(node)->fields;
  if (list_length(fields) < 2) return false;
  auto* table = static_cast<Node*>(list_nth(fields, list_length(fields) - 2));
  if (IsA(table, String) && strcmp(strVal(table), renaming->from) == 0) strVal(table) = renaming->to;
  return false;
}

void OfIndexElements(const List* elements, Renaming* renaming) {
  ListCell* cell;
  foreach (cell, elements) Requalify(lfirst_node(IndexElem, cell)->expr, renaming);
}

void OfConstraint(const Constraint* constraint, Renaming* renaming) {
  Requalify(constraint->raw_expr, renaming);
  Requalify(constraint->where_clause, renaming);
  ListCell* cell;
  foreach (cell, constraint->exclusions)
    Requalify(linitial_node(IndexElem, lfirst_node(List, cell))->expr, renaming);
}

void OfDefinition(Node* definition, Renaming* renaming) {
  if (definition == nullptr) return;
  if (IsA(definition, Constraint)) return OfConstraint(reinterpret_cast<Constraint*>(definition), renaming);
  if (!IsA(definition, ColumnDef)) return;
  const auto* column = reinterpret_cast<ColumnDef*>(definition);
  Requalify(column->raw_default, renaming);  // USING, if the type changes
  ListCell* cell;
  foreach (cell, column->constraints) OfConstraint(lfirst_node(Constraint, cell), renaming);
}

template <typename Statement>
Statement* As(Node* statement) {
  return reinterpret_cast<Statement*>(statement);
}

/// The table of a command that may have expressions; null for others.
RangeVar* TableWithExpressions(Node* statement) {
  switch (nodeTag(statement)) {
    case T_CreateStmt:
      return As<CreateStmt>(statement)->relation;
    case T_AlterTableStmt:
      return As<AlterTableStmt>(statement)->relation;
    case T_IndexStmt:
      return As<IndexStmt>(statement)->relation;
    case T_CreateStatsStmt: {
      auto* relation = static_cast<Node*>(linitial(As<CreateStatsStmt>(statement)->relations));
      return IsA(relation, RangeVar) ? As<RangeVar>(relation) : nullptr;
    }
    case T_CreatePolicyStmt:
      return As<CreatePolicyStmt>(statement)->table;
    case T_AlterPolicyStmt:
      return As<AlterPolicyStmt>(statement)->table;
    default:
      return nullptr;
  }
}

void OfStatement(Node* statement, Renaming* renaming) {
  ListCell* cell;
  switch (nodeTag(statement)) {
    case T_CreateStmt:
      foreach (cell, As<CreateStmt>(statement)->tableElts) OfDefinition(static_cast<Node*>(lfirst(cell)), renaming);
      break;
    case T_AlterTableStmt:
      foreach (cell, As<AlterTableStmt>(statement)->cmds) OfDefinition(lfirst_node(AlterTableCmd, cell)->def, renaming);
      break;
    case T_IndexStmt:
      OfIndexElements(As<IndexStmt>(statement)->indexParams, renaming);
      Requalify(As<IndexStmt>(statement)->whereClause, renaming);
      break;
    case T_CreateStatsStmt:
      foreach (cell, As<CreateStatsStmt>(statement)->exprs) Requalify(lfirst_node(StatsElem, cell)->expr, renaming);
      break;
    case T_CreatePolicyStmt:
      Requalify(As<CreatePolicyStmt>(statement)->qual, renaming);
      Requalify(As<CreatePolicyStmt>(statement)->with_check, renaming);
      break;
    case T_AlterPolicyStmt:
      Requalify(As<AlterPolicyStmt>(statement)->qual, renaming);
      Requalify(As<AlterPolicyStmt>(statement)->with_check, renaming);
      break;
    default:
      break;
  }
}

}  // namespace

const char* NameBefore(Node* statement) {
  const RangeVar* table = TableWithExpressions(statement);
  return table == nullptr ? nullptr : pstrdup(table->relname);
}

void RequalifyColumns(Node* statement, const char* before) {
  if (before == nullptr) return;
  Renaming renaming = {before, TableWithExpressions(statement)->relname};
  OfStatement(statement, &renaming);
}

}  // namespace altius::ddl
