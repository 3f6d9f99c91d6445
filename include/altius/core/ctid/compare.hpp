// SPDX-License-Identifier: PostgreSQL
// On one table a ctid tells a row from all others.  Rows of different shards may have the same one: where ctids decide about anything,
// the shards are compared, too, or it can't be done.
#pragma once

#include <cstdint>

namespace altius::core::ctid {

/// An expression of type tid.
struct Side {
  enum class Kind : std::uint8_t {
    Value,   // no row's, as far as the statement says
    Local,   // of a row of a table that lies in one place
    Spread,  // of a row of a table with several shards, or copies
  };
  Kind kind = Kind::Value;
  bool constant = false;   // of a value: it is the same for all rows that are looked at
  bool one_shard = false;  // of a row: it is of a shard that the statement names by the distribution column's value
  bool known = false;      // of a row: its shard can be had beside it
  int table = 0;
};

enum class Answer : std::uint8_t {
  AsItIs,
  WithShards,  // (shard, ctid) in place of ctid
  Refused,     // it would be true of other rows
};

Answer Compare(const Side& one, const Side& other);

/// What else is done with it.
enum class Use : std::uint8_t {
  Shown,     // the client gets it
  HandedOn,  // as a column of a subquery, to be looked at there
  Counted,   // count(ctid)
  Tested,    // IS NULL
  Grouped,   // equal ones are put together: GROUP BY, DISTINCT, UNION, PARTITION BY
  Computed,  // anything is made of it
};

bool MayBe(Use use, const Side& side);

}  // namespace altius::core::ctid
