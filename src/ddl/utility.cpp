// SPDX-License-Identifier: PostgreSQL
// The utility hook: which way a command takes.
#include "utility.hpp"

#include "altius/catalog/metadata.hpp"
#include "altius/core/txn/gid.hpp"
#include "altius/ddl/ddl.hpp"
#include "altius/door/door.hpp"
#include "altius/pg/bridge.hpp"
#include "altius/pg/rights.hpp"
#include "altius/pg/settings.hpp"
#include "altius/remote/control.hpp"
#include "altius/task/explaining.hpp"
#include "altius/task/shard_writes.hpp"
#include "altius/task/users_path.hpp"
#include "altius/txn/coordinated.hpp"
#include "copy_within.hpp"
#include "drop.hpp"
#include "reserved_names.hpp"
#include "sequences.hpp"
#include "shard_statement.hpp"
#include "sql.hpp"

extern "C" {
#include "access/xact.h"
#include "catalog/namespace.h"
#include "commands/extension.h"
#include "parser/parse_node.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
}

namespace altius::ddl {

namespace {

ProcessUtility_hook_type previous_hook = nullptr;
CopyHandler copy_handler = {nullptr, nullptr, nullptr};

bool RunCopy(CopyStmt* statement, const char* query, QueryEnvironment* environment, QueryCompletion* completion) {
  ParseState* state = make_parsestate(nullptr);
  state->p_sourcetext = query;
  state->p_queryEnv = environment;
  return copy_handler.run(statement, state, query, completion);
}

bool HandleCopy(const UtilityCall& call) {
  if (!IsA(call.statement(), CopyStmt) || copy_handler.run == nullptr) return false;
  auto* statement = reinterpret_cast<CopyStmt*>(call.statement());
  if (CopyStmt* as_query = copy_handler.as_query(statement)) {
    RunHere(WithStatement(call, reinterpret_cast<Node*>(as_query)));
    return true;
  }
  if (previous_hook == nullptr || !copy_handler.fills_shards(statement))
    return RunCopy(statement, call.query, call.environment, call.completion);
  CopyWithin(call, RunCopy);
  return true;
}

/// Looked for before the object, as PostgreSQL does, so that its error is the first.
void CheckNewOwner(Node* statement) {
  if (IsA(statement, AlterOwnerStmt))
    (void)get_rolespec_oid(reinterpret_cast<AlterOwnerStmt*>(statement)->newowner, false);
}

/// Under a name like the cluster's own a transaction would be in the way of somebody's commit, and recovery would end it.  Parts of
/// distributed transactions belong to who has logged in, who may have called functions of others: not to be ended one by one.
void KeepOwnGids(Node* statement) {
  if (!IsA(statement, TransactionStmt) || !IsTransactionState()) return;
  const auto* transaction = reinterpret_cast<const TransactionStmt*>(statement);
  const auto kind = transaction->kind;
  if (kind != TRANS_STMT_PREPARE && kind != TRANS_STMT_COMMIT_PREPARED && kind != TRANS_STMT_ROLLBACK_PREPARED) return;
  if (strncmp(transaction->gid, core::kGidPrefix, strlen(core::kGidPrefix)) != 0) return;
  if (door::IsNodeStatement()) return;
  ereport(ERROR, (errcode(ERRCODE_RESERVED_NAME), errmsg("transaction identifier \"%s\" is reserved", transaction->gid),
                  errdetail("Those that begin with \"%s\" are the cluster's own.", core::kGidPrefix)));
}

/// Null: not about one; "": about all.
const char* PreparedName(const UtilityCall& call) {
  const Node* statement = call.statement();
  if (IsA(statement, PrepareStmt)) return reinterpret_cast<const PrepareStmt*>(statement)->name;
  if (!IsA(statement, DeallocateStmt) || call.context == PROCESS_UTILITY_TOPLEVEL) return nullptr;
  const char* name = reinterpret_cast<const DeallocateStmt*>(statement)->name;
  return name == nullptr ? "" : name;
}

/// What a node has prepared here it runs as whoever is at work there: no code of another role may have put something else in its place.
void KeepNodesStatements(const UtilityCall& call) {
  if (!door::IsNodeSession()) return;
  const char* name = PreparedName(call);
  if (name == nullptr || (*name != '\0' && strncmp(name, remote::kPreparedPrefix, strlen(remote::kPreparedPrefix)) != 0)) return;
  ereport(ERROR, (errcode(ERRCODE_RESERVED_NAME), errmsg("prepared statements of other nodes can't be replaced"),
                  errdetail("Their names begin with \"%s\".", remote::kPreparedPrefix)));
}

/// Writes of shards by their names that are no queries.
void CheckWritten(Node* statement) {
  if (IsA(statement, CopyStmt)) {
    const auto* copy = reinterpret_cast<CopyStmt*>(statement);
    if (copy->is_from && copy->relation != nullptr) task::RequireOwnShard(RangeVarGetRelid(copy->relation, NoLock, true));
  } else if (IsA(statement, TruncateStmt)) {
    ListCell* cell;
    foreach (cell, reinterpret_cast<TruncateStmt*>(statement)->relations)
      task::RequireOwnShard(RangeVarGetRelid(lfirst_node(RangeVar, cell), NoLock, true));
  }
}

/// Of the commands that nodes send for shards by their names.
const RangeVar* NameOfShard(Node* statement) {
  switch (nodeTag(statement)) {
    case T_IndexStmt:
      return reinterpret_cast<IndexStmt*>(statement)->relation;
    case T_ReindexStmt:
      return reinterpret_cast<ReindexStmt*>(statement)->relation;
    case T_AlterTableStmt:
      return reinterpret_cast<AlterTableStmt*>(statement)->relation;
    default:
      return nullptr;
  }
}

void CheckMeant(const UtilityCall& call) {
  const RangeVar* name = NameOfShard(call.statement());
  if (name != nullptr && task::IsTextOfAskingNode(call.query)) catalog::RefuseOthers(RangeVarGetRelid(name, NoLock, true));
}

bool Handle(const UtilityCall& call) {
  if (call.context == PROCESS_UTILITY_SUBCOMMAND || !catalog::IsActive()) return false;
  CheckWritten(call.statement());
  CheckMeant(call);
  if (HandleCopy(call)) return true;
  // What a user has run there is no other node's part of a command: on a shell alone it would empty, change or drop nothing else.
  if (door::IsNodeSession()) {
    const bool users = task::RunsUsersCommand() && pg::PropagatesDdl();
    return users && (HandleOutside(call) || HandleTable(call));
  }
  if (HandleConstraints(call)) return true;
  if (!pg::PropagatesDdl()) return false;
  CheckNewOwner(call.statement());
  return HandlePartition(call) || HandleOutside(call) || HandleTable(call) || HandleObject(call);
}

void Hook(PlannedStmt* planned, const char* query, bool read_only, ProcessUtilityContext context,
          ParamListInfo params, QueryEnvironment* environment, DestReceiver* receiver,
          QueryCompletion* completion) {
  pg::Entry([&] {
    const UtilityCall call = {planned, query,       read_only, context,
                              params,  environment, receiver,  completion};
    if (context != PROCESS_UTILITY_SUBCOMMAND) pg::RefuseWhileLent();
    KeepOwnGids(call.statement());
    KeepNodesStatements(call);
    if (IsA(call.statement(), VariableSetStmt) || IsA(call.statement(), DiscardStmt)) remote::NoteSettingChange();
    const auto run = [&] {
      if (!Handle(call)) RunHere(call);
    };
    // Rows of another node: constraints and expressions of indexes may call functions of users.
    if (IsA(call.statement(), CopyStmt) && task::RunsForAnotherPath()) {
      task::OnUsersPath(run);
    } else if (IsA(call.statement(), ExplainStmt)) {
      const task::Explaining explaining;
      pg::Call(run);
    } else {
      run();
    }
  });
}

/// Settings under which a command's text means the same elsewhere.
constexpr const char* kSettings[] = {"search_path",
                                     "datestyle",
                                     "intervalstyle",
                                     "timezone",
                                     "bytea_output",
                                     "standard_conforming_strings",
                                     "escape_string_warning",
                                     "default_table_access_method"};

}  // namespace

void RunHere(const UtilityCall& call) {
  (previous_hook != nullptr ? previous_hook : standard_ProcessUtility)(
      call.planned, call.query, call.read_only, call.context, call.params, call.environment,
      call.receiver, call.completion);
}

char* CommandText(const UtilityCall& call) {
  const int start = call.planned->stmt_location < 0 ? 0 : call.planned->stmt_location;
  const char* text_start = call.query + start;
  const int length =
      call.planned->stmt_len > 0 ? call.planned->stmt_len : static_cast<int>(strlen(text_start));
  return pnstrdup(text_start, length);
}

char* ApplyText(const char* command, const char* password) {
  List* settings = NIL;
  for (const char* name : kSettings) {
    const char* value = GetConfigOption(name, true, false);
    if (value == nullptr) continue;
    settings = lappend(settings, pstrdup(name));
    settings = lappend(settings, pstrdup(value));
  }
  return psprintf("SELECT altius_internal.apply_command(%s, %s%s%s)", quote_literal_cstr(command), TextArrayLiteral(settings),
                  password == nullptr ? "" : ", ", password == nullptr ? "" : password);
}

void SpreadCommand(const char* message, List* local_shard_statements, const char* command) {
  catalog::LockNodes(RowShareLock);
  int count;
  const int* groups = txn::OtherGroups(&count);
  auto** requests = static_cast<remote::Request**>(palloc0(sizeof(remote::Request*) * (count + 1)));
  const remote::StatementText text_sent = {.sql = message, .by_node = true};
  for (int i = 0; i < count; i++)
    requests[i] = remote::Send(txn::Enlist(groups[i], txn::Access::Write), text_sent, nullptr);
  txn::NoteLocalWrite();
  RunShardStatements(local_shard_statements, command);
  remote::WaitAll(requests, count);
}

void SetCopyHandler(const CopyHandler& handler) { copy_handler = handler; }

void Init() {
  previous_hook = ProcessUtility_hook;
  ProcessUtility_hook = Hook;
  InitCopyWithin();
  InitDrop();
  InitReservedNames();
  InitSequences();
}

}  // namespace altius::ddl
