// SPDX-License-Identifier: PostgreSQL
// Lines of COPY on their way to the shards.
//
// Each shard has a buffer of records, see core/copy/frames.hpp.  Full buffers are written to shards on this node by PostgreSQL's
// own COPY, or sent to other nodes as frames in one COPY stream a node.  The receiving node need not parse anything to know the
// shard, and its errors name the line that the user wrote.
#pragma once

#include "altius/catalog/metadata.hpp"
#include "altius/pg/array.hpp"
#include "altius/remote/connection.hpp"

extern "C" {
#include "access/tupdesc.h"
#include "commands/copy.h"
#include "lib/stringinfo.h"
#include "nodes/parsenodes.h"
#include "utils/rel.h"
}

namespace altius::ingest {

/// The option by which a node tells another one that frames follow; its value is the sender's settings.
inline constexpr const char *kFramesOption = "altius_frames";
/// ... and by which it tells that the rows are written as the table's owner.
inline constexpr const char *kAsOwnerOption = "altius_as_owner";

/// What the lines look like.
struct LineFormat {
  List *columns;  // of String
  List *options;  // of DefElem, for COPY on a shard; what differs from COPY's defaults
  bool as_owner;  // of rows that the table had before: what is computed meanwhile is its owner's code
};

/// A stream to another node; opened with its first frame.
struct Stream {
  int group;
  remote::Connection *connection;
};

/// Lines on their way to the shards of one table.
struct Router {
  const catalog::Table *table;
  Relation shell;
  LineFormat format;
  StringInfoData *buffers;  // by shard index
  Size bytes;               // in all buffers
  pg::Array<Stream> streams;
  int *holders;  // by shard index: the group where the shard is claimed until the transaction ends; -1: none yet
  int64 lines;
};

/// --- copy_text.cpp ---
/// The format of lines made by AppendTextLine: all columns that are stored and not generated.
LineFormat TextFormat(Relation shell);
/// The format of lines taken over as they are.
LineFormat RawFormat(const CopyFormatOptions &options, Relation shell, List *attnums);
/// `COPY shell (columns) FROM STDIN WITH (...)`.
char *StreamCommand(Relation shell, const LineFormat &format);
/// Output functions by column; null for those that are left out.
FmgrInfo *MakeOutputs(TupleDesc desc);
/// The row in COPY's text format.
void AppendTextLine(StringInfo line, TupleDesc desc, FmgrInfo *outputs, const Datum *values, const bool *nulls);
/// One of its values; null: SQL null.
void AppendField(StringInfo line, const char *value);
/// This session's settings that decide how values are read, and their use for the rest of a GUC nest level.
char *ReadingSettings();
void ApplyReadingSettings(const char *settings);

/// --- copy_route.cpp ---
Router MakeRouter(const catalog::Table &table, Relation shell, const LineFormat &format);
void RouteLine(Router *router, int shard_index, uint32 line_number, const char *line, int length);
/// Writes and sends all that waits, and ends the streams.
void FinishRouter(Router *router);
/// The shard that a row of the shell belongs to.
int ShardOfRow(const catalog::Table &table, const Datum *values, const bool *nulls);

/// --- copy_local.cpp ---
struct Lines {
  Relation shell;
  const LineFormat *format;
  const char *records;
  int length;
};
/// Writes them to a shard of the shell on this node.
void WriteLines(const Lines &lines, const catalog::Table &table, const catalog::Shard &of);

/// --- copy_frames.cpp ---
/// Serves a stream from another node; the number of lines.
uint64 ReceiveFrames(Relation shell, const catalog::Table &table, const LineFormat &format, const char *settings);

/// --- copy_to.cpp ---
CopyStmt *CopyTableTo(const CopyStmt &statement, Oid relid);

/// --- copy_part.cpp ---
/// Whether a superuser's session of a node asks for a part of a shard; then the number of its rows.
bool IsCopyOfPart(const CopyStmt &statement);
uint64 CopyPart(const CopyStmt &statement);

}  // namespace altius::ingest
