// SPDX-License-Identifier: PostgreSQL
// What the follower is told: the settings, read once into plain C++ values.
#pragma once

#include "altius/core/ha/layout.hpp"
#include "http.hpp"

namespace altius::ha {

enum class Mode : std::uint8_t { Off, Observe, On };

struct Configuration {
  Mode mode = Mode::Off;
  std::vector<std::string> endpoints;
  core::ha::LayoutOptions layout;
  std::string user;
  std::string password_file;
  Tls tls;
  bool allow_cleartext = false;
  int probe_interval_ms = 5;
  bool gate = true;
  bool warm_probes = true;

  bool operator==(const Configuration&) const = default;
};

void DefineSettings();

/// Whether etcd's endpoints are set.
bool IsConfigured();

Configuration ReadConfiguration();

/// altius.ha_database
const char* FollowedDatabase();
bool AddsNodes();             // altius.ha_auto_add_nodes
bool RegistersSecondaries();  // altius.ha_register_secondaries

/// Whether no password would travel in clear.
bool MayTellPassword(const Configuration& it);

/// The first line of the file; `problem` says why there is none.
std::string ReadPassword(const std::string& path, std::string* problem);

}  // namespace altius::ha
