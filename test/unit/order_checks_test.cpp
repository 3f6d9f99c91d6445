// SPDX-License-Identifier: PostgreSQL
// Constraints over several rows: statements, one in another, run part by part on two nodes that keep checks back as decided, and as
// PostgreSQL runs them.
#include "altius/core/order/checks.hpp"
#include "catch.hpp"

#include <array>
#include <vector>

using namespace altius::core::order;

namespace {

constexpr unsigned kNodes = 2;
constexpr unsigned kKeys = 2;

/// A change of one row of a key, there is at most one of each kind.
enum class Change { AddParent, AddChild, DropParent, DropChild };
constexpr unsigned kChanges = 4;

struct Step {
  Change change;
  unsigned key;  // also the node: parent and child lie together
};

/// Its steps are sent one by one.  Those of `inner` are a statement of their own, that runs in front of step `at`.
struct Statement {
  std::vector<Step> steps;
  unsigned modifications = 1;  // 1: the steps are pieces of one modification
  bool moves = false;
  std::vector<Step> inner;
  unsigned at = 0;
};

struct Data {
  std::array<bool, kKeys> parent{};
  std::array<bool, kKeys> child{};

  void Do(const Step& step) {
    const bool adds = step.change == Change::AddParent || step.change == Change::AddChild;
    (step.change == Change::AddParent || step.change == Change::DropParent ? parent : child)[step.key] = adds;
  }
  bool Fits(unsigned key) const { return parent[key] || !child[key]; }
};

/// Whether what the steps have touched fits.
bool FitsAll(const Data& data, const std::vector<Step>& steps) {
  for (const Step& step : steps) {
    if (!data.Fits(step.key)) return false;
  }
  return true;
}

/// As one server: at the end of each statement what it has changed fits.
bool Accepts(const Statement& statement, Data data) {
  for (unsigned i = 0; i <= statement.steps.size(); i++) {
    if (i == statement.at) {
      for (const Step& step : statement.inner) data.Do(step);
      if (!FitsAll(data, statement.inner)) return false;
    }
    if (i < statement.steps.size()) data.Do(statement.steps[i]);
  }
  return FitsAll(data, statement.steps);
}

/// A node: what it keeps back, for statements one in another.
class Node {
 public:
  explicit Node(Data* data) : data_(data) {}
  void KeepBack() { kept_.emplace_back(); }
  bool Keeps() const { return !kept_.empty(); }
  bool Run(const Step& step) {
    data_->Do(step);
    if (!Keeps()) return data_->Fits(step.key);
    kept_.back().push_back(step);
    return true;
  }
  bool CheckNow() {
    const std::vector<Step> kept = kept_.back();
    kept_.pop_back();
    return FitsAll(*data_, kept);
  }

 private:
  Data* data_;
  std::vector<std::vector<Step>> kept_;
};

class Cluster {
 public:
  explicit Cluster(const Data& data) : data_(data), nodes_{Node(&data_), Node(&data_)} {}

  bool Run(const Statement& statement) {
    std::array<bool, kNodes> told{};
    for (unsigned i = 0; i <= statement.steps.size(); i++) {
      if (i == statement.at && !statement.inner.empty() && !RunInner(statement.inner)) return false;
      if (i == statement.steps.size()) break;
      Checked what;
      what.modifications = static_cast<int>(statement.modifications);
      what.rows_follow = statement.modifications == 1 && statement.steps.size() > 1;
      what.moves = statement.moves;
      if (!Send(statement.steps[i], what, &told)) return false;
    }
    return End(told);
  }
  int told() const { return told_; }

 private:
  bool RunInner(const std::vector<Step>& steps) {
    std::array<bool, kNodes> told{};
    for (const Step& step : steps) {
      Checked what;
      what.modifications = static_cast<int>(steps.size());
      if (!Send(step, what, &told)) return false;
    }
    return End(told);
  }

  bool Send(const Step& step, Checked what, std::array<bool, kNodes>* told) {
    Node& node = nodes_[step.key % kNodes];
    what.within = node.Keeps();
    if (!(*told)[step.key % kNodes] && KeepsChecksBack(what)) {
      node.KeepBack();
      (*told)[step.key % kNodes] = true;
      told_++;
    }
    return node.Run(step);
  }

  bool End(const std::array<bool, kNodes>& told) {
    for (unsigned i = 0; i < kNodes; i++) {
      if (told[i] && !nodes_[i].CheckNow()) return false;
    }
    return true;
  }

  Data data_;
  std::array<Node, kNodes> nodes_;
  int told_ = 0;
};

Step StepOf(unsigned number) { return {static_cast<Change>(number % kChanges), number / kChanges}; }
constexpr unsigned kSteps = kChanges * kKeys;

Data DataOf(unsigned bits) {
  Data data;
  for (unsigned key = 0; key < kKeys; key++) {
    data.parent[key] = (bits >> (2 * key) & 1) != 0;
    data.child[key] = data.parent[key] && (bits >> (2 * key + 1) & 1) != 0;
  }
  return data;
}

template <typename Each>
void ForEach(Each&& each) {
  for (unsigned bits = 0; bits < 16; bits++) {
    for (unsigned number = 0; number < kSteps * kSteps; number++) {
      for (const unsigned modifications : {1U, 2U}) {
        Statement statement;
        statement.steps = {StepOf(number % kSteps), StepOf(number / kSteps)};
        statement.modifications = modifications;
        each(statement, DataOf(bits));
        for (unsigned inner = 0; inner < kSteps; inner++) {
          statement.inner = {StepOf(inner)};
          for (statement.at = 0; statement.at <= 2; statement.at++) each(statement, DataOf(bits));
        }
      }
    }
  }
}

}  // namespace

TEST_CASE("Constraints are checked when the user's statement ends", "[order]") {
  int wrong = 0;
  ForEach([&](const Statement& statement, const Data& data) { wrong += Cluster(data).Run(statement) != Accepts(statement, data); });
  CHECK(wrong == 0);
}

TEST_CASE("Rows that move leave before they arrive", "[order]") {
  // One modification whose statements are known to be two, while nothing says that rows follow.
  CHECK(KeepsChecksBack({1, false, true, false}));
}

TEST_CASE("What has no such constraints is never kept back", "[order]") {
  for (const bool within : {false, true}) CHECK(!KeepsChecksBack({2, true, true, within, false}));
}

TEST_CASE("A statement of one message is told nothing", "[order]") {
  for (unsigned number = 0; number < kSteps; number++) {
    Statement statement;
    statement.steps = {StepOf(number)};
    Cluster cluster{DataOf(0)};
    (void)cluster.Run(statement);
    CHECK(cluster.told() == 0);
  }
}
