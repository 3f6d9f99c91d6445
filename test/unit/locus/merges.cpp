// SPDX-License-Identifier: PostgreSQL
// MERGE on all rows, and shard by shard with the source's rows sent by the value that the algebra names.
#include "altius/core/locus/merge.hpp"

#include <algorithm>
#include <optional>

#include "../catch.hpp"
#include "world.hpp"

namespace {

using namespace locus_test;
using Kind = MergeAction::Kind;
using Of = MergeAction::Row;

struct TargetRow {
  int key, value;

  auto operator<=>(const TargetRow&) const = default;
};
using Target = std::vector<TargetRow>;

/// What is compared or assigned; Other: volatile, another one each time.
enum class From { A, B, Other, OfTarget, One, Key, Nothing };

struct SourceRow {
  int a, b;
};

struct Comparison {
  From value;
  int domain;
};

struct Action {
  Kind kind;
  Of row;
  From assigned;
  bool conditional;  // on the source's b
};

struct Case {
  int shards, domain;  // how the target is spread
  bool rounds;         // its keys are even: a value is rounded when it is assigned
  Target target;
  std::vector<SourceRow> source;
  std::vector<Comparison> on;
  std::vector<Action> actions;

  int ShardOf(int key) const { return (key == kNull ? 1 : ClassOf(key, domain)) % shards; }
  int Rounded(int value) const { return rounds && value != kNull ? value & ~1 : value; }
};

/// `time`: volatile values differ from one evaluation to the next.
int ValueOf(From from, const SourceRow& source, const TargetRow& target, int time) {
  switch (from) {
    case From::A:
      return source.a;
    case From::B:
      return source.b;
    case From::Other:
      return source.a == kNull ? kNull : (source.a + time) % 4;
    case From::OfTarget:
      return target.value;
    case From::One:
      return 1;
    case From::Key:
      return target.key;
    case From::Nothing:
      break;
  }
  return kNull;
}

bool Matches(const Case& made, const SourceRow& source, const TargetRow& target) {
  return std::all_of(made.on.begin(), made.on.end(), [&](const Comparison& comparison) {
    const int value = ValueOf(comparison.value, source, target, 0);
    return value != kNull && target.key != kNull &&
           ClassOf(value, comparison.domain) == ClassOf(target.key, comparison.domain);
  });
}

const Action* Chosen(const Case& made, Of row, const SourceRow& source) {
  for (const Action& action : made.actions) {
    if (action.row == row && (!action.conditional || source.b > 1)) return &action;
  }
  return nullptr;
}

/// One MERGE; nothing when a row is met twice.
class Merging {
 public:
  Merging(const Case& made, const Target& target, const std::vector<SourceRow>& source)
      : made_(made), target_(target), source_(source), met_(target.size()), changed_(target.size()) {}

  /// Notes whether one of these actions gives a row a key of another shard.
  void Watch(std::vector<bool> keepers) { keepers_ = std::move(keepers); }
  bool moved() const { return moved_; }

  std::optional<Target> Run() {
    for (const SourceRow& source : source_) Meet(source);
    for (std::size_t i = 0; i < target_.size(); i++) {
      if (met_[i] == 0) Change(i, Of::LoneTarget, {kNull, kNull});
    }
    if (twice_) return std::nullopt;
    for (std::size_t i = 0; i < target_.size(); i++) {
      if (changed_[i] == 0) result_.push_back(target_[i]);
    }
    std::sort(result_.begin(), result_.end());
    return result_;
  }

 private:
  void Meet(const SourceRow& source) {
    bool lone = true;
    for (std::size_t i = 0; i < target_.size(); i++) {
      if (!Matches(made_, source, target_[i])) continue;
      lone = false;
      met_[i] = 1;
      Change(i, Of::Matched, source);
    }
    const Action* action = lone ? Chosen(made_, Of::LoneSource, source) : nullptr;
    if (action != nullptr && action->kind == Kind::Insert)
      result_.push_back({made_.Rounded(ValueOf(action->assigned, source, {kNull, kNull}, 2)), 9});
  }

  void Change(std::size_t i, Of row, const SourceRow& source) {
    const Action* action = Chosen(made_, row, source);
    if (action == nullptr || action->kind == Kind::Nothing) return;
    twice_ = twice_ || changed_[i]++ != 0;
    if (action->kind != Kind::Update) return;
    const bool assigns = action->assigned != From::Nothing;
    const int value = ValueOf(action->assigned, source, target_[i], 2);
    const int key = assigns ? made_.Rounded(value) : target_[i].key;
    result_.push_back({key, 8});
    const auto number = static_cast<std::size_t>(action - made_.actions.data());
    const bool keeps = !keepers_.empty() && keepers_[number];
    moved_ = moved_ || (keeps && made_.ShardOf(key) != made_.ShardOf(target_[i].key));
  }

  const Case& made_;
  const Target& target_;
  const std::vector<SourceRow>& source_;
  std::vector<int> met_, changed_;
  std::vector<bool> keepers_;
  bool twice_ = false, moved_ = false;
  Target result_;
};

/// As the algebra reads it.
struct Described {
  World memory;
  List<MergeComparison> comparisons;
  List<MergeAction> actions;

  explicit Described(const Case& made) {
    const Arena& arena = memory.tree.arena;
    for (const Comparison& one : made.on)
      comparisons.Add(arena, {one.domain == made.domain, one.value == From::OfTarget,
                              one.value != From::Other, true});
    for (const Action& one : made.actions) {
      MergeAction action;
      action.kind = one.kind;
      action.row = one.row;
      action.assigns_key = one.assigned != From::Nothing;
      action.keeps_key = one.assigned == From::Key;
      for (int i = 0; i < comparisons.size(); i++) {
        if (made.on[static_cast<std::size_t>(i)].value != one.assigned) continue;
        action.converted.Add(arena, i);
        if (!made.rounds) action.exactly.Add(arena, i);
      }
      actions.Add(arena, action);
    }
  }

