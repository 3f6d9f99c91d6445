// SPDX-License-Identifier: PostgreSQL
#include "altius/pg/bridge.hpp"

#include "altius/base/error.hpp"

namespace altius::pg {

namespace {

/// Copies the error under way into a context of its own; leaves `data` null when memory is out.
void CopyCurrentError(const SavedStacks &saved, ErrorData *volatile *data, MemoryContext volatile *home) {
  sigjmp_buf here;
  if (sigsetjmp(here, 0) == 0) {
    PG_exception_stack = &here;
    *home = AllocSetContextCreate(TopMemoryContext, "altius error", ALLOCSET_SMALL_SIZES);
    MemoryContextSwitchTo(*home);
    *data = CopyErrorData();
  } else {
    *data = nullptr;
  }
  saved.Restore();
  FlushErrorState();
}

int SqlErrCode(const std::string &state) noexcept {
  if (state.size() != 5) return ERRCODE_INTERNAL_ERROR;
  return MAKE_SQLSTATE(state[0], state[1], state[2], state[3], state[4]);
}

void Put(char (&target)[1024], const char *text) noexcept { strlcpy(target, text, sizeof(target)); }

}  // namespace

Error::~Error() {
  if (home_ != nullptr) MemoryContextDelete(home_);
}

const char *Error::what() const noexcept {
  return data_ != nullptr && data_->message != nullptr ? data_->message : "out of memory";
}

int Error::sqlerrcode() const noexcept { return data_ != nullptr ? data_->sqlerrcode : ERRCODE_OUT_OF_MEMORY; }

void ThrowCaptured(const SavedStacks &saved) {
  ErrorData *volatile data = nullptr;
  MemoryContext volatile home = nullptr;
  saved.Restore();
  CopyCurrentError(saved, &data, &home);
  throw Error(data, home);
}

void Failure::Describe() noexcept {
  data = nullptr;
  home = nullptr;
  message[0] = detail[0] = hint[0] = '\0';
  try {
    throw;
  } catch (Error &error) {
    data = std::exchange(error.data_, nullptr);
    home = std::exchange(error.home_, nullptr);
    sqlerrcode = ERRCODE_OUT_OF_MEMORY;
    Put(message, "out of memory");
  } catch (const altius::Error &error) {
    sqlerrcode = SqlErrCode(error.sqlstate);
    Put(message, error.message.c_str());
    Put(detail, error.detail.c_str());
    Put(hint, error.hint.c_str());
  } catch (const std::bad_alloc &) {
    sqlerrcode = ERRCODE_OUT_OF_MEMORY;
    Put(message, "out of memory");
  } catch (const std::exception &error) {
    sqlerrcode = ERRCODE_INTERNAL_ERROR;
    Put(message, error.what());
  } catch (...) {
    sqlerrcode = ERRCODE_INTERNAL_ERROR;
    Put(message, "unknown C++ exception");
  }
}

void Failure::Raise(const SavedStacks &saved) {
  saved.Restore();
  if (data != nullptr) {
    // PostgreSQL frees the copy together with the error: the next reset of ErrorContext deletes its children.
    MemoryContextSetParent(home, ErrorContext);
    ReThrowError(data);
  }
  if (home != nullptr) MemoryContextDelete(home);
  ereport(ERROR, (errcode(sqlerrcode), errmsg_internal("%s", message),
                  detail[0] != '\0' ? errdetail_internal("%s", detail) : 0,
                  hint[0] != '\0' ? errhint("%s", hint) : 0));
  pg_unreachable();
}

}  // namespace altius::pg
