// SPDX-License-Identifier: PostgreSQL
// Stands in for parts of remote, txn and ddl until they are there, so that the library can be loaded: to be removed with them.
#include "altius/ddl/objects.hpp"
#include "altius/txn/coordinated.hpp"

#define ALTIUS_PENDING __attribute__((weak))

namespace altius {

namespace {
[[noreturn]] void Missing() {
  ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("other nodes can't be reached yet")));
  pg_unreachable();
}
}  // namespace

ALTIUS_PENDING int *txn::OtherGroups(int *count) {
  *count = 0;
  return nullptr;
}
ALTIUS_PENDING void txn::ExecuteOnGroups(const int *, int, const char *) { Missing(); }
ALTIUS_PENDING void txn::ExecuteOnOtherNodes(const char *) {}
ALTIUS_PENDING remote::Connection *txn::OutsideTransaction(int) { Missing(); }
ALTIUS_PENDING remote::Connection *remote::ConnectionToAddress(const char *, int, const char *) { Missing(); }
ALTIUS_PENDING char *remote::FetchValue(Connection *, const char *) { Missing(); }
ALTIUS_PENDING void remote::Execute(Connection *, const char *) { Missing(); }
ALTIUS_PENDING void remote::WaitAllQuietly(Request *const *, int) { Missing(); }
ALTIUS_PENDING List *ddl::ObjectCommands() { return NIL; }
ALTIUS_PENDING List *ddl::ShardCommands(const catalog::Table &, int64) { return NIL; }
ALTIUS_PENDING List *ddl::ShardForeignKeyCommands(const catalog::Table &, int64) { return NIL; }

}  // namespace altius
