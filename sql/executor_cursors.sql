-- Cursors go backward where PostgreSQL's do without being asked to: rows that a scan has read are kept for them.
\set VERBOSITY terse
SET client_min_messages TO warning;
SET citus.shard_count TO 4;
CREATE SCHEMA executor_cursors;
SET search_path TO executor_cursors;
CREATE TABLE t (k int, v int);
SELECT create_distributed_table('t', 'k');
INSERT INTO t SELECT i, i % 3 FROM generate_series(1, 7) i;
CREATE TABLE r (x int);
SELECT create_reference_table('r');
INSERT INTO r VALUES (1), (2);
\pset format unaligned
\pset tuples_only on
BEGIN;
DECLARE c CURSOR FOR SELECT k FROM t ORDER BY k;
FETCH BACKWARD FROM c;
FETCH 3 FROM c;
FETCH BACKWARD 2 FROM c;
FETCH BACKWARD 5 FROM c;
FETCH ALL FROM c;
FETCH PRIOR FROM c;
FETCH PRIOR FROM c;
FETCH NEXT FROM c;
FETCH NEXT FROM c;
FETCH BACKWARD ALL FROM c;
FETCH LAST FROM c;
FETCH ABSOLUTE 3 FROM c;
FETCH RELATIVE -1 FROM c;
FETCH FIRST FROM c;
FETCH ABSOLUTE -2 FROM c;
UPDATE t SET v = 100 WHERE CURRENT OF c;
-- one shard; none; a limit above; what is finished here
DECLARE one CURSOR FOR SELECT k FROM t WHERE k = 5;
FETCH 2 FROM one;
FETCH PRIOR FROM one;
FETCH PRIOR FROM one;
FETCH 1 FROM one;
DECLARE none CURSOR FOR SELECT k FROM t WHERE k IS NULL AND false;
FETCH 2 FROM none;
FETCH PRIOR FROM none;
DECLARE few CURSOR FOR SELECT k FROM t ORDER BY k LIMIT 3 OFFSET 2;
FETCH ALL FROM few;
FETCH BACKWARD 2 FROM few;
FETCH BACKWARD ALL FROM few;
FETCH NEXT FROM few;
DECLARE copies CURSOR FOR SELECT x FROM r ORDER BY x;
FETCH ALL FROM copies;
FETCH BACKWARD ALL FROM copies;
DECLARE kept CURSOR WITH HOLD FOR SELECT k FROM t ORDER BY k;
FETCH 2 FROM kept;
COMMIT;
FETCH 1 FROM kept;
FETCH BACKWARD ALL FROM kept;
CLOSE kept;
SELECT k FROM t WHERE v = 100;
-- more rows than fit into memory, and rows that come in between
SET work_mem TO '64kB';
BEGIN;
INSERT INTO t SELECT i, i FROM generate_series(8, 20000) i;
DECLARE c CURSOR FOR SELECT k, repeat('x', 100) FROM t ORDER BY k;
MOVE 12000 IN c;
MOVE BACKWARD 11990 IN c;
FETCH 1 FROM c;
MOVE ALL IN c;
FETCH PRIOR FROM c;
MOVE BACKWARD ALL IN c;
FETCH 1 FROM c;
ROLLBACK;
-- when the plan can't, and when the user says no
BEGIN;
DECLARE c CURSOR FOR SELECT a.k FROM t a JOIN r ON r.x = a.v WHERE a.k < 3 FOR UPDATE OF a;
FETCH 1 FROM c;
FETCH PRIOR FROM c;
ROLLBACK;
BEGIN;
DECLARE c NO SCROLL CURSOR FOR SELECT k FROM t ORDER BY k;
FETCH 1 FROM c;
FETCH PRIOR FROM c;
ROLLBACK;
-- A cursor shows what was there when it was opened, though its transaction has changed that before the first row is fetched.
TRUNCATE t;
INSERT INTO t SELECT i, i * 10 FROM generate_series(1, 7) i;
BEGIN;
DECLARE c CURSOR FOR SELECT k, v FROM t ORDER BY k;
DECLARE one SCROLL CURSOR FOR SELECT v FROM t WHERE k = 6;
DECLARE counted INSENSITIVE CURSOR FOR SELECT count(*), sum(v) FROM t;
DECLARE above CURSOR FOR SELECT k FROM t WHERE k > (SELECT avg(k) + 1 FROM t) AND v < (SELECT max(v) FROM t) ORDER BY k;
DECLARE hashed CURSOR FOR SELECT g FROM generate_series(1, 7) g WHERE g NOT IN (SELECT k FROM t WHERE v > 20) ORDER BY g;
DECLARE kept CURSOR WITH HOLD FOR SELECT k, x FROM t JOIN r ON x = k ORDER BY k;
UPDATE t SET v = 0;
DELETE FROM t WHERE k > 3;
UPDATE r SET x = x + 10;
INSERT INTO t VALUES (8, 8);
FETCH ALL FROM c;
FETCH ALL FROM one;
FETCH ALL FROM counted;
FETCH ALL FROM above;
FETCH ALL FROM hashed;
SELECT k, v FROM t ORDER BY k;
COMMIT;
FETCH ALL FROM kept;
CLOSE kept;
CREATE FUNCTION opened() RETURNS refcursor LANGUAGE plpgsql AS $$
DECLARE rows refcursor := 'rows';
BEGIN
  OPEN rows FOR SELECT k, v FROM executor_cursors.t ORDER BY k;
  DELETE FROM executor_cursors.t;
  RETURN rows;
