// SPDX-License-Identifier: PostgreSQL
// Which walsenders serve the standbys that Patroni names: backends that look at them after a commit must not allocate anything.
#include "altius/pg/bridge.hpp"
#include "altius/pg/compat_activity.hpp"
#include "altius/remote/lead.hpp"

extern "C" {
#include "replication/walsender.h"
}

namespace altius::remote {

namespace {

struct Served {
  int pid;
  char name[NAMEDATALEN];
};

int CopyClients(Served* all, int most) {
  pgstat_clear_backend_activity_snapshot();
  const int backends = pgstat_fetch_stat_numbackends();
  int count = 0;
  for (int i = 1; i <= backends && count < most; i++) {
    const PgBackendStatus* status = pg::BackendStatusAt(i);
    if (status == nullptr || status->st_procpid <= 0 || status->st_backendType != B_WAL_SENDER) continue;
    all[count].pid = status->st_procpid;
    strlcpy(all[count++].name, status->st_appname, NAMEDATALEN);
  }
  pgstat_clear_backend_activity_snapshot();
  return count;
}

}  // namespace

NamedSenders FindSenders(const core::NamedStandbys& standbys) {
  NamedSenders found{standbys.needed, 0, {}};
  if (standbys.names.empty()) return found;
  std::vector<Served> served(static_cast<std::size_t>(max_wal_senders));
  Served* all = served.data();
  const int most = max_wal_senders;
  const int count = pg::Call([&] { return CopyClients(all, most); });
  std::vector<core::Client> clients;
  for (int i = 0; i < count; i++) clients.push_back({all[i].pid, all[i].name});
  for (const core::NamedSender& sender : core::SendersOf(standbys, clients)) {
    if (found.count < kMaxNamedSenders) found.senders[found.count++] = sender;
  }
  return found;
}

}  // namespace altius::remote
