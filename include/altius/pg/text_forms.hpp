// SPDX-License-Identifier: PostgreSQL
// Values as text that every node reads in the same way, whatever DateStyle and the like are in this session.
#pragma once

#include "altius/pg/pg.hpp"

namespace altius::pg {

/// Output functions called before the matching end write portable text.  An error in between undoes it by itself.
int BeginPortableText();
void EndPortableText(int level);

}  // namespace altius::pg
