// SPDX-License-Identifier: PostgreSQL
// Lines into a shard on this node, by PostgreSQL's own COPY: constraints, triggers, partitions and multi-row inserts are its.
#include <string_view>

#include "altius/core/copy/frames.hpp"
#include "altius/ingest/shard_rows.hpp"
#include "altius/pg/bridge.hpp"
#include "altius/pg/compat_copy.hpp"
#include "altius/task/errors.hpp"
#include "lines.hpp"

extern "C" {
#include "access/table.h"
#include "commands/trigger.h"
#include "parser/parse_node.h"
#include "parser/parse_relation.h"
#include "utils/lsyscache.h"
}

namespace altius::ingest {

namespace {

/// Records that COPY reads.  Its callback has no argument, so the one under way is found here.
struct Source {
  CopyFromState state;       // null: nobody is told of lines
  std::string_view records;  // still to be read
  std::string_view line;     // rest of the line being handed out
  bool newline;              // still to be handed out
};
Source *current = nullptr;

/// Goes on to the next record and says its number to COPY, for error messages.
bool NextRecord(Source *source) {
  if (source->records.empty()) return false;
  const auto record = core::TakeRecord(&source->records);
  if (!record.has_value()) ereport(ERROR, (errcode(ERRCODE_BAD_COPY_FILE_FORMAT), errmsg("a frame of rows is broken")));
  if (source->state != nullptr) source->state->cur_lineno = record->line_number;
  source->line = record->line;
  source->newline = true;
  return true;
}

/// At most one line at a time, so that COPY's idea of the line it is in stays right.
int Read(void *buffer, int, int most) {
  Source *source = current;
  if (!source->newline && !NextRecord(source)) return 0;
  const auto length = static_cast<int>(std::min(source->line.size(), static_cast<std::size_t>(most)));
  memcpy(buffer, source->line.data(), length);
  source->line.remove_prefix(length);
  if (!source->line.empty() || length == most) return length;
  static_cast<char *>(buffer)[length] = '\n';
  source->newline = false;
  return length + 1;
}

int ReadEntry(void *buffer, int least, int most) {
  return pg::Entry([&] { return Read(buffer, least, most); });
}

void CopyLines(const Lines &lines, Relation shard) {
  ParseState *pstate = make_parsestate(nullptr);
  addRangeTableEntryForRelation(pstate, shard, RowExclusiveLock, nullptr, false, false);
  Source source{};
  source.records = {lines.records, static_cast<std::size_t>(lines.length)};
  Source *outer = current;
  source.state = BeginCopyFrom(pstate, shard, nullptr, nullptr, false, ReadEntry, lines.format->columns, lines.format->options);
  source.state->cur_relname = RelationGetRelationName(lines.shell);
  current = &source;
  task::WithShardsHidden(nullptr, [&] { (void)CopyFrom(source.state); });
  EndCopyFrom(source.state);
  current = outer;
  free_parsestate(pstate);
}

/// The rows were in the table before: no trigger of a user fires, but foreign keys may lead to rows that have gone since.
void FillWithLines(const Lines &lines, Relation shard) {
  Source source{};
  source.records = {lines.records, static_cast<std::size_t>(lines.length)};
  Source *outer = current;
  current = &source;
  AfterTriggerBeginQuery();
  task::WithShardsHidden(nullptr, [&] {
    (void)FillTable(shard, lines.format->columns, lines.format->options, ReadEntry, pg::Keys::Hold);
  });
  pg::EndQueryOfKeys();  // with the caller's rights: no trigger can be deferred in an operation that is restricted
  current = outer;
}

}  // namespace

void WriteLines(const Lines &lines, const catalog::Table &table, const catalog::Shard &of) {
  const char *shard_name = catalog::ShardName(table, of);
  const Oid shard_oid = catalog::RelationOfShard(table, of, RowExclusiveLock);
  if (!OidIsValid(shard_oid)) {
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE), errmsg("shard \"%s\" does not exist on this node", shard_name)));
  }
  const MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext, "altius copy to shard", ALLOCSET_DEFAULT_SIZES);
  const MemoryContext before = MemoryContextSwitchTo(memory);
  const Relation shard = table_open(shard_oid, NoLock);
  if (catalog::IsElsewhere(shard_oid)) {
    ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE), errmsg("shard \"%s\" does not lie on this node", shard_name),
                    errhint("Run the transaction again.")));
  }
  if (lines.format->as_owner) {
    FillWithLines(lines, shard);
  } else {
    CopyLines(lines, shard);
  }
  table_close(shard, NoLock);
  MemoryContextSwitchTo(before);
  MemoryContextDelete(memory);
}

}  // namespace altius::ingest
