// SPDX-License-Identifier: PostgreSQL
// Statistics of one column of one relation, in PostgreSQL's values.
#pragma once

#include "altius/pg/array.hpp"
#include "altius/pg/pg.hpp"

extern "C" {
#include "access/attnum.h"
#include "fmgr.h"
}

namespace altius::statistics {

/// What a column's values are.
struct Kind {
  Oid type;
  int16 length;
  bool by_value;
  char alignment;
  Oid collation;
  Oid equal;          // operators; invalid where the type has none
  Oid less;
  FmgrInfo *compare;  // null: values have no order
};

/// As core::statistics::Column, all in palloc'd memory.
struct Column {
  double rows;
  double null_fraction;
  double width;
  double distinct;
  double correlation;
  pg::Array<Datum> common;
  pg::Array<double> fractions;  // of the common values
  pg::Array<Datum> bounds;
};

Kind KindOf(Oid type, Oid collation);

/// The statistics of the whole.  `disjoint`: no value is in two parts.  `detail`: at most so many common values and buckets.
Column Merge(const Kind &kind, const pg::Array<Column> &parts, bool disjoint, int detail);

/// What pg_statistic has of the relation's column, which is of the type; false when it has nothing.  `rows` is not set.
bool Read(Oid relid, AttrNumber number, Oid type, bool with_children, Column *column);

/// Puts it there, in the place of what was there.
void Write(Oid relid, AttrNumber number, bool with_children, const Kind &kind, const Column &column);

}  // namespace altius::statistics
