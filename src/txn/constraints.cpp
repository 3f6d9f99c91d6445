// SPDX-License-Identifier: PostgreSQL
// SET CONSTRAINTS holds for the rest of the transaction, on nodes that take part and on those that come later.
#include "altius/txn/coordinated.hpp"
#include "altius/remote/standbys.hpp"
#include "participants.hpp"

extern "C" {
#include "utils/memutils.h"
}

namespace altius::txn {

struct ConstraintModes {
  ConstraintModes* next;  // set after this one
  int level;              // nesting level at which it was set
  int count;
  int* groups;
  char** commands;
};

namespace {

ConstraintModes* CopyOf(const int* groups, const char* const* commands, int count) {
  const MemoryContext before = MemoryContextSwitchTo(TopTransactionContext);
  auto* modes = static_cast<ConstraintModes*>(palloc0(sizeof(ConstraintModes)));
  modes->level = GetCurrentTransactionNestLevel();
  modes->count = count;
  modes->groups = static_cast<int*>(palloc(sizeof(int) * std::max(count, 1)));
  modes->commands = static_cast<char**>(palloc(sizeof(char*) * std::max(count, 1)));
  for (int i = 0; i < count; i++) {
    modes->groups[i] = groups[i];
    modes->commands[i] = pstrdup(commands[i]);
  }
  MemoryContextSwitchTo(before);
  return modes;
}

void Append(ConstraintModes* modes) {
  ConstraintModes** end = &current.constraint_modes;
  while (*end != nullptr) end = &(*end)->next;
  *end = modes;
}

const char* CommandFor(const ConstraintModes& modes, int group) {
  for (int i = 0; i < modes.count; i++) {
    if (modes.groups[i] == group) return modes.commands[i];
  }
  return nullptr;
}

}  // namespace

void SetConstraints(const int* groups, const char* const* commands, int count) {
  ConstraintModes* modes = CopyOf(groups, commands, count);
  pg::Array<remote::Request*> requests;
  for (int i = 0; i < current.count; i++) {
    const remote::Connection* connection = current.participants[i]->connection;
    const int group = remote::GroupOf(connection);
    const char* command = CommandFor(*modes, group);
    if (command == nullptr || remote::IsToStandby(connection)) continue;
    remote::StatementText statement;
    statement.sql = command;
    requests.push_back(remote::Send(Enlist(group, Access::Read), statement, nullptr));
  }
  Append(modes);
  remote::WaitAll(requests.data(), requests.size());
}

void QueueConstraints(const Participant* participant) {
  for (const ConstraintModes* modes = current.constraint_modes; modes != nullptr; modes = modes->next) {
    const char* command = CommandFor(*modes, remote::GroupOf(participant->connection));
    if (command != nullptr) remote::QueueHidden(participant->connection, command);
  }
}

void KeepConstraints(int level) {
  for (ConstraintModes* modes = current.constraint_modes; modes != nullptr; modes = modes->next)
    modes->level = std::min(modes->level, level - 1);
}

void ForgetConstraints(int level) {
  for (ConstraintModes** at = &current.constraint_modes; *at != nullptr;) {
    if ((*at)->level >= level) {
      *at = (*at)->next;
    } else {
      at = &(*at)->next;
    }
  }
}

}  // namespace altius::txn
