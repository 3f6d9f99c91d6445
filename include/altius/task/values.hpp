// SPDX-License-Identifier: PostgreSQL
// Values on their way to other nodes.
#pragma once

#include "altius/pg/pg.hpp"

namespace altius::task {

/// The value's text form, which every node reads in the same way whatever DateStyle and the like
/// are in this session. Bracket a group of calls with BeginTransmission / EndTransmission.
char* TextOf(FmgrInfo* output, Datum value);

int BeginTransmission();
void EndTransmission(int level);

}  // namespace altius::task
