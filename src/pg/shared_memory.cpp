// SPDX-License-Identifier: PostgreSQL
#include "altius/pg/shared_memory.hpp"

#include "altius/pg/bridge.hpp"

extern "C" {
#include "storage/ipc.h"
#include "storage/shmem.h"
}

namespace altius::pg {

namespace {

struct Part {
  SharedPart asked;
  Size bytes;  // what was asked for at the start counts for the server's life: settings may change before a crash
};

constexpr int kMostParts = 16;
Part parts[kMostParts];
int part_count = 0;
shmem_request_hook_type previous_request = nullptr;
shmem_startup_hook_type previous_startup = nullptr;

void Request() {
  if (previous_request != nullptr) previous_request();
  for (int i = 0; i < part_count; i++) {
    parts[i].bytes = parts[i].asked.size();
    RequestAddinShmemSpace(parts[i].bytes);
    if (parts[i].asked.tranche != nullptr) RequestNamedLWLockTranche(parts[i].asked.tranche, 1);
  }
}

void Attach() {
  if (previous_startup != nullptr) previous_startup();
  LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
  for (int i = 0; i < part_count; i++) {
    bool found;
    void *memory = ShmemInitStruct(parts[i].asked.name, parts[i].bytes, &found);
    if (!found) memset(memory, 0, parts[i].bytes);
    parts[i].asked.take(memory, !found);
  }
  LWLockRelease(AddinShmemInitLock);
}

}  // namespace

void RegisterShared(const SharedPart &part) {
  if (!process_shared_preload_libraries_in_progress) return;
  if (part_count == kMostParts) elog(ERROR, "too many parts of shared memory");
  if (part_count == 0) {
    previous_request = shmem_request_hook;
    shmem_request_hook = [] { Entry(Request); };
    previous_startup = shmem_startup_hook;
    shmem_startup_hook = [] { Entry(Attach); };
  }
  parts[part_count++] = Part{part, 0};
}

LWLock *SharedLock(const char *tranche) { return &GetNamedLWLockTranche(tranche)->lock; }

}  // namespace altius::pg
