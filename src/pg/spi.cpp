// SPDX-License-Identifier: PostgreSQL
#include "altius/pg/spi.hpp"

#include "altius/pg/text_forms.hpp"

extern "C" {
#include "executor/spi.h"
#include "utils/snapmgr.h"
}

namespace altius::pg {
namespace {

/// Runs the statement and leaves SPI connected.
void Start(const char* sql) {
  SPI_connect();
  const int level = BeginOwnSql();
  const int code = SPI_execute(sql, false, 0);
  EndPortableText(level);
  if (code < 0) {
    ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("SPI failed with code %d", code),
                    errdetail("Statement: %s", sql)));
  }
}

char* TextOf(uint64 row, MemoryContext home) {
  char* value = SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, 1);
  return value == nullptr ? nullptr : MemoryContextStrdup(home, value);
}

}  // namespace

uint64 RunSql(const char* sql) {
  Start(sql);
  const uint64 rows = SPI_processed;
  SPI_finish();
  return rows;
}

char* FetchText(const char* sql) {
  MemoryContext home = CurrentMemoryContext;
  Start(sql);
  char* value = SPI_tuptable != nullptr && SPI_processed > 0 ? TextOf(0, home) : nullptr;
  SPI_finish();
  return value;
}

pg::Array<char*> FetchTexts(const char* sql) {
  MemoryContext home = CurrentMemoryContext;
  Array<char*> values;
  Start(sql);
  const uint64 count = SPI_tuptable != nullptr ? SPI_processed : 0;
  MemoryContext spi = MemoryContextSwitchTo(home);
  for (uint64 row = 0; row < count; row++) values.push_back(TextOf(row, home));
  MemoryContextSwitchTo(spi);
  SPI_finish();
  return values;
}

}  // namespace altius::pg
