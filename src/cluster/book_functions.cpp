// SPDX-License-Identifier: PostgreSQL
// The address book by hand, for tests and for whoever knows better than etcd: superusers publish
// what a follower would.
#include "altius/catalog/metadata.hpp"
#include "altius/pg/bridge.hpp"
#include "altius/remote/address_book.hpp"
#include "altius/remote/lead.hpp"
#include "guards.hpp"

extern "C" {
#include "utils/builtins.h"
}

namespace altius::cluster {
namespace {

core::GroupState StateArg(const char* name) {
  constexpr core::GroupState kStates[] = {core::GroupState::Known, core::GroupState::Probing,
                                          core::GroupState::Leaderless, core::GroupState::Absent,
                                          core::GroupState::Mismatch};
  for (const core::GroupState state : kStates) {
    if (strcmp(core::NameOf(state), name) == 0) return state;
  }
  ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                  errmsg("\"%s\" is not the state of a group", name)));
  pg_unreachable();
}

const char* NameOf(core::Applied applied) {
  switch (applied) {
    case core::Applied::Stale:
      return "stale";
    case core::Applied::Same:
      return "same";
    case core::Applied::Updated:
      return "updated";
    case core::Applied::Moved:
      return "moved";
  }
  return "stale";
}

/// As a follower does after each of its deeds, and with what it would have heard of etcd by then.
void NoteLead(const core::NamedStandbys& standbys = {}) {
  remote::GroupEntry own;
  const bool followed = remote::Lookup(catalog::LocalGroup(), &own) && own.at.state != core::GroupState::Unknown;
  remote::JudgeLead(catalog::LocalGroup(), followed, remote::FindSenders(standbys));
  remote::NoteLook();
}

}  // namespace
}  // namespace altius::cluster

using namespace altius;           // NOLINT: the functions below are outside of any namespace
using namespace altius::cluster;  // NOLINT

ALTIUS_FUNCTION(altius_publish_group) {
  RequireSuperuser();
  core::Whereabouts news;
  news.state = StateArg(text_to_cstring(PG_GETARG_TEXT_PP(1)));
  news.epoch.cluster = 1;
  news.epoch.revision = PG_GETARG_INT64(2);
  strlcpy(news.member, text_to_cstring(PG_GETARG_TEXT_PP(3)), sizeof(news.member));
  strlcpy(news.host, text_to_cstring(PG_GETARG_TEXT_PP(4)), sizeof(news.host));
  news.port = PG_GETARG_INT32(5);
  news.timeline = PG_GETARG_INT32(6);
  const core::Applied applied = remote::Publish(PG_GETARG_INT32(0), news);
  NoteLead();
  PG_RETURN_TEXT_P(cstring_to_text(NameOf(applied)));
}

ALTIUS_FUNCTION(altius_set_following) {
  RequireSuperuser();
  remote::SetFollowing(PG_GETARG_BOOL(0));
  NoteLead();
  PG_RETURN_VOID();
}

ALTIUS_FUNCTION(altius_forget_group) {
  RequireSuperuser();
  remote::Forget(PG_GETARG_INT32(0));
  NoteLead();
  PG_RETURN_VOID();
}

ALTIUS_FUNCTION(altius_name_standbys) {
  RequireSuperuser();
  const char* list = text_to_cstring(PG_GETARG_TEXT_PP(0));
  NoteLead(core::ReadNamedStandbys(list, 0));
  PG_RETURN_VOID();
}
