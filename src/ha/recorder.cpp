// SPDX-License-Identifier: PostgreSQL
// The recorder: a short-lived process of a primary that makes pg_dist_node say what the address
// book says.  It is started when there is something to write and ends when there is nothing left.
//
// Every primary writes its own rows, in a local transaction; the coordinator's also adds groups and
// standbys, in the way a user would.  Somebody else who holds pg_dist_node's lock
// (citus_update_node in a transaction of Patroni's that lasts) is not waited for: this comes again.
#include "record.hpp"
#include "report.hpp"
#include "settings.hpp"
#include "shared.hpp"
#include "transaction.hpp"
#include "worker.hpp"

#include <map>

#include "altius/catalog/metadata.hpp"
#include "altius/pg/compat_wait.hpp"
#include "altius/pg/rights.hpp"
#include "altius/remote/control.hpp"

extern "C" {
#include "access/xlog.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/timestamp.h"
}

namespace altius::ha {
namespace {

constexpr int kShortestPauseMs = 100;
constexpr int kLongestPauseMs = 5000;
constexpr int kLingerMs = 10000;  // for more to do, before it ends
constexpr int kPatienceMs = 10000;

uint32 wait_event = 0;

/// Until there is news, or the time has passed.  The latch is set for other reasons too.
void Pause(uint64 turn, int ms) {
  const TimestampTz until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), ms);
  while (RecorderTurn() == turn) {
    const long left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), until);
    if (left <= 0) break;
    WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, left,
              pg::NamedWaitEvent(&wait_event, "AltiusRecorder"));
    ResetLatch(MyLatch);
    CHECK_FOR_INTERRUPTS();
    if (ConfigReloadPending) {
      ConfigReloadPending = false;
      ProcessConfigFile(PGC_SIGHUP);
    }
  }
}

/// What is the matter with each group: it is logged once, and not before it has lasted.  Patroni's handler holds the list of
/// nodes for as long as a switchover takes.
struct Trouble {
  std::string text;
  TimestampTz since = 0;
  bool logged = false;
};
using Troubles = std::map<int, Trouble>;

/// False when it must be tried again.
bool Attempt(const char* what, bool (*deed)(const GroupStatus&), const GroupStatus& status,
             Troubles* troubles) {
  std::string error;
  bool done = false;
  if (InTransaction([&] { done = !catalog::IsActive() || deed(status); }, &error)) return done;
  const std::string problem = std::string(what) + ": " + error;
  NoteRecorded(status.group, problem.c_str());
  Trouble* trouble = &(*troubles)[status.group];
  const TimestampTz now = GetCurrentTimestamp();
  if (trouble->text != problem) *trouble = {problem, now, false};
  if (!trouble->logged && TimestampDifferenceExceeds(trouble->since, now, kPatienceMs)) {
    Log(false, "group " + std::to_string(status.group) + ": " + problem);
    trouble->logged = true;
  }
  return false;
}

/// One group after the other; false when something is left.
bool RecordAll(Troubles* troubles) {
  std::vector<GroupStatus> groups(remote::BookCapacity());
  groups.resize(ReadGroups(groups.data(), static_cast<int>(groups.size())));
  bool all = true;
  for (const GroupStatus& status : groups) {
    if (status.at.state != core::GroupState::Known) continue;
    bool done = Attempt("its address can't be stored", StoreAddress, status, troubles);
    done = done && Attempt("it can't be added", AddMissingGroup, status, troubles);
    done = done && Attempt("its standbys can't be registered", RegisterStandbys, status, troubles);
    if (done) {
      NoteRecorded(status.group, "");
      troubles->erase(status.group);
    }
    all = all && done;
  }
  return all;
}

void Work() {
  NoteRecorderProblem("");
  int pause = kShortestPauseMs;
  int lingered = 0;
  Troubles troubles;
  while (!pg::Call([] { return RecoveryInProgress(); })) {
    const uint64 turn = RecorderTurn();
    const bool done = RecordAll(&troubles);
    pgstat_report_activity(STATE_IDLE, nullptr);
    if (!done) {
      lingered = 0;
      pg::Call([&] { Pause(turn, pause); });
      pause = std::min(pause * 2, kLongestPauseMs);
      continue;
    }
    pause = kShortestPauseMs;
    if (RecorderTurn() != turn) continue;
    if (lingered > 0 && ResignRecorder(turn)) return;
    pg::Call([&] { Pause(turn, kLingerMs); });
    lingered = RecorderTurn() == turn ? 1 : 0;
  }
}

void RecorderMain(Oid database) {
  pg::Call([&] {
    pqsignal(SIGHUP, SignalHandlerForConfigReload);
    pqsignal(SIGTERM, die);
    BackgroundWorkerUnblockSignals();
    BackgroundWorkerInitializeConnectionByOid(database, InvalidOid, 0);
    pg::BeginSuperusersProcess();
    SetConfigOption("lock_timeout", "100ms", PGC_SUSET, PGC_S_SESSION);
    SetConfigOption("synchronous_commit", "local", PGC_SUSET, PGC_S_SESSION);
    SetConfigOption("altius.failover_timeout", "0", PGC_USERSET, PGC_S_SESSION);
    remote::AddressesComeFromEtcd();
  });
  if (BecomeRecorder()) Work();
}

}  // namespace

bool StartRecorder() {
  BackgroundWorker worker = {};
  snprintf(worker.bgw_name, BGW_MAXLEN, "altius recorder");
  snprintf(worker.bgw_type, BGW_MAXLEN, "altius recorder");
  worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
  worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
  worker.bgw_restart_time = BGW_NEVER_RESTART;
  snprintf(worker.bgw_library_name, sizeof(worker.bgw_library_name), "altius");
  snprintf(worker.bgw_function_name, sizeof(worker.bgw_function_name), "altius_recorder_main");
  worker.bgw_main_arg = ObjectIdGetDatum(MyDatabaseId);
  return RegisterDynamicBackgroundWorker(&worker, nullptr);
}

}  // namespace altius::ha

extern "C" {
ALTIUS_EXPORT void altius_recorder_main(Datum arg);
}

void altius_recorder_main(Datum arg) {
  altius::pg::Entry([&] { altius::ha::RecorderMain(DatumGetObjectId(arg)); });
}
