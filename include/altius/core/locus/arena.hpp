// SPDX-License-Identifier: PostgreSQL
// Memory for values that are all given up together.  Everything in it is trivially destructible, so
// an error of the caller's allocator may leave by longjmp.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <type_traits>

namespace altius::core::locus {

struct Arena {
  void* (*allocate)(void* context, std::size_t size);
  void* context;

  template <typename T>
  T* Make() const {
    static_assert(std::is_trivially_destructible_v<T>);
    return new (allocate(context, sizeof(T))) T{};
  }
};

/// A growable array; copies share what they had when they were made.
template <typename T>
class List {
  static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);

 public:
  const T* begin() const { return items_; }
  const T* end() const { return items_ + size_; }
  T* begin() { return items_; }
  T* end() { return items_ + size_; }
  int size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T& operator[](int index) { return items_[index]; }
  const T& operator[](int index) const { return items_[index]; }

  void Add(const Arena& arena, const T& item) {
    const T copy = item;
    if (size_ == capacity_) Grow(arena, size_ == 0 ? 4 : size_ * 2);
    items_[size_++] = copy;
  }
  void AddAll(const Arena& arena, const List& other) {
    for (int i = 0; i < other.size(); i++) Add(arena, other[i]);
  }
  void Remove(int index) {
    for (int i = index + 1; i < size_; i++) items_[i - 1] = items_[i];
    size_--;
  }
  void Clear() { size_ = 0; }
  bool Has(const T& item) const {
    for (const T& other : *this) {
      if (other == item) return true;
    }
    return false;
  }
  List Copy(const Arena& arena) const {
    List copy;
    copy.AddAll(arena, *this);
    return copy;
  }

 private:
  void Grow(const Arena& arena, int capacity) {
    auto* grown = static_cast<T*>(
        arena.allocate(arena.context, sizeof(T) * static_cast<std::size_t>(capacity)));
    if (size_ > 0)
      std::memcpy(static_cast<void*>(grown), items_, sizeof(T) * static_cast<std::size_t>(size_));
    items_ = grown;
    capacity_ = capacity;
  }

  T* items_ = nullptr;
  int size_ = 0;
  int capacity_ = 0;
};

/// A set of small numbers, never changed once made.
class Set {
 public:
  bool Has(int member) const {
    const int word = member / kBits;
    return member >= 0 && word < size_ && ((words_[word] >> (member % kBits)) & 1) != 0;
  }
  bool IsEmpty() const {
    for (int i = 0; i < size_; i++) {
      if (words_[i] != 0) return false;
    }
    return true;
  }
  bool IsSubsetOf(const Set& other) const {
    for (int i = 0; i < size_; i++) {
      if ((words_[i] & ~other.Word(i)) != 0) return false;
    }
    return true;
  }
  /// Of the members that the universe has.
  bool IsSubsetOf(const Set& other, const Set& universe) const {
    for (int i = 0; i < size_; i++) {
      if ((words_[i] & universe.Word(i) & ~other.Word(i)) != 0) return false;
    }
    return true;
  }
  bool Overlaps(const Set& other) const {
    for (int i = 0; i < size_; i++) {
      if ((words_[i] & other.Word(i)) != 0) return true;
    }
    return false;
  }
  Set With(const Arena& arena, int member) const {
    if (Has(member)) return *this;
    Set result = Sized(arena, size_ > member / kBits + 1 ? size_ : member / kBits + 1);
    result.words_[member / kBits] |= std::uint64_t{1} << (member % kBits);
    return result;
  }
  Set Union(const Arena& arena, const Set& other) const {
    if (other.IsSubsetOf(*this)) return *this;
    if (IsSubsetOf(other)) return other;
    Set result = Sized(arena, size_ > other.size_ ? size_ : other.size_);
    for (int i = 0; i < other.size_; i++) result.words_[i] |= other.words_[i];
    return result;
  }
  Set Without(const Arena& arena, const Set& other) const {
    if (!Overlaps(other)) return *this;
    Set result = Sized(arena, size_);
    for (int i = 0; i < size_; i++) result.words_[i] &= ~other.Word(i);
    return result;
  }
  /// The members, in order.
  template <typename Visit>
  void ForEach(const Visit& visit) const {
    for (int i = 0; i < size_; i++) {
      for (std::uint64_t rest = words_[i]; rest != 0; rest &= rest - 1) visit(i * kBits + std::countr_zero(rest));
    }
  }

 private:
  static constexpr int kBits = 64;

  std::uint64_t Word(int index) const { return index < size_ ? words_[index] : 0; }
  Set Sized(const Arena& arena, int size) const {
    Set result;
    result.words_ = static_cast<std::uint64_t*>(
        arena.allocate(arena.context, sizeof(std::uint64_t) * static_cast<std::size_t>(size)));
    result.size_ = size;
    for (int i = 0; i < size; i++) result.words_[i] = Word(i);
    return result;
  }

  std::uint64_t* words_ = nullptr;
  int size_ = 0;
};

}  // namespace altius::core::locus
