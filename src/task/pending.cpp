// SPDX-License-Identifier: PostgreSQL
// Stands in for floors remote and txn until they are there, so that the library can be loaded: to be removed with them.
#include "altius/txn/coordinated.hpp"

#define ALTIUS_PENDING __attribute__((weak))

namespace altius {

namespace {
[[noreturn]] void Missing() {
  ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("other nodes can't be reached yet")));
  pg_unreachable();
}
}  // namespace

ALTIUS_PENDING void txn::NoteLocalWrite() {}
ALTIUS_PENDING remote::Connection *txn::Enlist(int, Access) { Missing(); }
ALTIUS_PENDING void remote::RaiseError(Request *) { Missing(); }
ALTIUS_PENDING void remote::WaitForRows(Request *, int) { Missing(); }
ALTIUS_PENDING remote::Address remote::AddressOfGroup(int) { Missing(); }
ALTIUS_PENDING remote::Request *remote::Send(Connection *, const StatementText &, RowSink *) { Missing(); }
ALTIUS_PENDING void remote::Wait(Request *) { Missing(); }
ALTIUS_PENDING void remote::Forget(Request *, bool) {}
ALTIUS_PENDING void remote::WaitAll(Request *const *, int) { Missing(); }
ALTIUS_PENDING void remote::OpenAhead(const int *, int) {}
ALTIUS_PENDING void remote::BeginCopyIn(Connection *, const char *) { Missing(); }
ALTIUS_PENDING void remote::SendCopyData(Connection *, const char *, int) { Missing(); }
ALTIUS_PENDING int64 remote::EndCopyIn(Connection *, const char *) { Missing(); }
ALTIUS_PENDING bool remote::IsInternalBackend() { return false; }

}  // namespace altius
