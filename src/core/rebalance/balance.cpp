// SPDX-License-Identifier: PostgreSQL
// The two parts of a plan: leave what must be left, then even out, greedily.
//
// Evening prefers moves that fit between the excess of the source and the room of the target: no
// byte of such a move is wasted, whatever comes after it.  Only when nothing fits does a shard
// group overshoot, and then the smallest that still pays.
#include "altius/core/rebalance/balance.hpp"

#include <algorithm>
#include <numeric>

#include "loads.hpp"
#include "shelves.hpp"

namespace altius::core {
namespace {

constexpr int kChoices = 8;     // moves compared for a pair of nodes and a shelf
constexpr int kLooks = 256;     // places looked at for one that overshoots
constexpr int kMaxPasses = 16;  // over all sets and all nodes; far more than ever helps

/// Remembers what the caller's function said.
class Permissions {
 public:
  Permissions(const AllowedOnNode& ask, std::size_t items, std::size_t nodes)
      : ask_(ask), nodes_(nodes), known_(ask ? items * nodes : 0, kUnknown) {}

  bool operator()(int item, int node) {
    if (!ask_) return true;
    char& known = known_[At(item) * nodes_ + At(node)];
    if (known == kUnknown) known = ask_(item, node) ? kYes : kNo;
    return known == kYes;
  }

 private:
  static constexpr char kUnknown = 0, kYes = 1, kNo = 2;
  const AllowedOnNode& ask_;
  std::size_t nodes_;
  std::vector<char> known_;
};

/// What the source has too much of and the target too little.
struct Gap {
  double excess;
  double room;

  double Fit() const { return std::min(excess, room) * (1 + 1e-9); }
  /// By how much the two nodes come nearer to the average, together; at least a little, since the
  /// move lowers Unevenness.
  double Closed(double cost) const {
    const auto nearer = [cost](double gap) { return cost <= gap ? cost : 2 * gap - cost; };
    return std::max((nearer(excess) + nearer(room)) / 2, cost / 1000);
  }
};

/// A move that may be made, and what it is worth.
struct Choice {
  int item = -1;
  double worth = 0;
  double change = 0;
};

class Balancer {
 public:
  Balancer(const std::vector<BalanceNode>& nodes, const std::vector<BalanceItem>& items,
           const BalanceLimits& limits, const AllowedOnNode& allowed)
      : limits_(limits),
        item_count_(static_cast<int>(items.size())),
        loads_(nodes, items),
        shelves_(loads_, item_count_),
        may_(allowed, items.size(), nodes.size()) {
    std::int64_t bytes = 0;
    for (const BalanceItem& item : items) bytes += item.bytes;
    // What beginning a move costs, whatever its size, as bytes.
    overhead_ = 1 + static_cast<double>(bytes) / (16.0 * std::max<double>(1, item_count_));
    tiny_ = 1e-9 * loads_.Greatest() * loads_.Greatest();
    for (int node = 0; node < loads_.node_count(); node++) {
      if (loads_.Takes(node)) takers_.push_back(node);
    }
  }

  BalancePlan Plan() {
    LeaveNodes();
    if (limits_.drain_only || takers_.size() < 2) return std::move(plan_);
    for (int pass = 0; pass < kMaxPasses; pass++) {
      const std::size_t before = plan_.moves.size();
      SpreadSets();
      while (!Full() && Step(kAllSets)) continue;
      if (plan_.moves.size() == before || Full()) break;
    }
    return std::move(plan_);
  }

 private:
  bool Full() const { return static_cast<int>(plan_.moves.size()) >= limits_.max_moves; }

  void Make(int item, int target) {
    plan_.moves.push_back({item, loads_.item(item).node, target});
    shelves_.Take(item);
    loads_.Move(item, target);
  }

  // Part 1 -------------------------------------------------------------------------------------

  void LeaveNodes() {
    std::vector<int> leaving;
    for (int i = 0; i < item_count_; i++) {
      const int node = loads_.item(i).node;
      if (!loads_.Takes(node) || (!limits_.drain_only && !may_(i, node))) leaving.push_back(i);
    }
    std::stable_sort(leaving.begin(), leaving.end(),
                     [&](int a, int b) { return loads_.item(a).cost > loads_.item(b).cost; });
    for (const int item : leaving) {
      if (Full()) return;
      const int target = loads_.item(item).movable ? BestHome(item) : -1;
      if (target >= 0) {
        Make(item, target);
      } else {
        plan_.stuck.push_back(item);
        shelves_.Take(item);
      }
    }
  }

  int BestHome(int item) {
    const BalanceItem it = loads_.item(item);
    int best = -1;
    double least = 0;
    for (const int node : takers_) {
      if (node == it.node || !may_(item, node)) continue;
      const double level = loads_.Pressure(it.set, node) +
                           (1 + loads_.Weight(it.set)) * it.cost / loads_.capacity(node);
      if (best >= 0 && level >= least) continue;
      best = node;
      least = level;
    }
    return best;
  }

  // Part 2 -------------------------------------------------------------------------------------

  /// One move for each wide set in turn, so that sets which trade places do so at the same time.
  void SpreadSets() {
    std::vector<int> active;
    for (int set = 0; set < loads_.set_count(); set++) {
      if (loads_.IsWide(set)) active.push_back(set);
    }
    while (!active.empty() && !Full()) {
      std::erase_if(active, [&](int set) { return Full() || !Step(set); });
    }
  }

  bool TooFull(int set, int node, double average) const {
    return loads_.Level(set, node) > average * (1 + limits_.threshold) * (1 + 1e-9);
  }
  bool TooEmpty(int set, int node, double average) const {
    return loads_.Level(set, node) < average * (1 - limits_.threshold) * (1 - 1e-9);
  }

