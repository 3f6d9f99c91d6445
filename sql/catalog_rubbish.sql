-- What nodes call on one another, called with rubbish: errors, and the session goes on.  As a superuser: others may call none
-- of the functions that write.
CREATE SCHEMA catalog_rubbish;
SET search_path TO catalog_rubbish;
SET citus.shard_count TO 4;
SET client_min_messages TO warning;
\set SHOW_CONTEXT never
CREATE TABLE named (key text, v int);
SELECT create_distributed_table('named', 'key');
CREATE TABLE plain (key int, place point);
CREATE TABLE other (key int);
CREATE TEMPORARY TABLE passing (key int);
CREATE VIEW seen AS SELECT 1 AS key;

-- Keys are read by a reader of their own.
SELECT column_to_column_name('pg_class', text) FROM (VALUES ('{VAR'), (repeat('(', 1000000)), ('{VAR :varattno 2}'), ('{VAR :varattno -1}'),
  ('{VAR :varattno 32767}'), ('{QUERY :commandType 1}'), ('<>'), (''), ('{VAR :varno 1 :varattno 2 :vartype 23 :vartypmod -1 :location 0} ')) it (text);
SELECT column_to_column_name(0, '{VAR :varattno 2}') IS NULL AS no_table;

-- Fragments are no values.
SELECT * FROM altius_internal.fragment(1) AS t (a int);
SELECT * FROM altius_internal.fragment(1::bigint, 2, 3) AS t (a int);
SELECT * FROM altius_internal.fragment('1') AS t (a int);
SELECT * FROM altius_internal.fragment(NULL::internal) AS t (a int);
SELECT altius_internal.fragment(NULL) FROM named;
CREATE FUNCTION asks() RETURNS SETOF record LANGUAGE sql AS 'SELECT * FROM altius_internal.fragment(1) AS t (a int)';
CREATE FUNCTION asks() RETURNS SETOF record LANGUAGE sql BEGIN ATOMIC SELECT * FROM altius_internal.fragment(1) AS t (a int); END;
CREATE VIEW asking AS SELECT * FROM altius_internal.fragment(NULL) AS t (a int);
WITH it AS MATERIALIZED (SELECT * FROM altius_internal.fragment(1) AS t (a int)) SELECT * FROM it, named;
INSERT INTO named SELECT a::text, a FROM altius_internal.fragment(1) AS t (a int);
UPDATE named SET v = a FROM altius_internal.fragment(1) AS t (a int);
PREPARE asked AS SELECT * FROM altius_internal.fragment(1) AS t (a int), named WHERE key = $1;
SET check_function_bodies TO off;
CREATE FUNCTION asks() RETURNS SETOF int LANGUAGE sql STABLE AS 'SELECT * FROM altius_internal.fragment(1) AS t (a int)';
RESET check_function_bodies;
SELECT * FROM named, asks();
DROP FUNCTION asks;

