// SPDX-License-Identifier: PostgreSQL
// The accepting side.  The nonce goes to every client with the other parameters that a server reports at the start of a session,
// so that proving costs no round trip: the greeting travels in front of the first statement.
#include "altius/door/calling.hpp"
#include "altius/door/door.hpp"
#include "altius/door/secret.hpp"
#include "altius/pg/compat_guc.hpp"
#include "mac.hpp"

extern "C" {
#include "access/parallel.h"
#include "access/xact.h"
#include "commands/dbcommands.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
}

namespace altius::door {

using namespace core::door;

namespace {

/// Of this session, once it has greeted.
struct Peer {
  bool present;
  bool has_key;  // else a superuser, who needs no tickets
  int64 global_pid;
  Gate gate;
};
Peer peer = {};
bool pass_open = false;

char* nonce_variable = nullptr;
char* greeting_variable = nullptr;
char nonce_text[2 * kNonceBytes + 1] = {};
int nonce_pid = 0;  // the process that it is of

/// Made by the first who asks: the report of parameters to a client that begins a session.
const char* ShowNonce() {
  if (nonce_pid != MyProcPid) {
    const Nonce nonce = NewNonce();
    for (size_t i = 0; i < kNonceBytes; i++) snprintf(nonce_text + 2 * i, 3, "%02x", nonce.bytes[i]);
    nonce_pid = MyProcPid;
  }
  return nonce_text;
}

bool Refuse(const char* detail) {
  GUC_check_errcode(ERRCODE_INVALID_PARAMETER_VALUE);
  GUC_check_errdetail("%s", detail);
  return false;
}

/// Null, or why the greeting is not a node's.
const char* Judge(const Greeting& greeting, Peer* found) {
  found->present = true;
  found->global_pid = greeting.global_pid;
  Key secret;
  const char* reason = "This node does not have that generation of the cluster's secret.";
  if (greeting.generation > 0 && FindSecret(greeting.generation, &secret)) {
    const Parties parties = {ShowNonce(), GetUserNameFromId(GetSessionUserId(), false), get_database_name(MyDatabaseId)};
    const Key session_key = SessionKey(Hmac, secret, parties, greeting);
    const Digest expected = GreetingMac(Hmac, session_key);
    found->gate.key = TicketKey(Hmac, session_key);
    found->has_key = AreEqual(expected.bytes, greeting.mac.bytes, kDigestBytes);
    reason = "What it proves does not fit this node's secret.";
  }
  // A superuser may do all that nodes may: a server is added to a cluster before it has the secret.
  return found->has_key || superuser_arg(GetSessionUserId()) ? nullptr : reason;
}

/// The asking node has sent more behind its greeting, a BEGIN perhaps, and what follows that: none of it may run.
void RequireAccepted(const Greeting& greeting, Peer* found) {
  const char* reason = Judge(greeting, found);
  if (reason == nullptr) return;
  ereport(FATAL, (errcode(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION),
                  errmsg("the server that asks is not accepted as a node of this cluster"), errdetail("%s", reason)));
}

bool CheckGreeting(char** value, void** extra, GucSource source) {
  if (*value == nullptr || **value == '\0') return true;
  // A parallel worker is told what its leader has been told.
  const bool helps = InitializingParallelWorker;
  if (!helps && (source != PGC_S_SESSION || !IsTransactionState())) return Refuse("A greeting is sent by SET.");
  if (!helps && peer.present) return Refuse("The session was greeted before.");
  Peer found = {};
  if (helps) {
    found.present = true;
  } else {
    const std::optional<Greeting> greeting = ParseGreeting(*value);
    if (!greeting.has_value()) return Refuse("It is not a greeting.");
    RequireAccepted(*greeting, &found);
  }
  auto* kept = static_cast<Peer*>(pg::AllocateExtra(sizeof(Peer)));
  if (kept == nullptr) return false;
  *kept = found;
  *extra = kept;
  return true;
}

/// Texts go to the asking node as they are and are not looked at there: a user's function that changed the encoding in between would
/// give it texts that are none in its own.
GucStringCheckHook check_encoding = nullptr;

/// Files and defaults have less to say than what the connection began with, and are read again at each reload.
bool CheckEncoding(char** value, void** extra, GucSource source) {
  if (!check_encoding(value, extra, source)) return false;
  if (source < PGC_S_INTERACTIVE || pg_char_to_encoding(*value) == pg_get_client_encoding()) return true;
  GUC_check_errcode(ERRCODE_CANT_CHANGE_RUNTIME_PARAM);
  GUC_check_errmsg("parameter \"client_encoding\" cannot be changed");
  return false;
}

void FixEncoding() {
  auto* encoding = reinterpret_cast<config_string*>(pg::FindSetting("client_encoding"));
  if (encoding == nullptr || check_encoding != nullptr) return;
  check_encoding = encoding->check_hook;
  encoding->check_hook = CheckEncoding;
}

void (*on_greeting)() = nullptr;

/// What a session has proved stays true when the setting is reset or rolled back.
void AssignGreeting(const char*, void* extra) {
  if (extra == nullptr || peer.present) return;
  peer = *static_cast<Peer*>(extra);
  FixEncoding();
  if (on_greeting != nullptr) on_greeting();
}

bool TakePass() {
  const bool taken = pass_open;
  pass_open = false;
  return taken;
}

/// A statement's own calls are made as the role that it was sent as: not as the owner of a table whose expressions it evaluates.
bool IsOtherRoleAtWork() {
  return GetUserId() != GetOuterUserId() || InLocalUserIdChange() || InSecurityRestrictedOperation();
}

/// What the client sent, whatever runs inside of it now; its ticket is used up by the first who asks.
bool TakeStatementTicket() {
  if (!peer.has_key || debug_query_string == nullptr || IsOtherRoleAtWork()) return false;
  const std::optional<Signed> it = ParseSigned(debug_query_string);
  return it.has_value() && Admit(&peer.gate, it->ticket, it->statement);
}

}  // namespace

bool IsNodeSession() { return peer.present; }

void OnGreeting(void (*begin)()) { on_greeting = begin; }

int64 OriginGlobalPid() { return peer.global_pid; }

/// Superusers use tickets and passes up, too: what runs as another role inside of their call must find none.
bool IsNodeStatement() {
  const bool passed = TakePass();
  const bool signed_by_node = TakeStatementTicket();
  return passed || signed_by_node || superuser();
}

void RequireNodeCall(FunctionCallInfo fcinfo) {
  if (IsNodeStatement()) return;
  const char* name = fcinfo->flinfo == nullptr ? nullptr : get_func_name(fcinfo->flinfo->fn_oid);
  ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                  errmsg("permission denied for function %s", name == nullptr ? "of nodes" : name),
                  errdetail("Only the nodes of the cluster call it, in statements that prove where they come from.")));
}

bool AdmitsClaim(const char* ticket, const char* claim, size_t length) {
  if (!peer.has_key) return peer.present && superuser();
  const std::optional<Ticket> parsed = ParseTicket(ticket);
  return parsed.has_value() && Admit(&peer.gate, *parsed, {claim, length});
}

Pass::Pass() { pass_open = true; }
Pass::~Pass() { pass_open = false; }

void Init() {
  DefineCustomStringVariable(kNonceParameter, "Number of this session that nodes prove themselves with.", nullptr, &nonce_variable,
                             "", PGC_INTERNAL, GUC_REPORT | GUC_NO_SHOW_ALL | GUC_NOT_IN_SAMPLE | GUC_DISALLOW_IN_FILE, nullptr,
                             nullptr, ShowNonce);
  DefineCustomStringVariable("altius.node_greeting", "Proves that another node of the cluster has opened this session.",
                             "Set by other nodes.", &greeting_variable, "", PGC_USERSET,
                             GUC_NO_SHOW_ALL | GUC_NOT_IN_SAMPLE | GUC_DISALLOW_IN_FILE | GUC_NO_RESET_ALL, CheckGreeting,
                             AssignGreeting, nullptr);
  InitTriggerDepth();
}

}  // namespace altius::door
