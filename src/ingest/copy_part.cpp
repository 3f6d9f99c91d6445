// SPDX-License-Identifier: PostgreSQL
// COPY shard (columns) TO STDOUT (altius_part 'table|min|max'): what a split asks of the node of the whole.  A query with a
// condition would be planned, and planning calls functions of users; here there is a scan and a hash function.
#include "altius/ingest/shard_rows.hpp"
#include "altius/pg/rights.hpp"
#include "lines.hpp"

extern "C" {
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "commands/defrem.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "tcop/dest.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/varlena.h"
}

namespace altius::ingest {

namespace {

constexpr const char* kPartOption = "altius_part";
constexpr char kSignature[] = "PGCOPY\n\377\r\n";  // its last byte is the end of the string

struct Part {
  const catalog::Table* table;
  int32 min;
  int32 max;
  bool binary;
};

struct Sending {
  pg::Array<AttrNumber> columns;
  FmgrInfo* outputs;  // by number in `columns`
  StringInfoData message;
  bool binary;
};

[[noreturn]] void Refuse(const char* option) {
  ereport(ERROR, (errcode(ERRCODE_SYNTAX_ERROR), errmsg("option \"%s\" not recognized", option)));
  pg_unreachable();
}

/// `table|min|max`, behind quotes and dots of the table's name there is no bar.
void ReadRange(char* value, Part* part) {
  char* max = strrchr(value, '|');
  if (max == nullptr) Refuse(kPartOption);
  *max++ = '\0';
  char* min = strrchr(value, '|');
  if (min == nullptr) Refuse(kPartOption);
  *min++ = '\0';
  part->min = pg_strtoint32(min);
  part->max = pg_strtoint32(max);
  const Oid relid = RangeVarGetRelid(makeRangeVarFromNameList(textToQualifiedNameList(cstring_to_text(value))), NoLock, false);
  part->table = catalog::FindTable(relid);
  if (part->table == nullptr || part->table->hash == nullptr) {
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("table \"%s\" is not distributed by a column any more", get_rel_name(relid))));
  }
}

Part ReadOptions(const CopyStmt& statement) {
  Part part{};
  ListCell* cell;
  foreach (cell, statement.options) {
    auto* option = lfirst_node(DefElem, cell);
    if (strcmp(option->defname, kPartOption) == 0) {
      ReadRange(pstrdup(defGetString(option)), &part);
    } else if (strcmp(option->defname, "format") == 0) {
      part.binary = strcmp(defGetString(option), "binary") == 0;
    } else {
      Refuse(option->defname);
    }
  }
  return part;
}

Relation OpenWhole(const CopyStmt& statement, const Part& part) {
  Relation relation = table_openrv(statement.relation, AccessShareLock);
  if (relation->rd_rel->relkind == RELKIND_RELATION &&
      relation->rd_rel->relowner == pg::OwnerOfRelation(part.table->relid))
    return relation;
  ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
                  errmsg("\"%s\" is not a shard of \"%s\" any more", RelationGetRelationName(relation), part.table->name)));
  pg_unreachable();
}

void Begin(Sending* sending, Relation relation, List* names) {
  ListCell* cell;
  foreach (cell, CopyGetAttnums(RelationGetDescr(relation), relation, names))
    sending->columns.push_back(static_cast<AttrNumber>(lfirst_int(cell)));
  const int count = sending->columns.size();
  sending->outputs = static_cast<FmgrInfo*>(palloc0(sizeof(FmgrInfo) * std::max(count, 1)));
  for (int i = 0; i < count; i++) {
    const Oid type = TupleDescAttr(RelationGetDescr(relation), sending->columns[i] - 1)->atttypid;
    Oid function;
    bool varlena;
    if (sending->binary) {
      getTypeBinaryOutputInfo(type, &function, &varlena);
    } else {
      getTypeOutputInfo(type, &function, &varlena);
    }
    fmgr_info(function, &sending->outputs[i]);
  }
  StringInfoData head;
  pq_beginmessage(&head, 'H');
  pq_sendbyte(&head, sending->binary ? 1 : 0);
  pq_sendint16(&head, static_cast<uint16>(count));
  for (int i = 0; i < count; i++) pq_sendint16(&head, sending->binary ? 1 : 0);
  pq_endmessage(&head);
  initStringInfo(&sending->message);
  if (!sending->binary) return;
  pq_beginmessage_reuse(&sending->message, 'd');
  pq_sendbytes(&sending->message, kSignature, sizeof(kSignature));
  pq_sendint32(&sending->message, 0);  // flags
  pq_sendint32(&sending->message, 0);  // length of an extension of the header
  pq_endmessage_reuse(&sending->message);
}

