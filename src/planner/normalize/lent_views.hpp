// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "altius/pg/permissions.hpp"

extern "C" {
#include "nodes/parsenodes.h"
}

namespace altius::planner {

/// Where the query reads tables through views of other roles (`uses`: its relations), constants whose text could make a node
/// call code of users become values that are computed on the asking node.
void PrepareForLentRights(Query *query, const pg::RelationUses &uses);

}  // namespace altius::planner
