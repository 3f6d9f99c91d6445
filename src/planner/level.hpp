// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "altius/core/locus/analysis.hpp"
#include "altius/pg/pg.hpp"

extern "C" {
#include "nodes/parsenodes.h"
}

namespace altius::planner {

/// A query level and those around it, as far as they are analysed together.
struct Level {
  Query *query;
  const Level *parent;
  bool whole;  // asked whether the level can be shipped as it is; else it is being cut and only its parts are shipped
  /// Why: of what is shipped, why it is not more.
  core::locus::Reason cut = core::locus::Reason::None;
};

}  // namespace altius::planner
