// SPDX-License-Identifier: PostgreSQL
#include "altius/pg/settings.hpp"

#include <climits>

#include "altius/core/shard/ranges.hpp"

extern "C" {
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
}

namespace altius::pg {

bool IsDefined(const char* name) {
  return GetConfigOption(name, true, false) != nullptr &&
         (GetConfigOptionFlags(name, true) & GUC_CUSTOM_PLACEHOLDER) == 0;
}

void DefineOne(const BoolSetting& it) {
  DefineCustomBoolVariable(it.name, it.description, nullptr, it.variable, it.initial, it.context,
                           it.flags, nullptr, nullptr, nullptr);
}

void DefineOne(const IntSetting& it) {
  DefineCustomIntVariable(it.name, it.description, nullptr, it.variable, it.initial, it.least,
                          it.greatest, it.context, it.flags, nullptr, nullptr, nullptr);
}

void DefineOne(const RealSetting& it) {
  DefineCustomRealVariable(it.name, it.description, nullptr, it.variable, it.initial, it.least,
                           it.greatest, it.context, it.flags, nullptr, nullptr, nullptr);
}

void DefineOne(const StringSetting& it) {
  DefineCustomStringVariable(it.name, it.description, nullptr, it.variable, it.initial, it.context,
                             it.flags, nullptr, nullptr, nullptr);
}

void DefineOne(const EnumSetting& it) {
  DefineCustomEnumVariable(it.name, it.description, nullptr, it.variable, it.initial, it.options,
                           it.context, it.flags, nullptr, nullptr, nullptr);
}

namespace settings {
int shard_count;
int shard_replication_factor;
bool log_remote_commands;
char* local_hostname;
char* show_shards_for;
bool plan_locally;
bool override_table_visibility;
}  // namespace settings

void InitSettings() {
  InitDdlPropagation();
  Define<IntSetting>({
      {"citus.shard_count", "Number of shards of a new colocation group.", &settings::shard_count,
       32, 1, core::kMaxShardCount, PGC_USERSET, 0},
      {"citus.shard_replication_factor", "Number of copies of each shard.",
       &settings::shard_replication_factor, 1, 1, 100, PGC_USERSET, 0},
  });
  Define<BoolSetting>({
      {"citus.log_remote_commands", "Logs each statement that is sent to another node.",
       &settings::log_remote_commands, false, PGC_USERSET, 0},
      {"altius.plan_locally",
       "Statements see the shell tables of this node only; set while a command is applied to them.",
       &settings::plan_locally, false, PGC_SUSET, GUC_NO_SHOW_ALL},  // what functions of others look up would be empty
      {"citus.override_table_visibility", "Whether shards are hidden from catalog queries.",
       &settings::override_table_visibility, true, PGC_USERSET, GUC_NO_SHOW_ALL},
  });
  Define<StringSetting>({
      {"citus.local_hostname", "The name under which a node reaches itself.",
       &settings::local_hostname, "localhost", PGC_SUSET, 0},
      {"citus.show_shards_for_app_name_prefixes",
       "Clients whose application_name begins with one of these (comma-separated) see shards; '*' "
       "is all.",
       &settings::show_shards_for, "", PGC_USERSET, 0},
  });
}

}  // namespace altius::pg
