// SPDX-License-Identifier: PostgreSQL
// What a session has set holds for its statements on other nodes, too: settings of its own (app.tenant, which policies and
// functions ask for) and PostgreSQL's (work_mem, row_security, session_replication_role, ...).
#pragma once

#include "session.hpp"

namespace altius::remote {

/// Queues what makes the node's settings equal to those of this session, when they have changed since the last time.
void FollowSessionSettings(Connection* connection);

/// Installs the hooks.
void InitSessionSettings();

}  // namespace altius::remote