-- Plannings within plannings keep their fragments apart.
INSERT INTO named VALUES ('a', 1), ('b', 2);
CREATE FUNCTION counts(int) RETURNS bigint LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN (SELECT count(*) + $1 FROM named); END $$;
CREATE FUNCTION fails(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  PERFORM count(*) FROM named WHERE v = 1 / $1;
  RETURN 1;
EXCEPTION WHEN division_by_zero THEN
  RETURN (SELECT min(v) FROM named);
END $$;
SELECT n.key, counts(1) FROM named n JOIN (SELECT v, count(*) FROM named GROUP BY v) m USING (v) WHERE counts(0) = 2 AND fails(0) = 1 ORDER BY 1;

SELECT altius_internal.refuse_policy_row(NULL, NULL);
SELECT altius_internal.refuse_view_row(NULL, 1, NULL, NULL);
SELECT get_shard_id_for_distribution_column('named', 5) = get_shard_id_for_distribution_column('named', '5') AS same;
SELECT get_shard_id_for_distribution_column(NULL, 5);

-- Commands.
SELECT altius_internal.run_commands('{EXPLAIN SELECT 1}');
SELECT altius_internal.run_commands('{DECLARE c CURSOR FOR SELECT 1}');
SELECT altius_internal.run_commands('{CREATE TABLE x AS SELECT 1}');
SELECT altius_internal.run_commands('{INSERT INTO plain VALUES (1)}');
SELECT altius_internal.run_commands('{CALL p(1)}');
SELECT altius_internal.run_commands('{COMMIT}');
SELECT altius_internal.run_commands('{COPY plain FROM STDIN}');
SELECT altius_internal.run_commands('{VACUUM}');
SELECT altius_internal.run_commands('{NULL,"",";","SELECT 1; SELECT 2"}');
SELECT altius_internal.apply_command('CREATE TABLE x AS SELECT 1', '{}');
SELECT altius_internal.apply_command('EXPLAIN ANALYZE SELECT 1', '{}');
SELECT altius_internal.apply_command('SELECT 1', '{nosuch,1}');
SELECT altius_internal.apply_command('CREATE TABLE y (a int)', '{work_mem}');

-- Writers of metadata.
SELECT altius_internal.insert_partition(NULL, 'h', 'key', 0, 's');
SELECT altius_internal.insert_partition('plain', NULL, 'key', 0, 's');
SELECT altius_internal.insert_partition('plain', 'h', 'place', 0, 's');
SELECT altius_internal.insert_partition('plain', 'h', 'nosuch', 0, 's');
SELECT altius_internal.insert_partition('plain', 'h', 'ctid', 0, 's');
SELECT altius_internal.insert_partition('plain', 'h', NULL, 0, 's');
SELECT altius_internal.insert_partition('plain', 'x', NULL, 0, 's');
SELECT altius_internal.insert_partition('seen', 'h', 'key', 0, 's');
SELECT altius_internal.insert_partition('pg_class', 'h', 'relname', 0, 's');
SELECT altius_internal.insert_partition('passing', 'h', 'key', 0, 's');
SELECT altius_internal.insert_partition(0, 'h', 'key', 0, 's');
SELECT altius_internal.insert_shards('passing', NULL, NULL, NULL);
SELECT altius_internal.insert_shards('passing', '{1}', NULL, NULL);
SELECT altius_internal.insert_shards('plain', '{1}', '{1}', NULL);
SELECT altius_internal.insert_shards('plain', '{1,NULL}', NULL, NULL);
SELECT altius_internal.insert_shards('plain', '{1,2}', '{1}', '{1}');
SELECT altius_internal.insert_placements('{1}', '{-1}', '{0}');
SELECT altius_internal.move_placements('{-1,0}', 0, 1);
SELECT altius_internal.split_shards('{}', '{}', '{}', '{}', '{}', '{}');
SELECT altius_internal.split_shards('{-1}', '{1}', '{1}', '{1}', '{1}', '{1}');
SELECT altius_internal.insert_object('rubbish', '{a}', '{}');
SELECT altius_internal.claim_shards('{-1,0,9223372036854775807}');
SELECT altius_internal.claim_shards('{NULL}');
SELECT altius_internal.create_shards('plain', -1);
SELECT altius_internal.create_shard(-1, -1);
SELECT altius_internal.finish_flip(0, 0, 1, '{}');
SELECT altius_internal.finish_split(0, 0, '{}', '');
SELECT altius_internal.lock_shards('{NULL}', 1, 0);
SELECT altius_internal.copy_shard_from(NULL, 0, NULL);
SELECT altius_internal.copy_part_from(-1, 0, NULL);
SELECT altius_internal.set_replica_identity('plain', '', 1);
SELECT citus_move_shard_placement(-1, 1, 2);
SELECT citus_split_shard_by_split_points(-1, '{NULL}', '{NULL}');

-- Tables without shards, as the metadata may have them in between.
BEGIN;
SELECT altius_internal.insert_partition('plain', 'n', NULL, 0, 't');
SELECT altius_internal.insert_partition('other', 'n', NULL, 999999, 's');
SAVEPOINT before;
INSERT INTO plain VALUES (1, NULL);
ROLLBACK TO before;
SELECT * FROM plain;
ROLLBACK TO before;
UPDATE other SET key = 1;
ROLLBACK TO before;
INSERT INTO other SELECT 1;
ROLLBACK TO before;
COPY other FROM PROGRAM 'echo 1';
ROLLBACK TO before;
SELECT get_shard_id_for_distribution_column('plain');
ROLLBACK;
BEGIN;
SELECT altius_internal.insert_partition('other', 'h', 'key', 0, 's');
SAVEPOINT before;
INSERT INTO other VALUES (1);
ROLLBACK TO before;
SELECT * FROM other WHERE key = 1;
ROLLBACK TO before;
COPY other FROM PROGRAM 'echo 1';
ROLLBACK TO before;
DROP TABLE other;
ROLLBACK;

-- Keys that are none.
BEGIN;
INSERT INTO pg_dist_partition VALUES ('plain', 'h', repeat('(', 100000), 0, 's');
SELECT * FROM plain;
ROLLBACK;
BEGIN;
INSERT INTO pg_dist_partition VALUES ('plain', 'h', '{VAR :varattno 77}', 0, 's');
SELECT * FROM plain;
ROLLBACK;

SELECT count(*) FROM named;
SET client_min_messages TO error;
DROP SCHEMA catalog_rubbish CASCADE;
