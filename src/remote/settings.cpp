// SPDX-License-Identifier: PostgreSQL
// The settings of connections between nodes, and which settings of a client session its connections
// follow.
#include "altius/door/door.hpp"
#include "altius/pg/compat_guc.hpp"
#include "altius/pg/compat_locale.hpp"
#include "altius/pg/settings.hpp"
#include "session.hpp"

extern "C" {
#include "catalog/namespace.h"
#include "pgtime.h"
#include "tsearch/ts_cache.h"
#include "utils/guc.h"
}

namespace altius::remote {

char* node_conninfo = nullptr;
int connection_timeout_ms = 30000;
int max_cached_connections = 1;
int max_cached_lifetime_ms = 600000;
int max_prepared = 256;
int failover_timeout_ms = -1;
int gate_timeout_ms = 30000;
int tcp_user_timeout_ms = 10000;
bool allow_cleartext_passwords = false;
bool trust_etcd = false;

namespace {

void* AllocateSetting(size_t size) { return MemoryContextAlloc(TopMemoryContext, size); }

}  // namespace

const core::SettingMemory setting_memory = {AllocateSetting, pfree};
static_assert(kTrackedCount == core::NodeSettings::kFixed);

namespace {

// Addresses, database, user and session settings are Altius's own business.
constexpr const char* kAllowedOptions[] = {"connect_timeout",
                                           "gssencmode",
                                           "keepalives",
                                           "keepalives_count",
                                           "keepalives_idle",
                                           "keepalives_interval",
                                           "krbsrvname",
                                           "passfile",
                                           "require_auth",
                                           "sslcert",
                                           "sslcertmode",
                                           "sslcompression",
                                           "sslcrl",
                                           "sslcrldir",
                                           "sslkey",
                                           "sslmode",
                                           "sslpassword",
                                           "sslrootcert",
                                           "sslsni",
                                           "ssl_max_protocol_version",
                                           "ssl_min_protocol_version",
                                           "tcp_user_timeout",
                                           "channel_binding",
                                           "gsslib"};

}  // namespace

bool IsConnectionOption(const char* keyword) {
  for (const char* allowed : kAllowedOptions) {
    if (strcmp(keyword, allowed) == 0) return true;
  }
  return false;
}

namespace {

bool CheckConninfo(char** value, void**, GucSource) {
  if (*value == nullptr || **value == '\0') return true;
  char* message = nullptr;
  PQconninfoOption* options = PQconninfoParse(*value, &message);
  if (options == nullptr) {
    GUC_check_errdetail("%s", message != nullptr ? pstrdup(message) : "Out of memory.");
    PQfreemem(message);
    return false;
  }
  const char* refused = nullptr;
  for (PQconninfoOption* option = options; option->keyword != nullptr; option++) {
    if (option->val != nullptr && !IsConnectionOption(option->keyword)) refused = pstrdup(option->keyword);
  }
  PQconninfoFree(options);
  if (refused == nullptr) return true;
  GUC_check_errdetail("The connection option \"%s\" can't be set here.", refused);
  return false;
}

bool fixed_role = false;

void Fix(config_generic* setting, void*) {
  if (strcmp(setting->name, "role") == 0 || strcmp(setting->name, "session_authorization") == 0)
    setting->context = PGC_INTERNAL;
}

/// Of this process: nothing that runs here becomes the role that has logged in.
void FixRole(bool wanted, void*) {
  if (wanted) pg::VisitSettings(Fix, nullptr);
}

}  // namespace

void DefineSettings() {
  DefineCustomBoolVariable("altius.fixed_role", "The session keeps the role that it has started with.",
                           "Sent by other nodes for roles that may not log in.", &fixed_role, false, PGC_BACKEND,
                           GUC_NO_SHOW_ALL | GUC_NOT_IN_SAMPLE | GUC_DISALLOW_IN_FILE, nullptr, FixRole, nullptr);
  DefineCustomStringVariable("citus.node_conninfo",
                             "Sets libpq connection options used between nodes.", nullptr,
                             &node_conninfo, "sslmode=prefer", PGC_SIGHUP, GUC_SUPERUSER_ONLY,
                             CheckConninfo, nullptr, nullptr);
  DefineCustomBoolVariable(
      "altius.allow_cleartext_passwords",
      "Whether other nodes may ask for passwords in clear or as MD5; else only by SCRAM.", nullptr,
      &allow_cleartext_passwords, false, PGC_SIGHUP, GUC_SUPERUSER_ONLY, nullptr, nullptr, nullptr);
  DefineCustomBoolVariable(
      "altius.ha_trust_etcd",
      "Whether servers that etcd alone names get passwords (by SCRAM) without a verified certificate.",
      "Without it a group that needs a password is added over sslmode=verify-full only.", &trust_etcd,
      false, PGC_SIGHUP, GUC_SUPERUSER_ONLY, nullptr, nullptr, nullptr);
  DefineCustomIntVariable("citus.node_connection_timeout",
                          "Gives up connecting to a node after this time.", nullptr,
                          &connection_timeout_ms, 30000, 10, 3600000, PGC_USERSET, GUC_UNIT_MS,
                          nullptr, nullptr, nullptr);
  DefineCustomIntVariable(
      "citus.max_cached_conns_per_worker", "Sets how many idle connections to a node are kept.",
      nullptr, &max_cached_connections, 1, 0, INT_MAX, PGC_USERSET, 0, nullptr, nullptr, nullptr);
  DefineCustomIntVariable("altius.max_prepared_statements_per_connection",
                          "Sets how many statements of a session a node keeps prepared.",
                          "A statement on another shard is another one.", &max_prepared, 256, 1,
                          kMostPrepared, PGC_USERSET, 0, nullptr, nullptr, nullptr);
  DefineCustomIntVariable("citus.max_cached_connection_lifetime",
                          "Sets the age at which an idle connection is dropped.", nullptr,
                          &max_cached_lifetime_ms, 600000, -1, INT_MAX, PGC_USERSET, GUC_UNIT_MS,
                          nullptr, nullptr, nullptr);
  DefineCustomIntVariable(
      "altius.failover_timeout",
      "Sets how long statements wait for a node that was lost to come back, here or elsewhere.",
      "Statements that did nothing on it yet run again then.  -1: one minute for groups that a "
      "follower or citus_update_node "
      "moves, five seconds for others.",
      &failover_timeout_ms, -1, -1, INT_MAX, PGC_USERSET, GUC_UNIT_MS, nullptr, nullptr, nullptr);
  DefineCustomIntVariable(
      "altius.ha_gate_timeout",
      "Sets how long statements wait at most for a planned switchover that was announced.", nullptr,
      &gate_timeout_ms, 30000, 0, INT_MAX, PGC_USERSET, GUC_UNIT_MS, nullptr, nullptr, nullptr);
  DefineCustomIntVariable(
      "altius.node_tcp_user_timeout", "Gives a node up that acknowledges nothing for this time.",
      "0 leaves it to the operating system.  citus.node_conninfo may say otherwise.",
      &tcp_user_timeout_ms, 10000, 0, INT_MAX, PGC_SIGHUP, GUC_UNIT_MS, nullptr, nullptr, nullptr);
}

int GateTimeoutMs() { return gate_timeout_ms; }

const char* TrackedName(int setting) {
  switch (setting) {
    case kSearchPath:
      return "altius.search_path";  // floor task
    case kTimeZone:
      return "timezone";
    case kDateStyle:
      return "datestyle";
    case kIntervalStyle:
      return "intervalstyle";
    case kTextSearch:
      return "default_text_search_config";
    case kLcMonetary:
      return "lc_monetary";
    case kLcNumeric:
      return "lc_numeric";
    case kLcTime:
      return "lc_time";
    case kTriggerDepth:
      return "altius.trigger_depth";
    default:
      return "lock_timeout";
  }
}

namespace {

const char* DateStyleName() {
  constexpr const char* kNames[4][3] = {{"Postgres, YMD", "Postgres, DMY", "Postgres, MDY"},
                                        {"ISO, YMD", "ISO, DMY", "ISO, MDY"},
                                        {"SQL, YMD", "SQL, DMY", "SQL, MDY"},
                                        {"German, YMD", "German, DMY", "German, MDY"}};
  static_assert(USE_POSTGRES_DATES == 0 && USE_GERMAN_DATES == 3 && DATEORDER_MDY == 2);
  return kNames[DateStyle][DateOrder];
}

const char* IntervalStyleName() {
  constexpr const char* kNames[4] = {"postgres", "postgres_verbose", "sql_standard", "iso_8601"};
  static_assert(INTSTYLE_POSTGRES == 0 && INTSTYLE_ISO_8601 == 3);
  return kNames[IntervalStyle];
}

}  // namespace

const char* TrackedValue(int setting) {
  static char number[16];
  switch (setting) {
    case kSearchPath:
      return namespace_search_path;
    case kTimeZone:
      return pg_get_timezone_name(session_timezone);
    case kDateStyle:
      return DateStyleName();
    case kIntervalStyle:
      return IntervalStyleName();
    case kTextSearch:
      return TSCurrentConfig;
    case kLcMonetary:
      return locale_monetary;
    case kLcNumeric:
      return locale_numeric;
    case kLcTime:
      return locale_time;
    case kTriggerDepth:
      snprintf(number, sizeof(number), "%d", door::TriggerDepth());
      return number;
    default:
      snprintf(number, sizeof(number), "%d", LockTimeout);
      return number;
  }
}

}  // namespace altius::remote
