// SPDX-License-Identifier: PostgreSQL
// What the session of a node is known to have of the settings that were sent to it.  Settings are transactional in PostgreSQL: what
// was SET inside of a transaction or savepoint is undone with it.  So each change is remembered with the level at which it was sent;
// when that is undone, or an error may have undone it, the node has nobody knows what, and the next statement sends it again.
// What is sent thereby follows from two things alone: what this session has now, and what the node is known to have.
#pragma once

#include <cstddef>
#include <cstdint>

namespace altius::core {

/// What this session has set; a list.
struct WantedSetting {
  WantedSetting* next;
  char* name;
  char* value;
  unsigned role;  // that has set it
};

/// Where names and values lie.  Allocate may leave by longjmp.
struct SettingMemory {
  void* (*allocate)(std::size_t size);
  void (*release)(void* memory);
};

/// Zeroed: nothing was sent, no transaction block.
class NodeSettings {
 public:
  // --- the transaction block of the node's session ---

  /// 0: none; 1: BEGIN was sent; more: SAVEPOINT, once for each.
  int level() const { return level_; }
  void Begin() { level_ = 1; }
  void Savepoint() { level_++; }
  /// The innermost savepoint ends, and what was done in it stays.
  void Release();
  /// It is undone, and ends.
  void RollBack();
  /// The block ends: COMMIT and PREPARE TRANSACTION keep settings, ROLLBACK does not.
  void End(bool kept);
  /// An error, or an end that is not known: it may have undone whatever was sent.
  void Doubt();

  // --- settings that are always wanted, known by a number ---

  static constexpr int kFixed = 10;
  bool NeedsFixed(int number, const char* value) const;
  /// A change that is about to be sent: until it is noted as sent, nothing is known.
  void DoubtFixed(int number) { fixed_[number].level = kUnknown; }
  void SentFixed(const SettingMemory& memory, int number, const char* value);

  // --- those that come and go ---

  struct Change {
    const char* name;
    const char* value;  // null: reset
    unsigned role;
  };
  /// Whether nothing was undone since a Sent() of this generation.
  bool Follows(std::uint64_t generation) const { return followed_ == generation; }
  /// At most so many changes are needed.
  int MostChanges(const WantedSetting* wanted) const;
  /// What makes the node's settings equal to those wanted: their number.  Nothing is known of these from now on.
  int Changes(const WantedSetting* wanted, Change* changes);
  /// And then, when they are queued.
  void Sent(const SettingMemory& memory, const Change* changes, int count, std::uint64_t generation);

  // --- the role that works there ---

  /// Zeroes: who has logged in.
  struct Acting {
    unsigned session_user = 0;
    unsigned role = 0;
    unsigned shown = 0;  // what the setting "role" says
    bool operator==(const Acting&) const = default;
  };
  /// A role is taken on until the end of the transaction, and outside of a block for one statement: what it is sent for never runs
  /// as another one, for the change and the statement fail together.  Once somebody else was at work in the session each transaction
  /// begins with a change: it puts right what that one's code may have left there, and uses up what tickets may be left over.
  bool NeedsRole(Acting wanted) const;
  void DoubtRole();
  void SentRole(Acting role);

  /// The session is gone.
  void Clear(const SettingMemory& memory);

 private:
  static constexpr int kUnknown = -1;

  struct Value {
    char* text;  // null: as at the start of the session
    unsigned role;
    int level;  // at which it was sent; kUnknown: the node may have any value
  };
  struct Named {
    Named* next;
    char* name;
    Value value;
  };

  template <typename Visit>
  void VisitAll(Visit visit);
  Named* Find(const char* name) const;
  Named* Add(const SettingMemory& memory, const char* name);
  static bool Has(const Value& value, const char* text, unsigned role);
  static void Note(const SettingMemory& memory, Value* value, const char* text, unsigned role, int level);

  int level_;
  int acting_level_;  // 0: no role was taken on in this block
  Acting acting_;
  bool others_;  // than who has logged in were at work in the session
  std::uint64_t followed_;
  Value fixed_[kFixed];
  Named* named_;
};

}  // namespace altius::core
