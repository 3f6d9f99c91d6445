// SPDX-License-Identifier: PostgreSQL
// Random sequences of SET, SET LOCAL, RESET, savepoints, commits, aborts and statements that fail: whenever a statement runs on a
// node, the node has the settings that the session has.  Both sides are a simple model of PostgreSQL's settings; what lies between
// is what runs in the extension.
#include <array>
#include <cstdlib>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "altius/core/txn/node_settings.hpp"
#include "catch.hpp"

using altius::core::NodeSettings;
using altius::core::SettingMemory;
using altius::core::WantedSetting;

namespace {

constexpr SettingMemory kMemory = {std::malloc, std::free};
constexpr int kNames = 3;  // that come and go; one more is always wanted
constexpr int kRole = kNames + 1;  // behind them
using Value = std::optional<std::string>;  // none: as at the start

/// The settings of one PostgreSQL session.
class Session {
 public:
  void Set(int name, const Value& value) { now_[Index(name)] = {value, std::nullopt}; }
  void SetLocal(int name, const std::string& value) { now_[Index(name)].local = value; }
  Value Get(int name) const {
    const Setting& setting = now_[Index(name)];
    return setting.local ? setting.local : setting.session;
  }
  int level() const { return static_cast<int>(saved_.size()); }
  void Push() { saved_.push_back(now_); }
  void Release() {
    saved_.pop_back();
    if (!saved_.empty()) return;
    for (Setting& setting : now_) setting.local.reset();
  }
  void RollBack() {
    now_ = saved_.back();
    saved_.pop_back();
  }

 private:
  struct Setting {
    Value session;
    Value local;
  };
  static std::size_t Index(int name) { return static_cast<std::size_t>(name); }
  std::array<Setting, kNames + 2> now_;
  std::vector<std::array<Setting, kNames + 2>> saved_;
};

std::string NameOf(int name) { return std::string(1, static_cast<char>('a' + name)); }

/// A node, and what the session knows of it.
struct Node {
  Session session;
  NodeSettings known{};
  bool aborted = false;  // its transaction: every command but ROLLBACK fails
  int sent = 0;          // changes of settings
  int roles_sent = 0;

  void Begin() {
    known.Begin();
    session.Push();
  }
  void Savepoint() {
    known.Savepoint();
    session.Push();
  }
  void Release() {
    known.Release();
    session.Release();
  }
  void RollBack() {
    known.RollBack();
    session.RollBack();
    aborted = false;
  }
  void End(bool kept) {
    known.End(kept);
    while (session.level() > 0) {
      if (kept) {
        session.Release();
      } else {
        session.RollBack();
      }
    }
    aborted = false;
  }

  void FollowFixed(const Session& asking) {
    const std::string value = asking.Get(kNames).value_or("0");
    if (!known.NeedsFixed(0, value.c_str())) return;
    session.Set(kNames, value);
    known.SentFixed(kMemory, 0, value.c_str());
    sent++;
  }
  /// A role holds until the end of the transaction, or for one statement outside of one.
  void FollowRole(unsigned role) {
    const NodeSettings::Acting wanted = {role == 0 ? 0U : 10U, role};
    if (!known.NeedsRole(wanted)) return;
    session.SetLocal(kRole, std::to_string(role));
    known.SentRole(wanted);
    roles_sent++;
  }
  std::string Role() const { return session.Get(kRole).value_or("0"); }
  void Follow(const Session& asking, std::uint64_t generation) {
    FollowFixed(asking);
    if (known.Follows(generation)) return;
    std::array<std::string, kNames> names, values;
    std::array<WantedSetting, kNames> list{};
    WantedSetting* wanted = nullptr;
    for (int i = 0; i < kNames; i++) {
      const auto at = static_cast<std::size_t>(i);
      const Value value = asking.Get(i);
      if (!value) continue;
      names[at] = NameOf(i);
      values[at] = *value;
      list[at] = WantedSetting{wanted, names[at].data(), values[at].data(), 10};
      wanted = &list[at];
    }
    std::vector<NodeSettings::Change> changes(static_cast<std::size_t>(known.MostChanges(wanted)) + 1);
    const int count = known.Changes(wanted, changes.data());
    for (int i = 0; i < count; i++) {
      const NodeSettings::Change& change = changes[static_cast<std::size_t>(i)];
      session.Set(change.name[0] - 'a', change.value == nullptr ? Value() : Value(change.value));
    }
    known.Sent(kMemory, changes.data(), count, generation);
    sent += count;
  }
};

/// A session with its nodes.
class World {
 public:
  explicit World(unsigned seed) : random_(seed) {}
  ~World() {
    for (Node& node : nodes_) node.known.Clear(kMemory);
  }

