-- Cursors, loops over queries, and COPY beside them, in a transaction with changes that nobody else sees: all of it goes over one
-- connection to each node.  Each statement is run on a plain table, too, and must show the same.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE SCHEMA cursors_beside;
SET search_path = cursors_beside;
CREATE TABLE dist (id int PRIMARY KEY, n int, pad text DEFAULT repeat('x', 300));
CREATE TABLE plain (LIKE dist INCLUDING ALL);
CREATE TABLE out_dist (id int, n int);
CREATE TABLE out_plain (id int, n int);
SELECT create_distributed_table('dist', 'id', shard_count => 8);
SELECT create_distributed_table('out_dist', 'id', shard_count => 8);
SET statement_timeout = '60s';
INSERT INTO plain SELECT i, i FROM generate_series(1, 2000) i;
INSERT INTO dist SELECT i, i FROM generate_series(1, 2000) i;
CREATE FUNCTION digest(t text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  result text;
BEGIN
  EXECUTE format('SELECT md5(string_agg(id || '':'' || n, '','' ORDER BY id)) FROM %I', t) INTO result;
  RETURN result;
END $$;

-- The body of a loop changes, and reads, what the loop reads: the loop shows what was there when it began, the body what is there now.
CREATE FUNCTION loop_and_change(t text, o text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  r record;
  m bigint;
  total bigint := 0;
BEGIN
  EXECUTE format('UPDATE %I SET n = n + 1 WHERE id <= 500', t);
  FOR r IN EXECUTE format('SELECT id, n FROM %I WHERE id <= 1500 ORDER BY id', t) LOOP
    IF r.id % 100 = 0 THEN
      EXECUTE format('UPDATE %I SET n = n + 1000 WHERE id = $1', t) USING r.id + 1;
      EXECUTE format('SELECT sum(n) FROM %I WHERE id BETWEEN $1 AND $1 + 2', t) INTO m USING r.id;
      EXECUTE format('INSERT INTO %I VALUES ($1, $2)', o) USING r.id, r.n;
      EXECUTE format('DELETE FROM %I WHERE id = $1', t) USING r.id + 50;
      total := total + m;
    END IF;
    total := total + r.n;
  END LOOP;
  RETURN total || ' ' || digest(t) || ' ' || digest(o);
END $$;
SELECT loop_and_change('plain', 'out_plain') = loop_and_change('dist', 'out_dist');
CREATE FUNCTION loop_and_change_all(t text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  r record;
  s record;
  total bigint := 0;
BEGIN
  FOR r IN EXECUTE format('SELECT id, n FROM %I', t) LOOP
    IF r.id % 500 = 0 THEN EXECUTE format('UPDATE %I SET n = n + 7', t); END IF;
    total := total + r.n;
  END LOOP;
  FOR r IN EXECUTE format('SELECT id, n FROM %I WHERE id < 50 ORDER BY id', t) LOOP
    FOR s IN EXECUTE format('SELECT id, n FROM %I WHERE id BETWEEN $1 AND $1 + 3 ORDER BY id', t) USING r.id LOOP
      EXECUTE format('UPDATE %I SET n = n + 1 WHERE id = $1', t) USING s.id;
      total := total + s.n * r.n;
    END LOOP;
  END LOOP;
  RETURN total || ' ' || digest(t);
END $$;
SELECT loop_and_change_all('plain') = loop_and_change_all('dist');
CREATE FUNCTION loop_with_errors(t text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  r record;
  total bigint := 0;
BEGIN
  FOR r IN EXECUTE format('SELECT id, n FROM %I WHERE id <= 1000 ORDER BY id', t) LOOP
    IF r.id % 200 = 0 THEN
      BEGIN
        EXECUTE format('UPDATE %I SET n = n + 5 WHERE id = $1', t) USING r.id;
        EXECUTE format('UPDATE %I SET n = 1 / (n - n) WHERE id = $1', t) USING r.id + 1;
      EXCEPTION WHEN division_by_zero THEN
        EXECUTE format('UPDATE %I SET n = n + 2 WHERE id = $1', t) USING r.id;
      END;
    END IF;
    total := total + r.n;
  END LOOP;
  RETURN total || ' ' || digest(t);
END $$;
SELECT loop_with_errors('plain') = loop_with_errors('dist');
CREATE FUNCTION two_cursors(t text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  up refcursor;
  down refcursor;
  x int;
  y int;
  total bigint := 0;
BEGIN
  OPEN up FOR EXECUTE format('SELECT id, n FROM %I ORDER BY id', t);
  OPEN down FOR EXECUTE format('SELECT id, n FROM %I ORDER BY id DESC', t);
  FOR i IN 1..1500 LOOP
    FETCH up INTO x, y;
    total := total + y * i;
    FETCH down INTO x, y;
    total := total + y * (i + 1);
    IF i % 500 = 0 THEN
      EXECUTE format('UPDATE %I SET n = n + 3', t);
      EXECUTE format('DELETE FROM %I WHERE id = $1', t) USING 100 + i;
    END IF;
  END LOOP;
  RETURN total || ' ' || digest(t);
END $$;
SELECT two_cursors('plain') = two_cursors('dist');

-- COPY beside open cursors, both ways.
BEGIN;
UPDATE dist SET n = n + 1 WHERE id < 1000;
DECLARE a CURSOR FOR SELECT id FROM dist ORDER BY id;
DECLARE b CURSOR FOR SELECT id FROM dist ORDER BY id DESC;
FETCH 2 FROM a;
FETCH 2 FROM b;
COPY (SELECT count(*) FROM dist) TO STDOUT;
COPY out_dist FROM STDIN;
-1	1
-2	2
\.
FETCH 2 FROM a;
DELETE FROM dist WHERE id IN (5, 1990);
FETCH 2 FROM a;
COPY dist (id, n) FROM STDIN;
3001	1
3002	2
\.
COPY (SELECT id, n FROM dist WHERE id > 3000 ORDER BY id) TO STDOUT;
SAVEPOINT s;
DECLARE e CURSOR FOR SELECT id FROM dist ORDER BY id DESC;
FETCH 1 FROM e;
SELECT 1/0;
ROLLBACK TO s;
MOVE 7 FROM b;
FETCH 3 FROM b;
FETCH 1 FROM a;
SELECT count(*) FROM out_dist WHERE id < 0;
ROLLBACK;

-- What a COPY calls for each row asks the nodes that the COPY has rows under way to.
CREATE TABLE rates_plain (id int PRIMARY KEY, n int);
CREATE TABLE rates_dist (id int PRIMARY KEY, n int);
SELECT create_distributed_table('rates_dist', 'id', shard_count => 8);
INSERT INTO rates_plain SELECT i, i * 10 FROM generate_series(1, 10) i;
INSERT INTO rates_dist TABLE rates_plain;
CREATE FUNCTION rate(t text, most int) RETURNS int LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  result int;
BEGIN
  EXECUTE format('SELECT sum(n) FROM cursors_beside.%I WHERE id <= $1', t) INTO result USING most;
  RETURN result;
END $$;
CREATE FUNCTION tried_rate(t text, i int) RETURNS int LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  RETURN cursors_beside.rate(t, 5) / (i % 7);
EXCEPTION WHEN division_by_zero THEN
  RETURN -cursors_beside.rate(t, 4);
END $$;
CREATE TABLE paid_plain (id int PRIMARY KEY, amount int DEFAULT cursors_beside.rate('rates_plain', 5), pad text);
CREATE TABLE paid_dist (id int PRIMARY KEY, amount int DEFAULT cursors_beside.rate('rates_dist', 5), pad text);
SELECT create_distributed_table('paid_dist', 'id', shard_count => 4);
\set rows '$$awk \'BEGIN { for (i = 1; i <= 200; i++) { printf "%d", i; printf "%c", 9; for (j = 0; j < 400; j++) printf "xxxxxxxxxx"; print "" } }\'$$'
BEGIN;
INSERT INTO rates_dist VALUES (0, 1000);
INSERT INTO rates_plain VALUES (0, 1000);
COPY paid_plain (id, pad) FROM PROGRAM :rows;
COPY paid_dist (id, pad) FROM PROGRAM :rows;
SELECT count(*), sum(amount) FROM paid_plain;
SELECT count(*), sum(amount) FROM paid_dist;
DELETE FROM paid_plain;
DELETE FROM paid_dist;
-- A function that fails and goes on leaves the rows before it alone.
COPY paid_plain (id, pad) FROM PROGRAM :rows WHERE cursors_beside.tried_rate('rates_plain', id) < 1000;
COPY paid_dist (id, pad) FROM PROGRAM :rows WHERE cursors_beside.tried_rate('rates_dist', id) < 1000;
SELECT count(*), sum(id), sum(amount) FROM paid_plain;
SELECT count(*), sum(id), sum(amount) FROM paid_dist;
COMMIT;
-- Nor does it hide that rows were refused before.
CREATE FUNCTION hides_errors(t text) RETURNS int LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  RETURN cursors_beside.rate(t, 5);
EXCEPTION WHEN OTHERS THEN
  RETURN 0;
END $$;
ALTER TABLE paid_dist ALTER amount SET DEFAULT cursors_beside.hides_errors('rates_dist');
DELETE FROM paid_dist WHERE id <> 2;
\set VERBOSITY sqlstate
COPY paid_dist (id, pad) FROM PROGRAM :rows;
\set VERBOSITY terse
SELECT count(*) FROM paid_dist;
DROP SCHEMA cursors_beside CASCADE;
