// SPDX-License-Identifier: PostgreSQL
#pragma once

namespace altius::txn {

void DefineStopPointSetting();

}  // namespace altius::txn
