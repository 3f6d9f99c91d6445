// SPDX-License-Identifier: PostgreSQL
// A growable array in palloc'd memory.  Trivially destructible, so an ereport may jump over it: its memory belongs to the
// memory context that was current when it was made.
#pragma once

#include "altius/pg/pg.hpp"

namespace altius::pg {

template <typename T>
class Array {
  static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);

 public:
  T *begin() const { return items_; }
  T *end() const { return items_ + size_; }
  int size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T &operator[](int index) const { return items_[index]; }
  T &back() const { return items_[size_ - 1]; }
  T *data() const { return items_; }

  void reserve(int capacity) {
    if (capacity <= capacity_) return;
    items_ = static_cast<T *>(items_ == nullptr ? palloc(sizeof(T) * capacity) : repalloc(items_, sizeof(T) * capacity));
    capacity_ = capacity;
  }
  void push_back(const T &item) {
    const T copy = item;
    if (size_ == capacity_) reserve(capacity_ == 0 ? 8 : capacity_ * 2);
    items_[size_++] = copy;
  }
  void resize(int size) {
    reserve(size);
    for (int i = size_; i < size; i++) items_[i] = T{};
    size_ = size;
  }
  void pop_back() { size_--; }
  void clear() { size_ = 0; }

 private:
  T *items_ = nullptr;
  int size_ = 0;
  int capacity_ = 0;
};

}  // namespace altius::pg
