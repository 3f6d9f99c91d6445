// SPDX-License-Identifier: PostgreSQL
// Which values may go from node to node in binary form.
#pragma once

#include "altius/pg/pg.hpp"

namespace altius::rebalance {

/// Whether the type's binary form means the same on every node: names of objects have other oids
/// there, and so have the types inside of composite values.
bool TravelsInBinary(Oid type);

}  // namespace altius::rebalance
