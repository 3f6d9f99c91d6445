-- What the asking node computes for the others: one expression stays one.
\set SHOW_CONTEXT never
CREATE SCHEMA planner_arguments;
CREATE SCHEMA planner_arguments_plain;
SET search_path TO planner_arguments;
SET citus.shard_count TO 4;
CREATE TABLE d (k int, v int, ts timestamptz DEFAULT '2020-01-01');
CREATE TABLE e (k int, v int);
CREATE TABLE f (k int, v int);
CREATE TABLE r (x int PRIMARY KEY, y int);
CREATE TABLE l (x int, y int);
SELECT create_distributed_table('d', 'k', colocate_with => 'none');
SELECT create_distributed_table('e', 'k', colocate_with => 'd');
SELECT create_distributed_table('f', 'k', colocate_with => 'none');
SELECT create_reference_table('r');
INSERT INTO d VALUES (1, 1), (2, 2), (5, 0), (7, 3);
INSERT INTO e VALUES (1, 9), (2, 9), (5, 9), (7, 9);
INSERT INTO f VALUES (1, 1), (2, 2), (5, 5);
INSERT INTO r VALUES (1, 1), (2, 2), (5, 5), (7, 7);
INSERT INTO l VALUES (1, 1), (2, 2), (5, 5), (7, 7);
CREATE TABLE planner_arguments_plain.d AS TABLE d;
CREATE TABLE planner_arguments_plain.e AS TABLE e;
CREATE TABLE planner_arguments_plain.f AS TABLE f;
CREATE TABLE planner_arguments_plain.r AS TABLE r;
CREATE TABLE planner_arguments_plain.l AS TABLE l;
ALTER TABLE planner_arguments_plain.r ADD PRIMARY KEY (x);
CREATE FUNCTION twin(statement text) RETURNS text LANGUAGE sql AS $$ SELECT testing.compare($1, 'planner_arguments', 'planner_arguments_plain') $$;
\pset format unaligned
\pset tuples_only on

SELECT twin($$SELECT (ts - now()) = (ts - now()) FROM d GROUP BY k, ts - now()$$);
SELECT twin($$SELECT (v + (SELECT 1)) * 2 FROM d GROUP BY k, v + (SELECT 1)$$);
SELECT twin($$SELECT (v + (SELECT 1)) * 2 FROM d GROUP BY v + (SELECT 1)$$);
SELECT twin($$SELECT (v + (SELECT max(y) FROM l)) * 2 FROM d GROUP BY k, v + (SELECT max(y) FROM l)$$);
PREPARE grouped(int) AS SELECT (v + $1) * 2 FROM d GROUP BY k, v + $1 ORDER BY 1;
EXECUTE grouped(1);
PREPARE sets(int) AS SELECT k, v + $1, grouping(v + $1), count(*) FROM d GROUP BY GROUPING SETS ((k, v + $1), (k)) ORDER BY 1, 2;
EXECUTE sets(1);
PREPARE windows(text) AS SELECT k, v::text || $1, rank() OVER (PARTITION BY k, v::text || $1 ORDER BY v) FROM d ORDER BY 1;
EXECUTE windows('a');

SET client_min_messages TO warning;
DROP SCHEMA planner_arguments, planner_arguments_plain CASCADE;
