// SPDX-License-Identifier: PostgreSQL
// What statements are made of.
#pragma once

namespace locus_test {

enum class Piece {  // of tables d, e (colocated), c, f (elsewhere), r (reference), s (one shard), l
                    // (of the asking node)
  Hash,             // d
  HashBeside,       // e, colocated with d
  HashElsewhere,    // f, of another colocation
  HashCoarse,       // c, spread by a coarser equality
  Reference,        // r
  Single,           // s
  Here,             // l
  Values,           // rows computed from constants
  Pinned,           // (SELECT * FROM d WHERE k = 1)
  PinnedAggregate,  // (SELECT max(v), count(*) FROM d WHERE k = 1)
  PinnedOther,      // the same with k = 2
  OuterAggregate,   // (SELECT max(v), count(*) FROM d WHERE k = <a column outside>)
  OuterAndPinned,   // the same with k = 2 as well
  OuterRows,        // (SELECT * FROM d WHERE k = <a column outside>)
  OuterPinnedRows,  // the same with k = 2 as well
  NoneThere,        // (SELECT max(v), count(*) FROM d WHERE k = 2 HAVING count(*) = 0)
  Aggregate,        // (SELECT max(v), count(*) FROM d)
  CopyAggregate,    // (SELECT max(y), count(*) FROM r)
  CopyLimit,        // (SELECT * FROM r LIMIT 1)
  CopySample,       // r TABLESAMPLE
  CopyWithLimit,    // (SELECT y, l.x FROM r, (SELECT * FROM r LIMIT 1) l), either first
  PinnedLimit,      // (SELECT * FROM d WHERE k = 1 LIMIT 1)
  HashLimit,        // (SELECT * FROM d LIMIT 1)
  ByKey,            // (SELECT k, count(*) FROM d GROUP BY k)
  ByValue,          // (SELECT v, count(*) FROM d GROUP BY v)
  ByKeyCoarse,      // grouped by k in the coarser sense
  Sets,             // (SELECT k, count(*) FROM d WHERE k = 1 GROUP BY GROUPING SETS ((k), ()))
  HashSets,         // the same of all d
  Distinct,         // (SELECT DISTINCT k, v FROM d)
  DistinctOn,       // (SELECT DISTINCT ON (v) v, k FROM d)
  Window,           // (SELECT k, count(*) OVER (PARTITION BY k) FROM d)
  WindowByValue,
  Union,            // (d UNION e)
  UnionAll,         // (d UNION ALL e)
  UnionCrossed,     // (SELECT k, v FROM d UNION SELECT v, k FROM e)
  UnionPinned,      // (d WHERE k = 1 UNION e WHERE k = 2)
  UnionAggregates,  // (max(v) FROM d WHERE k = 1 UNION ALL max(v) FROM e WHERE k = 1)
  UnionAggregatesApart,
  ExceptPinned,     // (d EXCEPT ALL e WHERE k = 1)
  IntersectCopies,  // (r INTERSECT (SELECT * FROM r LIMIT 1))
  UnionMixed,       // (d UNION c)
  CopyLeftPinned,   // (r LEFT JOIN d ON d.k = 1)
  // The aggregate with k = <a column outside> AND k = 2, LEFT JOIN e ON e.k = one of them.
  LoudLeftPinned,
  CopyLeftOuter,   // (r LEFT JOIN d ON d.k = <a column outside>), perhaps AND d.k = 2
  CopyLeftOther,   // (r LEFT JOIN d ON d.k = 2)
  CopyLeftLimit,   // (r LEFT JOIN (SELECT * FROM r LIMIT 1) l ON r.x = l.x)
  HashLeftCopy,    // (d LEFT JOIN r ON d.k = r.x)
  HashLeftPinned,  // (d LEFT JOIN e ON d.k = e.k AND e.k = 1)
  HashFull,        // (d FULL JOIN e ON d.k = e.k)
  Cte,             // WITH x AS (SELECT * FROM d WHERE k = 1)
  CteLimit,        // WITH x AS (SELECT * FROM r LIMIT 1)
  CteOutside,      // the first, of the outermost query
  Recursive,       // d through a query that only the asking node can run
  OuterValues,     // (VALUES (<a column outside>, 1))
  HereValues,      // VALUES that only the asking node can compute
  UnionLimit,      // (r UNION r LIMIT 1)
  Count_,
};

enum class Joined {
  Inner,
  Left,
  LeftSwapped,
  Full,
  Exists,
  NotExists,
  In,
  NotIn,
  InCoarse,
  Scalar,
  Union,
  UnionAll,
  Intersect,
  Except,
  Count_
};
enum class On {
  Nothing,
  Keys,
  KeysCoarse,
  KeyAndValue,
  Crossed,
  KeyIsOne,
  OtherKeyIsOne,
  KeysAndOne,
  KeyIsOneOrTwo,
  OnlyHere,
  InLimited,  // k IN (SELECT x FROM r LIMIT 1)
  Count_
};
enum class Top {
  Rows,
  Aggregate,
  ByKey,
  ByOther,
  ByValue,
  Distinct,
  Limit,
  Window,
  NoneThere,
  Sets,
  Numbers,   // any aggregates of any groups
  OnlyHere,  // rows, and what only the asking node computes
  Count_
};

template <typename Enum>
constexpr int Count = static_cast<int>(Enum::Count_);

}  // namespace locus_test
