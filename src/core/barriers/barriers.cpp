// SPDX-License-Identifier: PostgreSQL
#include "altius/core/barriers/barriers.hpp"

namespace altius::core::barriers {

Holds WhereHeld(const Target& target) {
  if (!target.changed || !target.guarded || !target.distributed) return Holds::Nowhere;
  // What comes of a view no node knows of; a node asks the policies of the user's role, not of the view's owner.
  return target.row_security && !target.through_view ? Holds::OnShards : Holds::InStatement;
}

bool GoesBehind(const Condition& condition) { return condition.tells; }

}  // namespace altius::core::barriers
