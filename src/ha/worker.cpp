// SPDX-License-Identifier: PostgreSQL
// The follower's process: one for the server, from the moment on that standbys can be read.  All
// its waiting is one WaitEventSet of the latch, the postmaster, libcurl's sockets and those of
// probes, built anew each time: that costs microseconds, and sockets come, go and come back under
// the same number.
#include "worker.hpp"

#include "altius/base/error.hpp"
#include "altius/catalog/metadata.hpp"
#include "altius/pg/compat_wait.hpp"
#include "altius/pg/rights.hpp"
#include "altius/remote/lead.hpp"
#include "follower.hpp"
#include "record.hpp"
#include "report.hpp"
#include "transaction.hpp"

extern "C" {
#include "access/xlog.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/fd.h"
#include "storage/ipc.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
}

namespace altius::ha {
namespace {

constexpr Millis kLongestWait = 10000;
constexpr Millis kLookForExtension = 1000;
constexpr Millis kRecorderRetry = 1000;
constexpr int kCurlSockets = 4;
constexpr int kMostReady = 64;

uint32 wait_event = 0;

/// Everything the process keeps between rounds.
struct Life {
  Configuration configuration;
  std::unique_ptr<Follower> follower;
  bool extension = false;
  int own_group = 0;
  Millis next_look = 0;
  bool in_recovery = true;
  bool recorder_wanted = false;
  Millis next_recorder = 0;
  std::string complaint;  // about the configuration
};

void Leave(int, Datum) {
  FollowerStatus gone{};
  ShowFollower(gone);
  SetFollowerLatch(nullptr);
  remote::SetFollowing(false);
  remote::DoubtLead();
}

void ShowIdle(const Life& life, const char* state) {
  FollowerStatus status{};
  status.pid = MyProcPid;
  status.database = MyDatabaseId;
  CopyText(status.etcd_state, state);
  CopyText(status.problem, life.complaint);
  ShowFollower(status);
}

void LookForExtension(Life* life, Millis now) {
  if (now < life->next_look) return;
  life->next_look = now + kLookForExtension * (life->extension ? 10 : 1);
  bool found = false;
  std::string error;
  int group = life->own_group;
  const bool looked = InTransaction(
      [&] {
        found = catalog::IsActive();
        if (found) group = catalog::LocalGroup();
      },
      &error);
  if (!looked) found = life->extension;
  life->own_group = group;
  life->extension = found;
}

void RecallGroups(Follower* follower) {
  StoredGroup* stored = nullptr;
  int count = 0;
  std::string error;
  const bool read = InTransaction(
      [&] {
        const pg::Array<StoredGroup> groups = ReadStored();
        count = groups.size();
        stored = static_cast<StoredGroup*>(
            MemoryContextAlloc(TopMemoryContext, sizeof(StoredGroup) * std::max(1, count)));
        std::copy_n(groups.begin(), count, stored);
      },
      &error);
  if (!read) return Log(true, "what was known before can't be read: " + error);
  for (int i = 0; i < count; i++) follower->Remember(stored[i].group, stored[i].at);
  pfree(stored);
}

/// A follower as the settings say, or none.
void Arrange(Life* life, Millis now) {
  if (life->follower != nullptr || !life->extension || life->configuration.mode == Mode::Off ||
      !life->complaint.empty())
    return;
  try {
    life->follower = std::make_unique<Follower>(life->configuration, now);
    RecallGroups(life->follower.get());
  } catch (const altius::Error& error) {
    life->complaint = error.message + (error.hint.empty() ? "" : " (" + error.hint + ")");
    Log(true, life->complaint);
  }
}

void Disarrange(Life* life, bool forget) {
  life->follower.reset();
  pg::Call([&] {
    remote::SetFollowing(false);
    if (forget) remote::Forget(-1);
    ForgetGroups();
  });
}

void Reload(Life* life) {
  pg::Call([] { ProcessConfigFile(PGC_SIGHUP); });
  Configuration now_wanted = ReadConfiguration();
  if (now_wanted == life->configuration) return;
  const bool others = !(now_wanted.layout == life->configuration.layout);
  const bool forget = others || now_wanted.mode != Mode::On;
  life->configuration = std::move(now_wanted);
  life->complaint.clear();
  Disarrange(life, forget);
}

struct Ready {
  pgsocket socket;
  uint32 events;
};

/// What happened, as (socket, events); the number of them.
int WaitFor(const Interest* interests, int count, long timeout, Ready* ready, int most) {
  WaitEventSet* set = pg::NewWaitEventSet(count + 2);
  AddWaitEventToSet(set, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch, nullptr);
  AddWaitEventToSet(set, WL_EXIT_ON_PM_DEATH, PGINVALID_SOCKET, nullptr, nullptr);
  for (int i = 0; i < count; i++) {
    const uint32 events = (interests[i].read ? WL_SOCKET_READABLE : 0) |
                          (interests[i].write ? WL_SOCKET_WRITEABLE : 0);
    if (events != 0)
      AddWaitEventToSet(set, static_cast<int>(events), interests[i].socket, nullptr, nullptr);
  }
  WaitEvent occurred[kMostReady];
  const int got = WaitEventSetWait(set, timeout, occurred, std::min(most, kMostReady),
                                   pg::NamedWaitEvent(&wait_event, "AltiusFollower"));
  FreeWaitEventSet(set);
  int sockets = 0;
  for (int i = 0; i < got; i++) {
    if ((occurred[i].events & WL_LATCH_SET) != 0) ResetLatch(MyLatch);
    if ((occurred[i].events & (WL_SOCKET_READABLE | WL_SOCKET_WRITEABLE)) != 0)
      ready[sockets++] = {occurred[i].fd, occurred[i].events};
  }
  CHECK_FOR_INTERRUPTS();
  return sockets;
}

void Wait(Life* life, Millis now) {
  Millis until = now + kLongestWait;
  std::vector<Interest> interests;
  if (life->follower != nullptr) {
    until = std::min(until, life->follower->Deadline(now));
    interests = life->follower->Interests();
  } else if (!life->extension) {
    until = std::min(until, life->next_look);
  }
  if (life->recorder_wanted) until = std::min(until, std::max(life->next_recorder, now + 1));
  const long timeout = static_cast<long>(std::max<Millis>(0, until - Now()));
  Ready ready[kMostReady];
  const Interest* first = interests.data();
  const auto size = static_cast<int>(interests.size());
  const int count = pg::Call([&] { return WaitFor(first, size, timeout, ready, kMostReady); });
  if (life->follower == nullptr) return;
  const Millis later = Now();
  for (int i = 0; i < count; i++) {
    life->follower->OnSocket(ready[i].socket, (ready[i].events & WL_SOCKET_READABLE) != 0,
                             (ready[i].events & WL_SOCKET_WRITEABLE) != 0, later);
  }
}

/// The catalog is written by a process of its own: locks and slow nodes must not hold up this one.
void CareForRecorder(Life* life, Millis now) {
  const bool recovery = pg::Call([] { return RecoveryInProgress(); });
  const bool promoted = life->in_recovery && !recovery;
  life->in_recovery = recovery;
  if (life->follower != nullptr && life->follower->TakeWish()) life->recorder_wanted = true;
  if (promoted && life->follower != nullptr) life->recorder_wanted = true;
  if (!life->recorder_wanted || recovery || now < life->next_recorder) return;
  const bool there = pg::Call([] { return WakeRecorder() || StartRecorder(); });
  life->recorder_wanted = !there;
  life->next_recorder = there ? 0 : now + kRecorderRetry;
  if (!there) {
    pg::Call(
        [] { NoteRecorderProblem("no background worker is free: raise max_worker_processes"); });
  }
}

void Round(Life* life) {
  if (ConfigReloadPending) {
    ConfigReloadPending = false;
    Reload(life);
  }
  const Millis now = Now();
  LookForExtension(life, now);
  if (!life->extension && life->follower != nullptr) Disarrange(life, true);
  Arrange(life, now);
  const int forget = pg::Call([] { return TakeForgetWish(); });
  if (life->follower != nullptr) {
    if (forget >= -1) {
      pg::Call([&] { remote::Forget(forget); });
      life->follower->Forget(forget);
    }
    life->follower->Step(life->own_group, now);
  } else {
    const bool off = life->configuration.mode == Mode::Off;
    pg::Call([&] { remote::JudgeLead(life->own_group, false, {}); });
    ShowIdle(*life, off                        ? "off"
                    : !life->complaint.empty() ? "misconfigured"
                                               : "waiting for the extension");
  }
  CareForRecorder(life, now);
  Wait(life, now);
}

void FollowerMain() {
  pg::Call([] {
    pqsignal(SIGHUP, SignalHandlerForConfigReload);
    pqsignal(SIGTERM, die);
    BackgroundWorkerUnblockSignals();
    BackgroundWorkerInitializeConnection(FollowedDatabase(), nullptr, 0);
    pg::BeginSuperusersProcess();
    SetConfigOption("lock_timeout", "100ms", PGC_SUSET, PGC_S_SESSION);
    for (int i = 0; i < kCurlSockets; i++) ReserveExternalFD();
    before_shmem_exit(Leave, 0);
    SetFollowerLatch(MyLatch);
    pgstat_report_activity(STATE_IDLE, nullptr);
  });
  Life life;
  life.configuration = ReadConfiguration();
  for (;;) Round(&life);
}

}  // namespace

void RegisterFollower() {
  if (!IsConfigured()) return;
  BackgroundWorker worker = {};
  snprintf(worker.bgw_name, BGW_MAXLEN, "altius follower");
  snprintf(worker.bgw_type, BGW_MAXLEN, "altius follower");
  worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
  worker.bgw_start_time = BgWorkerStart_ConsistentState;
  worker.bgw_restart_time = 1;
  snprintf(worker.bgw_library_name, sizeof(worker.bgw_library_name), "altius");
  snprintf(worker.bgw_function_name, sizeof(worker.bgw_function_name), "altius_follower_main");
  RegisterBackgroundWorker(&worker);
}

}  // namespace altius::ha

extern "C" {
ALTIUS_EXPORT void altius_follower_main(Datum arg);
}

void altius_follower_main(Datum) {
  altius::pg::Entry([] { altius::ha::FollowerMain(); });
}
