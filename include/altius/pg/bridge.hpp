// SPDX-License-Identifier: PostgreSQL
// Turns PostgreSQL errors (longjmp) and C++ exceptions into one another, with no field of either lost.
//
//   Call(body)   PostgreSQL code called from C++ with live destructors: an ereport becomes the exception pg::Error.
//                The body is plain C: no object with a destructor, no throw.  What it returns is trivially copyable.
//   Entry(body)  C++ code called by PostgreSQL (SQL functions, hooks, callbacks): an exception becomes an ereport.
//
// Frames whose objects have trivial destructors only need no Call: a longjmp over them is well defined.
#pragma once

#include <csetjmp>
#include <exception>

#include "altius/pg/pg.hpp"

namespace altius::pg {

/// What an error handler must find as it was.
struct SavedStacks {
  sigjmp_buf *exceptions = PG_exception_stack;
  ErrorContextCallback *contexts = error_context_stack;
  MemoryContext memory = CurrentMemoryContext;

  void Restore() const noexcept {
    PG_exception_stack = exceptions;
    error_context_stack = contexts;
    CurrentMemoryContext = memory;
  }
};

/// A PostgreSQL error on its way through C++ frames.  Owns the copy of its ErrorData, which lives in a context of its own.
class Error : public std::exception {
 public:
  Error(ErrorData *data, MemoryContext home) noexcept : data_(data), home_(home) {}
  Error(Error &&other) noexcept
      : data_(std::exchange(other.data_, nullptr)), home_(std::exchange(other.home_, nullptr)) {}
  Error(const Error &) = delete;
  Error &operator=(const Error &) = delete;
  Error &operator=(Error &&) = delete;
  ~Error() override;

  const char *what() const noexcept override;
  int sqlerrcode() const noexcept;
  const ErrorData *data() const noexcept { return data_; }

 private:
  friend struct Failure;
  ErrorData *data_;     // null when even the copy did not fit into memory
  MemoryContext home_;
};

/// An error that waits to be raised once no C++ object is alive any more.  Each Entry has one: nothing of it is filled in before
/// there is an error.
struct Failure {
  void Describe() noexcept;  // called inside a catch block
  [[noreturn]] void Raise(const SavedStacks &saved);

  ErrorData *data;
  MemoryContext home;
  int sqlerrcode;
  char message[1024];
  char detail[1024];
  char hint[1024];
};

/// Takes the current PostgreSQL error off the error stack; throws it as pg::Error.
[[noreturn]] void ThrowCaptured(const SavedStacks &saved);

template <typename Body>
auto Call(Body &&body) {
  using Result = decltype(body());
  static_assert(std::is_void_v<Result> || std::is_trivially_copyable_v<Result>);
  const SavedStacks saved;
  sigjmp_buf here;
  if (sigsetjmp(here, 0) == 0) {
    PG_exception_stack = &here;
    if constexpr (std::is_void_v<Result>) {
      body();
      PG_exception_stack = saved.exceptions;
      error_context_stack = saved.contexts;
      return;
    } else {
      Result result = body();
      PG_exception_stack = saved.exceptions;
      error_context_stack = saved.contexts;
      return result;
    }
  }
  ThrowCaptured(saved);
}

template <typename Body>
auto Entry(Body &&body) -> decltype(body()) {
  Failure failure;
  const SavedStacks saved;
  try {
    return body();
  } catch (...) {
    failure.Describe();
  }
  failure.Raise(saved);
}

}  // namespace altius::pg

/// Defines an SQL function: ALTIUS_FUNCTION(name) { ... use fcinfo ...; PG_RETURN_...; }
#define ALTIUS_FUNCTION(name)                                                          \
  static Datum name##_body(FunctionCallInfo fcinfo);                                   \
  extern "C" {                                                                         \
  ALTIUS_EXPORT const Pg_finfo_record *pg_finfo_##name(void);                          \
  ALTIUS_EXPORT Datum name(FunctionCallInfo fcinfo);                                   \
  const Pg_finfo_record *pg_finfo_##name(void) {                                       \
    static const Pg_finfo_record record = {1};                                         \
    return &record;                                                                    \
  }                                                                                    \
  Datum name(FunctionCallInfo fcinfo) {                                                \
    return altius::pg::Entry([&] { return name##_body(fcinfo); });                     \
  }                                                                                    \
  }                                                                                    \
  static Datum name##_body([[maybe_unused]] FunctionCallInfo fcinfo)
