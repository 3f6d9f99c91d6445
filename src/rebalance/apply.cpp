// SPDX-License-Identifier: PostgreSQL
#include "apply.hpp"

#include "altius/pg/rights.hpp"
#include "altius/pg/spi.hpp"
#include "apply_table.hpp"
#include "binary_types.hpp"
#include "limit.hpp"

extern "C" {
#include "access/table.h"
#include "access/xact.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
}

namespace altius::rebalance {

namespace {

struct Route {
  Oid target;
  int32 min;
  int32 max;
  ApplyTable* open;  // during a call
};

/// A table of the source.
struct SourceTable {
  const char* schema;
  const char* name;
  Oid distributed;  // invalid: all rows go to the one route
  pg::Array<Route> routes;
  uint32 relation;  // the source's number for it; 0: not told yet
  StreamColumn* columns;
  int column_count;
  Oid owner;  // of the targets; InvalidOid: not looked up in this call
  int key;  // the distribution column among those; -1: not looked up in this call
  Reading key_reading;
  FmgrInfo* hash;
  Oid key_collation;
};

/// What the session applies.  Lives in a context of its own.
struct Session {
  MemoryContext memory;
  MemoryContext call;  // during a call
  Stream stream;
  pg::Array<SourceTable> tables;
  Limit limit;
  core::Message message;
  Oid acting;  // whose rights the call has now; InvalidOid: the caller's
  pg::Rights before;
};

Session* session = nullptr;

constexpr int kLookAtClockEach = 64;  // messages
constexpr long kWaitMs = 50;

Session* Current() {
  if (session == nullptr)
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("no stream of changes is open")));
  return session;
}

void Forget() {
  if (session == nullptr) return;
  MemoryContext memory = session->memory;
  if (session->stream.buffer != nullptr) PQfreemem(session->stream.buffer);
  session = nullptr;
  MemoryContextDelete(memory);
}

/// The connection has gone, or is about to.
void OnTransaction(XactEvent event, void*) {
  if (event == XACT_EVENT_ABORT) Forget();
}

SourceTable* FindByName(const char* schema, const char* name) {
  for (SourceTable& table : session->tables) {
    if (strcmp(table.schema, schema) == 0 && strcmp(table.name, name) == 0) return &table;
  }
  return nullptr;
}

SourceTable* FindByNumber(uint32 relation) {
  for (SourceTable& table : session->tables) {
    if (table.relation == relation) return &table;
  }
  return nullptr;
}

void ActForNobody() {
  if (OidIsValid(session->acting)) pg::ReturnRights(session->before);
  session->acting = InvalidOid;
}

/// Input of domains, generated columns and expressions of indexes are the table owner's.
void ActFor(SourceTable* table) {
  if (!OidIsValid(table->owner)) table->owner = pg::OwnerOfRelation(table->routes[0].target);
  if (table->owner == session->acting) return;
  ActForNobody();
  session->before = pg::BecomeOwner(table->owner);
  session->acting = table->owner;
}

void CloseTables() {
  for (SourceTable& table : session->tables) {
    for (Route& route : table.routes) {
      if (route.open != nullptr) CloseApplyTable(route.open);
      route.open = nullptr;
    }
    table.key = -1;
    table.owner = InvalidOid;
  }
  ActForNobody();
}

/// --- routing ---

void LookUpKey(SourceTable* table) {
  const catalog::Table* distributed = catalog::FindTable(table->distributed);
  if (distributed == nullptr || distributed->hash == nullptr)
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("the table of \"%s\" is not distributed any more", table->name)));
  const char* column = get_attname(distributed->relid, distributed->key, false);
  for (int i = 0; i < table->column_count; i++) {
    if (strcmp(table->columns[i].name, column) == 0) table->key = i;
  }
  if (table->key < 0) elog(ERROR, "the distribution column of \"%s\" does not come", table->name);
  Oid type;
  int32 modifier;
  Oid collation;
  get_atttypetypmodcoll(distributed->relid, distributed->key, &type, &modifier, &collation);
  const MemoryContext before = MemoryContextSwitchTo(session->call);
  SetUpReading(type, modifier, TravelsInBinary(type), &table->key_reading);
  MemoryContextSwitchTo(before);
  table->hash = distributed->hash;
  table->key_collation = distributed->key_collation;
}

