-- UPDATE of the distribution column: rows move to other shards.  Only a row that lies where its key says is found by its key.
\getenv worker1_port WORKER1_PORT
\getenv coordinator_port COORDINATOR_PORT
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE SCHEMA planner_move_key;
SET search_path = planner_move_key;
CREATE TABLE t (k int PRIMARY KEY, v int, w text DEFAULT 'w', twice int GENERATED ALWAYS AS (v * 2) STORED,
                n int GENERATED ALWAYS AS IDENTITY);
SELECT create_distributed_table('t', 'k', shard_count => 6);
CREATE TABLE u (k int, x int);
SELECT create_distributed_table('u', 'k', shard_count => 3, colocate_with => 'none');
INSERT INTO t (k, v) SELECT i, i FROM generate_series(1, 10) i;
INSERT INTO u SELECT i, i * 100 FROM generate_series(1, 5) i;
-- How many rows are not found by their key.
CREATE FUNCTION misplaced() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE row_key int; found bigint := 0; total bigint := 0;
BEGIN
  FOR row_key IN SELECT k FROM t LOOP
    total := total + 1;
    found := found + (SELECT count(*) FROM t WHERE k = row_key);
  END LOOP;
  RETURN total - found;
END $$;

UPDATE t SET k = k + 100 WHERE k = 1;
SELECT * FROM t WHERE k = 101;
UPDATE t SET k = k + 1;
SELECT count(*), sum(k), sum(v), sum(twice), min(n), max(n) FROM t;
WITH moved AS (UPDATE t SET k = k + 1000, v = 0 WHERE v > 8 RETURNING *) SELECT * FROM moved ORDER BY k;
UPDATE t SET k = 10002 WHERE k = 6 RETURNING k, v, w;
UPDATE t SET k = t.k + u.x, w = 'u' || u.x FROM u WHERE u.k = t.k AND u.x > 100;
UPDATE t SET k = (SELECT max(x) FROM u) + t.k, v = (SELECT count(*) FROM u WHERE u.k < t.v) WHERE k = 10002 RETURNING k, v;
SELECT k, v, w FROM t ORDER BY k;
SELECT misplaced();

BEGIN;
UPDATE t SET k = k + 5;
SAVEPOINT s;
UPDATE t SET k = k - 5;
SELECT count(*), sum(k) FROM t;
ROLLBACK TO s;
SELECT count(*), sum(k) FROM t;
ROLLBACK;
SELECT count(*), sum(k) FROM t;

-- What fails changes nothing.
\set VERBOSITY sqlstate
UPDATE t SET k = 7;
UPDATE t SET k = NULL WHERE k = 8;
\set VERBOSITY terse
SELECT count(*), sum(k) FROM t;

-- The same key is no change, in whatever way it is said.
UPDATE t SET k = 8, v = 88 WHERE k = 8 RETURNING k, v, twice;
PREPARE p(int, int) AS UPDATE t SET k = $2, v = v + 1 WHERE k = $1;
EXECUTE p(8, 80); EXECUTE p(80, 8); EXECUTE p(8, 80); EXECUTE p(80, 8); EXECUTE p(8, 80); EXECUTE p(80, 8); EXECUTE p(8, 8);
SELECT k, v FROM t WHERE k = 8;
-- From a worker.
\c - - - :worker1_port
SET search_path = planner_move_key;
UPDATE t SET k = k * 2;
SELECT count(*), sum(k), misplaced() FROM t;
\c - - - :coordinator_port
SET search_path = planner_move_key;
SET client_min_messages = warning;
\set VERBOSITY terse

