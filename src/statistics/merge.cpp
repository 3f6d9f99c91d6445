// SPDX-License-Identifier: PostgreSQL
// Values become ranks and back; core/statistics does the rest.
#include "altius/core/statistics/merge.hpp"

#include <algorithm>

#include "altius/pg/bridge.hpp"
#include "column.hpp"

extern "C" {
#include "utils/lsyscache.h"
#include "utils/typcache.h"
}

namespace altius::statistics {
namespace {

struct Ranked {
  Datum value;
  int rank;
};

int CompareRanked(const void *a, const void *b, void *data) {
  const auto *kind = static_cast<const Kind *>(data);
  return DatumGetInt32(FunctionCall2Coll(kind->compare, kind->collation, (*static_cast<Ranked *const *>(a))->value,
                                         (*static_cast<Ranked *const *>(b))->value));
}

/// All values of the parts: first each part's common ones, then its bounds.
pg::Array<Ranked> AllValues(const pg::Array<Column> &parts) {
  pg::Array<Ranked> all;
  for (const Column &part : parts) {
    for (const Datum value : part.common) all.push_back({value, 0});
    for (const Datum value : part.bounds) all.push_back({value, 0});
  }
  return all;
}

/// Sets the ranks; the values by rank.
pg::Array<Datum> Rank(const Kind &kind, const pg::Array<Ranked> &all) {
  pg::Array<Ranked *> sorted;
  for (Ranked &one : all) sorted.push_back(&one);
  if (all.size() > 1) qsort_arg(sorted.data(), sorted.size(), sizeof(Ranked *), CompareRanked, const_cast<Kind *>(&kind));
  pg::Array<Datum> by_rank;
  for (int i = 0; i < sorted.size(); i++) {
    const bool is_new = i == 0 || CompareRanked(&sorted[i - 1], &sorted[i], const_cast<Kind *>(&kind)) != 0;
    if (is_new) by_rank.push_back(sorted[i]->value);
    sorted[i]->rank = by_rank.size() - 1;
  }
  return by_rank;
}

std::vector<core::statistics::Column> InRanks(const pg::Array<Column> &parts, const pg::Array<Ranked> &all) {
  std::vector<core::statistics::Column> result;
  const Ranked *next = all.data();
  for (const Column &part : parts) {
    core::statistics::Column column{part.rows, part.null_fraction, part.width, part.distinct, {}, {}, part.correlation};
    for (int i = 0; i < part.common.size(); i++) column.common.push_back({(next++)->rank, part.fractions[i]});
    for (int i = 0; i < part.bounds.size(); i++) column.bounds.push_back((next++)->rank);
    result.push_back(std::move(column));
  }
  return result;
}

/// Room for the result is there before, so that nothing here can raise a PostgreSQL error.
void Fill(const core::statistics::Column &merged, const pg::Array<Datum> &by_rank, Column *result) {
  result->rows = merged.rows;
  result->null_fraction = merged.null_fraction;
  result->width = merged.width;
  result->distinct = merged.distinct;
  result->correlation = merged.correlation;
  for (const auto &value : merged.common) {
    result->common.push_back(by_rank[value.value]);
    result->fractions.push_back(value.fraction);
  }
  for (const int bound : merged.bounds) result->bounds.push_back(by_rank[bound]);
}

}  // namespace

Kind KindOf(Oid type, Oid collation) {
  const TypeCacheEntry *entry = lookup_type_cache(type, TYPECACHE_EQ_OPR | TYPECACHE_LT_OPR | TYPECACHE_CMP_PROC_FINFO);
  const bool ordered = OidIsValid(entry->cmp_proc_finfo.fn_oid);
  return {type, entry->typlen, entry->typbyval, entry->typalign, collation, entry->eq_opr, entry->lt_opr,
          ordered ? const_cast<FmgrInfo *>(&entry->cmp_proc_finfo) : nullptr};
}

Column Merge(const Kind &kind, const pg::Array<Column> &parts, bool disjoint, int detail) {
  const pg::Array<Ranked> all = AllValues(parts);
  const pg::Array<Datum> by_rank = Rank(kind, all);
  Column result{};
  result.common.reserve(detail + 1);
  result.fractions.reserve(detail + 1);
  result.bounds.reserve(detail + 2);
  Fill(core::statistics::Merge(InRanks(parts, all), {disjoint, detail, detail}), by_rank, &result);
  return result;
}

}  // namespace altius::statistics
