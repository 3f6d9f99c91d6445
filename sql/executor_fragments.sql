-- Fragments: rows from shards on several nodes, arguments and pruning at execution, cursors, rescans, changes.
\set SHOW_CONTEXT never
CREATE SCHEMA executor_fragments;
SET search_path TO executor_fragments;
CREATE TYPE colour AS ENUM ('red', 'green');
CREATE TABLE t (k int PRIMARY KEY, v text, n numeric, d timestamptz, c colour, a text[], j jsonb, b bytea);
SELECT create_distributed_table('t', 'k', shard_count => 6, colocate_with => 'none');
CREATE TABLE r (id int PRIMARY KEY, name text);
SELECT create_reference_table('r');
INSERT INTO t SELECT g, 'v' || g, g / 4.0, '2020-01-01 00:00+00'::timestamptz + g * interval '1 hour',
  (ARRAY['red', 'green'])[g % 2 + 1]::colour, ARRAY['x' || g, NULL], jsonb_build_object('g', g), ('\x' || lpad(to_hex(g), 4, '0'))::bytea
  FROM generate_series(1, 100) g;
INSERT INTO r VALUES (1, 'one'), (2, 'two'), (3, 'three');

-- Every type comes back as it was, in binary form and in text form.
SET timezone TO 'UTC';
SELECT * FROM t WHERE k = 7;
SELECT k, v, n, d, b, j FROM t WHERE k IN (7, 8) ORDER BY k;
SET datestyle TO 'SQL, DMY';
SELECT d, a FROM t WHERE d = '13/01/2020 00:00'::timestamptz OR k = 1 ORDER BY k;
PREPARE by_date(timestamptz) AS SELECT k FROM t WHERE d = $1;
EXECUTE by_date('02/01/2020 05:00');
RESET datestyle;
SET citus.enable_binary_protocol TO off;
SELECT * FROM t WHERE k = 7;
RESET citus.enable_binary_protocol;

-- Shards are chosen at execution; a null concerns none, and an aggregate over no rows is a row.
PREPARE one(int) AS SELECT v FROM t WHERE k = $1;
EXECUTE one(1); EXECUTE one(2); EXECUTE one(3); EXECUTE one(4); EXECUTE one(5); EXECUTE one(6); EXECUTE one(7);
EXECUTE one(NULL);
PREPARE several(int[]) AS SELECT count(*), sum(k) FROM t WHERE k = ANY ($1);
EXECUTE several('{1,2,3,4,5,NULL}');
EXECUTE several('{}');
EXECUTE several(NULL);
SELECT count(*), sum(k) FROM t WHERE k = NULL;
SELECT count(*) FROM t WHERE k = (SELECT max(id) FROM r);

-- Cursors: some rows of one, other statements in between, then more.
BEGIN;
DECLARE c CURSOR FOR SELECT k FROM t ORDER BY k;
FETCH 2 FROM c;
SELECT count(*) FROM t;
UPDATE t SET v = 'changed' WHERE k = 3;
FETCH 2 FROM c;
DECLARE s SCROLL CURSOR FOR SELECT k FROM t ORDER BY k;
FETCH LAST FROM s;
FETCH PRIOR FROM s;
FETCH FIRST FROM s;
ROLLBACK;
DECLARE h CURSOR WITH HOLD FOR SELECT k FROM t WHERE k < 4 ORDER BY k;
FETCH ALL FROM h;
CLOSE h;

-- A fragment below another is read again and again.
SELECT r.id, x.v FROM r, LATERAL (SELECT v FROM t WHERE t.k > r.id ORDER BY t.k LIMIT 1) x ORDER BY 1;
SELECT r.id, (SELECT count(*) FROM t WHERE t.k % 3 = r.id % 3) FROM r ORDER BY 1;
SELECT count(*) FROM (SELECT k FROM t LIMIT 5) x;

-- Many rows.
CREATE TABLE wide (k int, filler text);
SELECT create_distributed_table('wide', 'k', shard_count => 4, colocate_with => 'none');
INSERT INTO wide SELECT g, repeat('x', 500) FROM generate_series(1, 20000) g;
SELECT count(*), sum(length(filler)) FROM (SELECT * FROM wide OFFSET 0) x;
SET work_mem TO '64kB';
SELECT count(*), sum(a.k) FROM (SELECT * FROM wide OFFSET 0) a JOIN (SELECT * FROM wide OFFSET 0) b ON a.k = b.k + 1;
RESET work_mem;

