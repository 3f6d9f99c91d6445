// SPDX-License-Identifier: PostgreSQL
// Notices and warnings of nodes reach the client.  libpq reports them in the middle of reading,
// where nothing may raise, so they are kept until the read is over.
#include "session.hpp"

namespace altius::remote {

namespace {

constexpr int kMaxWaiting = 32;

struct Notice {
  int level;
  int sqlerrcode;
  char* text;  // malloc'd
  char* detail;
  char* hint;
};

Notice waiting[kMaxWaiting];
int waiting_count = 0;

int LevelOf(const char* severity) {
  if (severity == nullptr) return LOG;
  if (strcmp(severity, "WARNING") == 0) return WARNING;
  if (strcmp(severity, "NOTICE") == 0) return NOTICE;
  if (strcmp(severity, "INFO") == 0) return INFO;
  return DEBUG1;
}

char* Copy(const char* text) { return text == nullptr ? nullptr : strdup(text); }

/// Commands of our own say nothing of interest.  Behind a statement that commits by itself its deferred triggers speak.
bool MayInterest(const Item& item) {
  return item.kind == ItemKind::Main || (item.kind == ItemKind::Sync && item.request != nullptr);
}

/// debug_print_plan, a setting of the node's session, shows parameters.
bool MayShowParameters(const Connection* connection, int level) {
  if (level >= INFO || connection->count == 0) return false;
  const Request* request = ItemAt(connection, 0)->request;
  return request != nullptr && request->hides_context;
}

void Receive(void* arg, const PGresult* result) {
  Connection* connection = static_cast<Connection*>(arg);
  const char* severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
  if (severity != nullptr && strcmp(severity, kEventSeverity) == 0)
    return KeepEvent(connection, PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY));
  if (waiting_count == kMaxWaiting) return;
  if (connection->count > 0 && !MayInterest(*ItemAt(connection, 0))) return;
  const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const char* text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  if (state == nullptr || text == nullptr) return;  // libpq's own
  if (strncmp(state, "57P", 3) == 0)
    return;  // the server goes down; the loss of the connection says it
  const int level = LevelOf(severity);
  if (MayShowParameters(connection, level)) return;
  Notice* notice = &waiting[waiting_count++];
  notice->level = level;
  notice->sqlerrcode = MAKE_SQLSTATE(state[0], state[1], state[2], state[3], state[4]);
  notice->text = Copy(text);
  notice->detail = Copy(PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL));
  notice->hint = Copy(PQresultErrorField(result, PG_DIAG_MESSAGE_HINT));
}

void Release(Notice* notice) {
  free(notice->text);
  free(notice->detail);
  free(notice->hint);
  *notice = Notice{};
}

}  // namespace

void InstallNotices(Connection* connection) {
  PQsetNoticeReceiver(connection->pg, Receive, connection);
}

void EmitNotices() {
  for (int i = 0; i < waiting_count; i++) {
    Notice* notice = &waiting[i];
    if (notice->text == nullptr) continue;
    ereport(notice->level,
            (errcode(notice->sqlerrcode), errmsg_internal("%s", notice->text),
             notice->detail != nullptr ? errdetail_internal("%s", notice->detail) : 0,
             notice->hint != nullptr ? errhint("%s", notice->hint) : 0));
  }
  DropNotices();
}

void DropNotices() {
  for (int i = 0; i < waiting_count; i++) Release(&waiting[i]);
  waiting_count = 0;
}

}  // namespace altius::remote
