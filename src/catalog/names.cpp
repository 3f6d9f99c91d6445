// SPDX-License-Identifier: PostgreSQL
// Names of shards, and the way back: is this relation a shard?
#include "altius/catalog/metadata.hpp"
#include "altius/core/shard/key_text.hpp"
#include "altius/core/shard/name.hpp"
#include "altius/pg/bridge.hpp"
#include "altius/pg/relation_lock.hpp"
#include "altius/pg/rights.hpp"
#include "cache.hpp"

extern "C" {
#include "access/transam.h"
#include "catalog/index.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
}

namespace altius::catalog {

char* ShardName(const Table& table, const Shard& shard) {
  auto* name = static_cast<char*>(palloc(core::kNameSize));
  core::AppendShardId(table.name, shard.id, name);
  return name;
}

char* QualifiedShardName(const Table& table, const Shard& shard) {
  return quote_qualified_identifier(table.schema, ShardName(table, shard));
}

bool HasPlacement(const Shard& shard, int group) {
  return std::find(shard.groups, shard.groups + shard.group_count, group) !=
         shard.groups + shard.group_count;
}

namespace {

/// What a shard is that the metadata does not have: nowhere.
constexpr Shard kNowhere{};

/// The shard that the relation's name says it is, and whose; null when it is none.
const Shard* ShardOfRelation(Oid relid, const Table** of = nullptr) {
  const char* name = get_rel_name(relid);
  if (name == nullptr) return nullptr;
  const auto id = core::ShardIdOfName(name);
  if (!id.has_value()) return nullptr;
  int index = 0;
  const Table* table = FindTableOfShard(*id, &index);
  const bool stray = table == nullptr;
  if (stray) table = FindTable(RelationOfStray(*id));
  if (table == nullptr) return nullptr;
  char expected[core::kNameSize];
  core::AppendShardId(table->name, *id, expected);
  const char* schema = get_namespace_name(get_rel_namespace(relid));
  const bool same =
      strcmp(name, expected) == 0 && schema != nullptr && strcmp(schema, table->schema) == 0;
  if (!same) return nullptr;
  if (of != nullptr) *of = table;
  return stray ? &kNowhere : &table->shards[index];
}

}  // namespace

namespace {

bool IsTableOf(Oid owner, Oid relid) {
  const char kind = get_rel_relkind(relid);
  return (kind == RELKIND_RELATION || kind == RELKIND_PARTITIONED_TABLE) && pg::OwnerOfRelation(relid) == owner;
}

[[noreturn]] void RaiseNoShard(const char* name, const char* of) {
  ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE), errmsg("\"%s\" is not the shard of \"%s\" any more", name, of),
                  errdetail("A shard is a table, has the owner of its distributed table, and the name that goes with it.")));
  pg_unreachable();
}

Oid TableOfIndex(Oid relid) {
  const char kind = get_rel_relkind(relid);
  return kind == RELKIND_INDEX || kind == RELKIND_PARTITIONED_INDEX ? IndexGetRelation(relid, true) : relid;
}

}  // namespace

bool IsShardOfOwner(Oid relid) {
  const Table* table = nullptr;
  return IsActive() && ShardOfRelation(relid, &table) != nullptr && IsTableOf(pg::OwnerOfRelation(table->relid), relid);
}

Oid RelationOfShard(const Table& table, const Shard& shard, LOCKMODE lock) {
  const char* name = ShardName(table, shard);
  const Oid schema = get_rel_namespace(table.relid);
  const Oid owner = pg::OwnerOfRelation(table.relid);
  Oid relid = get_relname_relid(name, schema);
  if (!OidIsValid(relid)) return InvalidOid;
  if (!IsTableOf(owner, relid)) RaiseNoShard(name, table.name);  // before others' tables are waited for
  if (lock == NoLock) return relid;
  relid = pg::LockRelationNamed(name, schema, lock);
  if (OidIsValid(relid) && !IsTableOf(owner, relid)) RaiseNoShard(name, table.name);
  return relid;
}

