// SPDX-License-Identifier: PostgreSQL
// The log has of an updated or deleted row what the table's replica identity says.  Where that is
// nothing of use, it is widened to the whole row before changes are published: else writers would
// get errors.
#include "altius/pg/bounded_lock.hpp"
#include "altius/pg/bridge.hpp"
#include "altius/pg/spi.hpp"
#include "altius/pg/subtransaction.hpp"
#include "move.hpp"
#include "pause.hpp"
#include "watch.hpp"

extern "C" {
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/syscache.h"
#include "utils/wait_event.h"
}

namespace altius::rebalance {

namespace {

constexpr int kTimeoutMs = 50;  // a writer waits at most as long
constexpr int kOldMs = 1000;  // a transaction is not waited for that has the table for longer
constexpr int kPauseMs = 150;

bool CanTellChanges(Relation relation) {
  return relation->rd_rel->relreplident == REPLICA_IDENTITY_FULL ||
         OidIsValid(RelationGetReplicaIndex(relation));
}

void Widen(Move* move, Member* member) {
  const char* literal = quote_literal_cstr(member->name);
  const char* identity = remote::FetchValue(
      move->at_source, psprintf("SELECT altius_internal.lacking_identity(%s)", literal));
  if (identity == nullptr) return;
  member->identity = identity[0];
  member->make_full = true;
  Register(*move, Resource::ReplicaIdentity, move->source,
           psprintf("%s|%c", member->name, member->identity), Policy::Always);
  const char* sql =
      psprintf("SELECT altius_internal.set_replica_identity(%s, 'f', %d)", literal, kTimeoutMs);
  while (Ask(move, move->at_source, sql)[0] != 't') Pause(kPauseMs);
}

}  // namespace

void WidenIdentities(Move* move) {
  for (Member& member : move->members) {
    if (member.has_rows) Widen(move, &member);
  }
}

/// ALTER TABLE would hold back readers, too.  Who writes after this lock sees the new identity.
void SetReplicaIdentity(Oid relid, char identity) {
  LockRelationOid(relid, ShareRowExclusiveLock);
  Relation catalog = table_open(RelationRelationId, RowExclusiveLock);
  HeapTuple tuple = SearchSysCacheCopy1(RELOID, ObjectIdGetDatum(relid));
  if (HeapTupleIsValid(tuple)) {
    reinterpret_cast<Form_pg_class>(GETSTRUCT(tuple))->relreplident = identity;
    CatalogTupleUpdate(catalog, &tuple->t_self, tuple);
  }
  table_close(catalog, RowExclusiveLock);
}

void MarkAsNew(Oid relid) {
  Relation catalog = table_open(RelationRelationId, RowExclusiveLock);
  HeapTuple tuple = SearchSysCacheCopy1(RELOID, ObjectIdGetDatum(relid));
  if (HeapTupleIsValid(tuple)) CatalogTupleUpdate(catalog, &tuple->t_self, tuple);
  table_close(catalog, RowExclusiveLock);
}

bool IsPublishedByMove(Oid relid) {
  return pg::FetchText(psprintf(
             "SELECT 1 FROM pg_catalog.pg_publication_rel r JOIN pg_catalog.pg_publication p "
             "ON p.oid = r.prpubid WHERE r.prrelid = %u AND p.pubname ~ "
             "'^citus_shard_(move|split)_'",
             relid)) != nullptr;
}

}  // namespace altius::rebalance

/// lacking_identity(relation regclass): on the source; the replica identity when it can't tell
/// changes.
ALTIUS_FUNCTION(altius_lacking_identity) {
  using namespace altius;
  catalog::RequireShard(PG_GETARG_OID(0));
  Relation relation = table_open(PG_GETARG_OID(0), AccessShareLock);
  const char identity = relation->rd_rel->relreplident;
  const bool enough = rebalance::CanTellChanges(relation);
  table_close(relation, AccessShareLock);
  if (enough) PG_RETURN_NULL();
  PG_RETURN_TEXT_P(cstring_to_text_with_len(&identity, 1));
}

/// set_replica_identity(relation regclass, identity text, timeout_ms integer): on the source; false
/// when somebody writes.
ALTIUS_FUNCTION(altius_set_replica_identity) {
  using namespace altius;
  const Oid relid = PG_GETARG_OID(0);
  const char identity = text_to_cstring(PG_GETARG_TEXT_PP(1))[0];
  if (strchr("dnfi", identity) == nullptr || identity == '\0') {
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("there is no such replica identity")));
  }
  const int level = NewGUCNestLevel();
  (void)set_config_option("lock_timeout", psprintf("%d", PG_GETARG_INT32(2)), PGC_USERSET,
                          PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
  ErrorData* error = pg::Try([&] {
    catalog::RequireShard(relid);
    pg::RaiseIfHeldFor(relid, ShareRowExclusiveLock, rebalance::kOldMs);
    rebalance::SetReplicaIdentity(relid, identity);
  });
  AtEOXact_GUC(true, level);
  if (error != nullptr && error->sqlerrcode != ERRCODE_LOCK_NOT_AVAILABLE) ReThrowError(error);
  PG_RETURN_BOOL(error == nullptr);
}
