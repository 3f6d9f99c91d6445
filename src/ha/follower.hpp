// SPDX-License-Identifier: PostgreSQL
// The follower itself: what etcd says becomes decisions (core/ha), these become entries of the
// address book.  It never waits; the worker's loop calls Step and tells it which sockets are ready.
#pragma once

#include "altius/remote/lead.hpp"
#include "prober.hpp"
#include "settings.hpp"
#include "shared.hpp"

namespace altius::ha {

class Follower {
 public:
  /// Throws altius::Error when the configuration makes no sense.
  Follower(const Configuration& configuration, Millis now);

  /// What was verified before this process began; for each group before the first Step.
  void Remember(int group, const core::Whereabouts& stored);

  /// Does what is due.  `own_group`: this server's.
  void Step(int own_group, Millis now);

  std::vector<Interest> Interests() const;
  Millis Deadline(Millis now) const;
  void OnSocket(int socket, bool readable, bool writable, Millis now);

  /// As if the group had never been seen; -1: all.
  void Forget(int group);

  /// Something is to be written to the catalog.
  bool TakeWish() { return std::exchange(recorder_wanted_, false); }

 private:
  struct Group {
    core::ha::GroupMemory memory;
    GroupStatus status{};
    Millis next_probe = 0;
    Millis named = 0;                  // when the leader was named
    Millis settled_at = 0;             // when the standbys were last found as they are now
    std::set<ServerAddress> standbys;  // fit to be registered
    bool dirty = true;
  };
  void TalkToEtcd(Millis now);
  void Perform();
  void TakeChanges();
  void TakeVerdicts(Millis now);
  void Consider(int number, Group* group, std::optional<core::ha::Verdict> verdict, Millis now);
  void Carry(int number, Group* group, const core::ha::Decision& decision, Millis now);
  void Probe(int number, Group* group, Millis now);
  void PublishReplicas(int number, Group* group, Millis now);
  void Settle(Group* group, Millis now);
  void KeepWarm();
  void NoteContact(Millis now);
  void NoteLead(int own_group);
  void RefreshPassword(Millis now);
  void Show(int number, Group* group);
  void ShowSelf();
  core::ha::Surroundings Around(Millis now) const;

  Configuration configuration_;
  core::etcd::Watcher watcher_;
  Http http_;
  Prober prober_;
  core::ha::ClusterView view_;
  std::map<int, Group> groups_;
  std::string password_problem_;
  Millis next_password_ = 0;
  int syncs_ = 0;
  std::uint64_t agreements_ = 0;
  core::NamedStandbys named_;  // of the own group
  remote::NamedSenders standbys_{};
  bool following_ = false;
  bool recorder_wanted_ = false;
  Millis next_status_ = 0;
};

}  // namespace altius::ha
