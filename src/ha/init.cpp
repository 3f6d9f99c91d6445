// SPDX-License-Identifier: PostgreSQL
#include "altius/ha/ha.hpp"
#include "settings.hpp"
#include "shared.hpp"
#include "worker.hpp"

namespace altius::ha {

void Init() {
  DefineSettings();
  InitShared();
  RegisterFollower();
}

}  // namespace altius::ha
