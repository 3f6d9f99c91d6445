-- Sizes and the views over tables and shards.
CREATE SCHEMA cluster_sizes;
SET search_path = cluster_sizes;
SET citus.shard_count = 4;
CREATE TABLE t (a int PRIMARY KEY, b text);
SELECT create_distributed_table('t', 'a');
CREATE TABLE r (a int);
SELECT create_reference_table('r');
CREATE TABLE plain (a int);
INSERT INTO t SELECT g, repeat('x', 1000) FROM generate_series(1, 1000) g;

SELECT table_name, citus_table_type, distribution_column, colocation_id > 0 AS colocated, table_size <> '0 bytes' AS has_size,
       shard_count, table_owner, access_method
FROM citus_tables WHERE table_name IN ('t'::regclass, 'r'::regclass) ORDER BY table_name::text;
SELECT table_name, count(*) AS placements, count(DISTINCT shardid) AS shards, count(DISTINCT (nodename, nodeport)) AS nodes,
       min(citus_table_type) AS type, bool_and(shard_size > 0 OR table_name = 'r'::regclass) AS sized
FROM citus_shards WHERE table_name IN ('t'::regclass, 'r'::regclass) GROUP BY 1 ORDER BY table_name::text;
SELECT bool_and(shard_name = format('cluster_sizes.t_%s', shardid)) FROM citus_shards WHERE table_name = 't'::regclass;

SELECT citus_relation_size('t') >= 1000000 AS main, citus_table_size('t') > citus_relation_size('t') AS forks,
       citus_total_relation_size('t') > citus_table_size('t') AS indexes;
SELECT citus_total_relation_size('t') = (SELECT sum(size) FROM citus_shard_sizes() JOIN pg_dist_shard ON shardid = shard_id
                                         WHERE logicalrelid = 't'::regclass) AS same;
-- what the transaction has written counts
BEGIN;
SELECT citus_relation_size('t') AS before \gset
INSERT INTO t SELECT g, repeat('x', 1000) FROM generate_series(1001, 3000) g;
SELECT citus_relation_size('t') > :before AS grown;
ROLLBACK;
SELECT citus_table_size('plain');
SELECT citus_shard_cost_by_disk_size(min(shardid)) > 100000000 AS cost, citus_shard_cost_1(min(shardid))
FROM pg_dist_shard WHERE logicalrelid = 't'::regclass;

-- old names
SELECT count(*), bool_and(shardstate = 1) FROM pg_dist_shard_placement JOIN pg_dist_shard USING (shardid)
WHERE logicalrelid = 't'::regclass;
-- the same answer on a worker
SELECT bool_and(result = citus_total_relation_size('t')::text)
FROM run_command_on_workers($$SELECT citus_total_relation_size('t')$$);
SELECT DISTINCT result FROM run_command_on_workers($$SELECT count(*) FROM citus_shards WHERE table_name = 't'::regclass$$);
-- users who may not look into the schema see sizes all the same
SET client_min_messages = warning;
CREATE ROLE cluster_sizes_user LOGIN;
SET ROLE cluster_sizes_user;
SELECT count(*) AS shards, bool_and(shard_size > 0) AS sized FROM citus_shards
WHERE shard_name LIKE 'cluster\_sizes.t\_%';
RESET ROLE;
DROP ROLE cluster_sizes_user;
DROP SCHEMA cluster_sizes CASCADE;
