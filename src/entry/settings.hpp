// SPDX-License-Identifier: PostgreSQL
#pragma once

namespace altius::entry {

/// Defines the settings that exist for the sake of configurations written for Citus and do nothing
/// here.  Comes last: settings that a folder has defined are left alone.
void DefineAcceptedSettings();

/// citus.version
void DefineVersion();

}  // namespace altius::entry
