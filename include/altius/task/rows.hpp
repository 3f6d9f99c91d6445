// SPDX-License-Identifier: PostgreSQL
// Where the rows of a distributed scan wait: a tuplestore that is filled by other nodes and by this
// one.
#pragma once

#include "altius/remote/connection.hpp"

extern "C" {
#include "access/tupdesc.h"
#include "executor/tuptable.h"
#include "tcop/dest.h"
#include "utils/tuplestore.h"
}

namespace altius::task {

/// How the columns of a row come in.
struct ColumnDecoder {
  enum class Way : uint8_t {
    Bool,
    Int2,
    Int4,
    Int8,
    Text,
    Jsonb,
    Receive
  } way;  // of a binary value
  FmgrInfo receive;
  FmgrInfo input;
  Oid receive_param;
  Oid input_param;
  int32 typmod;  // of an anonymous row
  Oid type;  // under a domain
};

struct RowStore {
  Tuplestorestate* tuples;
  TupleDesc desc;
  bool binary;              // values can be asked for in binary form
  bool keep;                // rows that were read are kept for a rescan
  ColumnDecoder* decoders;  // made for the first row from another node
  MemoryContext home;
  MemoryContext row_memory;  // reset for each row that is decoded
  int64 rows;                // in the store
  int64 read;  // of those: the reader never runs into the end, where a tuplestore would stay
  bool past_end;  // but for PassEnd
};

/// A store in the current memory context.  `keep` allows Rewind, `backward` (with it) ReadRowBackward.
RowStore* MakeRowStore(TupleDesc desc, bool keep, bool backward = false);

/// Moves the oldest unread row into the slot (which must be a minimal tuple slot); false when there
/// is none now. `stable` copies it, which is needed while rows may still come in.
bool ReadRow(RowStore* store, TupleTableSlot* slot, bool stable);

/// The row before the one that was read last, or the last one when the reader has passed the end; false before the first.
bool ReadRowBackward(RowStore* store, TupleTableSlot* slot);

/// The reader stands behind the last row; no more will come.
void PassEnd(RowStore* store);

/// From the first row again.
void Rewind(RowStore* store);

/// Gives back memory and files.
void CloseRowStore(RowStore* store);

/// A sink for a statement on another node.  Lives in the current memory context.
remote::RowSink* MakeSink(RowStore* store);

/// A receiver for a statement on this node.  Values of a type other than the expected one are
/// converted through text.
DestReceiver* MakeReceiver(RowStore* store);

}  // namespace altius::task
