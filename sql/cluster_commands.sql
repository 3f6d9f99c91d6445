-- Running a statement on other nodes.
CREATE SCHEMA cluster_commands;
SET search_path = cluster_commands;
SET citus.shard_count = 4;
CREATE TABLE t (a int PRIMARY KEY, b text);
SELECT create_distributed_table('t', 'a');
CREATE TABLE u (a int PRIMARY KEY);
SELECT create_distributed_table('u', 'a', colocate_with => 't');
CREATE TABLE other (a text PRIMARY KEY);
SELECT create_distributed_table('other', 'a', colocate_with => 'none');
INSERT INTO t SELECT g, 'x' FROM generate_series(1, 20) g;

-- nodes: workers, all, the coordinator
SELECT success, result FROM run_command_on_workers('SELECT 40 + 2');
SELECT success, result FROM run_command_on_all_nodes('SELECT citus_is_coordinator()') ORDER BY nodeid;
SELECT success, result FROM run_command_on_coordinator('SELECT citus_is_coordinator()');
SELECT count(DISTINCT nodeport) FROM run_command_on_workers('SELECT 1', parallel => false);

-- a NULL, no row, a command tag
SELECT DISTINCT success, result IS NULL FROM run_command_on_workers('SELECT NULL');
SELECT DISTINCT success, result FROM run_command_on_all_nodes('SELECT 1 WHERE false');
SELECT DISTINCT success, result FROM run_command_on_all_nodes('CREATE TEMP TABLE IF NOT EXISTS mine (a int)');
SELECT DISTINCT success, result FROM run_command_on_workers('CREATE INDEX CONCURRENTLY ON pg_temp.mine (a)');
-- on a distributed table it is what it would be for a client of that node
CREATE TABLE emptied (a int);
SELECT create_distributed_table('emptied', 'a');
INSERT INTO emptied SELECT generate_series(1, 20);
SELECT DISTINCT success, result FROM run_command_on_workers('VACUUM cluster_commands.emptied', parallel => false);
SELECT DISTINCT success, result FROM run_command_on_workers('ALTER TABLE cluster_commands.emptied ADD COLUMN c int');
SELECT DISTINCT success, result FROM run_command_on_workers('DROP TABLE cluster_commands.emptied');
SELECT count(*) FROM emptied;
SELECT DISTINCT success, result FROM run_command_on_workers('TRUNCATE cluster_commands.emptied');
SELECT count(*) FROM emptied;
-- an error is an answer and harms nothing else
BEGIN;
SELECT DISTINCT success, result FROM run_command_on_all_nodes('SELECT 1 / 0');
SELECT DISTINCT success, result FROM run_command_on_all_nodes('SELEC');
SELECT DISTINCT success, result FROM run_command_on_all_nodes('SELECT 1, 2');
SELECT DISTINCT success, result FROM run_command_on_all_nodes('VALUES (1), (2)');
COMMIT;
-- names mean there what they mean here
SELECT DISTINCT success, result FROM run_command_on_all_nodes($$SELECT 't'::regclass$$);
SELECT DISTINCT success, result FROM run_command_on_all_nodes('SHOW search_path');

-- shards and placements
SELECT sum(result::int), count(*) FROM run_command_on_shards('t', 'SELECT count(*) FROM %s');
SELECT bool_and(success), sum(replace(result, 'UPDATE ', '')::int) FROM run_command_on_placements('t', $$UPDATE %s SET b = 'y'$$);
SELECT count(*) FROM t WHERE b = 'y';
SELECT count(DISTINCT (nodeport, shardid)) FROM run_command_on_placements('t', 'SELECT 1 FROM %s LIMIT 1');
SELECT count(*), sum(result::int) FROM run_command_on_colocated_placements('t', 'u',
  'SELECT count(*) FROM %s t LEFT JOIN %s u USING (a)');
SELECT * FROM run_command_on_colocated_placements('t', 'other', 'SELECT 1');
SELECT * FROM run_command_on_shards('pg_class', 'SELECT count(*) FROM %s');
-- a percent sign
SELECT DISTINCT result FROM run_command_on_shards('t', $$SELECT 5 %% 3$$);

-- who reaches whom
SELECT count(*), bool_and(result) FROM citus_check_cluster_node_health();
SELECT citus_check_connection_to_node('localhost', 1);
SET client_min_messages = warning;
DROP SCHEMA cluster_commands CASCADE;