const core::ColumnValue* KeyIn(const SourceTable& table, const core::RowImage& row) {
  if (table.key >= row.count) elog(ERROR, "a row of \"%s\" has %d columns only", table.name, row.count);
  return &row.columns[table.key];
}

/// By what the row finds its part.  `told`: the row comes with all its columns, so a null is one.
int32 HashOf(SourceTable* table, const core::ColumnValue& value, bool told) {
  if (value.kind == core::ColumnKind::Null && told) return catalog::kHashOfNull;
  if (value.data == nullptr) elog(ERROR, "the distribution value of a row of \"%s\" is not told", table->name);
  return DatumGetInt32(FunctionCall1Coll(table->hash, table->key_collation, ReadValue(&table->key_reading, value)));
}

Route* RouteOf(SourceTable* table, const core::Message& message) {
  if (!OidIsValid(table->distributed)) return table->routes.begin();
  if (table->key < 0) LookUpKey(table);
  bool is_old = message.kind == core::MessageKind::Delete;
  const core::ColumnValue* value = KeyIn(*table, is_old ? message.old_row : message.new_row);
  if (value->kind == core::ColumnKind::Unchanged && message.old_kind != core::OldRow::None) {
    value = KeyIn(*table, message.old_row);
    is_old = true;
  }
  const int32 hash = HashOf(table, *value, !is_old || message.old_kind == core::OldRow::Whole);
  for (Route& route : table->routes) {
    if (hash >= route.min && hash <= route.max) return &route;
  }
  return nullptr;
}

ApplyTable* Open(SourceTable* table, Route* route) {
  if (route->open != nullptr) return route->open;
  const MemoryContext before = MemoryContextSwitchTo(session->call);
  route->open = OpenApplyTable(route->target, table->columns, table->column_count);
  MemoryContextSwitchTo(before);
  return route->open;
}

/// --- messages ---

void NoteRelation(const core::Message& message) {
  SourceTable* table = FindByName(message.schema, message.name);
  if (table == nullptr) return;
  for (Route& route : table->routes) {
    if (route.open != nullptr) CloseApplyTable(route.open);
    route.open = nullptr;
  }
  const MemoryContext before = MemoryContextSwitchTo(session->memory);
  table->relation = message.relation;
  table->key = -1;
  table->column_count = message.column_count;
  table->columns =
      static_cast<StreamColumn*>(palloc(sizeof(StreamColumn) * std::max(1, message.column_count)));
  for (int i = 0; i < message.column_count; i++)
    table->columns[i] = StreamColumn{pstrdup(message.columns[i].name), message.columns[i].key};
  MemoryContextSwitchTo(before);
}

/// Those of one owner at once, as it: triggers that it has put on the new shard run then.
void TruncateOf(const core::Message& message, Oid owner) {
  StringInfoData sql;
  initStringInfo(&sql);
  for (int i = 0; i < message.truncated_count; i++) {
    const SourceTable* table = FindByNumber(message.truncated[i]);
    if (table == nullptr) continue;
    for (const Route& route : table->routes) {
      if (pg::OwnerOfRelation(route.target) != owner) continue;
      appendStringInfo(
          &sql, "%s ONLY %s", sql.len == 0 ? "TRUNCATE" : ",",
          quote_qualified_identifier(get_namespace_name(get_rel_namespace(route.target)),
                                     get_rel_name(route.target)));
    }
  }
  if (sql.len > 0) pg::AsOwner(owner, [&] { (void)pg::RunSql(sql.data); });
}

void Truncate(const core::Message& message) {
  CloseTables();
  List* owners = NIL;
  for (int i = 0; i < message.truncated_count; i++) {
    const SourceTable* table = FindByNumber(message.truncated[i]);
    if (table == nullptr) continue;
    for (const Route& route : table->routes) owners = list_append_unique_oid(owners, pg::OwnerOfRelation(route.target));
  }
  ListCell* cell;
  foreach (cell, owners) TruncateOf(message, lfirst_oid(cell));
}

bool ApplyRow(const core::Message& message) {
  SourceTable* table = FindByNumber(message.relation);
  if (table == nullptr) return false;
  ActFor(table);
  Route* route = RouteOf(table, message);
  if (route == nullptr) return false;
  ApplyTable* target = Open(table, route);
  if (message.kind == core::MessageKind::Insert) {
    InsertRow(target, message.new_row);
  } else if (message.kind == core::MessageKind::Update) {
    UpdateRow(target, message.old_kind, message.old_row, message.new_row);
  } else {
    DeleteRow(target, message.old_kind, message.old_row);
  }
  return true;
}

