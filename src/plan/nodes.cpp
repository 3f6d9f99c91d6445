// SPDX-License-Identifier: PostgreSQL
// Fragments and ships as lists of nodes: the form in which they live in CustomScan.custom_private.
#include "altius/plan/fragment.hpp"
#include "altius/plan/key_filter.hpp"
#include "altius/plan/ship.hpp"

extern "C" {
#include "nodes/makefuncs.h"
#include "nodes/value.h"
}

namespace altius::plan {

namespace {

/// Reads the elements of a list in the order in which they were appended.
class Reader {
 public:
  explicit Reader(List* list) : list_(list) {}

  List* Next() { return static_cast<List*>(list_nth(list_, index_++)); }
  int NextInt() { return intVal(list_nth(list_, index_++)); }
  char* NextText() {
    Node* node = static_cast<Node*>(list_nth(list_, index_++));
    return node == nullptr ? nullptr : strVal(node);
  }

 private:
  List* list_;
  int index_ = 0;
};

List* AppendInt(List* list, int value) { return lappend(list, makeInteger(value)); }

List* AppendCopies(List* list, const Copies& copies) {
  list = AppendInt(list, static_cast<int>(copies.lock));
  list = AppendInt(list, copies.locks_leader);
  list = AppendInt(list, copies.carried);
  return AppendInt(list, copies.carried_by_snapshot);
}

Copies NextCopies(Reader* reader) {
  Copies copies{};
  copies.lock = static_cast<core::CopyLock>(reader->NextInt());
  copies.locks_leader = reader->NextInt() != 0;
  copies.carried = reader->NextInt() != 0;
  copies.carried_by_snapshot = reader->NextInt() != 0;
  return copies;
}

List* AppendText(List* list, char* value) {
  return lappend(list, value == nullptr ? nullptr : makeString(value));
}

}  // namespace

List* ToList(const Fragment& fragment) {
  List* list = NIL;
  list = AppendInt(list, static_cast<int>(fragment.kind));
  list = AppendInt(list, fragment.command);
  list = lappend(list, fragment.tables);
  list = lappend(list, fragment.arm.pieces);
  list = lappend(list, fragment.arm.slots);
  list = AppendText(list, fragment.upper);
  list = lappend(list, fragment.arm_columns);
  list = lappend(list, fragment.column_types);
  list = lappend(list, fragment.column_typmods);
  list = lappend(list, fragment.column_collations);
  list = lappend(list, fragment.arg_types);
  list = AppendInt(list, fragment.every_shard);
  list = AppendInt(list, fragment.row_marks);
  list = AppendInt(list, fragment.key_argument);
  list = AppendCopies(list, fragment.copies);
  list = AppendInt(list, fragment.prune_count);
  list = lappend(list, fragment.changes);
  list = AppendInt(list, fragment.place_among_first);
  list = AppendInt(list, static_cast<int>(fragment.cut));
  list = AppendInt(list, fragment.gives_keys);
  return lappend(list, fragment.key_filters);
}

namespace {

/// Both forms are accepted: the list itself, and a list whose only element it is.
List* FieldsOf(List* list) { return list_length(list) == 1 && IsA(linitial(list), List) ? linitial_node(List, list) : list; }

}  // namespace

Fragment* FromList(List* list) {
  Reader reader(FieldsOf(list));
  auto* fragment = static_cast<Fragment*>(palloc0(sizeof(Fragment)));
  fragment->kind = static_cast<FragmentKind>(reader.NextInt());
  fragment->command = static_cast<CmdType>(reader.NextInt());
  fragment->tables = reader.Next();
  fragment->arm.pieces = reader.Next();
  fragment->arm.slots = reader.Next();
  fragment->upper = reader.NextText();
  fragment->arm_columns = reader.Next();
  fragment->column_types = reader.Next();
  fragment->column_typmods = reader.Next();
  fragment->column_collations = reader.Next();
  fragment->arg_types = reader.Next();
  fragment->every_shard = reader.NextInt() != 0;
  fragment->row_marks = reader.NextInt() != 0;
  fragment->key_argument = reader.NextInt();
  fragment->copies = NextCopies(&reader);
  fragment->prune_count = reader.NextInt();
  fragment->changes = reader.Next();
  fragment->place_among_first = reader.NextInt();
  fragment->cut = static_cast<core::locus::Reason>(reader.NextInt());
  fragment->gives_keys = reader.NextInt() != 0;
  fragment->key_filters = reader.Next();
  return fragment;
}

void AddKeyFilter(CustomScan* scan, const KeyFilter& filter) {
  List* numbers = list_make5_int(filter.node, filter.key, filter.column, filter.most_keys, static_cast<int>(filter.type));
  numbers = lappend_int(lappend_int(numbers, static_cast<int>(filter.equality)), filter.of_scan ? 1 : 0);
  ListCell* last = list_last_cell(FieldsOf(scan->custom_private));
  lfirst(last) = lappend(static_cast<List*>(lfirst(last)), numbers);
}

void GiveKeys(CustomScan* scan) {
  List* fields = FieldsOf(scan->custom_private);
  lfirst(list_nth_cell(fields, list_length(fields) - 2)) = makeInteger(1);
}

KeyFilter KeyFilterOf(const List* numbers) {
  return {.of_scan = list_nth_int(numbers, 6) != 0,
          .node = list_nth_int(numbers, 0),
          .key = list_nth_int(numbers, 1),
          .column = list_nth_int(numbers, 2),
          .type = static_cast<Oid>(list_nth_int(numbers, 4)),
          .equality = static_cast<Oid>(list_nth_int(numbers, 5)),
          .most_keys = list_nth_int(numbers, 3)};
}

List* ToList(const Ship& ship) {
  List* list = NIL;
  list = AppendInt(list, ship.command);
  list = AppendText(list, psprintf("%u", ship.target));
  list = lappend(list, ship.tables);
  list = lappend(list, ship.statement.pieces);
  list = lappend(list, ship.statement.slots);
  list = AppendInt(list, ship.column_count);
  list = AppendInt(list, ship.key_column);
  list = AppendInt(list, ship.shard_column);
  list = lappend(list, ship.arg_types);
  list = AppendInt(list, ship.at_once);
  list = AppendInt(list, ship.returning);
  list = AppendCopies(list, ship.copies);
  list = lappend(list, ship.changes);
  list = AppendInt(list, ship.moved_column);
  for (const Template* text : {&ship.leave, &ship.arrive}) list = lappend(lappend(list, text->pieces), text->slots);
  list = AppendInt(list, ship.returned_column);
  return list;
}

Ship* ShipFromList(List* list) {
  if (list_length(list) == 1 && IsA(linitial(list), List)) list = linitial_node(List, list);
  Reader reader(list);
  auto* ship = static_cast<Ship*>(palloc0(sizeof(Ship)));
  ship->command = static_cast<CmdType>(reader.NextInt());
  ship->target = static_cast<Oid>(strtoul(reader.NextText(), nullptr, 10));
  ship->tables = reader.Next();
  ship->statement.pieces = reader.Next();
  ship->statement.slots = reader.Next();
  ship->column_count = reader.NextInt();
  ship->key_column = reader.NextInt();
  ship->shard_column = reader.NextInt();
  ship->arg_types = reader.Next();
  ship->at_once = reader.NextInt() != 0;
  ship->returning = reader.NextInt() != 0;
  ship->copies = NextCopies(&reader);
  ship->changes = reader.Next();
  ship->moved_column = reader.NextInt();
  for (Template* text : {&ship->leave, &ship->arrive}) {
    text->pieces = reader.Next();
    text->slots = reader.Next();
  }
  ship->returned_column = reader.NextInt();
  return ship;
}

}  // namespace altius::plan
