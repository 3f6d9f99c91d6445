-- WHERE CURRENT OF a cursor on a distributed table: the row is known by its shard and ctid.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA planner_current_of;
SET search_path = planner_current_of;
SET citus.shard_count = 4;
CREATE TABLE d (k int, v int);
CREATE TABLE p (k int, v int) PARTITION BY RANGE (v);
CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (100);
CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (100) TO (200);
CREATE TABLE r (x int PRIMARY KEY);
SELECT create_distributed_table('d', 'k'), create_distributed_table('p', 'k');
SELECT create_reference_table('r');
INSERT INTO d SELECT i, i FROM generate_series(1, 12) i;
INSERT INTO p SELECT i, i * 15 FROM generate_series(1, 12) i;
INSERT INTO r VALUES (1);
RESET client_min_messages;

-- The row is followed to what this transaction has made of it.
BEGIN;
DECLARE c CURSOR FOR SELECT * FROM d WHERE k = 5;
FETCH 1 FROM c;
UPDATE d SET v = 50 WHERE CURRENT OF c RETURNING *;
UPDATE d SET v = v + 1 WHERE CURRENT OF c RETURNING *;
SELECT * FROM d WHERE k = 5;
DELETE FROM d WHERE CURRENT OF c;
DELETE FROM d WHERE CURRENT OF c;
COMMIT;

-- Rows of all shards have the same ctid, but one is meant.
BEGIN;
DECLARE c CURSOR FOR SELECT k FROM d FOR UPDATE;
MOVE 3 FROM c;
DELETE FROM d WHERE CURRENT OF c;
MOVE 2 FROM c;
UPDATE d SET v = 1000 WHERE CURRENT OF c;
SELECT count(*), count(*) FILTER (WHERE v = 1000) FROM d;
ROLLBACK;
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT v, k FROM d;
MOVE 4 FROM c;
MOVE PRIOR FROM c;
DELETE FROM d WHERE CURRENT OF c;
SELECT count(*) FROM d;
ROLLBACK;

-- In functions.
CREATE FUNCTION tenfold() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  c CURSOR FOR SELECT k, v FROM d FOR UPDATE;
  r record;
BEGIN
  FOR r IN c LOOP
    IF r.k % 2 = 0 THEN UPDATE d SET v = r.v * 10 WHERE CURRENT OF c; ELSE DELETE FROM d WHERE CURRENT OF c; END IF;
  END LOOP;
END $$;
SELECT tenfold();
SELECT * FROM d ORDER BY 1;
CREATE FUNCTION empty(c refcursor) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  r record;
BEGIN
  OPEN c FOR SELECT * FROM p WHERE v > 90;
  LOOP
    FETCH c INTO r;
    EXIT WHEN NOT FOUND;
    UPDATE p SET k = k WHERE CURRENT OF c;
    DELETE FROM p WHERE CURRENT OF c;
  END LOOP;
END $$;
SELECT empty('named');
SELECT * FROM p ORDER BY 1;

-- What PostgreSQL says of other cursors.
UPDATE d SET v = 1 WHERE CURRENT OF nope;
BEGIN;
DECLARE c CURSOR FOR SELECT * FROM d;
UPDATE d SET v = 1 WHERE CURRENT OF c;
ROLLBACK;
BEGIN;
DECLARE c CURSOR FOR SELECT count(*) FROM d;
FETCH 1 FROM c;
UPDATE d SET v = 1 WHERE CURRENT OF c;
ROLLBACK;
BEGIN;
DECLARE c CURSOR FOR SELECT * FROM d;
MOVE 1 FROM c;
UPDATE p SET v = 1 WHERE CURRENT OF c;
ROLLBACK;
BEGIN;
DECLARE c CURSOR FOR SELECT * FROM d;
MOVE ALL FROM c;
DELETE FROM d WHERE CURRENT OF c;
ROLLBACK;
-- Copies of a reference table's row have several.
BEGIN;
DECLARE c CURSOR FOR SELECT * FROM r;
FETCH 1 FROM c;
DELETE FROM r WHERE CURRENT OF c;
ROLLBACK;

-- Rights on a column are enough for a cursor.
SET client_min_messages = warning;
CREATE ROLE planner_current_of_user;
GRANT USAGE ON SCHEMA planner_current_of TO planner_current_of_user;
GRANT SELECT (k) ON d TO planner_current_of_user;
RESET client_min_messages;
SET ROLE planner_current_of_user;
BEGIN;
DECLARE c CURSOR FOR SELECT k FROM d WHERE k = 4;
FETCH ALL FROM c;
COMMIT;
RESET ROLE;

-- Whatever asks for the place of a row gets one, and keeps it.
SELECT DISTINCT success FROM run_command_on_all_nodes($$SELECT count(altius_internal.latest_ctid(shardid, '(0,1)')) FROM pg_dist_shard WHERE logicalrelid = 'planner_current_of.p'::regclass$$);
CREATE FUNCTION closes(x tid) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE before text := x::text;
BEGIN EXECUTE 'CLOSE c'; PERFORM repeat('x', 100000); RETURN x::text = before; END $$;
BEGIN;
DECLARE c CURSOR FOR SELECT * FROM d;
MOVE 1 FROM c;
SELECT closes(altius_internal.cursor_ctid('c', 'd'::regclass));
COMMIT;

SET client_min_messages = warning;
DROP SCHEMA planner_current_of CASCADE;
DROP ROLE planner_current_of_user;
