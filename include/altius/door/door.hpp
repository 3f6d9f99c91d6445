// SPDX-License-Identifier: PostgreSQL
// The door between nodes, on the accepting side: whether this session is a node's, and whether what calls a function now is.
//
// A session is a node's because it has proved so (altius.node_greeting), not because of a name.  That alone lets nothing happen:
// functions, triggers and commands of users run inside of nodes' sessions, too.  So each statement that calls what only nodes
// may call carries a ticket, which is good for that statement and once.
#pragma once

#include "altius/pg/bridge.hpp"

namespace altius::door {

/// Whether this session, or the one that this parallel worker helps, has proved that another node of the cluster opened it.
bool IsNodeSession();

/// `begin` is called when this session has proved it.
void OnGreeting(void (*begin)());

/// The global pid of the session on another node that this one works for; 0 in a client's own session.
int64 OriginGlobalPid();

/// Returns when a superuser, a statement of a node, or code of this extension (WithPass) calls the function; else raises 42501.
/// A ticket and a pass are used up by it.
void RequireNodeCall(FunctionCallInfo fcinfo);

/// The same question about the client's statement as a whole; for what is no function.
bool IsNodeStatement();

/// Whether the ticket, as text, fits these bytes; it is used up if so.
bool AdmitsClaim(const char* ticket, const char* claim, size_t length);

/// Lets `body` call one function that asks RequireNodeCallCall, as its first deed.  `body` is plain C (pg::Call).
class Pass {
 public:
  Pass();
  ~Pass();
  Pass(const Pass&) = delete;
  Pass& operator=(const Pass&) = delete;
};

template <typename Body>
void WithPass(Body&& body) {
  const Pass pass;
  pg::Call(body);
}

/// In how many triggers this code runs, on this node and, where that has sent the statement, on the one that asks.
int TriggerDepth();
void InitTriggerDepth();

/// The settings through which sessions greet.  From _PG_init.
void Init();

}  // namespace altius::door

/// ALTIUS_FUNCTION for what only nodes (and superusers) may call: nothing of the body runs for anybody else.
#define ALTIUS_NODE_FUNCTION(name)                                    \
  static Datum name##_for_nodes(FunctionCallInfo fcinfo);             \
  ALTIUS_FUNCTION(name) {                                             \
    altius::door::RequireNodeCall(fcinfo);                                \
    return name##_for_nodes(fcinfo);                                  \
  }                                                                   \
  static Datum name##_for_nodes([[maybe_unused]] FunctionCallInfo fcinfo)
