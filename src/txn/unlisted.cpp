// SPDX-License-Identifier: PostgreSQL
#include "unlisted.hpp"

#include "altius/catalog/metadata.hpp"
#include "altius/pg/spi.hpp"
#include "altius/pg/subtransaction.hpp"
#include "altius/remote/control.hpp"
#include "altius/txn/coordinated.hpp"
#include "altius/txn/shared.hpp"
#include "identity.hpp"

extern "C" {
#include "executor/spi.h"
#include "utils/builtins.h"
}

namespace altius::txn {

namespace {

/// A day is enough for a node to come back; then a prepared transaction on it is for superusers to end.
constexpr const char* kRead =
    "SELECT groupid, nodename, nodeport, gids FROM altius_internal.unlisted_node AS r"
    " WHERE since > pg_catalog.now() - interval '1 day' AND CASE WHEN gids = 'altius_' THEN true WHEN gids IS NULL"
    " THEN EXISTS (SELECT FROM pg_catalog.pg_dist_transaction AS t WHERE t.groupid = r.groupid)"
    " ELSE NOT EXISTS (SELECT FROM pg_catalog.pg_dist_node AS n WHERE n.groupid = r.groupid AND n.isactive) END";

/// A node that was added is listed now, a removed one is finished, or too much time has passed.
constexpr const char* kForgetOthers =
    "DELETE FROM altius_internal.unlisted_node AS r WHERE since < pg_catalog.now() - interval '1 day' OR CASE"
    " WHEN gids = 'altius_' THEN false WHEN gids IS NULL"
    " THEN NOT EXISTS (SELECT FROM pg_catalog.pg_dist_transaction AS t WHERE t.groupid = r.groupid)"
    " ELSE EXISTS (SELECT FROM pg_catalog.pg_dist_node AS n WHERE n.groupid = r.groupid AND n.isactive) END";

/// What the gids of this session's transaction begin with; a gid without the number of the participant.
const char* GidsOfOwn() {
  char gid[core::kGidSize];
  core::FormatGid(OwnTransaction(), 0, gid);
  gid[strlen(gid) - 1] = '\0';
  return pstrdup(gid);
}

bool IsOver(const char* gids) {
  const auto id = core::ParseGid(psprintf("%s0", gids));
  return !id.has_value() || !IsActiveHere(id->pid, id->number);
}

Unlisted RowAt(uint64 index) {
  TupleDesc columns = SPI_tuptable->tupdesc;
  HeapTuple row = SPI_tuptable->vals[index];
  bool null;
  Unlisted node{};
  node.group = DatumGetInt32(SPI_getbinval(row, columns, 1, &null));
  node.host = TextDatumGetCString(SPI_getbinval(row, columns, 2, &null));
  node.port = DatumGetInt32(SPI_getbinval(row, columns, 3, &null));
  const Datum gids = SPI_getbinval(row, columns, 4, &null);
  node.gids = null ? nullptr : TextDatumGetCString(gids);
  node.over = null || IsOver(node.gids);
  return node;
}

}  // namespace

pg::Array<Unlisted> ReadUnlisted() {
  MemoryContext home = CurrentMemoryContext;
  pg::Array<Unlisted> nodes;
  SPI_connect();
  if (SPI_execute(kRead, false, 0) != SPI_OK_SELECT)  // with a new snapshot
    elog(ERROR, "could not read altius_internal.unlisted_node");
  MemoryContext spi = MemoryContextSwitchTo(home);
  for (uint64 i = 0; i < SPI_processed; i++) nodes.push_back(RowAt(i));
  MemoryContextSwitchTo(spi);
  SPI_finish();
  return nodes;
}

bool IsLookedFor(const Unlisted& node, const char* gid) {
  return node.gids == nullptr || strncmp(gid, node.gids, strlen(node.gids)) == 0;
}

void Forget(const Unlisted& node) {
  // Of one that still runs something may come later.
  if (node.gids == nullptr || strcmp(node.gids, core::kGidPrefix) == 0) return;
  (void)pg::RunSql(
      psprintf("DELETE FROM altius_internal.unlisted_node WHERE nodename = %s AND nodeport = %d AND gids = %s",
               quote_literal_cstr(node.host), node.port, quote_literal_cstr(node.gids)));
}

void ForgetOthers() { (void)pg::RunSql(kForgetOthers); }

void NoteJoining(int group, const char* host, int port) {
  const char* gids = GidsOfOwn();
  remote::Connection* session = nullptr;
  ErrorData* error = pg::Try([&] {
    session = remote::OwnConnectionTo(catalog::LocalGroup());
    remote::Execute(session, psprintf("INSERT INTO altius_internal.unlisted_node VALUES (%d, %s, %d, %s)", group,
                                      quote_literal_cstr(host), port, quote_literal_cstr(gids)));
  });
  if (session != nullptr) remote::GiveBack(session);
  if (error == nullptr) return;
  ereport(LOG, (errmsg("a crash while node %s:%d is added may leave a prepared transaction there", host, port),
                errdetail("Its address could not be noted beforehand: %s", error->message)));
}

void NoteLeaving(int group, const char* host, int port, bool reached) {
  const char* note = psprintf("INSERT INTO altius_internal.unlisted_node SELECT %d, %s, %d, %s", group, quote_literal_cstr(host), port,
                              reached ? "NULL" : quote_literal_cstr(core::kGidPrefix));
  (void)pg::RunSql(note);
  if (!reached) return ExecuteOnOtherNodes(note);
  // Who changed something on the node had locks that its removal has waited for, so whatever may be in doubt there has its record by now.
  ExecuteOnOtherNodes(psprintf("%s WHERE EXISTS (SELECT FROM pg_catalog.pg_dist_transaction WHERE groupid = %d)", note, group));
}

}  // namespace altius::txn