/// Whether a row was changed.
bool ApplyMessage(const core::Message& message) {
  switch (message.kind) {
    case core::MessageKind::Relation:
      NoteRelation(message);
      return false;
    case core::MessageKind::Truncate:
      Truncate(message);
      return true;
    case core::MessageKind::Insert:
    case core::MessageKind::Update:
    case core::MessageKind::Delete:
      return ApplyRow(message);
    default:
      return false;
  }
}

bool AllTravelInBinary() {
  bool all = true;
  for (const SourceTable& table : session->tables) {
    Relation relation = table_open(table.routes[0].target, AccessShareLock);
    TupleDesc descriptor = RelationGetDescr(relation);
    for (int i = 0; i < descriptor->natts; i++) {
      Form_pg_attribute attribute = TupleDescAttr(descriptor, i);
      all = all && (attribute->attisdropped || attribute->attgenerated != '\0' ||
                    TravelsInBinary(attribute->atttypid));
    }
    table_close(relation, AccessShareLock);
  }
  return all;
}

}  // namespace

char* BeginApply(int source, const char* slot) {
  EndApply();
  MemoryContext memory =
      AllocSetContextCreate(TopMemoryContext, "altius stream of changes", ALLOCSET_DEFAULT_SIZES);
  session = new (MemoryContextAllocExtended(memory, sizeof(Session), MCXT_ALLOC_ZERO)) Session{};
  session->memory = memory;
  OpenStream(&session->stream, source);
  return MakeSlot(&session->stream, slot);
}

void AddRoute(const char* schema, const char* name, Oid target, Oid distributed, int32 min,
              int32 max) {
  catalog::RequireShard(target);
  const MemoryContext before = MemoryContextSwitchTo(Current()->memory);
  SourceTable* table = FindByName(schema, name);
  if (table == nullptr) {
    SourceTable added{};
    added.schema = pstrdup(schema);
    added.name = pstrdup(name);
    added.distributed = distributed;
    added.key = -1;
    session->tables.push_back(added);
    table = &session->tables.back();
  }
  table->routes.push_back(Route{target, min, max, nullptr});
  MemoryContextSwitchTo(before);
}

void StartApply(const char* slot, const char* publication) {
  StartStream(&Current()->stream, slot, publication, AllTravelInBinary());
}

uint64 ApplyChanges(uint64 until, int max_ms, bool in_haste, int64* changes) {
  Stream* stream = &Current()->stream;
  const TimestampTz give_up = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), max_ms);
  KeepAlive(stream);  // it may be there already, and read nothing
  session->acting = InvalidOid;
  session->call = AllocSetContextCreate(session->memory, "altius changes", ALLOCSET_DEFAULT_SIZES);
  MemoryContext each =
      AllocSetContextCreate(session->call, "altius change", ALLOCSET_DEFAULT_SIZES);
  const MemoryContext before = MemoryContextSwitchTo(each);
  for (int64 count = 1;; count++) {
    char* data;
    int length;
    CHECK_FOR_INTERRUPTS();
    const bool got = NextMessage(stream, until, kWaitMs, &data, &length);
    if (got) {
      if (!in_haste) KeepLimit(&session->limit, length);
      if (!core::ParseMessage(data, length, &session->message))
        ereport(ERROR, (errcode(ERRCODE_PROTOCOL_VIOLATION),
                        errmsg("the stream of changes is not well formed")));
      *changes += ApplyMessage(session->message) ? 1 : 0;
      MemoryContextReset(each);
    } else if (stream->position >= until) {
      break;
    }
    if ((!got || count % kLookAtClockEach == 0) && GetCurrentTimestamp() >= give_up) break;
  }
  MemoryContextSwitchTo(before);
  CloseTables();
  MemoryContextDelete(session->call);
  session->call = nullptr;
  return stream->position;
}

void EndApply() {
  if (session == nullptr) return;
  CloseStream(&session->stream);
  Forget();
}

void InitApply() { RegisterXactCallback(OnTransaction, nullptr); }

}  // namespace altius::rebalance