  void Step() {
    if (failed_) return EndFailed();
    switch (Pick(12)) {
      case 0: return Change([this] { session_.Set(Pick(kNames + 1), Some()); });
      case 1: return Change([this] { session_.Set(Pick(kNames), std::nullopt); });
      case 2:
        if (session_.level() > 0) Change([this] { session_.SetLocal(Pick(kNames + 1), Some()); });
        return;
      case 3:
        if (session_.level() < 4) session_.Push();
        return;
      case 4:
        if (session_.level() > 1) Release();
        return;
      case 5:
        if (session_.level() > 1) RollBackTo(1 + Pick(session_.level() - 1));
        return;
      case 6:
        if (session_.level() > 0) End(true);
        return;
      case 7:
        if (session_.level() > 0) End(false);
        return;
      default: return Run(nodes_[static_cast<std::size_t>(Pick(2))], Pick(8) == 0);
    }
  }

 private:
  int Pick(int count) { return static_cast<int>(random_() % static_cast<unsigned>(count)); }
  std::string Some() { return std::to_string(Pick(3)); }

  template <typename Body>
  void Change(Body body) {
    body();
    generation_++;
  }

  /// The session may be in a block, and the node takes part then; or the node commits by itself.
  void Run(Node& node, bool fails) {
    const bool block = session_.level() > 0;
    if (block && node.known.level() == 0) node.Begin();
    while (block && node.known.level() < session_.level()) node.Savepoint();
    if (!block) node.session.Push();
    node.Follow(session_, generation_);
    RunAsSome(node);
    const int sent = node.sent;
    for (int i = 0; i < kNames; i++) {
      if (node.session.Get(i) != session_.Get(i)) FAIL("the node has another value of " << NameOf(i));
    }
    if (node.session.Get(kNames).value_or("0") != session_.Get(kNames).value_or("0")) FAIL("another fixed value");
    node.Follow(session_, generation_);
    if (node.sent != sent) FAIL("sent twice");
    if (fails) node.known.Doubt();
    if (!block && fails) node.session.RollBack();
    if (!block && !fails) node.session.Release();
    if (block && fails) node.aborted = failed_ = true;
  }

  /// Whoever the statement is of: who has logged in mostly, for whom nothing is sent unless there was another one.
  void RunAsSome(Node& node) {
    if (Pick(2) == 0) role_ = Pick(3);
    const int sent = node.roles_sent;
    const bool is_known = node.Role() == std::to_string(role_);
    node.FollowRole(static_cast<unsigned>(role_));
    if (node.Role() != std::to_string(role_)) FAIL("the node works as another role");
    if (role_ == 0 && is_known && !others_ && node.roles_sent != sent) FAIL("sent for nothing");
    others_ = others_ || role_ != 0;
    if (node.known.level() == 0) return;
    node.FollowRole(static_cast<unsigned>(role_));
    if (node.roles_sent > sent + 1) FAIL("the role was sent twice");
  }

  void Release() {
    const int level = session_.level();
    session_.Release();
    for (Node& node : nodes_) {
      if (node.known.level() >= level) node.Release();
    }
  }

  void RollBackOne() {
    const int level = session_.level();
    session_.RollBack();
    for (Node& node : nodes_) {
      if (node.known.level() >= level) node.RollBack();
    }
  }

  /// The savepoint stays, in a subtransaction of its own.
  void RollBackTo(int level) {
    while (session_.level() > level) RollBackOne();
    if (Pick(2) == 0) session_.Push();
    generation_++;
    failed_ = false;
  }

  void End(bool commit) {
    const bool kept = commit && Pick(6) != 0;  // a COMMIT may fail on a node: everything is undone
    while (session_.level() > 0) {
      if (kept) {
        session_.Release();
      } else {
        session_.RollBack();
      }
    }
    for (Node& node : nodes_) {
      if (node.known.level() == 0) continue;
      if (commit && !kept && Pick(2) == 0) {
        node.session.RollBack();  // the first one that it has: all are undone
        while (node.session.level() > 0) node.session.RollBack();
        node.known.End(true);  // it was sent in the belief that it succeeds
        node.known.Doubt();
        node.aborted = false;
      } else {
        node.End(kept);
      }
    }
    generation_++;
    failed_ = false;
  }

