// SPDX-License-Identifier: PostgreSQL
// Statistics as texts: values of a type are written and read by its own functions.
#include "altius/pg/stored_input.hpp"
#include "table.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
}

namespace altius::statistics {
namespace {

char *FloatText(double number) { return DatumGetCString(DirectFunctionCall1(float8out, Float8GetDatum(number))); }

double FloatOf(const char *text) { return DatumGetFloat8(DirectFunctionCall1(float8in, CStringGetDatum(text))); }

/// Of a text[], as text.
char *ArrayText(Datum *texts, int count) {
  ArrayType *array = construct_array(texts, count, TEXTOID, -1, false, TYPALIGN_INT);
  return OidOutputFunctionCall(F_ARRAY_OUT, PointerGetDatum(array));
}

char *ValuesText(Oid type, const pg::Array<Datum> &values) {
  Oid output = InvalidOid;
  bool is_varlena = false;
  getTypeOutputInfo(type, &output, &is_varlena);
  pg::Array<Datum> texts;
  for (const Datum value : values) texts.push_back(CStringGetTextDatum(OidOutputFunctionCall(output, value)));
  return ArrayText(texts.data(), texts.size());
}

char *NumbersText(const pg::Array<double> &numbers) {
  pg::Array<Datum> texts;
  for (const double number : numbers) texts.push_back(CStringGetTextDatum(FloatText(number)));
  return ArrayText(texts.data(), texts.size());
}

pg::Array<char *> TextsOf(const char *array_text) {
  Datum *values = nullptr;
  int count = 0;
  const Datum array = OidInputFunctionCall(F_ARRAY_IN, const_cast<char *>(array_text), TEXTOID, -1);
  deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false, TYPALIGN_INT, &values, nullptr, &count);
  pg::Array<char *> texts;
  for (int i = 0; i < count; i++) texts.push_back(TextDatumGetCString(values[i]));
  return texts;
}

pg::Array<Datum> ValuesOf(Oid type, const char *text) {
  Oid function = InvalidOid;
  Oid parameter = InvalidOid;
  FmgrInfo input;
  getTypeInputInfo(type, &function, &parameter);
  fmgr_info(function, &input);
  pg::ReadAsStored(&input, type, -1);
  pg::Array<Datum> values;
  for (char *one : TextsOf(text)) values.push_back(InputFunctionCall(&input, one, parameter, -1));
  return values;
}

}  // namespace

void ToTexts(const Table &found, void (*put)(void *context, const char *const *texts), void *context) {
  const char *rows = FloatText(found.rows);
  const char *pages = FloatText(found.pages);
  const char *size[kTexts] = {"", rows, pages, "0", "0", "0", "0", "{}", "{}", "{}"};
  put(context, size);
  for (const NamedColumn &one : found.columns) {
    const char *texts[kTexts] = {one.name, rows, pages, FloatText(one.column.null_fraction), FloatText(one.column.width),
                                 FloatText(one.column.distinct), FloatText(one.column.correlation),
                                 ValuesText(one.type, one.column.common), NumbersText(one.column.fractions),
                                 ValuesText(one.type, one.column.bounds)};
    put(context, texts);
  }
}

void AddFromTexts(Oid relid, const char *const *texts, Table *found) {
  found->rows = FloatOf(texts[1]);
  found->pages = FloatOf(texts[2]);
  const AttrNumber number = get_attnum(relid, texts[0]);
  if (number <= InvalidAttrNumber) return;
  const Oid type = get_atttype(relid, number);
  NamedColumn one{pstrdup(texts[0]), type, {}};
  one.column = {found->rows, FloatOf(texts[3]), FloatOf(texts[4]), FloatOf(texts[5]), FloatOf(texts[6]), ValuesOf(type, texts[7]), {},
                ValuesOf(type, texts[9])};
  for (const char *fraction : TextsOf(texts[8])) one.column.fractions.push_back(FloatOf(fraction));
  if (one.column.fractions.size() != one.column.common.size())
    ereport(ERROR, (errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR), errmsg("arrays differ in length")));
  found->columns.push_back(one);
}

}  // namespace altius::statistics
