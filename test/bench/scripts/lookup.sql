-- SPDX-License-Identifier: PostgreSQL
-- A few rows by a column that says nothing about their shard.
\set other random(1, 20000)
SELECT id, other, filler FROM bench_lookup WHERE other = :other;
