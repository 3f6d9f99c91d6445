// SPDX-License-Identifier: PostgreSQL
// The distributed transaction of this session: which nodes take part, and how it ends.
//
// A connection handed out here belongs to the current transaction when it has to: BEGIN (with
// isolation level and the transaction's identity) and pending savepoints are queued in front of the
// caller's statement, so they cost no round trip. At commit: one writer commits in one phase,
// several (or one and this node) in two.
#pragma once

#include "altius/remote/connection.hpp"

namespace altius::txn {

enum class Access {
  Read,   // no transaction on the node unless the session is in a block, or the node takes part
          // already
  Write,  // takes part, is a writer
  SingleWrite,  // the statement is the only remote or local write of a top-level autocommitted
                // statement: no BEGIN is sent and the node commits by itself; treated as Write
                // whenever that is not certain
};

/// The connection to the group's primary, enlisted as `access` demands.  `owner` (NewOwner) says on whose behalf: what only one
/// owner did on a node can be done again by it when the node is lost.  0: nobody will.
remote::Connection* Enlist(int group, Access access, uint64 owner = 0);

/// The standby that a read of the group would go to now; null: the primary.
remote::Connection* StandbyFor(int group);

/// A number for one execution of a fragment or the like.
uint64 NewOwner();

/// After a request of the owner failed: whether it may be sent again.  Then what is left of the transaction on that node is
/// forgotten, and the caller enlists anew (which waits for the node or its successor) and sends the statement again.
/// `rows_used`: rows of the request can't be taken back.  `attempts` counts, and begins at 0.
bool MayRunAgain(const remote::Request* request, uint64 owner, bool rows_used, int* attempts);

/// Says that this session wrote in-process on its own node as part of a distributed statement (the
/// local commit counts).
void NoteLocalWrite();

/// Runs one command on each group, all at once, in the current distributed transaction (as
/// writers); raises the first error.
void ExecuteOnGroups(const int* groups, int count, const char* sql);

/// All active primaries but this server, as groups.  Returned in palloc'd memory; the count in
/// *count.
int* OtherGroups(int* count);

/// Same as ExecuteOnGroups with OtherGroups: how metadata changes and DDL reach the cluster.
void ExecuteOnOtherNodes(const char* sql);

/// A connection outside of the current transaction: autocommits each statement (recovery,
/// monitoring, CREATE INDEX CONCURRENTLY on shards).
remote::Connection* OutsideTransaction(int group);

/// SET CONSTRAINTS for the rest of the transaction: the groups' commands are run by those that take part, which may raise what
/// they find, and by others as soon as they do.
void SetConstraints(const int* groups, const char* const* commands, int count);

/// When the current transaction is committed in two phases this group gets to know before the other ones: a shard's old
/// node stops to serve it before the new one begins.
void CommitFirst(int group);

/// The node is about to take part in this transaction without being listed in pg_dist_node.  Should the transaction not get
/// to its end, recovery asks it too: its address is written down by a session of its own, and committed at once.
void NoteJoining(int group, const char* host, int port);

/// With this transaction the node is not listed any more: all others keep its address, for parts of their transactions may be
/// prepared there.  `reached`: this transaction has waited for all that worked there; else they may go on, unseen.
void NoteLeaving(int group, const char* host, int port, bool reached);

/// This transaction's cluster-wide id as text (see core/txn/gid.hpp), assigned on first use.
const char* CurrentTransactionId();

/// Registers callbacks, settings, shared memory and the maintenance worker.  From _PG_init.
void Init();

/// COMMIT PREPARED and ROLLBACK PREPARED of anybody.  Its hook stands in front of all others of ours: who handles commands looks whether
/// another extension stands behind.
void InitPreparedEnds();

}  // namespace altius::txn
