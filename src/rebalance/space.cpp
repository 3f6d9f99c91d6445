// SPDX-License-Identifier: PostgreSQL
// Whether what moves has room where it goes: found out before anything is copied, not when the disk is full.
#include "space.hpp"

#include <sys/statvfs.h>

#include "altius/pg/bridge.hpp"
#include "settings.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
}

namespace altius::rebalance {

namespace {

double Number(remote::Connection* connection, const char* sql) {
  const char* value = remote::FetchValue(connection, sql);
  return value == nullptr ? 0 : strtod(value, nullptr);
}

double BytesOf(const Move& from) {
  StringInfoData sql;
  initStringInfo(&sql);
  appendStringInfoString(&sql, "SELECT 0");
  for (const Member& member : from.members) {
    if (member.has_rows)
      appendStringInfo(&sql, " + pg_catalog.pg_total_relation_size(%s)", quote_literal_cstr(member.name));
  }
  return Number(from.at_source, sql.data);
}

}  // namespace

void CheckSpace(Move* from, const Move& to, double share) {
  if (!check_space) return;
  if (from->at_source == nullptr) from->at_source = remote::OwnConnectionTo(from->source);
  const double bytes = BytesOf(*from) * share;
  const double total = Number(to.lanes[0], "SELECT (altius_internal.disk_space())[2]");
  const double left = Number(to.lanes[0], "SELECT (altius_internal.disk_space())[1]") - bytes;
  if (left >= total * percent_left / 100) return;
  const catalog::Node* node = catalog::PrimaryOfGroup(to.target);
  ereport(ERROR,
          (errcode(ERRCODE_DISK_FULL), errmsg("node %s:%d has not enough room for the shards", node->host, node->port),
           errdetail("They have %.0f MB; %.1f %% of its disk would be free then, and %.1f %% must be.", bytes / 1048576,
                     total > 0 ? std::max(left, 0.0) / total * 100 : 0.0, percent_left),
           errhint("citus.desired_percent_disk_available_after_move says how much must stay free; "
                   "citus.check_available_space_before_move turns the check off.")));
}

}  // namespace altius::rebalance

/// disk_space(): bytes that are available and that there are where this server's data lie.
ALTIUS_FUNCTION(altius_disk_space) {
  struct statvfs disk;
  if (statvfs(DataDir, &disk) != 0)
    ereport(ERROR, (errcode_for_file_access(), errmsg("could not ask for the free space of \"%s\": %m", DataDir)));
  const auto unit = static_cast<int64>(disk.f_frsize);
  Datum values[] = {Int64GetDatum(static_cast<int64>(disk.f_bavail) * unit),
                    Int64GetDatum(static_cast<int64>(disk.f_blocks) * unit)};
  PG_RETURN_ARRAYTYPE_P(construct_array(values, 2, INT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}
