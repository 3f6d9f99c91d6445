// SPDX-License-Identifier: PostgreSQL
#include "altius/pg/text_forms.hpp"

#include "altius/pg/type_parts.hpp"

extern "C" {
#include "access/transam.h"
#include "catalog/namespace.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_type.h"
#include "parser/parser.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/float.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/xml.h"
}

namespace altius::pg {

namespace {

void SetForNow(const char* name, const char* value) {
  (void)set_config_option(name, value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

}  // namespace

bool TextNamesObjects(Oid type) {
  // Cheap for the types that nearly all values have.
  switch (type) {
    case BOOLOID:
    case INT2OID:
    case INT4OID:
    case INT8OID:
    case FLOAT8OID:
    case NUMERICOID:
    case TEXTOID:
    case VARCHAROID:
    case BPCHAROID:
    case DATEOID:
    case TIMESTAMPOID:
    case TIMESTAMPTZOID:
    case UUIDOID:
    case JSONBOID:
      return false;
    default:
      return IsMadeOf(type, IsObjectNumber);
  }
}

bool TextNamesObjects(TupleDesc columns) {
  for (int i = 0; i < columns->natts; i++) {
    const Form_pg_attribute column = TupleDescAttr(columns, i);
    if (!column->attisdropped && TextNamesObjects(column->atttypid)) return true;
  }
  return false;
}

int BeginTextWithNames() {
  const int level = NewGUCNestLevel();
  SetForNow("search_path", "pg_catalog, pg_temp");
  (void)BeginPortableText();
  return level;
}

int BeginPortableText() {
  const bool dates = DateStyle != USE_ISO_DATES;
  const bool intervals = IntervalStyle != INTSTYLE_POSTGRES;
  const bool floats = extra_float_digits < 1;
  const bool documents = xmloption != XMLOPTION_CONTENT;
  if (!dates && !intervals && !floats && !documents && standard_conforming_strings && Array_nulls) return 0;
  const int level = NewGUCNestLevel();
  if (dates) SetForNow("datestyle", "ISO");
  if (intervals) SetForNow("intervalstyle", "postgres");
  if (floats) SetForNow("extra_float_digits", "3");
  if (!standard_conforming_strings) SetForNow("standard_conforming_strings", "on");
  if (documents) SetForNow("xmloption", "content");
  if (!Array_nulls) SetForNow("array_nulls", "on");
  return level;
}

int BeginReadingText() {
  const bool documents = xmloption != XMLOPTION_CONTENT;
  if (Array_nulls && !documents) return 0;
  const int level = NewGUCNestLevel();
  if (!Array_nulls) SetForNow("array_nulls", "on");
  if (documents) SetForNow("xmloption", "content");
  return level;
}

bool IsReadAlike(Oid type) {
  if (Array_nulls && xmloption == XMLOPTION_CONTENT) return true;
  // There may be any in others.
  const bool plain = type < FirstNormalObjectId && type != XMLOID && !OidIsValid(get_element_type(type));
  return plain || type_is_enum(type);
}

const char* ArrayText(const char* const* values, int count) {
  auto* items = static_cast<Datum*>(palloc0(sizeof(Datum) * std::max(count, 1)));
  auto* nulls = static_cast<bool*>(palloc0(std::max(count, 1)));
  for (int i = 0; i < count; i++) {
    nulls[i] = values[i] == nullptr;
    if (!nulls[i]) items[i] = CStringGetTextDatum(values[i]);
  }
  int lower = 1;
  ArrayType* array = construct_md_array(items, nulls, 1, &count, &lower, TEXTOID, -1, false, TYPALIGN_INT);
  return OidOutputFunctionCall(F_ARRAY_OUT, PointerGetDatum(array));
}

int BeginOwnSql() {
  List* path = fetch_search_path(true);
  const bool hidden = path != NIL && linitial_oid(path) != PG_CATALOG_NAMESPACE;
  list_free(path);
  if (!hidden) return BeginPortableText();
  const int level = NewGUCNestLevel();
  const char* separator = *namespace_search_path == '\0' ? "" : ", ";
  SetForNow("search_path", psprintf("pg_catalog%s%s, pg_temp", separator, namespace_search_path));
  (void)BeginPortableText();
  return level;
}

void EndPortableText(int level) {
  if (level > 0) AtEOXact_GUC(true, level);
}

}  // namespace altius::pg
