// SPDX-License-Identifier: PostgreSQL
#include "stable.hpp"

#include <algorithm>
#include <string_view>

#include "altius/pg/node.hpp"
#include "altius/pg/text_forms.hpp"
#include "altius/pg/walk.hpp"
#include "shippable.hpp"

extern "C" {
#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/dependency.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
}

namespace altius::planner {

namespace {

/// PostgreSQL's own, by name.  Left out is what reads catalogs (pg_get_..., has_..., to_reg..., format_type), settings by name,
/// what has the role or the node for an argument, and what takes the current date (age, timetz).
constexpr std::string_view kSame[] = {
    "anytextcat", "array_in", "array_out", "array_to_json", "array_to_string", "cash_in", "cash_out", "concat",
    "concat_ws", "convert", "convert_from", "convert_to", "date", "date_add", "date_cmp_timestamptz",
    "date_eq_timestamptz", "date_ge_timestamptz", "date_gt_timestamptz", "date_in", "date_le_timestamptz",
    "date_lt_timestamptz", "date_ne_timestamptz", "date_out", "date_part", "date_subtract", "date_trunc", "domain_in",
    "enum_first", "enum_in", "enum_last", "enum_out", "enum_range", "extract", "format", "in_range", "interval_in",
    "interval_out", "interval_pl_timestamptz", "json_agg", "json_agg_strict", "json_build_array", "json_build_object",
    "json_object_agg", "json_object_agg_strict", "json_object_agg_unique", "json_object_agg_unique_strict",
    "json_populate_record", "json_to_record", "json_to_tsvector", "jsonb_agg", "jsonb_agg_strict",
    "jsonb_build_array", "jsonb_build_object", "jsonb_object_agg", "jsonb_object_agg_strict",
    "jsonb_object_agg_unique", "jsonb_object_agg_unique_strict", "jsonb_path_exists_tz", "jsonb_path_match_tz",
    "jsonb_path_query_array_tz", "jsonb_path_query_first_tz", "jsonb_populate_record", "jsonb_to_record",
    "jsonb_to_tsvector", "length", "make_timestamptz", "money", "multirange_in", "multirange_out", "numeric",
    "overlaps", "pg_collation_for", "pg_column_compression", "pg_column_size", "pg_typeof", "phraseto_tsquery",
    "plainto_tsquery", "quote_literal", "quote_nullable", "range_in", "range_out", "record_in", "record_out",
    "row_to_json", "textanycat", "time", "time_in", "timestamp", "timestamp_cmp_timestamptz",
    "timestamp_eq_timestamptz", "timestamp_ge_timestamptz", "timestamp_gt_timestamptz", "timestamp_in",
    "timestamp_le_timestamptz", "timestamp_lt_timestamptz", "timestamp_ne_timestamptz", "timestamp_out",
    "timestamptz", "timestamptz_cmp_date", "timestamptz_cmp_timestamp", "timestamptz_eq_date",
    "timestamptz_eq_timestamp", "timestamptz_ge_date", "timestamptz_ge_timestamp", "timestamptz_gt_date",
    "timestamptz_gt_timestamp", "timestamptz_in", "timestamptz_le_date", "timestamptz_le_timestamp",
    "timestamptz_lt_date", "timestamptz_lt_timestamp", "timestamptz_mi_interval", "timestamptz_ne_date",
    "timestamptz_ne_timestamp", "timestamptz_out", "timestamptz_pl_interval", "to_char", "to_date", "to_json",
    "to_jsonb", "to_number", "to_timestamp", "to_tsquery", "to_tsvector", "websearch_to_tsquery", "xml", "xml_in",
    "xml_is_well_formed",
};
static_assert(std::is_sorted(std::begin(kSame), std::end(kSame)));

bool IsBuiltinSame(Oid function) {
  return std::binary_search(std::begin(kSame), std::end(kSame), std::string_view(get_func_name(function)));
}

Oid LanguageOf(Oid function) {
  HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
  if (!HeapTupleIsValid(tuple)) return InvalidOid;
  const Oid language = reinterpret_cast<Form_pg_proc>(GETSTRUCT(tuple))->prolang;
  ReleaseSysCache(tuple);
  return language;
}

bool DiffersWalker(Node *node, void *context) {
  if (node == nullptr) return false;
  return IsA(node, SubLink) || MayBeArgument(node) || IsUnshippableCall(node) || pg::Walk(node, DiffersWalker, context);
}

bool NamesObjectsWalker(Node *node, void *context) {
  if (node == nullptr) return false;
  if (IsA(node, List)) return pg::Walk(node, NamesObjectsWalker, context);
  if (IsA(node, SortGroupClause)) return false;  // of an aggregate's ORDER BY
  if (IsA(node, TargetEntry)) node = pg::AsNode(reinterpret_cast<TargetEntry *>(node)->expr);
  return pg::TextNamesObjects(exprType(node));
}

}  // namespace

bool IsSameOnAllNodes(Oid function) {
  if (function < FirstNormalObjectId) return IsBuiltinSame(function);
  // In C, an extension's read no tables as a rule.
  return OidIsValid(getExtensionOfObject(ProcedureRelationId, function)) && LanguageOf(function) == ClanguageId;
}

bool HasSameBodyOnAllNodes(Node *call) {
  if (!IsA(call, FuncExpr) || reinterpret_cast<FuncExpr *>(call)->funcid < FirstNormalObjectId) return false;
  const Oid function = reinterpret_cast<FuncExpr *>(call)->funcid;
  if (LanguageOf(function) != SQLlanguageId) return false;
  Node *body = eval_const_expressions(nullptr, pg::Copy(call));
  const bool inlined = !IsA(body, FuncExpr) || reinterpret_cast<FuncExpr *>(body)->funcid != function;
  return inlined && !DiffersWalker(body, nullptr);
}

bool NamesObjects(Node *call) {
  return (IsA(call, CoerceViaIO) || IsA(call, ArrayCoerceExpr)) && pg::TextNamesObjects(exprType(call)) ? true
         : pg::Walk(call, NamesObjectsWalker, nullptr);
}

}  // namespace altius::planner
