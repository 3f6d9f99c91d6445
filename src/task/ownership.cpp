// SPDX-License-Identifier: PostgreSQL
#include "altius/door/door.hpp"
#include "altius/task/ownership.hpp"

#include "altius/pg/compat_wait.hpp"
#include "altius/pg/bridge.hpp"
#include "altius/plan/ship.hpp"
#include "altius/task/shard_writes.hpp"
#include "altius/txn/coordinated.hpp"
#include "capture.hpp"
#include "kept_rows.hpp"
#include "leave.hpp"
#include "local_references.hpp"

extern "C" {
#include "access/htup_details.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "storage/lmgr.h"
#include "tcop/tcopprot.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/syscache.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
}

namespace altius::task {

namespace {

constexpr int kDisowned = 0x40000000;  // in es_top_eflags, beside PostgreSQL's own bits
constexpr int kUntold = 0x20000000;    // so, and a client waits to hear of it
constexpr int kMoves = 0x10000000;     // a part of an UPDATE of the distribution column
constexpr int kInProcess = 0x08000000;  // run in-process for a distributed statement
constexpr int kKept = 0x04000000;      // its constraints are checked later
constexpr int kMostAttempts = 3000;    // of about 10 ms each

uint32 moved_event = 0;
const DestReceiver* expected = nullptr;

struct Answer {
  const EState* query;
  int64 affected;
};
Answer answer = {nullptr, 0};

bool ConcernsElsewhere(const PlannedStmt* statement) {
  AcceptInvalidationMessages();
  ListCell* cell;
  foreach (cell, statement->rtable) {
    const auto* rte = lfirst_node(RangeTblEntry, cell);
    if (rte->rtekind == RTE_RELATION && catalog::IsElsewhere(rte->relid)) return true;
  }
  return false;
}

/// A shard that came here after the transaction's snapshot was taken looks empty to it.
void RequireOlderThanSnapshot(Oid relid) {
  if (!catalog::IsShardRelation(relid)) return;
  HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
  if (!HeapTupleIsValid(tuple)) return;
  const TransactionId made = HeapTupleHeaderGetXmin(tuple->t_data);
  ReleaseSysCache(tuple);
  if (!TransactionIdIsNormal(made) || TransactionIdIsCurrentTransactionId(made) ||
      !XidInMVCCSnapshot(made, GetTransactionSnapshot()))
    return;
  ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
                  errmsg("could not serialize access: a shard has been moved"),
                  errdetail("\"%s\" came to this node after the transaction had begun to read here.",
                            get_rel_name(relid)),
                  errhint("Run the transaction again.")));
}

void RequireOlderThanSnapshot(const PlannedStmt* statement) {
  ListCell* cell;
  foreach (cell, statement->rtable) {
    const auto* rte = lfirst_node(RangeTblEntry, cell);
    if (rte->rtekind == RTE_RELATION) RequireOlderThanSnapshot(rte->relid);
  }
}

/// A statement that a rule has made names the table of the rule and its own.
bool IsOfOneTable(const PlannedStmt* statement) {
  Oid first = InvalidOid;
  List* parts = NIL;
  ListCell* cell;
  foreach (cell, statement->rtable) {
    const auto* rte = lfirst_node(RangeTblEntry, cell);
    if (rte->rtekind != RTE_RELATION || rte->relid == first) continue;
    if (!OidIsValid(first)) {
      first = rte->relid;
      if (rte->inh && get_rel_relkind(first) == RELKIND_PARTITIONED_TABLE) parts = find_all_inheritors(first, NoLock, nullptr);
    } else if (!list_member_oid(parts, rte->relid)) {
      return false;
    }
  }
  return true;
}

/// Users may send texts of their own with the mark, through nodes too; what runs in-process is ours.
bool IsPartOfMove(const QueryDesc* query) {
  return query->sourceText != nullptr && strncmp(query->sourceText, plan::kMoveMark, strlen(plan::kMoveMark)) == 0 &&
         IsOfOneTable(query->plannedstmt);
}

}  // namespace

void CheckStatementOf(const DestReceiver* receiver) { expected = receiver; }

void NoteOwnership(QueryDesc* query, int depth) {
  if (answer.query == query->estate) answer = {nullptr, 0};  // of one that failed, at the same address
  const bool of_node = depth == 0 && door::IsNodeSession();
  const bool own = expected != nullptr && query->dest == expected;
  if (own) expected = nullptr;
  if ((query->estate->es_top_eflags & EXEC_FLAG_EXPLAIN_ONLY) != 0) return;
  if (own) query->estate->es_top_eflags |= kInProcess;
  const bool moves = own && IsPartOfMove(query);
  const bool asked = own || IsOfAskingNode(query, depth);
  if (asked) {
    RequireNoRules(query->plannedstmt);
  } else {
    RequireOwnShards(query->plannedstmt);
  }
  if (asked && KeepRowsOf(query, moves)) {
    query->estate->es_top_eflags |= kKept;
  } else {
    FollowLocalReferencesOf(query);
  }
  if (of_node || own) NoteCapture(query, own);
  if (moves) {
    query->estate->es_top_eflags |= kMoves;
    MarkLeaving(query);
  }
  if (!of_node && !own) return;
  if (ConcernsElsewhere(query->plannedstmt)) {
    query->estate->es_top_eflags |= of_node ? kDisowned | kUntold : kDisowned;
  } else if (IsolationUsesXactSnapshot()) {
    RequireOlderThanSnapshot(query->plannedstmt);
  }
}

