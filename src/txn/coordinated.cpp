// SPDX-License-Identifier: PostgreSQL
// Enlisting nodes: BEGIN, the transaction's identity and savepoints are queued in front of the
// caller's statement.
#include "altius/txn/coordinated.hpp"

#include "altius/catalog/metadata.hpp"
#include "altius/pg/bridge.hpp"
#include "altius/pg/compat_wait.hpp"
#include "altius/remote/standbys.hpp"
#include "altius/txn/shared.hpp"
#include "identity.hpp"
#include "participants.hpp"

extern "C" {
#include "lib/stringinfo.h"
#include "storage/proc.h"
}

namespace altius::txn {

Coordinated current = {};

namespace {

/// Whether a read must see what the transaction saw before, or hold what it reads.
bool InBlock() {
  return IsTransactionBlock() || GetCurrentTransactionNestLevel() > 1 ||
         XactIsoLevel != XACT_READ_COMMITTED;
}

/// A client that pipelines has sent more statements, which end with this one at the same Sync.
bool ClientSentMore() {
  const int next = pg::NextClientMessage();
  return next != 0 && next != 'S';
}

/// Whether the statement about to be sent is all that this transaction does.
bool IsAllThereIs() {
  return !InBlock() && current.count == 0 && !current.local_write && !current.autocommitted &&
         !ClientSentMore() && !XactReadOnly && !TransactionIdIsValid(GetTopTransactionIdIfAny());
}

const char* BeginCommand() {
  StringInfoData sql;
  initStringInfo(&sql);
  appendStringInfo(&sql, "BEGIN ISOLATION LEVEL %s",
                   XactIsoLevel == XACT_SERIALIZABLE      ? "SERIALIZABLE"
                   : XactIsoLevel == XACT_REPEATABLE_READ ? "REPEATABLE READ"
                                                          : "READ COMMITTED");
  appendStringInfoString(&sql, XactReadOnly ? " READ ONLY" : " READ WRITE");
  if (XactDeferrable) appendStringInfoString(&sql, " DEFERRABLE");
  return sql.data;
}

Participant* Join(remote::Connection* connection) {
  MemoryContext old = MemoryContextSwitchTo(TopTransactionContext);
  if (current.count == current.capacity) {
    const int capacity = current.capacity == 0 ? 8 : current.capacity * 2;
    Participant** grown = static_cast<Participant**>(palloc(sizeof(Participant*) * capacity));
    for (int i = 0; i < current.count; i++) grown[i] = current.participants[i];
    current.participants = grown;
    current.capacity = capacity;
  }
  Participant* participant = static_cast<Participant*>(palloc0(sizeof(Participant)));
  MemoryContextSwitchTo(old);
  participant->connection = connection;
  participant->number = NextParticipantNumber();
  participant->joined_level = GetCurrentTransactionNestLevel();
  const char* begin = BeginCommand();
  current.participants[current.count++] = participant;
  remote::Attachment(connection) = participant;
  remote::Pin(connection, true);
  remote::QueueBegin(connection, begin);
  remote::QueueHidden(connection,
                      psprintf("SET LOCAL altius.transaction_id = '%s'", remote::SignedValue(connection, CurrentTransactionId())));
  QueueConstraints(participant);
  return participant;
}

}  // namespace

int WriterCount() {
  int writers = 0;
  for (int i = 0; i < current.count; i++)
    writers += current.participants[i]->wrote_level > 0 ? 1 : 0;
  return writers;
}

void Leave(Participant* participant) {
  remote::Attachment(participant->connection) = nullptr;
  remote::Pin(participant->connection, false);
  for (int i = 0; i < current.count; i++) {
    if (current.participants[i] != participant) continue;
    current.participants[i] = current.participants[--current.count];
    return;
  }
}

void ForgetParticipants() {
  for (int i = 0; i < current.count; i++) {
    remote::Attachment(current.participants[i]->connection) = nullptr;
    remote::Pin(current.participants[i]->connection, false);
  }
  current = Coordinated{};
}

void RaiseLostParticipant(const Participant* participant) {
  ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
                  errmsg("connection to node %s was lost during the transaction",
                         remote::NameOf(participant->connection)),
                  errdetail("What the transaction did on that node is gone."),
                  errhint("The transaction is rolled back; run it again.")));
  pg_unreachable();
}

