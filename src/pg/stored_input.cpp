// SPDX-License-Identifier: PostgreSQL
// Values are put together from the texts of their parts; those that are no domains' are left to PostgreSQL's input functions.
#include "altius/pg/stored_input.hpp"

#include "altius/core/copies/range_text.hpp"
#include "altius/core/copies/row_text.hpp"
#include "altius/pg/bridge.hpp"
#include "altius/pg/compat_range.hpp"
#include "altius/pg/node.hpp"
#include "altius/pg/type_parts.hpp"

extern "C" {
#include "access/htup_details.h"
#include "access/tupdesc.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/multirangetypes.h"
#include "utils/typcache.h"
}

namespace altius::pg {

namespace {

/// Reads values of a type that is no domain.
struct Reader {
  Datum (*read)(Reader *reader, char *text);
  Oid type;
  int32 modifier;
  MemoryContext home;
  FmgrInfo input;
  Oid param;
  Oid element;  // of an array
  int16 length;
  bool by_value;
  char alignment;
  TupleDesc columns;  // of a row
  uint64 version;     // of the type that they are of
  Reader *parts;      // one for each column, or the element's, subtype's or range's
};

void Prepare(Reader *reader, Oid type, int32 modifier, MemoryContext home);

Reader *MakePart(Reader *reader, Oid type, int32 modifier) {
  auto *part = static_cast<Reader *>(MemoryContextAllocZero(reader->home, sizeof(Reader)));
  Prepare(part, type, modifier, reader->home);
  return part;
}

[[noreturn]] void Refuse(Oid type, const char *text) {
  ereport(ERROR, (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
                  errmsg("invalid input syntax for type %s: \"%s\"", format_type_be(type), text)));
  pg_unreachable();
}

Datum ReadPlain(Reader *reader, char *text) { return InputFunctionCall(&reader->input, text, reader->param, reader->modifier); }

/// Elements of a domain over a plain type: an array of that type, under the domain's number.
Datum ReadArrayOfPlain(Reader *reader, char *text) {
  ArrayType *array = DatumGetArrayTypeP(InputFunctionCall(&reader->input, text, reader->parts->type, reader->parts->modifier));
  ARR_ELEMTYPE(array) = reader->element;
  return PointerGetDatum(array);
}

/// Of what is made of domains itself: the elements' texts first.
Datum ReadArray(Reader *reader, char *literal) {
  ArrayType *texts = DatumGetArrayTypeP(InputFunctionCall(&reader->input, literal, TEXTOID, -1));
  Datum *values;
  bool *nulls;
  int count;
  deconstruct_array(texts, TEXTOID, -1, false, TYPALIGN_INT, &values, &nulls, &count);
  for (int i = 0; i < count; i++)
    if (!nulls[i]) values[i] = reader->parts->read(reader->parts, TextDatumGetCString(values[i]));
  return PointerGetDatum(construct_md_array(values, nulls, ARR_NDIM(texts), ARR_DIMS(texts), ARR_LBOUND(texts), reader->element,
                                            reader->length, reader->by_value, reader->alignment));
}

/// Anew when the type has changed.
void PrepareColumns(Reader *reader) {
  const uint64 version = assign_record_type_identifier(reader->type, reader->modifier);
  if (reader->columns != nullptr && reader->version == version) return;
  const MemoryContext before = MemoryContextSwitchTo(reader->home);
  const TupleDesc columns = lookup_rowtype_tupdesc_copy(reader->type, reader->modifier);
  reader->parts = static_cast<Reader *>(palloc0(sizeof(Reader) * std::max(columns->natts, 1)));
  for (int i = 0; i < columns->natts; i++) {
    const Form_pg_attribute column = TupleDescAttr(columns, i);
    if (!column->attisdropped) Prepare(&reader->parts[i], column->atttypid, column->atttypmod, reader->home);
  }
  reader->columns = columns;
  reader->version = version;
  MemoryContextSwitchTo(before);
}

Datum ReadRow(Reader *reader, char *text) {
  PrepareColumns(reader);
  const int count = reader->columns->natts;
  auto *values = static_cast<Datum *>(palloc0(sizeof(Datum) * std::max(count, 1)));
  auto *nulls = static_cast<bool *>(palloc0(std::max(count, 1)));
  core::RowText fields(pstrdup(text));
  bool whole = true;
  for (int i = 0; i < count; i++) {
    nulls[i] = true;
    if (TupleDescAttr(reader->columns, i)->attisdropped) continue;
    char *field = nullptr;
    whole = whole && fields.Next(&field);
    nulls[i] = field == nullptr;
    if (whole && field != nullptr) values[i] = reader->parts[i].read(&reader->parts[i], field);
  }
  if (!whole || (count > 0 && !fields.AtEnd())) Refuse(reader->type, text);
  return HeapTupleHeaderGetDatum(heap_form_tuple(reader->columns, values, nulls)->t_data);
}

RangeBound BoundOf(Reader *subtype, char *text, bool inclusive, bool is_lower) {
  return {text == nullptr ? Datum{0} : subtype->read(subtype, text), text == nullptr, inclusive, is_lower};
}

/// The range at this place of a text; the place is left behind it.
RangeType *TakeRange(Reader *reader, char **at, const char *whole_text) {
  core::RangeText range;
  if (!core::TakeRange(at, &range)) Refuse(reader->type, whole_text);
  TypeCacheEntry *type = lookup_type_cache(reader->type, TYPECACHE_RANGE_INFO);
  RangeBound lower = BoundOf(reader->parts, range.lower, range.lower_inclusive, true);
  RangeBound upper = BoundOf(reader->parts, range.upper, range.upper_inclusive, false);
  return MakeRange(type, &lower, &upper, range.empty);
}

Datum ReadRange(Reader *reader, char *text) {
  char *at = pstrdup(text);
  RangeType *range = TakeRange(reader, &at, text);
  if (*at != '\0') Refuse(reader->type, text);
  return RangeTypePGetDatum(range);
}

Datum ReadMultirange(Reader *reader, char *text) {
  char *at = pstrdup(text);
  auto **ranges = static_cast<RangeType **>(palloc(sizeof(RangeType *) * (strlen(text) / 3 + 1)));
  int count = 0;
  if (*at++ != '{') Refuse(reader->type, text);
  while (*at != '}') {
    ranges[count++] = TakeRange(reader->parts, &at, text);
    if (*at == ',') {
      at++;
    } else if (*at != '}') {
      Refuse(reader->type, text);
    }
  }
  if (at[1] != '\0') Refuse(reader->type, text);
  return MultirangeTypePGetDatum(make_multirange(reader->type,
                                                 lookup_type_cache(reader->parts->type, TYPECACHE_RANGE_INFO), count, ranges));
}

void PrepareArray(Reader *reader) {
  reader->element = get_element_type(reader->type);
  reader->parts = MakePart(reader, reader->element, reader->modifier);
  reader->read = reader->parts->read == ReadPlain ? ReadArrayOfPlain : ReadArray;
  fmgr_info_cxt(F_ARRAY_IN, &reader->input, reader->home);
  get_typlenbyvalalign(reader->element, &reader->length, &reader->by_value, &reader->alignment);
}

void PreparePlain(Reader *reader) {
  Oid function;
  reader->read = ReadPlain;
  getTypeInputInfo(reader->type, &function, &reader->param);
  fmgr_info_cxt(function, &reader->input, reader->home);
}

/// Which fields an anonymous row has is not known before.
bool NeedsReader(Oid type, int32 modifier) { return IsAnonymousRow(type) ? modifier >= 0 : HasDomains(type); }

void Prepare(Reader *reader, Oid type, int32 modifier, MemoryContext home) {
  check_stack_depth();
  reader->home = home;
  reader->modifier = modifier;
  reader->type = getBaseTypeAndTypmod(type, &reader->modifier);
  if (!NeedsReader(reader->type, modifier)) return PreparePlain(reader);
  if (OidIsValid(get_element_type(reader->type))) return PrepareArray(reader);
  if (type_is_range(reader->type)) {
    reader->read = ReadRange;
    reader->parts = MakePart(reader, get_range_subtype(reader->type), -1);
  } else if (type_is_multirange(reader->type)) {
    reader->read = ReadMultirange;
    reader->parts = MakePart(reader, get_multirange_range(reader->type), -1);
  } else {
    reader->read = ReadRow;
    if (!IsAnonymousRow(reader->type)) reader->modifier = -1;
  }
}

Datum Read(FunctionCallInfo fcinfo) {
  return Entry([&] {
    auto *reader = static_cast<Reader *>(fcinfo->flinfo->fn_extra);
    fcinfo->isnull = PG_ARGISNULL(0);
    return fcinfo->isnull ? Datum{0} : reader->read(reader, PG_GETARG_CSTRING(0));
  });
}

}  // namespace

void ReadAsStored(FmgrInfo *input, Oid type, int32 modifier) {
  if (!NeedsReader(type, modifier)) return;
  auto *reader = static_cast<Reader *>(MemoryContextAllocZero(input->fn_mcxt, sizeof(Reader)));
  Prepare(reader, type, modifier, input->fn_mcxt);
  input->fn_addr = Read;
  input->fn_strict = false;
  input->fn_extra = reader;
}

}  // namespace altius::pg
