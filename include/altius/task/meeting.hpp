// SPDX-License-Identifier: PostgreSQL
// Two statements that change the same rows on several nodes deadlock when each comes first on another node.  On one server they
// read the rows in one order, and the later one just waits.  So there is one order here, too: such a statement begins on the lowest
// group, its meeting place.  Who finds nobody there that does the same with the table begins everywhere at once.  Who finds
// somebody has its statements run there first, waits for the other's locks there, and goes on to other nodes when it has them.
#pragma once

#include "altius/catalog/metadata.hpp"
#include "altius/remote/connection.hpp"

namespace altius::task {

class Meeting {
 public:
  /// Of a statement with rows of the table, which begins at the group.  On another node nothing is waited for.
  static Meeting* Begin(const catalog::Table& table, int group, uint64 owner);

  /// Whether nobody else was there.  Waits for the node's answer; raises nothing when there is none, for the statement itself
  /// raises the node's error, or is sent again.
  bool IsAlone();

 private:
  class Answer;
  remote::Request* request_;
  Answer* answer_;
  bool alone_;
};

}  // namespace altius::task
