// SPDX-License-Identifier: PostgreSQL
// Binary values are taken where their form doesn't depend on the session: receive functions of
// types with text inside would convert from this session's client encoding, so those are read by
// their input functions (the bytes are the same).
#include "decode.hpp"

#include "altius/pg/node.hpp"
#include "altius/pg/stored_input.hpp"
#include "altius/pg/text_forms.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "port/pg_bswap.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
}

namespace altius::task {

namespace {

using Way = ColumnDecoder::Way;

/// How the binary form of the type is read; false when it should rather come as text.
bool BinaryWay(Oid type, Way* way) {
  type = getBaseType(type);
  *way = Way::Receive;
  switch (type) {
    case BOOLOID:
      *way = Way::Bool;
      return true;
    case INT2OID:
      *way = Way::Int2;
      return true;
    case INT4OID:
      *way = Way::Int4;
      return true;
    case INT8OID:
      *way = Way::Int8;
      return true;
    case TEXTOID:
    case VARCHAROID:
    case BPCHAROID:
    case NAMEOID:
    case JSONOID:
      *way = Way::Text;
      return true;
    case JSONBOID:
      *way = Way::Jsonb;
      return true;
    case FLOAT4OID:
    case FLOAT8OID:
    case NUMERICOID:
    case BYTEAOID:
    case DATEOID:
    case TIMEOID:
    case TIMETZOID:
    case TIMESTAMPOID:
    case TIMESTAMPTZOID:
    case INTERVALOID:
    case UUIDOID:
    case OIDOID:
    case CASHOID:
    case MACADDROID:
    case INETOID:
    case CIDROID:
    case BITOID:
    case VARBITOID:
    case INT4ARRAYOID:
    case INT8ARRAYOID:
    case FLOAT8ARRAYOID:
      return true;
    default:
      break;
  }
  if (get_typtype(type) != TYPTYPE_ENUM) return false;
  *way = Way::Text;
  return true;
}

/// Prepares reading of each column.  Domains are read as their base type.
void MakeDecoders(RowStore* store) {
  const MemoryContext before = MemoryContextSwitchTo(store->home);
  auto* decoders =
      static_cast<ColumnDecoder*>(palloc0(sizeof(ColumnDecoder) * std::max(store->desc->natts, 1)));
  for (int i = 0; i < store->desc->natts; i++) {
    const Form_pg_attribute column = TupleDescAttr(store->desc, i);
    const Oid type = getBaseType(column->atttypid);
    Oid function;
    getTypeInputInfo(type, &function, &decoders[i].input_param);
    // Which row it is; of other types the shard has seen to the modifier.
    decoders[i].typmod = pg::IsAnonymousRow(type) ? column->atttypmod : -1;
    fmgr_info(function, &decoders[i].input);
    pg::ReadAsStored(&decoders[i].input, type, decoders[i].typmod);
    decoders[i].type = type;
    if (store->binary && BinaryWay(type, &decoders[i].way) && decoders[i].way == Way::Receive) {
      getTypeBinaryInputInfo(type, &function, &decoders[i].receive_param);
      fmgr_info(function, &decoders[i].receive);
    }
  }
  store->row_memory = AllocSetContextCreate(store->home, "altius row", ALLOCSET_SMALL_SIZES);
  store->decoders = decoders;
  MemoryContextSwitchTo(before);
}

template <typename Integer>
Integer ReadBig(const char* bytes) {
  Integer value;
  memcpy(&value, bytes, sizeof(value));
  if constexpr (sizeof(Integer) == 2) return static_cast<Integer>(pg_ntoh16(value));
  if constexpr (sizeof(Integer) == 4) return static_cast<Integer>(pg_ntoh32(value));
  return static_cast<Integer>(pg_ntoh64(value));
}

[[noreturn]] void RefuseBinary() {
  ereport(ERROR, (errcode(ERRCODE_INVALID_BINARY_REPRESENTATION), errmsg("a node returned a value of another type than was expected"),
                  errhint("A function or type may not be the same on all nodes.")));
  pg_unreachable();
}

/// Of those that are read here; a function of a user may return another type on the node than it does on this one.
bool HasLength(Way way, int length) {
  switch (way) {
    case Way::Bool:
      return length == 1;
    case Way::Int2:
      return length == 2;
    case Way::Int4:
      return length == 4;
    case Way::Int8:
      return length == 8;
    case Way::Jsonb:
      return length >= 1;
    default:
      return true;
  }
}

/// A value whose type has another number over there, as enumerations may: what is taken for text has to be some.
void CheckOther(const ColumnDecoder& decoder, const char* bytes, int length) {
  if (decoder.way == Way::Text || decoder.way == Way::Jsonb) (void)pg_verifymbstr(bytes, length, false);
}

Datum Receive(ColumnDecoder* decoder, char* bytes, int length) {
  StringInfoData buffer = {.data = bytes, .len = length, .maxlen = length + 1, .cursor = 0};
  const Datum value = ReceiveFunctionCall(&decoder->receive, &buffer, decoder->receive_param, -1);
  if (buffer.cursor != buffer.len) RefuseBinary();
  return value;
}

Datum DecodeBinary(ColumnDecoder* decoder, char* bytes, int length) {
  if (!HasLength(decoder->way, length)) RefuseBinary();
  switch (decoder->way) {
    case Way::Bool:
      return BoolGetDatum(bytes[0] != 0);
    case Way::Int2:
      return Int16GetDatum(static_cast<int16>(ReadBig<uint16>(bytes)));
    case Way::Int4:
      return Int32GetDatum(static_cast<int32>(ReadBig<uint32>(bytes)));
    case Way::Int8:
      return Int64GetDatum(static_cast<int64>(ReadBig<uint64>(bytes)));
    case Way::Text:
      return InputFunctionCall(&decoder->input, bytes, decoder->input_param, -1);
    case Way::Jsonb:  // a version byte, then text
      return InputFunctionCall(&decoder->input, bytes + 1, decoder->input_param, -1);
    case Way::Receive:
      break;
  }
  return Receive(decoder, bytes, length);
}

}  // namespace

bool BinaryPossible(TupleDesc desc) {
  Way way;
  for (int i = 0; i < desc->natts; i++) {
    if (!BinaryWay(TupleDescAttr(desc, i)->atttypid, &way)) return false;
  }
  return true;
}

void AddRemoteRow(RowStore* store, const PGresult* result, int row) {
  if (store->decoders == nullptr) MakeDecoders(store);
  const int count = store->desc->natts;
  const MemoryContext before = MemoryContextSwitchTo(store->row_memory);
  auto* values = static_cast<Datum*>(palloc(sizeof(Datum) * std::max(count, 1)));
  auto* nulls = static_cast<bool*>(palloc(std::max(count, 1)));
  const int level = pg::BeginReadingText();
  for (int i = 0; i < count; i++) {
    nulls[i] = PQgetisnull(result, row, i) != 0;
    values[i] = 0;
    if (nulls[i]) continue;
    char* bytes = PQgetvalue(result, row, i);
    ColumnDecoder* decoder = &store->decoders[i];
    const bool binary = store->binary && PQfformat(result, i) == 1;
    if (binary && PQftype(result, i) != decoder->type) CheckOther(*decoder, bytes, PQgetlength(result, row, i));
    values[i] = binary ? DecodeBinary(decoder, bytes, PQgetlength(result, row, i))
                       : InputFunctionCall(&decoder->input, bytes, decoder->input_param, decoder->typmod);
  }
  pg::EndPortableText(level);
  tuplestore_putvalues(store->tuples, store->desc, values, nulls);
  store->rows++;
  MemoryContextSwitchTo(before);
  MemoryContextReset(store->row_memory);
}

}  // namespace altius::task
