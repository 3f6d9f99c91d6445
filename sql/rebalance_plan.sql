-- What a rebalance would do.  Nodes are told apart by name, shards by their number within their table.
\set SHOW_CONTEXT never
CREATE SCHEMA rebalance_plan;
SET search_path = rebalance_plan;
SET citus.shard_count = 6;
CREATE FUNCTION node(port int) RETURNS text LANGUAGE sql AS $$
  SELECT CASE rank() OVER (ORDER BY n.groupid) WHEN 1 THEN 'coordinator' ELSE 'worker' || rank() OVER (ORDER BY n.groupid) - 1 END
  FROM pg_dist_node n ORDER BY n.nodeport = port DESC LIMIT 1 $$;
CREATE FUNCTION shard(id bigint) RETURNS int LANGUAGE sql AS $$
  SELECT (id - min(s.shardid))::int FROM pg_dist_shard s
  WHERE s.logicalrelid = (SELECT logicalrelid FROM pg_dist_shard WHERE shardid = id) $$;
CREATE FUNCTION plan(relation regclass DEFAULT NULL, strategy name DEFAULT NULL, threshold real DEFAULT NULL,
                     drain_only boolean DEFAULT false, excluded bigint[] DEFAULT '{}', max_moves int DEFAULT 100,
                     improvement real DEFAULT NULL)
  RETURNS TABLE (table_name regclass, shard int, source text, target text) LANGUAGE sql AS $$
  SELECT p.table_name, rebalance_plan.shard(p.shardid), rebalance_plan.node(p.sourceport), rebalance_plan.node(p.targetport)
  FROM get_rebalance_table_shards_plan(relation, threshold, max_moves, excluded, drain_only, strategy, improvement) p $$;
CREATE FUNCTION use_node(name text, use boolean) RETURNS void LANGUAGE sql AS $$
  SELECT citus_set_node_property(nodename, nodeport, 'shouldhaveshards', use) FROM pg_dist_node
  WHERE rebalance_plan.node(nodeport) = name $$;

-- Six shard groups of two tables on two workers, three each: nothing to do.
CREATE TABLE t (id int PRIMARY KEY, v text);
CREATE TABLE beside (id int PRIMARY KEY, v text);
SELECT create_distributed_table('t', 'id', colocate_with => 'none');
SELECT create_distributed_table('beside', 'id', colocate_with => 't');
SELECT node(nodeport), array_agg(shard(shardid) ORDER BY shardid) FROM citus_shards WHERE table_name = 't'::regclass
GROUP BY 1 ORDER BY 1;
SELECT * FROM plan();
SELECT * FROM plan(strategy => 'by_shard_count');

-- A third node gets one shard group of each other, both tables' shards together.
SELECT use_node('coordinator', true);
SELECT source, target, count(DISTINCT shard), array_agg(table_name ORDER BY table_name::text) FROM plan() GROUP BY 1, 2 ORDER BY 1;
SELECT count(*) FROM plan(max_moves => 1);
-- Five of six shard groups may not move: the last one does.
SELECT * FROM plan('t', excluded => (SELECT array_agg(shardid) FROM pg_dist_shard
                                     WHERE logicalrelid = 'beside'::regclass AND shard(shardid) <> 3));
-- 3, 3, 0 is within 100 % of the average of 2
SELECT count(*) FROM plan('t', threshold => 1);
SELECT count(*) > 0 AS raised FROM plan('t', threshold => 0.001);
SELECT * FROM plan('t', threshold => -1);
SELECT * FROM plan('t', strategy => 'none such');
CREATE TABLE plain (id int);
SELECT * FROM plan('plain');

-- By size, without the base cost.
INSERT INTO t SELECT g, repeat('x', 1000) FROM generate_series(1, 60000) g
WHERE shard(get_shard_id_for_distribution_column('t', g)) = 0;
-- the size is that of the table's shard alone
SELECT table_name, shard_size BETWEEN 9e6 AND 2e7 AS large
FROM get_rebalance_table_shards_plan('t', 0, rebalance_strategy => 'by_shard_count',
  excluded_shard_list => (SELECT array_agg(shardid) FROM pg_dist_shard WHERE logicalrelid = 't'::regclass AND shard(shardid) <> 0));