namespace {

void TellMoved() {
  static int moved = 0;
  if (whereToSendOutput != DestRemote) return;
  StringInfoData message;
  pq_beginmessage(&message, 'S');
  pq_sendstring(&message, remote::kMovedParameter);
  pq_sendstring(&message, psprintf("%d", ++moved));
  pq_endmessage(&message);
}

}  // namespace

bool IsDisowned(QueryDesc* query) {
  if ((query->estate->es_top_eflags & kDisowned) == 0) return false;
  if ((query->estate->es_top_eflags & kUntold) != 0) TellMoved();
  query->estate->es_top_eflags &= ~kUntold;
  query->estate->es_processed = static_cast<uint64>(kMoved);
  return true;
}

bool RunsInProcess(const QueryDesc* query) { return (query->estate->es_top_eflags & kInProcess) != 0; }

bool IsKept(const QueryDesc* query) { return (query->estate->es_top_eflags & kKept) != 0; }

bool MovesRows(const QueryDesc* query) { return query->estate != nullptr && (query->estate->es_top_eflags & kMoves) != 0; }

void AnswerInstead(EState* query, int64 affected) {
  answer = {query, affected};
  if (affected == kMoved) query->es_top_eflags |= kDisowned;
}

void GiveAnswer(QueryDesc* query) {
  if (answer.query != query->estate) return;
  query->estate->es_processed = static_cast<uint64>(answer.affected);
  answer = {nullptr, 0};
}

bool FinishDisowned(QueryDesc* query) {
  if ((query->estate->es_top_eflags & kDisowned) == 0) return false;
  query->estate->es_processed = 0;  // whoever asks now counts rows
  query->estate->es_auxmodifytables = NIL;
  return true;
}

void AwaitNewPlacement(int attempt) {
  if (attempt > kMostAttempts) {
    ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
                    errmsg("a shard has moved, but this node has not been told where to"),
                    errhint("Run the transaction again.")));
  }
  const long pause = attempt < 10 ? 1 : 10;
  if (attempt > 0) {
    (void)WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, pause,
                    pg::NamedWaitEvent(&moved_event, "AltiusMovedShard"));
    ResetLatch(MyLatch);
    CHECK_FOR_INTERRUPTS();
  }
  AcceptInvalidationMessages();
}

Oid ClaimShard(const catalog::Table& table, const catalog::Shard& shard) {
  const Oid relid = catalog::RelationOfShard(table, shard, RowExclusiveLock);
  return OidIsValid(relid) && !catalog::IsElsewhere(relid) ? relid : InvalidOid;
}

pg::Array<int64> ClaimShardsOn(int group, const pg::Array<int64>& shards) {
  StringInfoData sql;
  initStringInfo(&sql);
  appendStringInfoString(&sql, "SELECT altius_internal.claim_shards('{");
  for (int i = 0; i < shards.size(); i++)
    appendStringInfo(&sql, "%s" INT64_FORMAT, i == 0 ? "" : ",", shards[i]);
  appendStringInfoString(&sql, "}')");
  char* answer = remote::FetchValueByNode(txn::Enlist(group, txn::Access::Write), sql.data);
  pg::Array<int64> elsewhere;
  if (answer == nullptr) return elsewhere;
  for (char* at = answer + 1; *at != '\0' && *at != '}';) {
    elsewhere.push_back(strtoll(at, &at, 10));
    if (*at == ',') at++;
  }
  return elsewhere;
}

}  // namespace altius::task

/// claim_shards(shards bigint[]): locks them as a writer does; those that are not on this node.
ALTIUS_NODE_FUNCTION(altius_claim_shards) {
  using namespace altius;
  Datum* ids;
  int count;
  deconstruct_array(PG_GETARG_ARRAYTYPE_P(0), INT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &ids,
                    nullptr, &count);
  auto* elsewhere = static_cast<Datum*>(palloc(sizeof(Datum) * std::max(count, 1)));
  int found = 0;
  for (int i = 0; i < count; i++) {
    int index = 0;
    const catalog::Table* table = catalog::FindTableOfShard(DatumGetInt64(ids[i]), &index);
    if (table == nullptr || !OidIsValid(task::ClaimShard(*table, table->shards[index])))
      elsewhere[found++] = ids[i];
  }
  PG_RETURN_ARRAYTYPE_P(
      construct_array(elsewhere, found, INT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}
