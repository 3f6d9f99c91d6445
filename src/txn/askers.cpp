// SPDX-License-Identifier: PostgreSQL
#include "askers.hpp"

#include "altius/catalog/metadata.hpp"
#include "altius/core/txn/commit.hpp"
#include "altius/core/txn/gid.hpp"
#include "altius/door/door.hpp"
#include "identity.hpp"

extern "C" {
#include "access/xact.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/inval.h"
}

namespace altius::txn {

namespace {

constexpr uint16 kAskerLock = 52;  // a class of LOCKTAG_ADVISORY; users' locks have 1 and 2
constexpr int64 kNodeFactor = INT64CONST(10000000000);

int locked_group = -1;  // by the session, for the transaction's own locks stay with what is prepared

LOCKTAG TagOf(int group) {
  LOCKTAG tag;
  SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, 0, static_cast<uint32>(group), kAskerLock);
  return tag;
}

bool Lock(int group) {
  ForgetAsker();
  const LOCKTAG tag = TagOf(group);
  if (LockAcquire(&tag, ShareLock, true, true) == LOCKACQUIRE_NOT_AVAIL) return false;
  locked_group = group;
  return true;
}

/// The node that opened this session, as it takes itself; 0: it is not in its own list.
int NodeOfAsker() { return static_cast<int>(door::OriginGlobalPid() / kNodeFactor); }

bool IsListed(int group) {
  for (const catalog::Node* node : catalog::AllNodes()) {
    if (node->group == group && node->role == catalog::NodeRole::Primary) return true;
  }
  return false;
}

[[noreturn]] void Refuse(bool leaving) {
  if (leaving) {
    ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE), errmsg("the node that began the transaction is being removed"),
                    errhint("The transaction is rolled back; run it again.")));
  }
  ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                  errmsg("the node that began the transaction is not one of the cluster any more"),
                  errdetail("It was removed, perhaps while nobody could tell it."),
                  errhint("The transaction is rolled back; run it on another node.")));
  pg_unreachable();
}

}  // namespace

void RequireAsker(const char* gid) {
  const auto id = core::ParseGid(gid);
  if (!id.has_value() || !door::IsNodeSession()) return;
  core::Asker asker{.coordinator = id->group == catalog::kCoordinatorGroup};
  if (!asker.coordinator) {
    asker.leaving = !Lock(id->group);
    AcceptInvalidationMessages();  // of removals that had the lock before
    const catalog::Node* node = catalog::FindNode(NodeOfAsker());
    asker.group_listed = IsListed(id->group);
    asker.same_node = node != nullptr && node->group == id->group;
  }
  if (!core::MayPrepare(asker)) Refuse(asker.leaving);
}

void ForgetAsker() {
  if (locked_group < 0) return;
  const LOCKTAG tag = TagOf(locked_group);
  locked_group = -1;
  (void)LockRelease(&tag, ShareLock, true);
}

void RequireListedAsker() {
  if (!door::IsNodeSession() || !TransactionIdIsValid(GetTopTransactionIdIfAny())) return;
  const core::TransactionId& transaction = ToldTransaction();
  const int node = NodeOfAsker();
  // A coordinator need not be listed, and gets another row when it is added again.
  if (!transaction.IsValid() || transaction.group == catalog::kCoordinatorGroup || node == 0) return;
  if (catalog::FindNode(node) != nullptr) return;
  Refuse(false);
}

void StopPreparesHere(int group) {
  const LOCKTAG tag = TagOf(group);
  (void)LockAcquire(&tag, ExclusiveLock, false, false);
}

}  // namespace altius::txn
