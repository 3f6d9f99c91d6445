// SPDX-License-Identifier: PostgreSQL
// The end of a split: in the transaction that holds back writers, the parts take the place of the whole on all nodes.
#include "altius/pg/bridge.hpp"
#include "altius/pg/spi.hpp"
#include "altius/txn/coordinated.hpp"
#include "altius/txn/shared.hpp"
#include "split.hpp"
#include "watch.hpp"

extern "C" {
#include "utils/builtins.h"
}

namespace altius::rebalance {

bool TryFinishSplit(Split* split, int hold_ms) {
  char* nothing;
  const bool kept =
      TryInFlip(&split->whole,
                psprintf("SELECT altius_internal.finish_split(" INT64_FORMAT ", %d, '%s', %s)", split->whole.operation,
                         split->whole.source, split->whole.shard_list, quote_literal_cstr(split->arguments)),
                hold_ms, &nothing);
  if (kept) txn::StopPoint("split: before flip");
  return kept;
}

void CommitSplit(Split* split) {
  remote::Execute(split->whole.flip, "COMMIT");
  txn::StopPoint("split: flipped");
}

}  // namespace altius::rebalance

/// finish_split(operation bigint, source integer, shards bigint[], arguments text): `arguments` are those of split_shards.
ALTIUS_FUNCTION(altius_finish_split) {
  using namespace altius;
  const int64 operation = PG_GETARG_INT64(0);
  const int source = PG_GETARG_INT32(1);
  const pg::Array<int64> wholes = rebalance::ShardIds(PG_GETARG_ARRAYTYPE_P(2));
  const char* sql = psprintf("SELECT altius_internal.split_shards(%s)", text_to_cstring(PG_GETARG_TEXT_PP(3)));
  rebalance::CheckGroup(wholes, source, -1);
  txn::StopPoint("flip: finishing");
  rebalance::ForgetRecords(operation);
  rebalance::RecordOldShards(operation, wholes, source);
  txn::ExecuteOnOtherNodes(sql);
  (void)pg::RunSql(sql);
  txn::NoteLocalWrite();
  txn::CommitFirst(source);
  PG_RETURN_VOID();
}
