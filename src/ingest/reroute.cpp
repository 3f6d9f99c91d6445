// SPDX-License-Identifier: PostgreSQL
// Rows on their way to a shard that was split meanwhile: taken out of the batch again and dealt out to the parts.
#include "altius/pg/text_forms.hpp"
#include "state.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
}

namespace altius::ingest {

namespace {

struct Column {
  Datum *values;
  bool *nulls;
  int count;
};

Column Read(const char *literal) {
  Oid input;
  Oid input_param;
  getTypeInputInfo(TEXTARRAYOID, &input, &input_param);
  const Datum array = OidInputFunctionCall(input, const_cast<char *>(literal), input_param, -1);
  Column column{};
  deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false, TYPALIGN_INT, &column.values, &column.nulls,
                    &column.count);
  return column;
}

StringInfoData *NewColumns(int count) {
  auto *columns = static_cast<StringInfoData *>(palloc(sizeof(StringInfoData) * std::max(count, 1)));
  for (int i = 0; i < count; i++) {
    initStringInfo(&columns[i]);
    appendStringInfoChar(&columns[i], '{');
  }
  return columns;
}

int PartOf(const catalog::Table &table, const char *key) {
  if (key == nullptr) return catalog::ShardIndexOfKey(table, 0, true);
  Oid input;
  Oid input_param;
  getTypeInputInfo(table.key_type, &input, &input_param);
  return catalog::ShardIndexOfValue(table, OidInputFunctionCall(input, const_cast<char *>(key), input_param, -1));
}

}  // namespace

StringInfoData **RowsOfParts(const ShipState *state, const StringInfoData *columns, const catalog::Table &now, bool by_key) {
  const int count = state->ship->column_count;
  const int key = state->ship->key_column;
  if (!by_key || key < 0 || key >= count) {
    ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
                    errmsg("a shard of \"%s\" was split while rows for it were under way", now.name),
                    errhint("Run the transaction again.")));
  }
  auto *read = static_cast<Column *>(palloc(sizeof(Column) * count));
  for (int i = 0; i < count; i++) read[i] = Read(columns[i].data);
  auto **parts = static_cast<StringInfoData **>(palloc0(sizeof(StringInfoData *) * now.shard_count));
  const int level = pg::BeginPortableText();
  for (int row = 0; row < read[key].count; row++) {
    StringInfoData *&part = parts[PartOf(now, read[key].nulls[row] ? nullptr : TextDatumGetCString(read[key].values[row]))];
    if (part == nullptr) part = NewColumns(count);
    for (int i = 0; i < count; i++) {
      if (part[i].len > 1) appendStringInfoChar(&part[i], ',');
      AppendElement(&part[i], read[i].nulls[row] ? nullptr : TextDatumGetCString(read[i].values[row]));
    }
  }
  pg::EndPortableText(level);
  for (int i = 0; i < now.shard_count; i++) {
    for (int column = 0; parts[i] != nullptr && column < count; column++) appendStringInfoChar(&parts[i][column], '}');
  }
  return parts;
}

}  // namespace altius::ingest
