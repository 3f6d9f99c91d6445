// SPDX-License-Identifier: PostgreSQL
// Receiving: libpq's results, in the order of the commands, go to the requests they belong to.
#include "decided.hpp"
#include "session.hpp"

namespace altius::remote {

namespace {

void SetCurrent(Connection* connection, PGresult* result) {
  if (connection->current != nullptr) PQclear(connection->current);
  connection->current = result;
}

Item PopHead(Connection* connection) {
  const Item item = *ItemAt(connection, 0);
  connection->head = (connection->head + 1) % connection->capacity;
  connection->count--;
  return item;
}

void DeliverColumns(Request* request, const PGresult* result) {
  if (request->columns_known) return;
  request->columns_known = true;
  request->sink->Columns(result);
}

int64 SizeOfRow(const PGresult* result, int row) {
  int64 size = 0;
  for (int i = 0; i < PQnfields(result); i++) size += PQgetlength(result, row, i);
  return size;
}

/// The rows of the current result.
void Deliver(Connection* connection, Request* request) {
  const PGresult* result = connection->current;
  DeliverColumns(request, result);
  for (int row = 0; row < PQntuples(result); row++) {
    request->rows++;
    request->bytes += SizeOfRow(result, row);
    request->sink->Row(result, row);
  }
}

bool WantsRows(const Connection* connection, const Request* request, bool quiet) {
  return request != nullptr && !request->orphan && request->sink != nullptr && !quiet &&
         !connection->group_failed;
}

/// True when the current row was put by.
bool Hold(Connection* connection, const Request* request) {
  HeldRows* held = &connection->held;
  if (request->rows > 0 || held->count == HeldRows::kMost) return false;
  const int64 size = SizeOfRow(connection->current, 0);
  if (held->bytes + size > HeldRows::kMostBytes) return false;
  held->results[held->count++] = std::exchange(connection->current, nullptr);
  held->bytes += size;
  return true;
}

void DeliverHeld(Connection* connection, Request* request) {
  HeldRows* held = &connection->held;
  if (held->count == 0) return;
  held->results[held->count] = std::exchange(connection->current, nullptr);
  // A row that is not accepted raises: those behind it are dropped with the next command.
  for (int i = 0; i < held->count; i++) {
    SetCurrent(connection, std::exchange(held->results[i], nullptr));
    Deliver(connection, request);
  }
  SetCurrent(connection, std::exchange(held->results[held->count], nullptr));
  held->count = 0;
  held->bytes = 0;
}

void DeliverRow(Connection* connection, Request* request, bool quiet) {
  if (!WantsRows(connection, request, quiet) || Hold(connection, request)) return;
  DeliverHeld(connection, request);
  Deliver(connection, request);
}

void DeliverLastRows(Connection* connection, Request* request, bool quiet) {
  if (!WantsRows(connection, request, quiet)) return DropHeldRows(connection);
  DeliverHeld(connection, request);
  Deliver(connection, request);
}

/// Whether the node has said so since it was last looked at.
bool SaidMoved(Connection* connection) {
  const char* said = PQparameterStatus(connection->pg, kMovedParameter);
  const long moved = said == nullptr ? 0 : strtol(said, nullptr, 10);
  return std::exchange(connection->moved_statements, moved) != moved;
}

void NoteTag(Connection* connection, Request* request, PGresult* result) {
  const bool moved = SaidMoved(connection);
  if (request == nullptr) return;
  request->affected = strtoll(PQcmdTuples(result), nullptr, 10);
  if (moved || request->affected == kMovedRows) {
    request->affected = 0;
    request->moved = true;
    request->failed = !request->may_have_moved;
  }
  strlcpy(request->tag, PQcmdStatus(result), sizeof(request->tag));
}

}  // namespace

void NoteFailure(Connection* connection) {
  const char* state = PQresultErrorField(connection->current, PG_DIAG_SQLSTATE);
  const char* message = PQresultErrorField(connection->current, PG_DIAG_MESSAGE_PRIMARY);
  if (state == nullptr || message == nullptr) return;
  // What follows from an earlier one, a savepoint that is not there included.
  if (strcmp(state, kInFailedTransaction) == 0 || strcmp(state, kNoSuchSavepoint) == 0) return;
  if (connection->failure != nullptr) pfree(connection->failure);
  connection->failure = MemoryContextStrdup(TopMemoryContext, message);
  strlcpy(connection->failure_state, state, sizeof(connection->failure_state));
}

namespace {

/// The first error of a sync group is the group's.
void NoteError(Connection* connection, const Item& item) {
  if (item.prepared != 0 && connection->current != nullptr) {
    const char* state = PQresultErrorField(connection->current, PG_DIAG_SQLSTATE);
    // The statement was not prepared, is gone, or its result has another shape now.
    const bool useless = item.kind == ItemKind::Prepare || state == nullptr ||
                         strcmp(state, "26000") == 0 || strcmp(state, "0A000") == 0;
    if (useless) ForgetPreparedNumber(connection, item.prepared);
  }
  connection->settings.Doubt();
  if (!connection->group_failed) {
    if (connection->current != nullptr) NoteFailure(connection);
    connection->group_failed = true;
    connection->group_hides = item.kind == ItemKind::Hidden;  // a ticket in the context that was not used up
    connection->group_error = connection->current;
    connection->current = nullptr;
  }
}

bool EndsSession(const PGresult* result) {
  const char* severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
  return severity != nullptr && (strcmp(severity, "FATAL") == 0 || strcmp(severity, "PANIC") == 0);
}

void TakeEvents(Connection* connection, const Item& sync) {
  const Request* request = sync.request;
  if (connection->group_failed || sync.undone) return DropEvents(connection);
  if (request == nullptr || request->orphan || request->events == nullptr) return NoteUnheard(connection, sync.level);
  DeliverEvents(connection, request->events, request->level);
}

void FinishGroup(Connection* connection, const Item& sync) {
  Request* request = sync.request;
  if (connection->waiting_events != nullptr || connection->events_lost) TakeEvents(connection, sync);
  if (request != nullptr) {
    request->finished = true;
    if (connection->group_failed) {
      request->failed = true;
      request->hides_context = request->hides_context || connection->group_hides;
      request->error = connection->group_error;
      connection->group_error = nullptr;
    }
    if (request->decisive && !request->failed && !request->moved) HoldCancels();
  }
  if (connection->group_error != nullptr) PQclear(connection->group_error);
  connection->group_error = nullptr;
  connection->group_failed = connection->group_hides = false;
}

/// One result of the head item.
void Handle(Connection* connection, bool quiet) {
  const Item item = *ItemAt(connection, 0);
  const PGresult* result = connection->current;
  if (result == nullptr) {  // end of a command's results
    if (item.kind != ItemKind::Sync) {
      PopHead(connection);
      ArmHead(connection);
    } else if (connection->ended_at_sync) {
      MarkBroken(connection, "the node closed the connection");  // libpq has nothing more to say
    }
    connection->ended_at_sync = item.kind == ItemKind::Sync;
    return;
  }
  connection->ended_at_sync = false;
  switch (PQresultStatus(result)) {
    case PGRES_PIPELINE_SYNC:
      PopHead(connection);
      ArmHead(connection);
      FinishGroup(connection, item);
      break;
    case PGRES_SINGLE_TUPLE:
      DeliverRow(connection, item.request, quiet);
      break;
    case PGRES_TUPLES_OK:
      DeliverLastRows(connection, item.request, quiet);
      NoteTag(connection, item.request, connection->current);
      break;
    case PGRES_COMMAND_OK:
    case PGRES_EMPTY_QUERY:
      NoteTag(connection, item.request, connection->current);
      break;
    case PGRES_FATAL_ERROR:
      if (EndsSession(result)) {
        const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
        MarkBroken(connection, PQresultErrorMessage(result), state == nullptr ? "" : state);
      } else {
        NoteError(connection, item);
      }
      break;
    case PGRES_PIPELINE_ABORTED:
      if (item.kind == ItemKind::Prepare) ForgetPreparedNumber(connection, item.prepared);
      connection->group_failed = true;
      break;
    default:
      MarkBroken(connection, "the node answered with something unexpected");
  }
}

char* KeepReason(const char* reason) {
  // Kept for the backend's life: requests point to it.  One text for each connection lost.
  char* copy = MemoryContextStrdup(TopMemoryContext, reason == nullptr ? "" : reason);
  for (size_t length = strlen(copy); length > 0 && copy[length - 1] == '\n'; length--)
    copy[length - 1] = '\0';
  return copy;
}

}  // namespace

void DropHeldRows(Connection* connection) {
  HeldRows* held = &connection->held;
  if (held->count == 0) return;
  for (int i = 0; i <= held->count; i++) {
    if (held->results[i] != nullptr) PQclear(held->results[i]);
    held->results[i] = nullptr;
  }
  held->count = 0;
  held->bytes = 0;
}

void ArmHead(Connection* connection) {
  DropHeldRows(connection);
  if (connection->count == 0 || connection->pg == nullptr) return;
  const Item* item = ItemAt(connection, 0);
  // Rows one by one, so that a big result needs no memory.
  if (item->kind == ItemKind::Main && item->request != nullptr && item->request->sink != nullptr) {
    PQsetSingleRowMode(connection->pg);
  }
}

void Process(Connection* connection, const Request* until, int64 rows, bool quiet) {
  const int64 enough = until == nullptr ? 0 : until->rows + rows;
  while (connection->state == State::Ready && connection->count > 0 &&
         PQisBusy(connection->pg) == 0) {
    if (until != nullptr && (until->finished || (rows > 0 && until->rows >= enough))) return;
    SetCurrent(connection, PQgetResult(connection->pg));
    Handle(connection, quiet);
  }
}

void MarkBroken(Connection* connection, const char* reason, const char* state) {
  if (connection->state == State::Broken) return;
  connection->state = State::Broken;
  connection->lost = KeepReason(reason);
  strlcpy(connection->lost_state, state, sizeof(connection->lost_state));
  DropHeldRows(connection);
  DropEvents(connection);
  while (connection->count > 0) {
    const Item item = PopHead(connection);
    if (item.request != nullptr && !item.request->finished)
      FailRequest(item.request, connection->lost);
  }
}

}  // namespace altius::remote
