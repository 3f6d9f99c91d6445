// SPDX-License-Identifier: PostgreSQL
// Numbers for new shards.  Who may make things in a table's schema may have made some, on any node, of the names that its next shards
// would get; those numbers are passed over.
#include "altius/catalog/writer.hpp"
#include "altius/ddl/shard_numbers.hpp"
#include "altius/remote/control.hpp"
#include "altius/txn/coordinated.hpp"
#include "sql.hpp"

extern "C" {
#include "utils/builtins.h"
#include "utils/lsyscache.h"
}

namespace altius::ddl {

namespace {

/// Whether others than the table's owner may make things beside it.
bool IsShared(Oid relid) {
  const char* shared = QueryText(R"(
SELECT 1 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.oid = $1 AND (n.nspowner <> c.relowner OR EXISTS (
  SELECT FROM pg_catalog.aclexplode(n.nspacl) it WHERE it.privilege_type = 'CREATE' AND it.grantee <> c.relowner)))",
                                 {OidValue(relid)});
  return shared != nullptr;
}

const char* TakenSql(const char* schema, int64 from) {
  return psprintf(R"(
SELECT pg_catalog.string_agg(DISTINCT number::pg_catalog.text, ' ') FROM (
  SELECT pg_catalog.substring(name, '_([1-9][0-9]{0,17})$')::pg_catalog.int8 AS number FROM (
    SELECT c.relname::pg_catalog.text AS name, c.relnamespace AS space FROM pg_catalog.pg_class c
    UNION ALL SELECT t.typname::pg_catalog.text, t.typnamespace FROM pg_catalog.pg_type t) AS made
  WHERE space = (SELECT n.oid FROM pg_catalog.pg_namespace n WHERE n.nspname = %s)) AS numbered WHERE number >= )" INT64_FORMAT,
                  quote_literal_cstr(schema), from);
}

void AddNumbers(const char* list, pg::Array<int64>* numbers) {
  if (list == nullptr) return;
  for (char* at = const_cast<char*>(list); *at != '\0';) numbers->push_back(strtoll(at, &at, 10));
}

}  // namespace

ShardNumbers::ShardNumbers(Oid relid, remote::Connection* (*to_group)(int group))  {
  if (!IsShared(relid)) return;
  drawn_ = catalog::NextShardId();
  const char* sql = TakenSql(get_namespace_name(get_rel_namespace(relid)), drawn_);
  AddNumbers(QueryText(sql, {}), &taken_);
  int count;
  const int* groups = txn::OtherGroups(&count);
  for (int i = 0; i < count; i++) AddNumbers(remote::FetchValue(to_group(groups[i]), sql), &taken_);
  std::sort(taken_.begin(), taken_.end());
}

int64 ShardNumbers::Next() {
  int64 number = drawn_ != 0 ? drawn_ : catalog::NextShardId();
  while (std::binary_search(taken_.begin(), taken_.end(), number)) number = catalog::NextShardId();
  drawn_ = 0;
  return number;
}

}  // namespace altius::ddl
