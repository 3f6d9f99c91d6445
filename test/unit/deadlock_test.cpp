// SPDX-License-Identifier: PostgreSQL
#include <algorithm>
#include <random>
#include <set>
#include <utility>
#include <vector>

#include "altius/core/deadlock/graph.hpp"
#include "catch.hpp"

using namespace altius::core;

namespace {

using Edges = std::vector<std::pair<TransactionId, TransactionId>>;

TransactionId Transaction(int group, std::int64_t started) {
  return {group, 100 + group, 1, started};
}

std::vector<TransactionId> VictimsOf(const Edges& edges) {
  WaitGraph graph;
  for (const auto& [waiting, blocking] : edges) graph.AddEdge(waiting, blocking);
  return graph.Victims();
}

/// The slow way: who reaches itself, by closure; the youngest of each set of mutually reachable
/// ones goes; again.
std::vector<TransactionId> NaiveVictims(const Edges& all) {
  std::set<TransactionId> gone;
  std::set<TransactionId> nodes;
  for (const auto& [from, to] : all) nodes.insert({from, to});
  for (;;) {
    std::set<std::pair<TransactionId, TransactionId>> reach;
    for (const auto& edge : all) {
      if (gone.count(edge.first) == 0 && gone.count(edge.second) == 0) reach.insert(edge);
    }
    for (const TransactionId& middle : nodes) {
      for (const TransactionId& from : nodes) {
        for (const TransactionId& to : nodes) {
          if (reach.count({from, middle}) && reach.count({middle, to})) reach.insert({from, to});
        }
      }
    }
    std::set<TransactionId> victims;
    for (const TransactionId& node : nodes) {
      if (!reach.count({node, node})) continue;
      TransactionId youngest = node;
      for (const TransactionId& other : nodes) {
        const bool together = reach.count({node, other}) && reach.count({other, node});
        if (together && IsYounger(other, youngest)) youngest = other;
      }
      victims.insert(youngest);
    }
    if (victims.empty()) break;
    gone.insert(victims.begin(), victims.end());
  }
  std::vector<TransactionId> result(gone.begin(), gone.end());
  std::sort(result.begin(), result.end(), IsYounger);
  return result;
}

Edges RandomEdges(std::mt19937& random, int transactions, int edges) {
  Edges result;
  std::vector<std::int64_t> started;
  for (int i = 0; i < transactions; i++) started.push_back(random() % 5);
  const auto pick = [&] {
    const int index = static_cast<int>(random() % static_cast<unsigned>(transactions));
    return Transaction(index, started[static_cast<std::size_t>(index)]);
  };
  for (int i = 0; i < edges; i++) {
    const TransactionId waiting = pick();
    result.emplace_back(waiting, pick());
  }
  return result;
}

bool HasCycle(const Edges& edges) { return !NaiveVictims(edges).empty(); }

Edges Without(const Edges& edges, const std::vector<TransactionId>& victims) {
  const auto gone = [&](const TransactionId& id) {
    return std::find(victims.begin(), victims.end(), id) != victims.end();
  };
  Edges rest;
  for (const auto& edge : edges) {
    if (!gone(edge.first) && !gone(edge.second)) rest.push_back(edge);
  }
  return rest;
}

}  // namespace

TEST_CASE("waiting in a line is no deadlock") {
  const TransactionId a = Transaction(1, 10), b = Transaction(2, 20), c = Transaction(3, 30);
  CHECK(VictimsOf({}).empty());
  CHECK(VictimsOf({{a, b}, {b, c}, {a, c}}).empty());
}

TEST_CASE("the youngest of a cycle is the victim") {
  const TransactionId a = Transaction(1, 10), b = Transaction(2, 30), c = Transaction(3, 20);
  CHECK(VictimsOf({{a, b}, {b, a}}) == std::vector{b});
  CHECK(VictimsOf({{a, b}, {b, c}, {c, a}}) == std::vector{b});
  CHECK(VictimsOf({{a, c}, {c, a}, {a, b}}) == std::vector{c});
}

TEST_CASE("equal age is decided by group and process") {
  const TransactionId a = Transaction(1, 10), b = Transaction(2, 10);
  CHECK(VictimsOf({{a, b}, {b, a}}) == std::vector{b});
}

TEST_CASE("two cycles apart have two victims, two that share their youngest have one") {
  const TransactionId a = Transaction(1, 1), b = Transaction(2, 2), c = Transaction(3, 3);
  const TransactionId d = Transaction(4, 4);
  CHECK(VictimsOf({{a, b}, {b, a}, {c, d}, {d, c}}) == std::vector{d, b});
  CHECK(VictimsOf({{a, d}, {d, a}, {b, d}, {d, b}}) == std::vector{d});
}

TEST_CASE("a transaction that waits for itself is stuck") {
  const TransactionId a = Transaction(1, 1);
  CHECK(VictimsOf({{a, a}}) == std::vector{a});
}

