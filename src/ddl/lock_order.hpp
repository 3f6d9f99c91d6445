// SPDX-License-Identifier: PostgreSQL
// In which order a command locks what it is about: the coordinator's shell table first, then those of all other nodes, then shards.
// Two commands meet at the first; a statement that runs on some node holds its shell table there before it asks for shards, so
// neither waits for the other with something in hand that the other one wants.
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "nodes/pg_list.h"
}

namespace altius::ddl {

/// Distributed tables that a command is about, as they are called before it has run.
class Shells {
 public:
  explicit Shells(Node* statement);

  /// LOCK and TRUNCATE may start on any node: they begin with the coordinator's, with the rights of the user.
  void LockOnCoordinator() const;
  /// The command has run on this node's: the other nodes' are locked as strongly as it has locked these.
  void LockElsewhere() const;

 private:
  Node* statement_;
  List* names_;  // of RangeVar *
  List* relids_;
};

}  // namespace altius::ddl
