// SPDX-License-Identifier: PostgreSQL
#include "altius/core/evaluation/foreseen.hpp"

namespace altius::core::evaluation {

Foreseen Foresee(const Changing& changing, const Returned& returned) {
  if (returned.argument || !returned.elsewhere) return Foreseen::NoNeed;
  if (!returned.sendable) return Foreseen::Unsendable;
  const bool insert = changing.change == Change::Insert;
  // The columns of a new row are computed with it, and once.
  if (!insert && returned.is_volatile) return Foreseen::Volatile;
  if (changing.change == Change::Delete) return Foreseen::Yes;
  if (changing.row_triggers || (insert && changing.on_conflict)) return Foreseen::Changed;
  if (!insert && changing.volatile_values) return Foreseen::Volatile;
  return returned.plain_columns ? Foreseen::Yes : Foreseen::Unknown;
}

}  // namespace altius::core::evaluation