-- Partitions.
CREATE TABLE p (k int, d date, v int) PARTITION BY RANGE (d);
CREATE TABLE p_old PARTITION OF p FOR VALUES FROM (MINVALUE) TO ('2020-01-01');
CREATE TABLE p_new PARTITION OF p FOR VALUES FROM ('2020-01-01') TO (MAXVALUE);
SELECT create_distributed_table('p', 'k', shard_count => 4);
INSERT INTO p SELECT i, '2019-12-01'::date + i * 10, i FROM generate_series(1, 6) i;
UPDATE p SET k = k + 10, d = d + 25 WHERE k % 2 = 1;
SELECT tableoid::regclass, k, d FROM p ORDER BY k;
SELECT k FROM p WHERE k = 11;

-- A foreign key holds, whether the row would go to another shard or not; keys may be handed on.
CREATE TABLE parent (k int PRIMARY KEY, v int);
SELECT create_distributed_table('parent', 'k', shard_count => 2);
INSERT INTO parent SELECT i, i FROM generate_series(10, 1, -1) i;
CREATE TABLE refers (k int REFERENCES parent);
SELECT create_distributed_table('refers', 'k', colocate_with => 'parent');
UPDATE parent SET k = k + 1;
INSERT INTO refers VALUES (4);
\set VERBOSITY sqlstate
UPDATE parent SET k = k + 100 WHERE k IN (3, 4, 5, 6);
UPDATE parent SET k = k + 1;
\set VERBOSITY terse
UPDATE parent SET k = k + 100 WHERE k NOT IN (SELECT k FROM refers);
SELECT count(*), sum(k), sum(v) FROM parent;