void RequireShard(Oid relid) {
  if (IsShardOfOwner(relid)) return;
  const char* name = get_rel_name(relid);
  ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE), errmsg("\"%s\" is not a shard", name == nullptr ? "?" : name)));
}

void RefuseOthers(Oid relid) {
  const char* name = IsActive() ? get_rel_name(relid) : nullptr;
  const auto id = name == nullptr ? std::nullopt : core::ShardIdOfName(name);
  if (!id.has_value()) return;
  const Table* table = FindTableOfShard(*id, nullptr);
  if (table != nullptr && !IsShardOfOwner(TableOfIndex(relid))) RaiseNoShard(name, table->name);
}

bool IsShardRelation(Oid relid) {
  return IsActive() && ShardOfRelation(TableOfIndex(relid)) != nullptr;
}

const Table* TableOfShardRelation(Oid relid) {
  const Table* table = nullptr;
  return IsActive() && ShardOfRelation(relid, &table) != nullptr ? table : nullptr;
}

bool IsElsewhere(Oid relid) {
  if (relid < FirstNormalObjectId || !IsActive()) return false;
  const Generation* generation = CurrentGeneration();
  const auto* known = static_cast<RelationEntry*>(
      hash_search(generation->relations, &relid, HASH_FIND, nullptr));
  if (known != nullptr) return known->elsewhere;
  const Shard* shard = ShardOfRelation(relid);
  const bool elsewhere = shard != nullptr && !HasPlacement(*shard, LocalGroup());
  generation = CurrentGeneration();  // the look-ups may have found it stale
  auto* entry = static_cast<RelationEntry*>(
      hash_search(generation->relations, &relid, HASH_ENTER, nullptr));
  entry->elsewhere = elsewhere;
  return elsewhere;
}

}  // namespace altius::catalog

ALTIUS_FUNCTION(relation_is_a_known_shard) {
  PG_RETURN_BOOL(altius::catalog::IsShardRelation(PG_GETARG_OID(0)));
}

/// As pg_table_is_visible, but shards are never visible.
ALTIUS_FUNCTION(citus_table_is_visible) {
  const Oid relid = PG_GETARG_OID(0);
  if (get_rel_name(relid) == nullptr) PG_RETURN_NULL();
  PG_RETURN_BOOL(RelationIsVisible(relid) && !altius::catalog::IsShardRelation(relid));
}

ALTIUS_FUNCTION(altius_shard_name) {
  const altius::catalog::Table* table = altius::catalog::FindTable(PG_GETARG_OID(0));
  if (table == nullptr) PG_RETURN_NULL();
  altius::catalog::Shard shard{};
  shard.id = PG_GETARG_INT64(1);
  PG_RETURN_TEXT_P(cstring_to_text(altius::catalog::QualifiedShardName(*table, shard)));
}

/// The name of the column that a text of pg_dist_partition.partkey stands for.
ALTIUS_FUNCTION(column_to_column_name) {
  text* key = PG_GETARG_TEXT_PP(1);
  const auto column = altius::core::ColumnOfKeyText({VARDATA_ANY(key), static_cast<std::size_t>(VARSIZE_ANY_EXHDR(key))});
  if (!column.has_value()) PG_RETURN_NULL();
  char* name = get_attname(PG_GETARG_OID(0), *column, true);
  if (name == nullptr) PG_RETURN_NULL();
  PG_RETURN_TEXT_P(cstring_to_text(name));
}

/// The shard's relation on this node, whatever the caller's rights on its schema; null when there is none.
ALTIUS_FUNCTION(altius_shard_oid) {
  const altius::catalog::Table* table = altius::catalog::FindTable(PG_GETARG_OID(0));
  if (table == nullptr) PG_RETURN_NULL();
  altius::catalog::Shard shard{};
  shard.id = PG_GETARG_INT64(1);
  const Oid relid =
      get_relname_relid(altius::catalog::ShardName(*table, shard), get_rel_namespace(table->relid));
  if (!OidIsValid(relid)) PG_RETURN_NULL();
  PG_RETURN_OID(relid);
}
