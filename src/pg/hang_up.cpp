// SPDX-License-Identifier: PostgreSQL
#include "altius/pg/hang_up.hpp"

#include <sys/socket.h>

extern "C" {
#include "libpq/pqformat.h"
#include "tcop/tcopprot.h"
}

namespace altius::pg {

namespace {

/// The first field of a Port is its socket, in every version; the header that says so needs those of TLS libraries.
int ClientSocket() { return *reinterpret_cast<const pgsocket *>(MyProcPort); }

void SendField(StringInfo message, char field, const char *text) {
  pq_sendbyte(message, static_cast<uint8>(field));
  pq_sendstring(message, text);
}

void SendError(int sqlstate, const char *message, const char *detail, const char *hint) {
  StringInfoData error;
  pq_beginmessage(&error, 'E');
  SendField(&error, 'S', "FATAL");
  SendField(&error, 'V', "FATAL");
  SendField(&error, 'C', unpack_sql_state(sqlstate));
  SendField(&error, 'M', message);
  SendField(&error, 'D', detail);
  SendField(&error, 'H', hint);
  pq_sendbyte(&error, 0);
  pq_endmessage(&error);
}

}  // namespace

void HangUp(int sqlstate, const char *message, const char *detail, const char *hint) {
  if (MyProcPort == nullptr || whereToSendOutput != DestRemote || ClientConnectionLost != 0) return;
  SendError(sqlstate, message, detail, hint);
  // What is sent to a client by ereport is sent at once, with all that was kept before.
  ereport(INFO, (errmsg_internal("the session ends")));
  (void)shutdown(ClientSocket(), SHUT_RDWR);
  ClientConnectionLost = 1;
  InterruptPending = 1;
}

}  // namespace altius::pg
