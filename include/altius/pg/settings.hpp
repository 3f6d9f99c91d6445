// SPDX-License-Identifier: PostgreSQL
// Settings as tables: each folder has an array of them and hands it to Define.  A setting that
// somebody has defined before is left alone, so that the list of accepted settings without effect
// (entry) can name all.
#pragma once

#include "altius/pg/pg.hpp"

extern "C" {
#include "utils/guc.h"
}

namespace altius::pg {

struct BoolSetting {
  const char* name;
  const char* description;
  bool* variable;
  bool initial;
  GucContext context;
  int flags;
};

struct IntSetting {
  const char* name;
  const char* description;
  int* variable;
  int initial;
  int least;
  int greatest;
  GucContext context;
  int flags;
};

struct RealSetting {
  const char* name;
  const char* description;
  double* variable;
  double initial;
  double least;
  double greatest;
  GucContext context;
  int flags;
};

struct StringSetting {
  const char* name;
  const char* description;
  char** variable;
  const char* initial;
  GucContext context;
  int flags;
};

struct EnumSetting {
  const char* name;
  const char* description;
  int* variable;
  int initial;
  const config_enum_entry* options;
  GucContext context;
  int flags;
};

/// Whether the setting is defined already (a mere placeholder from a configuration file does not
/// count).
bool IsDefined(const char* name);

void DefineOne(const BoolSetting& setting);
void DefineOne(const IntSetting& setting);
void DefineOne(const RealSetting& setting);
void DefineOne(const StringSetting& setting);
void DefineOne(const EnumSetting& setting);

/// Defines each setting of the array that is not defined yet.
template <typename Setting, std::size_t count>
void Define(const Setting (&settings)[count]) {
  for (const Setting& setting : settings) {
    if (!IsDefined(setting.name)) DefineOne(setting);
  }
}

/// Settings that several folders read.
namespace settings {
extern int shard_count;                 // citus.shard_count
extern int shard_replication_factor;    // citus.shard_replication_factor
extern bool log_remote_commands;        // citus.log_remote_commands
extern char* local_hostname;            // citus.local_hostname
extern char* show_shards_for;           // citus.show_shards_for_app_name_prefixes
extern bool plan_locally;              // altius.plan_locally
extern bool override_table_visibility;  // citus.override_table_visibility
}  // namespace settings

/// citus.enable_ddl_propagation.  What a role has switched off is on within functions that run as another: half of what a command
/// of their owner does (REVOKE, CREATE POLICY) would leave the other nodes as they were.
bool PropagatesDdl();

/// Defines the settings above.  From _PG_init.
void InitSettings();
void InitDdlPropagation();
/// plan_locally.cpp: altius.plan_locally is off within functions of users.
void InitPlanLocally();

}  // namespace altius::pg
