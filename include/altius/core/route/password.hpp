// SPDX-License-Identifier: PostgreSQL
// Whether and how this server's password for another one may be used on a connection.
#pragma once

#include <string_view>

namespace altius::core {

/// Who says that a server of the cluster listens at the address.
enum class NamedBy {
  Catalog,  // pg_dist_node, or a superuser
  Etcd,     // etcd alone
  EtcdNew,  // etcd alone, of a server that would join the cluster
};

struct PasswordQuestion {
  NamedBy named_by = NamedBy::Catalog;
  std::string_view host;
  std::string_view sslmode;
  std::string_view channel_binding;
  bool has_password = false;
  bool chose_methods = false;    // the administrator has set require_auth
  bool may_choose = false;       // libpq knows require_auth (from version 16 on)
  bool allows_cleartext = false; // altius.allow_cleartext_passwords
  bool trusts_etcd = false;      // altius.ha_trust_etcd
};

enum class PasswordUse {
  Free,          // as libpq does by itself
  Choose,        // require_auth: SCRAM, or nothing is asked for
  BindChannel,   // TLS and channel_binding=require, which implies SCRAM
  Watch,         // what the server asks for is looked at first; with TLS as BindChannel
  Refuse,
};

PasswordUse HowToUsePassword(const PasswordQuestion& question);

/// A name or address of one server, or a directory of a socket: no list of them, nothing else libpq would read into it.
bool IsOneHost(std::string_view host);

/// The same, over a network.
bool IsNetworkHost(std::string_view host);

/// Whether nobody else reads what is sent to this URL: https, or this machine.
bool IsPrivateUrl(std::string_view url);

/// What a server asks for, from the first bytes it has sent (not over TLS).
enum class AsksFor {
  Nothing,   // that matters here
  More,      // bytes are needed to tell
  Password,  // in clear, as MD5, or in a way that is not known
};
AsksFor LookAtRequest(std::string_view bytes);

}  // namespace altius::core