  void EndFailed() {
    if (session_.level() > 1 && Pick(2) == 0) return RollBackTo(1 + Pick(session_.level() - 1));
    End(false);
  }

  std::mt19937 random_;
  Session session_;
  std::array<Node, 2> nodes_;
  std::uint64_t generation_ = 1;
  bool failed_ = false;
  int role_ = 0;
  bool others_ = false;  // than who has logged in were at work
};

}  // namespace

TEST_CASE("nodes have the settings of the session") {
  for (unsigned seed = 0; seed < 4000; seed++) {
    INFO("seed " << seed);
    World world(seed);
    for (int step = 0; step < 60; step++) world.Step();
  }
}

TEST_CASE("a reset is sent again after what it was sent in is undone") {
  NodeSettings known{};
  std::string name = "work_mem", value = "8MB";
  WantedSetting wanted{nullptr, name.data(), value.data(), 10};
  std::array<NodeSettings::Change, 2> changes{};
  REQUIRE(known.Changes(&wanted, changes.data()) == 1);
  known.Sent(kMemory, changes.data(), 1, 1);
  known.Begin();
  REQUIRE(known.Changes(nullptr, changes.data()) == 1);
  CHECK(changes[0].value == nullptr);
  known.Sent(kMemory, changes.data(), 1, 2);
  CHECK(known.Changes(nullptr, changes.data()) == 0);
  known.End(false);
  CHECK_FALSE(known.Follows(2));
  CHECK(known.Changes(nullptr, changes.data()) == 1);
  known.Clear(kMemory);
}

TEST_CASE("what is committed is not sent again, nor what a savepoint left alone") {
  NodeSettings known{};
  known.Begin();
  known.SentFixed(kMemory, 0, "UTC");
  known.Savepoint();
  known.SentFixed(kMemory, 1, "ISO");
  known.RollBack();
  CHECK_FALSE(known.NeedsFixed(0, "UTC"));
  CHECK(known.NeedsFixed(1, "ISO"));
  known.End(true);
  CHECK_FALSE(known.NeedsFixed(0, "UTC"));
  known.Begin();
  known.End(false);
  CHECK_FALSE(known.NeedsFixed(0, "UTC"));
  known.Clear(kMemory);
}

TEST_CASE("a role ends with the transaction, and with the savepoint that is undone") {
  const NodeSettings::Acting login{}, other{10, 11}, third{10, 12};
  NodeSettings known{};
  CHECK_FALSE(known.NeedsRole(login));
  CHECK(known.NeedsRole(other));
  known.Begin();
  known.Doubt();
  CHECK_FALSE(known.NeedsRole(login));
  known.End(true);
  known.SentRole(other);  // for one statement
  CHECK(known.NeedsRole(other));
  CHECK(known.NeedsRole(login));  // the other's code may have left something there
  known.Begin();
  CHECK(known.NeedsRole(login));
  known.SentRole(login);
  CHECK_FALSE(known.NeedsRole(login));
  known.SentRole(other);
  CHECK_FALSE(known.NeedsRole(other));
  CHECK(known.NeedsRole({10, 11, 11}));  // the same roles, by SET ROLE
  CHECK(known.NeedsRole(login));
  CHECK(known.NeedsRole(third));
  known.Savepoint();
  CHECK_FALSE(known.NeedsRole(other));
  known.SentRole(third);
  known.Release();
  CHECK_FALSE(known.NeedsRole(third));
  known.Savepoint();
  known.SentRole(other);
  known.RollBack();
  CHECK(known.NeedsRole(login));
  CHECK(known.NeedsRole(other));
  CHECK(known.NeedsRole(third));
  known.SentRole(third);
  known.Doubt();
  CHECK(known.NeedsRole(third));
  known.DoubtRole();
  known.End(true);
  CHECK(known.NeedsRole(login));
  CHECK(known.NeedsRole(third));
  known.Clear(kMemory);
  CHECK_FALSE(known.NeedsRole(login));
}
