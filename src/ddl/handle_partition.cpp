// SPDX-License-Identifier: PostgreSQL
// A partition of a distributed table is distributed like its parent, so that the parent's shards
// can have the partition's shards as their partitions.  A child by inheritance stays a local table,
// whose rows no query on the parent would see: it is refused.
#include "altius/ddl/tables.hpp"
#include "checks.hpp"
#include "shard_statement.hpp"
#include "sql.hpp"
#include "utility.hpp"

extern "C" {
#include "catalog/namespace.h"
#include "utils/lsyscache.h"
}

namespace altius::ddl {

namespace {

void DistributeLike(Oid relid, const catalog::Table& parent) {
  DistributeOptions options = {};
  options.reference = parent.kind == catalog::TableKind::Reference;
  options.key = parent.key == 0 ? nullptr : get_attname(parent.relid, parent.key, false);
  options.colocate_with = QualifiedName(parent.relid);
  Distribute(relid, options);
}

/// CREATE TABLE .. PARTITION OF a distributed table.
bool CreatePartition(const UtilityCall& call, CreateStmt* create) {
  if (create->partbound == nullptr || list_length(create->inhRelations) != 1) return false;
  const catalog::Table* parent = TableOfName(linitial_node(RangeVar, create->inhRelations));
  if (parent == nullptr) return false;
  RequireCoordinator();
  RangeVar* name = Copy(create->relation);
  if (create->if_not_exists && OidIsValid(RangeVarGetRelid(name, NoLock, true))) {
    RunHere(call);
    return true;
  }
  RunHere(call);
  DistributeLike(RangeVarGetRelid(name, NoLock, false), *parent);
  return true;
}

/// ALTER TABLE .. ATTACH PARTITION of a local table: it is distributed first, the general way does
/// the rest.
void PrepareAttach(AlterTableStmt* alter) {
  const catalog::Table* parent = TableOfName(alter->relation);
  if (alter->objtype != OBJECT_TABLE || parent == nullptr) return;
  ListCell* cell;
  foreach (cell, alter->cmds) {
    auto* command = lfirst_node(AlterTableCmd, cell);
    if (command->subtype != AT_AttachPartition) continue;
    RequireCoordinator();
    const Oid partition =
        RangeVarGetRelid(castNode(PartitionCmd, command->def)->name, AccessExclusiveLock, false);
    const catalog::Table* table = catalog::FindTable(partition);
    if (table == nullptr) {
      DistributeLike(partition, *parent);
    } else if (table->colocation != parent->colocation || table->kind != parent->kind) {
      ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
                      errmsg("cannot attach \"%s\" to \"%s\", they are not colocated", table->name,
                             parent->name)));
    }
  }
}

/// A query on the parent asks the shards alone and would leave out the child's rows.
void RefuseChildOf(RangeVar* parent_name) {
  const catalog::Table* parent = TableOfName(parent_name);
  if (parent == nullptr) return;
  ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                  errmsg("cannot inherit from \"%s\", it is a %s table", parent->name,
                         parent->kind == catalog::TableKind::Reference ? "reference" : "distributed"),
                  errhint("Use declarative partitioning: partitions are distributed like their "
                          "parent.")));
}

void RefuseInheritance(const CreateStmt* create) {
  if (create->partbound != nullptr) return;
  ListCell* cell;
  foreach (cell, create->inhRelations) RefuseChildOf(lfirst_node(RangeVar, cell));
}

/// A local parent is read on this node alone, and would find the child's empty shell.
void RefuseLocalParent(const RangeVar* parent_name, const RangeVar* child_name) {
  if (!OidIsValid(RangeVarGetRelid(parent_name, NoLock, true)) || TableOfName(parent_name) != nullptr) return;
  const catalog::Table* child = TableOfName(child_name);
  if (child == nullptr) return;
  ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
                  errmsg("cannot make \"%s\" a child of \"%s\", a local table", child->name, parent_name->relname),
                  errhint("Distribute the parent first, or call undistribute_table for \"%s\".", child->name)));
}

void RefuseInheritance(const AlterTableStmt* alter) {
  ListCell* cell;
  foreach (cell, alter->cmds) {
    auto* command = lfirst_node(AlterTableCmd, cell);
    if (command->subtype == AT_AddInherit) {
      RefuseLocalParent(castNode(RangeVar, command->def), alter->relation);
      RefuseChildOf(castNode(RangeVar, command->def));
    } else if (command->subtype == AT_AttachPartition && alter->objtype == OBJECT_TABLE) {
      RefuseLocalParent(alter->relation, castNode(PartitionCmd, command->def)->name);
    }
  }
}

}  // namespace

bool HandlePartition(const UtilityCall& call) {
  if (IsA(call.statement(), CreateStmt)) {
    auto* create = reinterpret_cast<CreateStmt*>(call.statement());
    RefuseInheritance(create);
    return CreatePartition(call, create);
  }
  if (IsA(call.statement(), AlterTableStmt)) {
    auto* alter = reinterpret_cast<AlterTableStmt*>(call.statement());
    RefuseInheritance(alter);
    PrepareAttach(alter);
  }
  return false;
}

}  // namespace altius::ddl
