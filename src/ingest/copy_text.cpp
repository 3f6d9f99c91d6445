// SPDX-License-Identifier: PostgreSQL
#include "altius/pg/text_forms.hpp"
#include "lines.hpp"

extern "C" {
#include "mb/pg_wchar.h"
#include "nodes/makefuncs.h"
#include "nodes/value.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
}

namespace altius::ingest {

namespace {

constexpr const char *kReadingSettings[] = {"datestyle", "intervalstyle", "timezone"};

List *AddOption(List *options, const char *name, const char *value) {
  return lappend(options, makeDefElem(pstrdup(name), reinterpret_cast<Node *>(makeString(pstrdup(value))), -1));
}

List *AddColumnsOption(List *options, const char *name, List *columns) {
  if (columns == NIL) return options;
  return lappend(options, makeDefElem(pstrdup(name), reinterpret_cast<Node *>(columns), -1));
}

void AppendColumns(StringInfo sql, const List *columns) {
  const char *separator = "(";
  ListCell *cell;
  foreach (cell, columns) {
    appendStringInfo(sql, "%s%s", separator, quote_identifier(strVal(lfirst(cell))));
    separator = ", ";
  }
  appendStringInfoChar(sql, ')');
}

bool IsSent(const Form_pg_attribute column) { return !column->attisdropped && column->attgenerated == '\0'; }

}  // namespace

LineFormat TextFormat(Relation shell) {
  LineFormat format{};
  const TupleDesc desc = RelationGetDescr(shell);
  for (int i = 0; i < desc->natts; i++) {
    const Form_pg_attribute column = TupleDescAttr(desc, i);
    if (IsSent(column)) format.columns = lappend(format.columns, makeString(pstrdup(NameStr(column->attname))));
  }
  format.options = AddOption(NIL, "encoding", GetDatabaseEncodingName());
  return format;
}

LineFormat RawFormat(const CopyFormatOptions &options, Relation shell, List *attnums) {
  LineFormat format{};
  ListCell *cell;
  foreach (cell, attnums) {
    const Form_pg_attribute column = TupleDescAttr(RelationGetDescr(shell), lfirst_int(cell) - 1);
    format.columns = lappend(format.columns, makeString(pstrdup(NameStr(column->attname))));
  }
  List *list = AddOption(NIL, "encoding", GetDatabaseEncodingName());
  list = AddOption(list, "delimiter", options.delim);
  list = AddOption(list, "null", options.null_print);
  if (options.csv_mode) {
    list = AddOption(list, "format", "csv");
    list = AddOption(list, "quote", options.quote);
    list = AddOption(list, "escape", options.escape);
    list = AddColumnsOption(list, "force_not_null", options.force_notnull);
    list = AddColumnsOption(list, "force_null", options.force_null);
  }
  format.options = list;
  return format;
}

char *StreamCommand(Relation shell, const LineFormat &format) {
  StringInfoData sql;
  initStringInfo(&sql);
  appendStringInfo(&sql, "COPY %s ",
                   quote_qualified_identifier(get_namespace_name(RelationGetNamespace(shell)),
                                              RelationGetRelationName(shell)));
  if (format.columns != NIL) AppendColumns(&sql, format.columns);
  appendStringInfo(&sql, " FROM STDIN WITH (%s %s", kFramesOption, quote_literal_cstr(ReadingSettings()));
  if (format.as_owner) appendStringInfo(&sql, ", %s", kAsOwnerOption);
  ListCell *cell;
  foreach (cell, format.options) {
    const DefElem *option = lfirst_node(DefElem, cell);
    appendStringInfo(&sql, ", %s ", option->defname);
    if (IsA(option->arg, List)) {
      AppendColumns(&sql, castNode(List, option->arg));
    } else {
      appendStringInfoString(&sql, quote_literal_cstr(strVal(option->arg)));
    }
  }
  appendStringInfoChar(&sql, ')');
  return sql.data;
}

FmgrInfo *MakeOutputs(TupleDesc desc) {
  auto *outputs = static_cast<FmgrInfo *>(palloc0(sizeof(FmgrInfo) * std::max(desc->natts, 1)));
  for (int i = 0; i < desc->natts; i++) {
    if (!IsSent(TupleDescAttr(desc, i))) continue;
    Oid function;
    bool varlena;
    getTypeOutputInfo(TupleDescAttr(desc, i)->atttypid, &function, &varlena);
    fmgr_info(function, &outputs[i]);
  }
  return outputs;
}

void AppendField(StringInfo line, const char *value) {
  if (value == nullptr) {
    appendStringInfoString(line, "\\N");
    return;
  }
  for (const char *next = value; *next != '\0'; next++) {
    switch (*next) {
      case '\\':
        appendStringInfoString(line, "\\\\");
        break;
      case '\n':
        appendStringInfoString(line, "\\n");
        break;
      case '\r':
        appendStringInfoString(line, "\\r");
        break;
      case '\t':
        appendStringInfoString(line, "\\t");
        break;
      default:
        appendStringInfoCharMacro(line, *next);
    }
  }
}

void AppendTextLine(StringInfo line, TupleDesc desc, FmgrInfo *outputs, const Datum *values, const bool *nulls) {
  bool first = true;
  for (int i = 0; i < desc->natts; i++) {
    if (!IsSent(TupleDescAttr(desc, i))) continue;
    if (!first) appendStringInfoChar(line, '\t');
    first = false;
    AppendField(line, nulls[i] ? nullptr : OutputFunctionCall(&outputs[i], values[i]));
  }
}

char *ReadingSettings() {
  StringInfoData all;
  initStringInfo(&all);
  for (const char *name : kReadingSettings) {
    appendStringInfo(&all, "%s%s", all.len > 0 ? "|" : "", GetConfigOption(name, false, false));
  }
  return all.data;
}

void ApplyReadingSettings(const char *settings) {
  char *rest = pstrdup(settings);
  for (const char *name : kReadingSettings) {
    char *end = strchr(rest, '|');
    if (end != nullptr) *end = '\0';
    (void)set_config_option(name, rest, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
    if (end == nullptr) return;
    rest = end + 1;
  }
}

}  // namespace altius::ingest