SELECT use_node('coordinator', false);
SET citus.rebalancer_by_disk_size_base_cost = 0;
-- 10 MB on worker1, next to nothing on worker2: one shard group of 10 MB is better left where it is
SELECT table_name, shard, source, target FROM plan('t') WHERE shard = 0;
INSERT INTO t SELECT g, repeat('x', 1000) FROM generate_series(60001, 110000) g
WHERE shard(get_shard_id_for_distribution_column('t', g)) = 2;
-- now there are two large ones on worker1: one goes, the smaller
SELECT * FROM plan('t');
RESET citus.rebalancer_by_disk_size_base_cost;
-- with 100 MB for each shard group, 10 MB are within the threshold
SELECT * FROM plan('t');

-- Draining spreads what goes over the others; nothing else moves.
SELECT use_node('coordinator', true), use_node('worker2', false);
SELECT source, array_agg(DISTINCT target ORDER BY target), count(*) FROM plan('t', 'by_shard_count', drain_only => true) GROUP BY 1;
SELECT use_node('coordinator', false), use_node('worker1', false);
SET client_min_messages = error;
SELECT * FROM plan('t', drain_only => true);
RESET client_min_messages;
SELECT use_node('coordinator', true), use_node('worker1', true), use_node('worker2', true);

-- Strategies of users: worker2 is for shard 1 alone, the coordinator can carry three times as much.
CREATE FUNCTION alone(bigint, int) RETURNS boolean LANGUAGE sql AS $$
  SELECT (rebalance_plan.shard($1) = 1) = (rebalance_plan.node(nodeport) = 'worker2') FROM pg_dist_node WHERE nodeid = $2 $$;
CREATE FUNCTION cost(bigint) RETURNS real LANGUAGE sql AS $$ SELECT 10::real + rebalance_plan.shard($1) $$;
CREATE FUNCTION capacity(int) RETURNS real LANGUAGE sql AS $$
  SELECT CASE groupid WHEN 0 THEN 3 ELSE 1 END::real FROM pg_dist_node WHERE nodeid = $1 $$;
SELECT citus_add_rebalance_strategy('alone', 'citus_shard_cost_1', 'citus_node_capacity_1', 'alone', 0);
SELECT shard, source, target FROM plan('beside', 'alone') WHERE table_name = 't'::regclass AND source = 'worker2' ORDER BY 1;
SELECT citus_add_rebalance_strategy('own', 'cost', 'capacity', 'citus_shard_allowed_on_node_true', 0.1, 0.05, 0.2);
SELECT shard, source, target FROM plan('t', 'own', improvement => 0) WHERE table_name = 't'::regclass ORDER BY 1;
SELECT citus_set_default_rebalance_strategy('own');
SELECT name, default_strategy, default_threshold, minimum_threshold, improvement_threshold
FROM pg_dist_rebalance_strategy ORDER BY name;
SELECT (SELECT array_agg(p) FROM plan('t') p) = (SELECT array_agg(p) FROM plan('t', 'own') p) AS default_used;
SELECT citus_set_default_rebalance_strategy('by_disk_size');
SELECT citus_set_default_rebalance_strategy('none such');
SELECT citus_add_rebalance_strategy('bad', 'capacity', 'capacity', 'alone', 0);
SELECT citus_add_rebalance_strategy('bad', 'cost', 'cost', 'alone', 0);
SELECT citus_add_rebalance_strategy('bad', 'cost', 'capacity', 'citus_shard_cost_1', 0);
SELECT citus_add_rebalance_strategy('bad', 'cost', 'capacity', 'alone', 0.1, 0.2);
SELECT citus_validate_rebalance_strategy_functions('cost', 'capacity', 'alone');
UPDATE pg_dist_rebalance_strategy SET shard_cost_function = 'capacity' WHERE name = 'own';
-- functions that answer nonsense
CREATE OR REPLACE FUNCTION cost(bigint) RETURNS real LANGUAGE sql AS $$ SELECT -1::real $$;
SELECT * FROM plan('t', 'own');
CREATE OR REPLACE FUNCTION cost(bigint) RETURNS real LANGUAGE sql AS $$ SELECT NULL::real $$;
SELECT * FROM plan('t', 'own');
CREATE OR REPLACE FUNCTION cost(bigint) RETURNS real LANGUAGE sql AS $$ SELECT 1::real / 0 $$;
SELECT * FROM plan('t', 'own');
DELETE FROM pg_dist_rebalance_strategy WHERE name IN ('own', 'alone');

