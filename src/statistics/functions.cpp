// SPDX-License-Identifier: PostgreSQL
// What nodes call on each other.
#include "altius/door/door.hpp"
#include "altius/pg/bridge.hpp"
#include "altius/pg/rights.hpp"
#include "altius/statistics/statistics.hpp"
#include "table.hpp"

extern "C" {
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
}

namespace altius::statistics {
namespace {

const catalog::Table &Require(Oid relid) {
  const catalog::Table *table = catalog::FindTable(relid);
  if (table == nullptr) ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE), errmsg("relation %u is not a distributed table", relid)));
  return *table;
}

void PutRow(void *context, const char *const *texts) {
  auto *set = static_cast<ReturnSetInfo *>(context);
  Datum values[kTexts];
  bool nulls[kTexts] = {};
  for (int i = 0; i < kTexts; i++) values[i] = CStringGetTextDatum(texts[i]);
  tuplestore_putvalues(set->setResult, set->setDesc, values, nulls);
}

}  // namespace
}  // namespace altius::statistics

using namespace altius;

/// shard_statistics(relation): of the shards on this node, merged.
ALTIUS_NODE_FUNCTION(altius_shard_statistics) {
  const catalog::Table &table = statistics::Require(PG_GETARG_OID(0));
  InitMaterializedSRF(fcinfo, 0);
  pg::AsOwner(pg::OwnerOfRelation(table.relid), [&] {
    statistics::ToTexts(statistics::OfShardsHere(table), statistics::PutRow, fcinfo->resultinfo);
  });
  return Datum{0};
}

/// keep_statistics(relation, the columns of shard_statistics): a column's, or with an empty name the table's size.
ALTIUS_NODE_FUNCTION(altius_keep_statistics) {
  const catalog::Table &table = statistics::Require(PG_GETARG_OID(0));
  const char *texts[statistics::kTexts];
  for (int i = 0; i < statistics::kTexts; i++) texts[i] = text_to_cstring(PG_GETARG_TEXT_PP(i + 1));
  pg::AsOwner(pg::OwnerOfRelation(table.relid), [&] {
    statistics::Table found{};
    statistics::AddFromTexts(table.relid, texts, &found);
    statistics::Keep(table.relid, found);
  });
  PG_RETURN_VOID();
}