  std::vector<bool> Keepers() const {
    std::vector<bool> keepers;
    for (const MergeAction& action : actions) keepers.push_back(UpdateKeepsKey(comparisons, action));
    return keepers;
  }
};

/// Each shard with the rows that are sent to it; complains of a row in a shard that is not its own.
std::optional<Target> Routed(const Case& made, int route, bool* astray) {
  const From by = made.on[static_cast<std::size_t>(route)].value;
  const bool inserts = std::any_of(made.actions.begin(), made.actions.end(),
                                   [](const Action& action) { return action.kind == Kind::Insert; });
  Target all;
  for (int shard = 0; shard < made.shards; shard++) {
    Target target;
    for (const TargetRow& row : made.target) {
      if (made.ShardOf(row.key) == shard) target.push_back(row);
    }
    std::vector<SourceRow> source;
    for (const SourceRow& row : made.source) {
      const int value = ValueOf(by, row, {kNull, kNull}, 1);
      if ((value != kNull || inserts) && made.ShardOf(value) == shard) source.push_back(row);
    }
    if (!source.empty()) {
      const std::optional<Target> result = Merging(made, target, source).Run();
      if (!result) return std::nullopt;
      target = *result;
    }
    for (const TargetRow& row : target) *astray = *astray || made.ShardOf(row.key) != shard;
    all.insert(all.end(), target.begin(), target.end());
  }
  std::sort(all.begin(), all.end());
  return all;
}

class Random {
 public:
  explicit Random(unsigned seed) : choose_(seed) {}

  Case Make() {
    Case made;
    made.shards = 2 + choose_(2);
    made.domain = choose_(2);
    made.rounds = choose_(3) == 0;
    for (int i = choose_(4); i > 0; i--) made.target.push_back({made.Rounded(Value()), choose_(4)});
    for (int i = choose_(4); i > 0; i--) made.source.push_back({Value(), Value()});
    for (int i = 1 + choose_(2); i > 0; i--)
      made.on.push_back({static_cast<From>(choose_(5)), choose_(4) == 0 ? 1 - made.domain : made.domain});
    for (int i = 1 + choose_(2); i > 0; i--) made.actions.push_back(MakeAction());
    return made;
  }

 private:
  int Value() { return choose_(6) == 0 ? kNull : choose_(4); }

  Action MakeAction() {
    constexpr From kInserted[] = {From::A, From::B, From::Other, From::One, From::Nothing};
    Action action = {Kind::Nothing, static_cast<Of>(choose_(9) == 0 ? 2 : choose_(2)), From::Nothing,
                     choose_(3) == 0};
    if (action.row == Of::LoneSource) {
      action.kind = choose_(4) == 0 ? Kind::Nothing : Kind::Insert;
      if (action.kind == Kind::Insert) action.assigned = kInserted[choose_(5)];
      return action;
    }
    action.kind = static_cast<Kind>(choose_(4));
    if (action.kind == Kind::Insert) action.kind = Kind::Update;
    if (action.kind != Kind::Update) return action;
    action.assigned = static_cast<From>(choose_(7));
    // A row that no source matches reads the target alone.
    if (action.row == Of::LoneTarget && action.assigned < From::OfTarget) action.assigned = From::One;
    return action;
  }

  Chooser choose_;
};

#ifdef __SANITIZE_ADDRESS__
constexpr int kCases = 40000;
#else
constexpr int kCases = 400000;
#endif

}  // namespace

TEST_CASE("each shard merges what it is sent", "[locus]") {
  Random random(11);
  int routed = 0, single = 0;
  for (int i = 0; i < kCases; i++) {
    const Case made = random.Make();
    const Described described(made);
    Merging merging(made, made.target, made.source);
    merging.Watch(described.Keepers());
    const std::optional<Target> right = merging.Run();
    const int route = RouteOfMerge(described.comparisons, described.actions);
    INFO("after " << i << " statements in this test");
    if (route != kNone) {
      routed++;
      bool astray = false;
      const bool same = Routed(made, route, &astray) == right;
      if (!same && right) FAIL("other rows");
      if (astray) FAIL("a row in another shard than its own");
    }
    if (merging.moved()) FAIL("an UPDATE moves a row that it is said to keep");
    if (!OneShardMerges(described.actions)) continue;
    single++;
    const Target untouched = [&] {
      Target sorted = made.target;
      std::sort(sorted.begin(), sorted.end());
      return sorted;
    }();
    if (made.source.empty() && right != untouched) FAIL("a shard without rows of the source is not asked");
  }
  CHECK(routed > kCases / 10);
  CHECK(single > kCases / 2);
}

TEST_CASE("where an expression of MERGE is computed", "[locus]") {
  for (int bits = 0; bits < 16; bits++) {
    const MergeExpression expression = {(bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0, (bits & 8) != 0};
    const MergePlace place = PlaceOf(expression);
    INFO("after " << bits << " statements in this test");
    if (place == MergePlace::Shard) CHECK(expression.by_shard);
    if (place == MergePlace::Source) {
      CHECK(!expression.reads_target);
      CHECK((expression.always || expression.harmless));
    }
    // Nothing goes the long way without need.
    if (place == MergePlace::Neither)
      CHECK((!expression.by_shard && (expression.reads_target || (!expression.always && !expression.harmless))));
  }
}