namespace {

void RefuseWrite() {
  ereport(ERROR, (errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION), errmsg("this session can't write"),
                  errdetail("citus.use_secondary_nodes is \"always\": it reads standbys."),
                  errhint("Write in a session where it is \"never\".")));
}

bool TakesPart(int group) {
  for (int i = 0; i < current.count; i++) {
    const remote::Connection* connection = current.participants[i]->connection;
    if (remote::GroupOf(connection) == group && !remote::IsToStandby(connection)) return true;
  }
  return false;
}

/// A transaction that wrote reads what it wrote, and one snapshot is of one server.
bool MayReadFromStandby(int group) {
  if (!remote::ReadsFromStandbys()) return false;
  if (current.local_write || current.autocommitted || WriterCount() > 0) return false;
  if (XactIsoLevel == XACT_READ_COMMITTED) return true;
  return XactIsoLevel == XACT_REPEATABLE_READ && XactReadOnly && !TakesPart(group);
}

}  // namespace

remote::Connection* StandbyFor(int group) {
  return MayReadFromStandby(group) ? remote::StandbyToRead(group) : nullptr;
}

remote::Connection* Enlist(int group, Access access, uint64 owner) {
  NeedMaintenance();
  RaiseIfDeadlockVictim();
  if (access != Access::Read && remote::IsReadOnlySession()) RefuseWrite();
  remote::Connection* connection = access == Access::Read ? StandbyFor(group) : nullptr;
  if (connection != nullptr && XactIsoLevel == XACT_READ_COMMITTED) return connection;
  if (connection == nullptr) connection = remote::ConnectionTo(group);
  Participant* participant = static_cast<Participant*>(remote::Attachment(connection));
  if (participant == nullptr) {
    if (access == Access::Read && !InBlock()) return connection;
    if (access == Access::SingleWrite && IsAllThereIs()) {
      remote::QueueSetLocal(connection, "altius.transaction_id", remote::SignedValue(connection, CurrentTransactionId()));
      remote::MarkNextDecisive(connection);
      current.autocommitted = true;
      return connection;
    }
    participant = Join(connection);
    participant->owner = owner;
  }
  if (participant->owner != owner) participant->owner = 0;
  if (remote::IsBroken(connection)) RaiseLostParticipant(participant);
  // What was copied belongs to the level at which it was, whatever becomes of a function that the COPY calls.
  if (remote::IsCopying(connection)) remote::EndCopy(connection);
  EstablishSavepoints(participant);
  const int level = GetCurrentTransactionNestLevel();
  if (access != Access::Read) {
    if (participant->wrote_level == 0) {
      participant->write_owner = owner;
    } else if (participant->write_owner != owner) {
      participant->write_owner = 0;
    }
    if (participant->wrote_level == 0 || participant->wrote_level > level)
      participant->wrote_level = level;
  }
  return connection;
}

void CommitFirst(int group) { current.commit_first = group + 1; }

void NoteLocalWrite() {
  if (remote::IsReadOnlySession()) RefuseWrite();
  current.local_write = true;
}

void ExecuteOnGroups(const int* groups, int count, const char* sql) {
  remote::OpenAhead(groups, count);
  remote::Request** requests =
      static_cast<remote::Request**>(palloc(sizeof(remote::Request*) * (count + 1)));
  const remote::StatementText statement = {.sql = sql, .by_node = true};
  for (int i = 0; i < count; i++) {
    requests[i] = remote::Send(Enlist(groups[i], Access::Write), statement, nullptr);
  }
  remote::WaitAll(requests, count);
}

int* OtherGroups(int* count) {
  pg::Array<int> groups;
  for (const catalog::Node* node : catalog::ActivePrimaries()) {
    if (node->group != catalog::LocalGroup()) groups.push_back(node->group);
  }
  *count = groups.size();
  return groups.data();
}

void ExecuteOnOtherNodes(const char* sql) {
  int count;
  const int* groups = OtherGroups(&count);
  ExecuteOnGroups(groups, count, sql);
}

remote::Connection* OutsideTransaction(int group) { return remote::SeparateConnectionTo(group); }

}  // namespace altius::txn
