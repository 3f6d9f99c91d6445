// SPDX-License-Identifier: PostgreSQL
// Query -> template: its text, and the places in it where tables stand.
#include "altius/catalog/metadata.hpp"
#include "altius/deparse/deparse.hpp"
#include "altius/pg/array.hpp"
#include "altius/pg/text_forms.hpp"
#include "altius/pg/walk.hpp"

extern "C" {
#include "catalog/namespace.h"
#include "lib/stringinfo.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/value.h"
#include "parser/parser.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
}

namespace altius::deparse {

namespace {

struct Place {
  int offset;
  int length;
  Oid relid;
};

struct Search {
  pg::Array<Place> places;

  /// In their order; `SET (a, b) = (SELECT ..)` hangs the subquery under each of the columns.
  void Sort() {
    std::sort(places.begin(), places.end(),
              [](const Place &a, const Place &b) { return a.offset < b.offset; });
    const Place *end = std::unique(places.begin(), places.end(), [](const Place &a, const Place &b) {
      return a.offset == b.offset;
    });
    places.resize(static_cast<int>(end - places.begin()));
  }
};

bool FindPlaces(Node *node, void *context) {
  if (node == nullptr) return false;
  if (IsA(node, RangeVar)) {
    auto *name = reinterpret_cast<RangeVar *>(node);
    if (name->schemaname == nullptr || name->location < 0) return false;
    // Without asking for the right to use the schema: a view reads tables that its user may not name.
    const Oid schema = get_namespace_oid(name->schemaname, true);
    const Oid relid = OidIsValid(schema) ? get_relname_relid(name->relname, schema) : InvalidOid;
    if (!OidIsValid(relid) || catalog::FindTable(relid) == nullptr) return false;
    const char *text = quote_qualified_identifier(name->schemaname, name->relname);
    static_cast<Search *>(context)->places.push_back({name->location, static_cast<int>(strlen(text)), relid});
    return false;
  }
  return pg::WalkRaw(node, FindPlaces, context);
}

/// The only table that the query names stands somewhere in the text; where its name does once, there it is.
bool FindOnlyPlace(const List *relations, const char *sql, Search *search) {
  const catalog::Table *only = nullptr;
  ListCell *cell;
  foreach (cell, relations) {
    const catalog::Table *table = catalog::FindTable(lfirst_oid(cell));
    if (table != nullptr && only != nullptr) return false;
    if (table != nullptr) only = table;
  }
  if (only == nullptr) return false;
  const char *name = quote_qualified_identifier(only->schema, only->name);
  const char *place = strstr(sql, name);
  if (place == nullptr || strstr(place + 1, name) != nullptr) return false;
  search->places.push_back({static_cast<int>(place - sql), static_cast<int>(strlen(name)), only->relid});
  return true;
}

void ParsePlaces(const char *sql, Search *search) {
  ListCell *cell;
  foreach (cell, raw_parser(sql, RAW_PARSE_DEFAULT)) FindPlaces(lfirst_node(RawStmt, cell)->stmt, search);
  search->Sort();
}

int SlotOf(List **tables, Oid relid) {
  int index = 0;
  ListCell *cell;
  foreach (cell, *tables) {
    if (lfirst_oid(cell) == relid) return index;
    index++;
  }
  *tables = lappend_oid(*tables, relid);
  return index;
}

}  // namespace

plan::Template TemplateOf(Query *query, List **tables, const char *prefix) {
  Search search;
  List *relations = NIL;
  const char *sql = QueryText(query, &relations);
  const int level = pg::BeginPortableText();
  if (!FindOnlyPlace(relations, sql, &search)) ParsePlaces(sql, &search);
  pg::EndPortableText(level);

  plan::Template result = {NIL, NIL};
  const char *piece_prefix = prefix;
  int position = 0;
  for (const Place &place : search.places) {
    char *piece = psprintf("%s%s", piece_prefix, pnstrdup(sql + position, place.offset - position));
    piece_prefix = "";
    result.pieces = lappend(result.pieces, makeString(piece));
    result.slots = lappend_int(result.slots, SlotOf(tables, place.relid));
    position = place.offset + place.length;
  }
  result.pieces = lappend(result.pieces, makeString(psprintf("%s%s", piece_prefix, sql + position)));
  return result;
}

}  // namespace altius::deparse
