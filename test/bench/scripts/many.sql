-- SPDX-License-Identifier: PostgreSQL
-- An UPDATE of all shards.
UPDATE bench_many SET n = n + 1;
