// SPDX-License-Identifier: PostgreSQL
// One statement on several nodes at once, and its single value from each.
#pragma once

#include "altius/pg/array.hpp"

namespace altius::cluster {

struct Question {
  int group;
  const char* sql;
};

struct Answer {
  bool success;
  char* value;  // the single value, or the command tag of a statement without rows; else the
                // error's message
};

enum class Scope : uint8_t {
  Transaction,  // in the current transaction: sees its changes; an error is raised
  Quiet,        // as Transaction, but errors are answers: views must work while a node is away
  Outside,      // each statement commits by itself on other nodes; errors are answers
};

/// Answers in the order of the questions.  Questions to one node are answered one after another,
/// nodes work at once (unless `parallel` is false).  Questions to this node run in this session.
pg::Array<Answer> Ask(const pg::Array<Question>& questions, Scope scope, bool parallel);

}  // namespace altius::cluster
