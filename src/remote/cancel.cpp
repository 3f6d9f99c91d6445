// SPDX-License-Identifier: PostgreSQL
// Cancels for what nodes run.  PQcancel waits without a bound until the server has closed the connection.  Where a server is frozen
// (stopped, or its disk hangs) the kernel still accepts connections, and that would be for ever; so the server is asked something
// small before.
#include "session.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace altius::remote {

namespace {

constexpr int kProbeMs = 2000;

/// GSSENCRequest of the protocol.  The server answers with a byte, and logs nothing when nobody goes on.
constexpr unsigned char kQuestion[] = {0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x30};

bool IsReady(int socket_made, short wanted) {
  pollfd polled = {.fd = socket_made, .events = wanted, .revents = 0};
  int ready;
  do {
    ready = poll(&polled, 1, kProbeMs);
  } while (ready < 0 && errno == EINTR);
  return ready == 1;
}

bool AnswersOn(int socket_made, const sockaddr_storage& address, socklen_t length) {
  if (connect(socket_made, reinterpret_cast<const sockaddr*>(&address), length) != 0 && errno != EINPROGRESS) return false;
  if (!IsReady(socket_made, POLLOUT)) return false;
  if (send(socket_made, kQuestion, sizeof(kQuestion), MSG_NOSIGNAL) != sizeof(kQuestion)) return false;
  char answer;
  return IsReady(socket_made, POLLIN) && recv(socket_made, &answer, 1, 0) == 1;
}

bool ServerAnswers(const Connection* connection) {
  sockaddr_storage address{};
  socklen_t length = sizeof(address);
  if (getpeername(PQsocket(connection->pg), reinterpret_cast<sockaddr*>(&address), &length) != 0) return false;
  const int socket_made = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (socket_made < 0) return false;
  const bool answers = AnswersOn(socket_made, address, length);
  close(socket_made);
  return answers;
}

}  // namespace

bool SendCancel(Connection* connection) {
  if (connection->pg == nullptr || connection->state != State::Ready) return true;
  if (!ServerAnswers(connection)) return false;
  PGcancel* cancel = PQgetCancel(connection->pg);
  if (cancel == nullptr) return true;
  char problem[256];
  if (PQcancel(cancel, problem, sizeof(problem)) == 0) {
    elog(DEBUG1, "could not cancel on node %s: %s", connection->name, problem);
  }
  PQfreeCancel(cancel);
  return true;
}

}  // namespace altius::remote
