// SPDX-License-Identifier: PostgreSQL
// Victims of the wait-for graph, by strongly connected components: in a component of more than one
// member each member lies on a cycle, so its youngest member is the youngest of some cycle.  It is
// taken out and the rest is looked at again.  What can end by itself is no part of the graph: who waits for one of several ends when
// one of them does.
#include "altius/core/deadlock/graph.hpp"

#include <algorithm>
#include <functional>

namespace altius::core {
namespace {

constexpr int kUnseen = -1;

/// The graph by indexes; index order is from the youngest transaction to the oldest.
struct IndexedGraph {
  std::vector<TransactionId> ids;
  std::vector<std::vector<int>> needs;     // by waiting index: all of them must end
  std::vector<std::vector<int>> choices;   // ... and one of these
  std::vector<std::vector<int>> blockers;  // both
  std::vector<bool> removed;               // ends, or is cancelled
};

int IndexOf(const std::vector<TransactionId>& ids, const TransactionId& id) {
  return static_cast<int>(std::lower_bound(ids.begin(), ids.end(), id, IsYounger) - ids.begin());
}

/// Tarjan's components without recursion: chains of waiting transactions can be long, a backend's
/// stack is not.
class ComponentSearch {
 public:
  explicit ComponentSearch(const IndexedGraph& graph)
      : graph_(graph),
        order_(graph.ids.size(), kUnseen),
        low_(graph.ids.size(), 0),
        on_stack_(graph.ids.size(), false) {}

  /// The youngest member (= lowest index) of every component that holds a cycle.
  std::vector<int> YoungestOfCycles() {
    for (int node = 0; node < static_cast<int>(graph_.ids.size()); node++) {
      if (!graph_.removed[At(node)] && order_[At(node)] == kUnseen) VisitFrom(node);
    }
    return std::move(found_);
  }

 private:
  struct Frame {
    int node;
    std::size_t next_blocker;
  };

  static std::size_t At(int index) { return static_cast<std::size_t>(index); }

  void Open(int node) {
    order_[At(node)] = low_[At(node)] = counter_++;
    on_stack_[At(node)] = true;
    stack_.push_back(node);
    frames_.push_back({node, 0});
  }

  void VisitFrom(int root) {
    Open(root);
    while (!frames_.empty()) {
      const int node = frames_.back().node;
      const std::vector<int>& blockers = graph_.blockers[At(node)];
      if (frames_.back().next_blocker == blockers.size()) {
        Close(node);
        continue;
      }
      const int blocker = blockers[frames_.back().next_blocker++];
      if (graph_.removed[At(blocker)]) continue;
      if (order_[At(blocker)] == kUnseen) {
        Open(blocker);
      } else if (on_stack_[At(blocker)]) {
        low_[At(node)] = std::min(low_[At(node)], order_[At(blocker)]);
      }
    }
  }

  void Close(int node) {
    frames_.pop_back();
    if (!frames_.empty()) {
      int& parent_low = low_[At(frames_.back().node)];
      parent_low = std::min(parent_low, low_[At(node)]);
    }
    if (low_[At(node)] != order_[At(node)]) return;
    int youngest = node;
    int members = 0;
    for (int member = kUnseen; member != node; members++) {
      member = stack_.back();
      stack_.pop_back();
      on_stack_[At(member)] = false;
      youngest = std::min(youngest, member);
    }
    if (members > 1 || WaitsForItself(node)) found_.push_back(youngest);
  }

  bool WaitsForItself(int node) const {
    const std::vector<int>& blockers = graph_.blockers[At(node)];
    return std::binary_search(blockers.begin(), blockers.end(), node);
  }

  const IndexedGraph& graph_;
  std::vector<int> order_;
  std::vector<int> low_;
  std::vector<bool> on_stack_;
  std::vector<int> stack_;
  std::vector<Frame> frames_;
  std::vector<int> found_;
  int counter_ = 0;
};

bool CanEnd(const IndexedGraph& graph, std::size_t node) {
  const auto ends = [&](int other) { return bool{graph.removed[static_cast<std::size_t>(other)]}; };
  const std::vector<int>& needs = graph.needs[node];
  const std::vector<int>& choices = graph.choices[node];
  if (!std::all_of(needs.begin(), needs.end(), ends)) return false;
  return choices.empty() || std::any_of(choices.begin(), choices.end(), ends);
}

/// Takes out what ends without anybody's help.
void Reduce(IndexedGraph& graph) {
  for (bool changed = true; changed;) {
    changed = false;
    for (std::size_t node = 0; node < graph.ids.size(); node++) {
      if (graph.removed[node] || !CanEnd(graph, node)) continue;
      graph.removed[node] = changed = true;
    }
  }
}

template <typename Item, typename Less>
void SortUnique(std::vector<Item>& items, Less less) {
  std::sort(items.begin(), items.end(), less);
  items.erase(std::unique(items.begin(), items.end()), items.end());
}

}  // namespace

void WaitGraph::AddEdge(const TransactionId& waiting, const TransactionId& blocking) {
  edges_.push_back({waiting, blocking, false});
}

void WaitGraph::AddChoice(const TransactionId& waiting, const TransactionId& holding) {
  edges_.push_back({waiting, holding, true});
}

std::vector<TransactionId> WaitGraph::Victims() const {
  IndexedGraph graph;
  for (const Edge& edge : edges_) {
    graph.ids.push_back(edge.waiting);
    graph.ids.push_back(edge.blocking);
  }
  SortUnique(graph.ids, IsYounger);
  for (auto* lists : {&graph.needs, &graph.choices, &graph.blockers}) lists->resize(graph.ids.size());
  graph.removed.resize(graph.ids.size());
  for (const Edge& edge : edges_) {
    const auto waiting = static_cast<std::size_t>(IndexOf(graph.ids, edge.waiting));
    const int blocking = IndexOf(graph.ids, edge.blocking);
    (edge.choice ? graph.choices : graph.needs)[waiting].push_back(blocking);
    graph.blockers[waiting].push_back(blocking);
  }
  for (std::vector<int>& blockers : graph.blockers) SortUnique(blockers, std::less<int>());

  std::vector<TransactionId> victims;
  for (;;) {
    Reduce(graph);
    const std::vector<int> found = ComponentSearch(graph).YoungestOfCycles();
    if (found.empty()) break;
    for (const int index : found) {
      graph.removed[static_cast<std::size_t>(index)] = true;
      victims.push_back(graph.ids[static_cast<std::size_t>(index)]);
    }
  }
  std::sort(victims.begin(), victims.end(), IsYounger);
  return victims;
}

}  // namespace altius::core
