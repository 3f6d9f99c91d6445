// SPDX-License-Identifier: PostgreSQL
// What shards tell of triggers comes as messages, in the middle of their statements.  libpq reports them where nothing may
// raise, and the statement may still fail: they are kept until it has ended well.
#include "altius/remote/events.hpp"

#include "altius/remote/control.hpp"
#include "session.hpp"

extern "C" {
#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "postgres_ext.h"
}

namespace altius::remote {

void SendEvent(const char* text) {
  StringInfoData message;
  pq_beginmessage(&message, 'N');
  const auto field = [&](char code, const char* value) {
    pq_sendbyte(&message, code);
    pq_sendstring(&message, value);
  };
  field(PG_DIAG_SEVERITY, kEventSeverity);
  field(PG_DIAG_SEVERITY_NONLOCALIZED, kEventSeverity);
  field(PG_DIAG_SQLSTATE, "00000");
  field(PG_DIAG_MESSAGE_PRIMARY, text);
  pq_sendbyte(&message, '\0');
  pq_endmessage(&message);
}

EventSink* event_sink = nullptr;

void ForgetEventSink(const EventSink* sink) noexcept {
  for (int i = 0; i < ConnectionCount(); i++) {
    Connection* connection = ConnectionAt(i);
    if (connection->copy_events == sink) connection->copy_events = nullptr;
    for (int item = 0; item < connection->count; item++) {
      Request* request = ItemAt(connection, item)->request;
      if (request != nullptr && request->events == sink) request->events = nullptr;
    }
  }
}

/// The latest first.  In malloc'd memory.
struct WaitingEvent {
  WaitingEvent* before;
  char text[FLEXIBLE_ARRAY_MEMBER];
};

void KeepEvent(Connection* connection, const char* text) noexcept {
  const size_t size = strlen(text) + 1;
  auto* event = static_cast<WaitingEvent*>(malloc(offsetof(WaitingEvent, text) + size));
  connection->events_lost = connection->events_lost || event == nullptr;
  if (event == nullptr) return;
  event->before = connection->waiting_events;
  memcpy(event->text, text, size);
  connection->waiting_events = event;
}

namespace {

WaitingEvent* Reversed(WaitingEvent* event) {
  WaitingEvent* first = nullptr;
  while (event != nullptr) {
    WaitingEvent* before = event->before;
    event->before = first;
    first = event;
    event = before;
  }
  return first;
}

}  // namespace

void DeliverEvents(Connection* connection, EventSink* sink, int level) {
  if (sink == nullptr) return DropEvents(connection);
  if (std::exchange(connection->events_lost, false))
    ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
  connection->waiting_events = Reversed(connection->waiting_events);
  while (connection->waiting_events != nullptr) {
    WaitingEvent* event = connection->waiting_events;
    sink->Event(event->text, level);
    connection->waiting_events = event->before;
    free(event);
  }
}

void NoteUnheard(Connection* connection, int level) noexcept {
  DropEvents(connection);
  if (connection->unheard == 0 || level < connection->unheard) connection->unheard = std::max(level, 1);
}

void RaiseIfUnheard(const Connection* connection) {
  if (connection->unheard == 0) return;
  ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                  errmsg("a function in a query has changed a table with triggers on node %s", connection->name),
                  errdetail("AFTER triggers fire for statements that say what they change."),
                  errhint("Call the function where nothing but its arguments decides where it runs, or declare it VOLATILE.")));
}

void ForgetUnheard(Connection* connection, int level) noexcept {
  if (connection->unheard >= level) connection->unheard = 0;
}

void DropEvents(Connection* connection) noexcept {
  connection->events_lost = false;
  while (connection->waiting_events != nullptr) {
    WaitingEvent* event = connection->waiting_events;
    connection->waiting_events = event->before;
    free(event);
  }
}

}  // namespace altius::remote
