// SPDX-License-Identifier: PostgreSQL
// Text -> template: the places where tables stand, found by PostgreSQL's raw parser.
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

plan::Template SplitAtTables(const char *sql, List **tables, const char *prefix) {
  Search search;
  ListCell *cell;
  const int level = pg::BeginPortableText();
  foreach (cell, raw_parser(sql, RAW_PARSE_DEFAULT)) FindPlaces(static_cast<RawStmt *>(lfirst(cell))->stmt, &search);
  pg::EndPortableText(level);
  search.Sort();

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