-- Refused: what would come out otherwise than with an UPDATE.
\set VERBOSITY default
\set SHOW_CONTEXT never
UPDATE t SET k = 9 WHERE k = 16 RETURNING ctid;
-- Foreign keys to the table: what they say of DELETE is not done to rows that refer to a row which moves.  As with plain tables.
CREATE FUNCTION outcome(statement text, tables text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE contents text;
BEGIN
  BEGIN
    EXECUTE replace(statement, '@', tables);
  EXCEPTION WHEN OTHERS THEN RETURN SQLSTATE;
  END;
  EXECUTE replace('SELECT (SELECT string_agg(k || '':'' || v, '' '' ORDER BY k) FROM parent_@) || '' | '' || (SELECT string_agg(k || '':'' || x, '' '' ORDER BY k)
    FROM cascades_@) || '' | '' || (SELECT string_agg(k || '':'' || x, '' '' ORDER BY k) FROM restricts_@)', '@', tables) INTO contents;
  RETURN contents;
END $$;
DO $$
DECLARE tables text;
BEGIN
  FOREACH tables IN ARRAY '{plain,sharded}'::text[] LOOP
    EXECUTE replace('CREATE TABLE parent_@ (k int, v int, PRIMARY KEY (k));
      CREATE TABLE cascades_@ (k int REFERENCES parent_@ ON DELETE CASCADE, x int);
      CREATE TABLE restricts_@ (k int REFERENCES parent_@ ON UPDATE RESTRICT ON DELETE CASCADE, x int)', '@', tables);
  END LOOP;
END $$;
SELECT create_distributed_table('parent_sharded', 'k', colocate_with => 't');
SELECT create_distributed_table('cascades_sharded', 'k', colocate_with => 't');
SELECT create_distributed_table('restricts_sharded', 'k', colocate_with => 't');
DO $$
DECLARE tables text;
BEGIN
  FOREACH tables IN ARRAY '{plain,sharded}'::text[] LOOP
    EXECUTE replace('INSERT INTO parent_@ SELECT i, i FROM generate_series(1, 12) i; INSERT INTO cascades_@ SELECT i, 0 FROM generate_series(1, 4) i;
      INSERT INTO restricts_@ SELECT i, 1 FROM generate_series(3, 6) i', '@', tables);
  END LOOP;
END $$;
SELECT statement, outcome(statement, 'sharded') AS sharded, outcome(statement, 'plain') AS plain
FROM unnest(ARRAY[
  'UPDATE parent_@ SET k = k + 100 WHERE k > 10', 'UPDATE parent_@ SET k = k + 100 WHERE k = 1', 'UPDATE parent_@ SET k = k + 100 WHERE k = 6',
  'UPDATE parent_@ SET k = k + 100', 'UPDATE parent_@ SET k = k + 100, v = 0 WHERE k NOT IN (SELECT k FROM cascades_@ UNION SELECT k FROM restricts_@)',
  'UPDATE parent_@ SET k = k, v = v + 1', 'DELETE FROM parent_@ WHERE k IN (2, 3, 6, 109)'
]) WITH ORDINALITY s (statement, number) ORDER BY number;
DROP TABLE parent_plain, cascades_plain, restricts_plain, parent_sharded, cascades_sharded, restricts_sharded;
INSERT INTO t (k, v) VALUES (16, 5) ON CONFLICT (k) DO UPDATE SET k = excluded.k + 100;
INSERT INTO t (k, v) VALUES (16, 5), (999, 5) ON CONFLICT (k) DO UPDATE SET k = 7;
INSERT INTO t (k, v) VALUES (16, 5) ON CONFLICT (k) DO UPDATE SET k = excluded.k, v = -1 RETURNING k, v;
SELECT misplaced();
\set VERBOSITY terse
-- A stable function that reads the table sees it as it was before the statement.
CREATE TABLE reads_itself (k int, v int);
SELECT create_distributed_table('reads_itself', 'k');
INSERT INTO reads_itself VALUES (1, 1), (2, 2), (30, 3);
CREATE FUNCTION highest() RETURNS int STABLE LANGUAGE plpgsql AS 'BEGIN RETURN max(k) FROM planner_move_key.reads_itself; END';
CREATE FUNCTION beyond(int) RETURNS int STABLE LANGUAGE plpgsql AS 'BEGIN RETURN max(k) + $1 FROM planner_move_key.reads_itself; END';
CREATE FUNCTION next_to(int) RETURNS int STABLE LANGUAGE sql AS 'SELECT $1 + 1';
BEGIN;
UPDATE reads_itself SET k = highest() + v, v = highest() WHERE k < 10;
SELECT * FROM reads_itself ORDER BY k;
ROLLBACK;
BEGIN;
UPDATE reads_itself SET k = highest() + 1, v = highest() WHERE k < 10 RETURNING *;
SELECT * FROM reads_itself ORDER BY k;
ROLLBACK;
PREPARE raise(int) AS UPDATE reads_itself SET k = highest() + $1 WHERE v = 1 RETURNING k;
EXECUTE raise(5);
EXECUTE raise(5);
UPDATE reads_itself SET k = next_to(k) WHERE v = 3 RETURNING k;
UPDATE reads_itself SET k = beyond(k) WHERE v = 3 RETURNING k;
-- A key that is set to what it equals stays, so the statement runs beside the rows.
CREATE TABLE beside (k int, v int);
SELECT create_distributed_table('beside', 'k', colocate_with => 'reads_itself');
INSERT INTO beside VALUES (1, 7), (2, 8), (5, 9);
UPDATE reads_itself r SET k = b.k, v = b.v FROM beside b WHERE b.k = r.k RETURNING r.*;
UPDATE reads_itself SET k = 2, v = 1 WHERE k = 2 RETURNING *;
UPDATE reads_itself r SET k = b.v FROM beside b WHERE b.k = r.k RETURNING r.k, ROW(b.k, 'x'::text), ROW(1, 2);
-- Keys of types that are compared by a collation.
CREATE TABLE named (k text, v varchar(9));
SELECT create_distributed_table('named', 'k');
INSERT INTO named VALUES ('a', 'x'), ('b', 'y');
UPDATE named SET k = 'c' WHERE k = 'a' RETURNING *;
UPDATE named SET k = k || v RETURNING *;
UPDATE named SET k = 'cx', v = 'z' WHERE k = 'cx' RETURNING *;
SELECT * FROM named ORDER BY k;

DROP SCHEMA planner_move_key CASCADE;