-- By measured load.  The averages are put here by hand; counting them anew is left out until tomorrow.
SELECT use_node('coordinator', false);
SELECT altius_measure_load();
SELECT count(*) AS shards, count(load) FROM altius_shard_load JOIN pg_dist_shard USING (shardid)
WHERE logicalrelid IN ('t'::regclass, 'beside'::regclass);
UPDATE altius_shard_load SET measured_at = now() + interval '1 day', load = CASE WHEN shard(shardid) IN (0, 2) THEN 450 ELSE 0 END;
SELECT citus_shard_cost_1(min(shardid)), altius_shard_cost_by_load(min(shardid)) FROM pg_dist_shard WHERE logicalrelid = 't'::regclass;
SELECT count(*), min(source) AS source, min(target) AS target, bool_and(shard IN (0, 2)) AS busy FROM plan('t', 'by_load');
-- ten minutes later, what was is worth half
SELECT altius_internal.blended_load(NULL, 60, 2), altius_internal.blended_load(100, 0, 600), altius_internal.blended_load(100, 120000, 600);

-- Two sets at once: what is left over of each does not lie on one node.
DROP TABLE t, beside;
SELECT use_node('coordinator', true);
SET citus.shard_count = 4;
CREATE TABLE one (id int);
CREATE TABLE two (id int);
SELECT create_distributed_table('one', 'id', colocate_with => 'none'), create_distributed_table('two', 'id', colocate_with => 'none');
SELECT count(*) AS moves, count(DISTINCT source) AS sources, count(DISTINCT target) AS targets FROM plan(strategy => 'by_shard_count');

-- Owners plan what they may move.  Who may move nothing holds up nobody, however long the transaction stays open.
CREATE ROLE rebalance_plan_owner;
CREATE ROLE rebalance_plan_other;
GRANT USAGE ON SCHEMA rebalance_plan TO rebalance_plan_owner, rebalance_plan_other;
ALTER TABLE two OWNER TO rebalance_plan_owner;
CREATE VIEW starting AS SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 40 AND pid = pg_backend_pid();
GRANT SELECT ON starting TO public;
SET client_min_messages = warning;
SET ROLE rebalance_plan_owner;
SELECT DISTINCT table_name FROM plan(strategy => 'by_shard_count');
SELECT count(*) FROM plan('one', strategy => 'by_shard_count');
BEGIN;
SELECT citus_rebalance_start('by_shard_count') > 0 AS started;
SELECT DISTINCT logicalrelid FROM pg_dist_background_task JOIN pg_dist_shard ON command ~ (shardid || ',') WHERE status = 'runnable';
TABLE starting;
ROLLBACK;
BEGIN;
SELECT citus_rebalance_start('by_shard_count', drain_only => true);
TABLE starting;
ROLLBACK;
RESET client_min_messages;
SET ROLE rebalance_plan_other;
SELECT count(*) FROM plan(strategy => 'by_shard_count');
BEGIN;
SELECT citus_rebalance_start('by_shard_count');
TABLE starting;
ROLLBACK;
RESET ROLE;
SELECT use_node('coordinator', false);
SET client_min_messages = error;
DROP SCHEMA rebalance_plan CASCADE;
DROP ROLE rebalance_plan_owner, rebalance_plan_other;
