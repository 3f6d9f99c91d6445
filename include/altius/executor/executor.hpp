// SPDX-License-Identifier: PostgreSQL
// Runs fragments: the CustomScan "Altius Fragment".
//
// The planner makes the node with
//   methods          GetCustomScanMethods(plan::kFragmentScan)
//   custom_private   plan::ToList(fragment)
//   custom_exprs     arguments, then prune expressions (plan::FragmentExprs)
//   scan.scanrelid   0 (PostgreSQL opens a relation for any other; the leaf is no relation)
//   custom_scan_tlist  the result columns
#pragma once

#include "altius/pg/pg.hpp"

namespace altius::executor {

/// Registers the scan methods, settings and hooks.  From _PG_init.
void Init();

}  // namespace altius::executor