  /// Nodes on one side of the average, the farthest first.
  std::vector<int> Side(int set, double average, double sign) const {
    std::vector<std::pair<double, int>> found;
    for (const int node : takers_) {
      const double level = loads_.Level(set, node);
      if (sign * (level - average) <= 0) continue;
      const double rank = set == kAllSets ? level : loads_.Pressure(set, node);
      found.emplace_back(-sign * rank, node);
    }
    std::sort(found.begin(), found.end());
    std::vector<int> nodes;
    for (const auto& [rank, node] : found) nodes.push_back(node);
    return nodes;
  }

  /// One move that evens out the set, or everything; false when there is none.
  bool Step(int set) {
    const double average = loads_.Average(set);
    const std::vector<int> sources = Side(set, average, 1);
    const std::vector<int> targets = Side(set, average, -1);
    for (const int source : sources) {
      const bool too_full = TooFull(set, source, average);
      for (const int target : targets) {
        if (!too_full && !TooEmpty(set, target, average)) continue;
        const int item = Choose(set, source, target, average);
        if (item < 0) continue;
        Make(item, target);
        return true;
      }
    }
    return false;
  }

  int Choose(int set, int source, int target, double average) {
    const Gap gap{loads_.Of(set, source) - average * loads_.capacity(source),
                  average * loads_.capacity(target) - loads_.Of(set, target)};
    Choice best;
    if (set != kAllSets) {
      Search(shelves_.ShelfOf(set, source), set, target, gap, best);
    } else {
      for (const int shelf : shelves_.ShelvesOf(source)) Search(shelf, set, target, gap, best);
    }
    return best.item;
  }

  void Search(int shelf, int set, int target, const Gap& gap, Choice& best) {
    const int above = shelves_.PlaceAbove(shelf, gap.Fit());
    int seen = 0;
    for (int place = shelves_.Below(shelf, above - 1); place >= 0 && seen < kChoices;
         place = shelves_.Below(shelf, place - 1)) {
      if (Consider(shelves_.ItemAt(place), set, target, gap, best)) seen++;
    }
    seen = 0;
    int looked = 0;
    for (int place = shelves_.Above(shelf, above); place >= 0 && seen < kChoices && looked < kLooks;
         place = shelves_.Above(shelf, place + 1)) {
      const int item = shelves_.ItemAt(place);
      if (TooBig(item, target)) break;
      if (Consider(item, set, target, gap, best)) seen++;
      looked++;
    }
  }

  /// Neither this item nor a bigger one of its shelf could lower Unevenness.  On the shared shelf
  /// sets differ: at best one has all of the source's load and nothing on the target.
  bool TooBig(int item, int target) const {
    const BalanceItem& it = loads_.item(item);
    if (loads_.IsWide(it.set)) return loads_.Change(item, target) > -tiny_;
    const double here = loads_.Level(kAllSets, it.node);
    const double gap = here - loads_.Level(kAllSets, target) + kNarrowWeight * here;
    const double width = 1 / loads_.capacity(it.node) + 1 / loads_.capacity(target);
    return it.cost * width * (1 + kNarrowWeight) >= 2 * gap;
  }

  /// Whether the move may be made; the best of them stays in `best`.
  bool Consider(int item, int set, int target, const Gap& gap, Choice& best) {
    const double change = loads_.Change(item, target);
    if (change > -tiny_) return false;
    const BalanceItem& it = loads_.item(item);
    const Relief relief = loads_.ReliefBy(item, target);
    const double share = it.cost / loads_.capacity(it.node);
    const double gained = std::max(relief.total, relief.of_set);
    if (gained <= (limits_.improvement + 1e-9) * share) return false;
    if (Overloads(target, relief) || (set == kAllSets && Clumps(item, target, relief)))
      return false;
    if (!may_(item, target)) return false;
    double worth = gap.Closed(it.cost);
    if (relief.of_set < 0) worth /= 2;
    worth /= static_cast<double>(it.bytes) + overhead_;
    const bool equal = worth <= best.worth * (1 + 1e-9) && worth >= best.worth * (1 - 1e-9);
    if (best.item < 0 || (equal ? change < best.change - tiny_ : worth > best.worth)) {
      best = {item, worth, change};
    }
    return true;
  }

  /// The target has more than enough already, and would not take over from a node that has more.
  bool Overloads(int target, const Relief& relief) const {
    if (relief.total > 0) return false;
    const double enough =
        loads_.Average(kAllSets) * (1 + limits_.threshold) * loads_.capacity(target);
    return loads_.Of(kAllSets, target) > (enough + loads_.Greatest()) * (1 + 1e-9);
  }

  /// Evens out the sum, but at the expense of the spread of the item's set.
  bool Clumps(int item, int target, const Relief& relief) const {
    const BalanceItem& it = loads_.item(item);
    if (!loads_.IsWide(it.set) || relief.of_set >= -1e-9 * it.cost) return false;
    const double average = loads_.Average(it.set);
    const double after = (loads_.Of(it.set, target) + it.cost) / loads_.capacity(target);
    const double left = (loads_.Of(it.set, it.node) - it.cost) / loads_.capacity(it.node);
    return after > average * (1 + limits_.threshold) || left < average * (1 - limits_.threshold);
  }

  const BalanceLimits limits_;
  const int item_count_;
  Loads loads_;
  Shelves shelves_;
  Permissions may_;
  double overhead_ = 1;
  double tiny_ = 0;
  std::vector<int> takers_;
  BalancePlan plan_;
};

}  // namespace

BalancePlan PlanBalance(const std::vector<BalanceNode>& nodes,
                        const std::vector<BalanceItem>& items, const BalanceLimits& limits,
                        const AllowedOnNode& allowed) {
  return Balancer(nodes, items, limits, allowed).Plan();
}

}  // namespace altius::core
