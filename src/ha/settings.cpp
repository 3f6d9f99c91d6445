// SPDX-License-Identifier: PostgreSQL
#include "settings.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <fstream>

#include "altius/core/route/password.hpp"
#include "altius/pg/settings.hpp"

namespace altius::ha {
namespace {

int mode = static_cast<int>(Mode::On);
char* endpoints = nullptr;
char* nspace = nullptr;
int layout = static_cast<int>(core::ha::Layout::Auto);
char* scope = nullptr;
char* group_map = nullptr;
char* database = nullptr;
char* user = nullptr;
char* password_file = nullptr;
char* cacert = nullptr;
char* cert = nullptr;
char* key = nullptr;
bool verify = true;
bool allow_cleartext = false;
bool auto_add_nodes = true;
bool register_secondaries = true;
bool gate = true;
bool warm_probes = true;
int probe_interval_ms = 5;

constexpr config_enum_entry kModes[] = {
    {"off", static_cast<int>(Mode::Off), false},
    {"observe", static_cast<int>(Mode::Observe), false},
    {"on", static_cast<int>(Mode::On), false},
    {nullptr, 0, false},
};
constexpr config_enum_entry kLayouts[] = {
    {"auto", static_cast<int>(core::ha::Layout::Auto), false},
    {"citus", static_cast<int>(core::ha::Layout::Citus), false},
    {"scopes", static_cast<int>(core::ha::Layout::Scopes), false},
    {nullptr, 0, false},
};

std::string_view Trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

std::vector<std::string> Split(std::string_view list) {
  std::vector<std::string> parts;
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    const std::string_view part = Trim(list.substr(0, comma));
    if (!part.empty()) parts.emplace_back(part);
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return parts;
}

bool CheckEndpoints(char** value, void**, GucSource) {
  for (const char* at = *value; at != nullptr && *at != '\0';) {
    const char* comma = strchrnul(at, ',');
    while (*at == ' ') at++;
    const bool good = strncmp(at, "http://", 7) == 0 || strncmp(at, "https://", 8) == 0;
    if (at < comma && !good) {
      GUC_check_errdetail("Endpoints are written as http://HOST:PORT or https://HOST:PORT.");
      return false;
    }
    at = *comma == '\0' ? comma : comma + 1;
  }
  return true;
}

bool IsBlank(const char* text) { return text == nullptr || text[strspn(text, " ,")] == '\0'; }

std::string TextOf(const char* value) { return value == nullptr ? "" : value; }

/// Patroni sets cluster_name to the scope.
std::string ScopeOrClusterName() {
  if (!IsBlank(scope)) return scope;
  return TextOf(GetConfigOption("cluster_name", true, false));
}

void DefineEtcd() {
  DefineCustomStringVariable("altius.etcd_endpoints", "Sets where etcd's members listen.",
                             "As https://10.0.0.1:2379,https://10.0.0.2:2379.  Empty: nothing is "
                             "followed.  The first time it takes a restart.",
                             &endpoints, "", PGC_SIGHUP, 0, CheckEndpoints, nullptr, nullptr);
  pg::Define<pg::StringSetting>({
      {"altius.etcd_user", "Sets the user to log in to etcd as; empty: without.", &user, "",
       PGC_SIGHUP, 0},
      {"altius.etcd_password_file", "Sets the file whose first line is the password for etcd.",
       &password_file, "", PGC_SIGHUP, GUC_SUPERUSER_ONLY},
      {"altius.etcd_cacert", "Sets the file of certificates that etcd's is to be signed by.",
       &cacert, "", PGC_SIGHUP, GUC_SUPERUSER_ONLY},
      {"altius.etcd_cert", "Sets the file of this server's certificate for etcd.", &cert, "",
       PGC_SIGHUP, GUC_SUPERUSER_ONLY},
      {"altius.etcd_key", "Sets the file of the key of this server's certificate for etcd.", &key,
       "", PGC_SIGHUP, GUC_SUPERUSER_ONLY},
  });
  pg::Define<pg::BoolSetting>({
      {"altius.etcd_verify", "Whether etcd's certificate and host name are checked.", &verify, true,
       PGC_SIGHUP, GUC_SUPERUSER_ONLY},
      {"altius.etcd_allow_cleartext",
       "Whether etcd gets the password over a network without TLS (http).", &allow_cleartext, false,
       PGC_SIGHUP, GUC_SUPERUSER_ONLY},
  });
}

void DefinePatroni() {
  pg::Define<pg::EnumSetting>({
      {"altius.ha_enabled",
       "Whether leaders are followed: off, observe (only shown in altius_ha_status), on.", &mode,
       static_cast<int>(Mode::On), kModes, PGC_SIGHUP, 0},
      {"altius.ha_layout",
       "Sets how Patroni's keys are laid out: citus (its Citus mode), scopes (one scope for each "
       "group), auto (scopes when altius.ha_group_map is set).",
       &layout, static_cast<int>(core::ha::Layout::Auto), kLayouts, PGC_SIGHUP, 0},
  });
  pg::Define<pg::StringSetting>({
      {"altius.ha_namespace", "Sets Patroni's namespace.", &nspace, "/service", PGC_SIGHUP, 0},
      {"altius.ha_scope", "Sets Patroni's scope in the layout citus; empty: cluster_name.", &scope,
       "", PGC_SIGHUP, 0},
      {"altius.ha_group_map",
       "Sets which scope is which group in the layout scopes: \"coord=0, shard-1=1\" or "
       "\"shard-{group}\".",
       &group_map, "", PGC_SIGHUP, 0},
      {"altius.ha_database", "Sets the database whose nodes are followed.", &database, "postgres",
       PGC_POSTMASTER, 0},
  });
}

void DefineDeeds() {
  pg::Define<pg::BoolSetting>({
      {"altius.ha_auto_add_nodes",
       "Whether the coordinator adds groups that appear in etcd to the cluster.", &auto_add_nodes,
       true, PGC_SIGHUP, 0},
      {"altius.ha_register_secondaries",
       "Whether the coordinator registers standbys in pg_dist_node.", &register_secondaries, true,
       PGC_SIGHUP, 0},
      {"altius.ha_switchover_gate",
       "Whether statements wait for a planned switchover from its announcement on.", &gate, true,
       PGC_SIGHUP, 0},
      {"altius.ha_warm_probes",
       "Whether a connection to each standby is kept, so that its promotion is seen at once.",
       &warm_probes, true, PGC_SIGHUP, 0},
  });
  pg::DefineOne(pg::IntSetting{"altius.ha_probe_interval",
                               "Sets how often a new leader is asked whether it accepts writes.",
                               &probe_interval_ms, 5, 1, 1000, PGC_SIGHUP, GUC_UNIT_MS});
}

}  // namespace

void DefineSettings() {
  DefineEtcd();
  DefinePatroni();
  DefineDeeds();
}

bool IsConfigured() { return !IsBlank(endpoints); }

Configuration ReadConfiguration() {
  Configuration it;
  it.mode = static_cast<Mode>(mode);
  it.endpoints = Split(TextOf(endpoints));
  it.layout = {static_cast<core::ha::Layout>(layout), TextOf(nspace), ScopeOrClusterName(),
               TextOf(group_map)};
  it.user = TextOf(user);
  it.password_file = TextOf(password_file);
  it.tls = {TextOf(cacert), TextOf(cert), TextOf(key), verify};
  it.allow_cleartext = allow_cleartext;
  it.probe_interval_ms = probe_interval_ms;
  it.gate = gate;
  it.warm_probes = warm_probes;
  if (it.endpoints.empty()) it.mode = Mode::Off;
  return it;
}

const char* FollowedDatabase() { return database; }
bool AddsNodes() { return auto_add_nodes; }
bool RegistersSecondaries() { return register_secondaries; }

bool MayTellPassword(const Configuration& it) {
  return it.allow_cleartext || std::all_of(it.endpoints.begin(), it.endpoints.end(), core::IsPrivateUrl);
}

std::string ReadPassword(const std::string& path, std::string* problem) {
  problem->clear();
  if (path.empty()) return {};
  struct stat info = {};
  std::string line;
  std::ifstream file(path);
  if (!file.good() || stat(path.c_str(), &info) != 0) {
    *problem = "altius.etcd_password_file \"" + path + "\" can't be read";
  } else if ((info.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    *problem = "altius.etcd_password_file \"" + path + "\" may be read by others: chmod 600";
  } else if (!std::getline(file, line)) {
    *problem = "altius.etcd_password_file \"" + path + "\" is empty";
  }
  while (!line.empty() && (line.back() == '\r' || line.back() == '\n')) line.pop_back();
  return problem->empty() ? line : std::string();
}

}  // namespace altius::ha