TEST_CASE("a long chain needs no deep stack") {
  Edges edges;
  const int length = 100000;
  for (int i = 0; i < length; i++) edges.emplace_back(Transaction(i, i), Transaction(i + 1, i + 1));
  CHECK(VictimsOf(edges).empty());
  edges.emplace_back(Transaction(length, length), Transaction(0, 0));
  CHECK(VictimsOf(edges) == std::vector{Transaction(length, length)});
}

TEST_CASE("random graphs: as the slow way says, in any order of the edges") {
  std::mt19937 random(7);
  int stuck = 0;
  for (int round = 0; round < 300; round++) {
    const int transactions = 2 + static_cast<int>(random() % 7);
    Edges edges = RandomEdges(random, transactions, static_cast<int>(random() % 14));
    const std::vector<TransactionId> victims = VictimsOf(edges);
    stuck += victims.empty() ? 0 : 1;
    INFO("round " << round);
    REQUIRE(victims == NaiveVictims(edges));
    REQUIRE(victims.empty() == !HasCycle(edges));
    REQUIRE_FALSE(HasCycle(Without(edges, victims)));
    std::shuffle(edges.begin(), edges.end(), random);
    const Edges once = edges;
    edges.insert(edges.end(), once.begin(), once.end());
    REQUIRE(VictimsOf(edges) == victims);
  }
  CHECK(stuck > 50);
}

TEST_CASE("nobody is cancelled who was on no cycle") {
  std::mt19937 random(8);
  for (int round = 0; round < 200; round++) {
    const Edges edges = RandomEdges(random, 6, 9);
    for (const TransactionId& victim : VictimsOf(edges)) {
      // A victim reaches itself in the whole graph.
      std::set<TransactionId> seen;
      std::vector<TransactionId> open{victim};
      while (!open.empty()) {
        const TransactionId at = open.back();
        open.pop_back();
        for (const auto& [from, to] : edges) {
          if (from == at && seen.insert(to).second) open.push_back(to);
        }
      }
      REQUIRE(seen.count(victim) == 1);
    }
  }
}

TEST_CASE("deadlock: who waits for one of several goes on when one of them can") {
  const TransactionId a = Transaction(1, 10), b = Transaction(2, 20), c = Transaction(3, 30);
  const auto victims = [](const Edges& needs, const Edges& choices) {
    WaitGraph graph;
    for (const auto& [waiting, blocking] : needs) graph.AddEdge(waiting, blocking);
    for (const auto& [waiting, holding] : choices) graph.AddChoice(waiting, holding);
    return graph.Victims();
  };
  using Victims = std::vector<TransactionId>;
  CHECK(victims({}, {{a, b}, {b, a}}) == Victims{b});          // each has what the other one wants
  CHECK(victims({{b, a}}, {{a, b}}) == Victims{b});            // a lock one way, a connection the other
  CHECK(victims({}, {{a, b}, {a, c}, {b, a}}).empty());        // c ends, and a has its connection
  CHECK(victims({{c, a}}, {{a, b}, {a, c}, {b, a}}) == Victims{c});  // c does not: it waits for a
  CHECK(victims({{c, Transaction(4, 1)}}, {{a, b}, {a, c}, {b, a}}).empty());  // c waits for one that ends
  CHECK(victims({{a, c}}, {{a, b}, {b, a}}) == Victims{b});    // a needs more than the connection
}

TEST_CASE("deadlock: random waits for locks and connections all end once the victims are gone, and none is taken in vain") {
  std::mt19937 random(7);
  const auto below = [&](int limit) { return std::uniform_int_distribution<int>(0, limit - 1)(random); };
  for (int round = 0; round < 3000; round++) {
    Edges needs, choices;
    const int nodes = 2 + below(7);
    for (int i = below(9); i > 0; i--) needs.push_back({Transaction(below(nodes), 0), Transaction(below(nodes), 0)});
    for (int i = below(12); i > 0; i--) choices.push_back({Transaction(below(nodes), 0), Transaction(below(nodes), 0)});
    WaitGraph graph;
    for (const auto& [waiting, blocking] : needs) graph.AddEdge(waiting, blocking);
    for (const auto& [waiting, holding] : choices) graph.AddChoice(waiting, holding);
    const std::vector<TransactionId> victims = graph.Victims();
    // What ends by itself, when these are gone.
    const auto stuck = [&](std::set<TransactionId> ended) {
      for (std::size_t before = nodes + 1U; before != ended.size();) {
        before = ended.size();
        for (int i = 0; i < nodes; i++) {
          const TransactionId it = Transaction(i, 0);
          bool all = true, some = false, any = false;
          for (const auto& [waiting, blocking] : needs) all = all && (!(waiting == it) || ended.count(blocking) > 0);
          for (const auto& [waiting, holding] : choices) {
            if (!(waiting == it)) continue;
            some = true;
            any = any || ended.count(holding) > 0;
          }
          if (all && (!some || any)) ended.insert(it);
        }
      }
      return static_cast<std::size_t>(nodes) - ended.size();
    };
    INFO("round " << round);
    CHECK(stuck({victims.begin(), victims.end()}) == 0);
    CHECK(victims.empty() == (stuck({}) == 0));
  }
}
