// SPDX-License-Identifier: PostgreSQL
#include "altius/core/txn/node_settings.hpp"

#include <cstring>

namespace altius::core {

namespace {

char* Copy(const SettingMemory& memory, const char* text) {
  if (text == nullptr) return nullptr;
  const std::size_t size = std::strlen(text) + 1;
  return static_cast<char*>(std::memcpy(memory.allocate(size), text, size));
}

bool AreEqual(const char* one, const char* other) {
  if (one == nullptr || other == nullptr) return one == other;
  return std::strcmp(one, other) == 0;
}

const WantedSetting* FindWanted(const WantedSetting* list, const char* name) {
  while (list != nullptr && std::strcmp(list->name, name) != 0) list = list->next;
  return list;
}

}  // namespace

template <typename Visit>
void NodeSettings::VisitAll(Visit visit) {
  for (Value& value : fixed_) visit(value);
  for (Named* named = named_; named != nullptr; named = named->next) visit(named->value);
}

void NodeSettings::Release() {
  VisitAll([this](Value& value) {
    if (value.level >= level_) value.level = level_ - 1;
  });
  if (acting_level_ >= level_) acting_level_ = level_ - 1;
  level_--;
}

void NodeSettings::RollBack() {
  VisitAll([this](Value& value) {
    if (value.level >= level_) value.level = kUnknown;
  });
  if (acting_level_ >= level_) acting_level_ = kUnknown;
  followed_ = 0;
  level_--;
}

void NodeSettings::End(bool kept) {
  while (level_ > 0) {
    if (kept) {
      Release();
    } else {
      RollBack();
    }
  }
  acting_level_ = 0;
  acting_ = {};
}

void NodeSettings::Doubt() {
  VisitAll([](Value& value) { value.level = kUnknown; });
  DoubtRole();
  followed_ = 0;
}

bool NodeSettings::NeedsRole(Acting wanted) const {
  if (!others_) return wanted != Acting{};
  return level_ == 0 || acting_level_ <= 0 || wanted != acting_;
}

void NodeSettings::DoubtRole() {
  if (acting_level_ != 0) acting_level_ = kUnknown;
}

void NodeSettings::SentRole(Acting role) {
  others_ = true;
  if (level_ == 0) return;
  acting_ = role;
  acting_level_ = level_;
}

bool NodeSettings::Has(const Value& value, const char* text, unsigned role) {
  return value.level != kUnknown && value.role == role && AreEqual(value.text, text);
}

/// Whatever allocating does, the node is never thought to have what it has not.
void NodeSettings::Note(const SettingMemory& memory, Value* value, const char* text, unsigned role, int level) {
  value->level = kUnknown;
  if (!AreEqual(value->text, text)) {
    char* copy = Copy(memory, text);
    if (value->text != nullptr) memory.release(value->text);
    value->text = copy;
  }
  value->role = role;
  value->level = level;
}

bool NodeSettings::NeedsFixed(int number, const char* value) const { return !Has(fixed_[number], value, 0); }

void NodeSettings::SentFixed(const SettingMemory& memory, int number, const char* value) {
  Note(memory, &fixed_[number], value, 0, level_);
}

NodeSettings::Named* NodeSettings::Find(const char* name) const {
  Named* named = named_;
  while (named != nullptr && std::strcmp(named->name, name) != 0) named = named->next;
  return named;
}

NodeSettings::Named* NodeSettings::Add(const SettingMemory& memory, const char* name) {
  char* copy = Copy(memory, name);
  auto* named = static_cast<Named*>(memory.allocate(sizeof(Named)));
  *named = Named{named_, copy, Value{nullptr, 0, kUnknown}};
  return named_ = named;
}

int NodeSettings::MostChanges(const WantedSetting* wanted) const {
  int count = 0;
  for (; wanted != nullptr; wanted = wanted->next) count++;
  for (const Named* named = named_; named != nullptr; named = named->next) count++;
  return count;
}

int NodeSettings::Changes(const WantedSetting* wanted, Change* changes) {
  int count = 0;
  for (Named* named = named_; named != nullptr; named = named->next) {
    Value& value = named->value;
    if (FindWanted(wanted, named->name) != nullptr) continue;
    if (value.level != kUnknown && value.text == nullptr) continue;
    changes[count++] = Change{named->name, nullptr, value.role};
    value.level = kUnknown;
  }
  for (; wanted != nullptr; wanted = wanted->next) {
    Named* named = Find(wanted->name);
    if (named != nullptr && Has(named->value, wanted->value, wanted->role)) continue;
    changes[count++] = Change{wanted->name, wanted->value, wanted->role};
    if (named != nullptr) named->value.level = kUnknown;
  }
  return count;
}

void NodeSettings::Sent(const SettingMemory& memory, const Change* changes, int count, std::uint64_t generation) {
  for (int i = 0; i < count; i++) {
    Named* named = Find(changes[i].name);
    if (named == nullptr) named = Add(memory, changes[i].name);
    Note(memory, &named->value, changes[i].value, changes[i].role, level_);
  }
  followed_ = generation;
}

void NodeSettings::Clear(const SettingMemory& memory) {
  for (Value& value : fixed_) {
    if (value.text != nullptr) memory.release(value.text);
  }
  while (named_ != nullptr) {
    Named* named = named_;
    named_ = named->next;
    if (named->value.text != nullptr) memory.release(named->value.text);
    memory.release(named->name);
    memory.release(named);
  }
  *this = NodeSettings{};
}

}  // namespace altius::core