-- Changes, also those that nobody reads.
WITH gone AS (DELETE FROM t WHERE k > 98 RETURNING k) SELECT 1 AS unread;
WITH gone AS (DELETE FROM t WHERE k > 96 RETURNING k) SELECT count(*) FROM gone;
-- All parts of a statement see the state before it.
WITH gone AS (DELETE FROM t WHERE k > 94 RETURNING k) SELECT count(*), count(g.k) FROM t LEFT JOIN gone g ON g.k = t.k;
WITH new AS (INSERT INTO t (k) VALUES (95), (96) RETURNING k) SELECT (SELECT count(*) FROM new), count(*) FROM t;
SELECT max(k) FROM t;
UPDATE t SET v = upper(v) WHERE k < 4 RETURNING k, v;
UPDATE r SET name = 'zwei' WHERE id = 2 RETURNING *;
SELECT run_command_on_all_nodes($$SELECT name FROM executor_fragments.r WHERE id = 2$$) IS NOT NULL AS on_all_nodes;
INSERT INTO t (k) VALUES (NULL);
INSERT INTO t (k) VALUES (1);
DO $$
DECLARE count int;
BEGIN
  UPDATE executor_fragments.t SET v = v WHERE k <= 10;
  GET DIAGNOSTICS count = ROW_COUNT;
  RAISE NOTICE 'rows: %', count;
  BEGIN
    INSERT INTO executor_fragments.t (k) VALUES (1);
  EXCEPTION WHEN unique_violation THEN RAISE NOTICE '%', SQLERRM;
  END;
END $$;
SELECT count(*) FROM t;

-- A cursor knows which row of which shard it is on.
BEGIN;
DECLARE one CURSOR FOR SELECT * FROM t WHERE k = 1 FOR UPDATE;
FETCH one;
SAVEPOINT s;
UPDATE t SET v = 'here' WHERE CURRENT OF one;
ROLLBACK TO s;
WITH gone AS (DELETE FROM t WHERE CURRENT OF one RETURNING 1) SELECT count(*) FROM gone;
ROLLBACK;

-- Errors keep their code and text.
SELECT 1 / (k - 5) FROM t WHERE k = 5;
\echo :LAST_ERROR_SQLSTATE
SELECT v::int FROM t WHERE k = 8;
\echo :LAST_ERROR_SQLSTATE

-- A function that returns another type on a node than here: no byte is read that was not sent, no text taken that is none.
CREATE FUNCTION wide(k int) RETURNS bigint LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN k; END';
CREATE FUNCTION said(k int) RETURNS text LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN k; END';
SELECT sum(wide(k)), min(said(k)) FROM t;
SELECT DISTINCT success FROM run_command_on_workers('DROP FUNCTION executor_fragments.wide');
SELECT DISTINCT success FROM run_command_on_workers('DROP FUNCTION executor_fragments.said');
SELECT DISTINCT success FROM run_command_on_workers(
  'CREATE FUNCTION executor_fragments.wide(k int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$BEGIN RETURN k; END$$');
SELECT DISTINCT success FROM run_command_on_workers(
  'CREATE FUNCTION executor_fragments.said(k int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$BEGIN RETURN -k; END$$');
SELECT wide(k) FROM t WHERE k = 5;
\echo :LAST_ERROR_SQLSTATE
SELECT said(k) FROM t WHERE k = 5;
\echo :LAST_ERROR_SQLSTATE
SELECT k FROM t WHERE k = 5;

-- Nodes keep the plans of few statements only: the least recently used goes.
SET altius.max_prepared_statements_per_connection TO 2;
DO $$
DECLARE found bigint := 0; one int;
BEGIN
  FOR key IN 1..40 LOOP
    SELECT k INTO one FROM executor_fragments.t WHERE k = key;
    found := found + one;
  END LOOP;
  RAISE NOTICE 'sum: %', found;
END $$;
RESET altius.max_prepared_statements_per_connection;

SET client_min_messages TO error;
DROP SCHEMA executor_fragments CASCADE;