END $$;
BEGIN;
SELECT opened();
FETCH ALL FROM rows;
SELECT count(*) FROM t;
ROLLBACK;
-- What it changed in a savepoint that is gone is not changed.
BEGIN;
SAVEPOINT s;
DECLARE c CURSOR FOR SELECT k FROM t ORDER BY k;
ROLLBACK TO s;
DECLARE c CURSOR FOR SELECT k FROM t ORDER BY k;
SAVEPOINT s;
DELETE FROM t;
FETCH 2 FROM c;
ROLLBACK TO s;
FETCH ALL FROM c;
SELECT count(*) FROM t;
COMMIT;
-- The same of other plans, and within a function.
DELETE FROM t WHERE k > 4;
CREATE TABLE plain AS SELECT * FROM t;
BEGIN;
DECLARE c CURSOR FOR SELECT k FROM t ORDER BY k;
DECLARE joined CURSOR FOR SELECT k, x FROM t, r WHERE k + 10 = x ORDER BY k;
DECLARE within CURSOR FOR SELECT p.k, (SELECT count(*) FROM t) FROM plain p ORDER BY k;
DECLARE copy CURSOR FOR SELECT x FROM r ORDER BY x;
DECLARE held CURSOR WITH HOLD FOR SELECT k FROM t ORDER BY k;
DELETE FROM t;
UPDATE r SET x = x + 10;
INSERT INTO t VALUES (50, 1);
FETCH ALL FROM c;
FETCH ALL FROM joined;
FETCH ALL FROM within;
FETCH ALL FROM copy;
FETCH 1 FROM held;
SELECT * FROM t;
COMMIT;
FETCH ALL FROM held;
CLOSE held;
CREATE FUNCTION opened_and_read() RETURNS int[] LANGUAGE plpgsql AS $$
DECLARE
  c CURSOR (least int) FOR SELECT k FROM executor_cursors.t WHERE k >= least ORDER BY k;
  seen int[] := '{}';
  row record;
BEGIN
  OPEN c(1);
  INSERT INTO executor_cursors.t VALUES (51, 1);
  LOOP
    FETCH c INTO row;
    EXIT WHEN NOT FOUND;
    seen := seen || row.k;
  END LOOP;
  CLOSE c;
  FOR row IN SELECT k FROM executor_cursors.t ORDER BY k LOOP
    DELETE FROM executor_cursors.t WHERE k > 0;
    seen := seen || row.k;
  END LOOP;
  RETURN seen;
END $$;
SELECT opened_and_read();
SELECT * FROM t;
-- The error of a row that nobody has asked for comes with the next statement.
BEGIN;
INSERT INTO t VALUES (1, 0), (2, 0);
DECLARE fails CURSOR FOR SELECT 1 / v FROM t;
SELECT count(*) FROM t;
ROLLBACK;
-- What an open cursor reads is not taken away; a closed or kept one does not matter.
TRUNCATE t;
INSERT INTO t VALUES (1, 1);
BEGIN;
DECLARE c CURSOR FOR SELECT * FROM t;
SAVEPOINT s;
TRUNCATE t;
ROLLBACK TO s;
ALTER TABLE t ADD COLUMN w int;
ROLLBACK TO s;
DROP TABLE t;
ROLLBACK TO s;
FETCH ALL FROM c;
CLOSE c;
DECLARE kept CURSOR WITH HOLD FOR SELECT * FROM t;
TRUNCATE r;
COMMIT;
TRUNCATE t;
FETCH ALL FROM kept;
CLOSE kept;
DROP SCHEMA executor_cursors CASCADE;
