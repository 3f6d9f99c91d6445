// SPDX-License-Identifier: PostgreSQL
// Deadlocks across nodes: the wait-for edges that the nodes report are joined in one graph; each
// knot of transactions that wait for one another loses its youngest member until no cycle is left.
// Any node that has the same edges, in any order, picks the same victims, so that several detectors
// at work do no harm.
#pragma once

#include <cstddef>
#include <vector>

#include "altius/core/txn/gid.hpp"

namespace altius::core {

class WaitGraph {
 public:
  /// `waiting` can't go on before `blocking` ends.  Repetitions do no harm.  A transaction that
  /// waits for itself (over two of its connections) is a cycle too.
  void AddEdge(const TransactionId& waiting, const TransactionId& blocking);

  /// `waiting` goes on as soon as one of those it is given with ends: a connection, of which there are so many.
  void AddChoice(const TransactionId& waiting, const TransactionId& holding);

  /// The transactions to cancel, youngest first; empty when nothing is stuck.
  std::vector<TransactionId> Victims() const;

  std::size_t EdgeCount() const noexcept { return edges_.size(); }

 private:
  struct Edge {
    TransactionId waiting;
    TransactionId blocking;
    bool choice;
  };

  std::vector<Edge> edges_;
};

}  // namespace altius::core