void SendText(Sending* sending, TupleTableSlot* slot) {
  for (int i = 0; i < sending->columns.size(); i++) {
    const int column = sending->columns[i] - 1;
    if (i > 0) appendStringInfoChar(&sending->message, '\t');
    AppendField(&sending->message,
                slot->tts_isnull[column] ? nullptr : OutputFunctionCall(&sending->outputs[i], slot->tts_values[column]));
  }
  appendStringInfoChar(&sending->message, '\n');
}

void SendBinary(Sending* sending, TupleTableSlot* slot) {
  pq_sendint16(&sending->message, static_cast<uint16>(sending->columns.size()));
  for (int i = 0; i < sending->columns.size(); i++) {
    const int column = sending->columns[i] - 1;
    if (slot->tts_isnull[column]) {
      pq_sendint32(&sending->message, static_cast<uint32>(-1));
      continue;
    }
    const bytea* value = SendFunctionCall(&sending->outputs[i], slot->tts_values[column]);
    pq_sendint32(&sending->message, VARSIZE(value) - VARHDRSZ);
    pq_sendbytes(&sending->message, VARDATA(value), VARSIZE(value) - VARHDRSZ);
  }
}

void SendRow(Sending* sending, TupleTableSlot* slot) {
  pq_beginmessage_reuse(&sending->message, 'd');
  if (sending->binary) {
    SendBinary(sending, slot);
  } else {
    SendText(sending, slot);
  }
  pq_endmessage_reuse(&sending->message);
}

void End(Sending* sending) {
  if (sending->binary) {
    pq_beginmessage_reuse(&sending->message, 'd');
    pq_sendint16(&sending->message, static_cast<uint16>(-1));
    pq_endmessage_reuse(&sending->message);
  }
  pq_putemptymessage('c');
}

uint64 Send(const Part& part, Relation relation, List* names) {
  const AttrNumber key = get_attnum(RelationGetRelid(relation), get_attname(part.table->relid, part.table->key, false));
  if (key <= 0)
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN), errmsg("\"%s\" lacks the distribution column", RelationGetRelationName(relation))));
  Sending sending{};
  sending.binary = part.binary;
  Begin(&sending, relation, names);
  const MemoryContext row_memory = AllocSetContextCreate(CurrentMemoryContext, "altius row of a part", ALLOCSET_DEFAULT_SIZES);
  const TableScanDesc scan = table_beginscan(relation, GetActiveSnapshot(), 0, nullptr);
  TupleTableSlot* slot = table_slot_create(relation, nullptr);
  uint64 rows = 0;
  while (table_scan_getnextslot(scan, ForwardScanDirection, slot)) {
    CHECK_FOR_INTERRUPTS();
    slot_getallattrs(slot);
    const MemoryContext before = MemoryContextSwitchTo(row_memory);
    const int32 hash = slot->tts_isnull[key - 1] ? catalog::kHashOfNull
                                                 : catalog::HashOfKey(*part.table, slot->tts_values[key - 1]);
    if (part.min <= hash && hash <= part.max) {
      SendRow(&sending, slot);
      rows++;
    }
    MemoryContextSwitchTo(before);
    MemoryContextReset(row_memory);
  }
  table_endscan(scan);
  ExecDropSingleTupleTableSlot(slot);
  End(&sending);
  return rows;
}

}  // namespace

char* CopyPartCommand(const char* shard, const char* columns, const catalog::Table& table, const catalog::Shard& part, bool binary) {
  const char* range = psprintf("%s|%d|%d", quote_qualified_identifier(table.schema, table.name), part.min, part.max);
  return psprintf("COPY %s (%s) TO STDOUT (%s %s%s)", shard, columns, kPartOption, quote_literal_cstr(range),
                  binary ? ", format binary" : "");
}

bool IsCopyOfPart(const CopyStmt& statement) {
  if (statement.is_from || statement.relation == nullptr || whereToSendOutput != DestRemote || !superuser()) return false;
  ListCell* cell;
  foreach (cell, statement.options) {
    if (strcmp(lfirst_node(DefElem, cell)->defname, kPartOption) == 0) return true;
  }
  return false;
}

uint64 CopyPart(const CopyStmt& statement) {
  const Part part = ReadOptions(statement);
  Relation relation = OpenWhole(statement, part);
  const uint64 rows = Send(part, relation, statement.attlist);
  table_close(relation, NoLock);
  return rows;
}

}  // namespace altius::ingest
