-- Statements with modifications in WITH: all parts see the state before them.  And rows known by tableoid, ctid, or through views
-- with INSTEAD OF triggers.
SET client_min_messages = warning;
CREATE SCHEMA planner_with_writes;
SET search_path = planner_with_writes;
SET citus.shard_count = 4;
CREATE TABLE d (k int, v int);
CREATE TABLE f (k int, w int);
CREATE TABLE e (j int, x int);
CREATE TABLE p (k int, v int) PARTITION BY RANGE (v);
CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10);
CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (10) TO (20);
CREATE TABLE loc (a int, b int);
SELECT create_distributed_table('d', 'k'), create_distributed_table('f', 'k'), create_distributed_table('p', 'k');
SELECT create_distributed_table('e', 'j', colocate_with => 'none');
INSERT INTO d SELECT i % 6, i FROM generate_series(1, 12) i;
INSERT INTO f SELECT i, i FROM generate_series(0, 5) i;
INSERT INTO e SELECT i, i FROM generate_series(0, 9) i;
INSERT INTO p SELECT i, i FROM generate_series(0, 19) i;
INSERT INTO loc SELECT i, i FROM generate_series(1, 5) i;
RESET client_min_messages;

-- Reads that depend on what is changed, or on other reads.
BEGIN;
WITH a AS (UPDATE d SET v = 100 RETURNING k) SELECT v FROM d WHERE k <= (SELECT max(k) FROM a) ORDER BY 1;
ROLLBACK;
BEGIN;
WITH a AS (UPDATE d SET v = 100)
SELECT v FROM d WHERE k < (SELECT max(w) FROM f) AND EXISTS (SELECT FROM e WHERE x = 1) ORDER BY 1;
ROLLBACK;
BEGIN;
WITH m AS (DELETE FROM d WHERE k = 1 RETURNING *) INSERT INTO f SELECT * FROM m WHERE v <= (SELECT avg(v) FROM d);
SELECT * FROM f ORDER BY 1, 2;
ROLLBACK;

-- Modifications that read what others change.
BEGIN;
WITH a AS (DELETE FROM d RETURNING k), b AS (DELETE FROM f USING d WHERE d.k = f.k RETURNING f.k)
SELECT (SELECT count(*) FROM a), (SELECT count(*) FROM b);
ROLLBACK;
BEGIN;
WITH a AS (DELETE FROM d RETURNING k), b AS (DELETE FROM e USING d WHERE d.v = e.x RETURNING e.x)
SELECT (SELECT count(*) FROM a), (SELECT count(*) FROM b);
ROLLBACK;
BEGIN;
WITH b AS (DELETE FROM e USING d WHERE d.v = e.x RETURNING e.x) DELETE FROM d WHERE v IN (SELECT x FROM b);
SELECT (SELECT count(*) FROM d), (SELECT count(*) FROM e);
ROLLBACK;
BEGIN;
WITH b AS (UPDATE f SET w = d.v FROM d WHERE d.k = f.k AND d.v > 6 RETURNING *) UPDATE d SET v = 0;
SELECT * FROM f ORDER BY 1;
ROLLBACK;
BEGIN;
WITH i AS (INSERT INTO d VALUES (1, 1000), (2, 1001) RETURNING *), u AS (UPDATE d SET v = v + 1 WHERE v > 999 RETURNING *)
SELECT (SELECT count(*) FROM i), (SELECT count(*) FROM u);
SELECT max(v) FROM d;
ROLLBACK;
BEGIN;
WITH a AS (UPDATE d SET v = 1 WHERE k = 1), b AS (UPDATE d SET v = 2 WHERE k = 2) SELECT;
SELECT count(*) FROM d WHERE v < 3;
ROLLBACK;
PREPARE q AS
WITH a AS (DELETE FROM d RETURNING k), s AS MATERIALIZED (SELECT max(v) m FROM d),
     b AS (DELETE FROM f WHERE w < (SELECT m FROM s) RETURNING k)
SELECT (SELECT count(*) FROM a), (SELECT count(*) FROM b);
BEGIN;
EXECUTE q;
ROLLBACK;
BEGIN;
EXECUTE q;
ROLLBACK;

-- The rows of one modification, read by several.
BEGIN;
WITH a AS (UPDATE d SET v = v + 1 RETURNING *), b AS (INSERT INTO f SELECT * FROM a RETURNING *),
     c AS (DELETE FROM f USING a WHERE f.w = a.v RETURNING f.*)
SELECT count(DISTINCT b), count(DISTINCT c), count(DISTINCT a) FROM b, c, a;
SELECT count(*), sum(w) FROM f;
ROLLBACK;
BEGIN;
WITH a AS (DELETE FROM d WHERE k < 3 RETURNING k, v::text || 'x' AS t, date '2020-01-01' + v AS day, 1.5 AS n),
     b AS (INSERT INTO f SELECT k, length(t) FROM a RETURNING *), c AS (INSERT INTO e SELECT k, day - date '2020-01-01' FROM a)
INSERT INTO d SELECT k, n * 100 FROM a;
SELECT (SELECT sum(w) FROM f), (SELECT sum(x) FROM e), (SELECT sum(v) FROM d);
ROLLBACK;
BEGIN;
WITH a AS (INSERT INTO d VALUES (7, 70), (8, 80) RETURNING *),
     b AS (INSERT INTO f SELECT x.k, y.v FROM a x JOIN a y USING (k) RETURNING *)
SELECT * FROM b ORDER BY 1;
ROLLBACK;

-- tableoid of what is changed.
BEGIN;
DELETE FROM p WHERE tableoid = 'p1'::regclass;
UPDATE p SET k = k WHERE tableoid = 'p2'::regclass AND k < 12;
DELETE FROM p USING loc WHERE p.tableoid = 'p2'::regclass AND p.k - 10 = loc.a;
SELECT count(*) FROM p;
ROLLBACK;
DELETE FROM d WHERE tableoid <> 'd'::regclass;
BEGIN;
UPDATE d SET v = v WHERE tableoid = 'd'::regclass AND k = 1;
ROLLBACK;

-- A ctid that is shown, and one that decides.
SELECT count(ctid), count(*) FILTER (WHERE ctid IS NOT NULL) FROM d;
SELECT ctid::text LIKE '(%)' FROM d WHERE k = 2;
SELECT count(*) FROM d a JOIN d b ON a.ctid = b.ctid;
SELECT count(*) FROM loc WHERE ctid::text = '(0,1)';
SELECT count(*) FROM d WHERE ctid::text = '(0,1)';
SELECT count(*) FROM (SELECT ctid::text c FROM d) s WHERE c = '(0,1)';
SELECT DISTINCT ctid::text FROM d;
DELETE FROM d WHERE ctid::text IN (SELECT ctid::text FROM d LIMIT 1);
DELETE FROM d WHERE (ctid, k) = ('(0,1)', 1);

-- INSTEAD OF triggers.
CREATE VIEW one AS SELECT k, v FROM d;
CREATE VIEW two AS SELECT d.k, d.v, f.w FROM d JOIN f ON d.v = f.w;
CREATE FUNCTION instead() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE NOTICE '% % % %', TG_OP, TG_TABLE_NAME, OLD, NEW;
  IF TG_OP = 'UPDATE' THEN UPDATE d SET v = NEW.v WHERE k = OLD.k AND v = OLD.v; END IF;
  IF TG_OP = 'DELETE' THEN DELETE FROM d WHERE k = OLD.k AND v = OLD.v; RETURN OLD; END IF;
  IF TG_OP = 'INSERT' THEN INSERT INTO d VALUES (NEW.k, NEW.v); END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER instead INSTEAD OF INSERT OR UPDATE OR DELETE ON one FOR EACH ROW EXECUTE FUNCTION instead();
CREATE TRIGGER instead INSTEAD OF INSERT OR UPDATE OR DELETE ON two FOR EACH ROW EXECUTE FUNCTION instead();
UPDATE one SET v = 70 WHERE v = 7;
UPDATE one SET v = v + 1, k = k WHERE v = 70 RETURNING *;
UPDATE one SET v = loc.b FROM loc WHERE loc.a = one.k AND one.v = 8;
INSERT INTO one VALUES (9, 90) RETURNING *;
DELETE FROM one WHERE v = 90 RETURNING k;
UPDATE two SET v = 50 WHERE w = 4;
INSERT INTO two VALUES (11, 11);
DELETE FROM two USING loc WHERE two.k = loc.a AND two.w = 5;
CREATE VIEW checked AS SELECT * FROM one WHERE v > 0 WITH CHECK OPTION;
UPDATE checked SET v = 200 WHERE k = 11;
UPDATE checked SET v = -1 WHERE k = 11;
INSERT INTO checked VALUES (12, -1);
SELECT * FROM d ORDER BY 1, 2;

SET client_min_messages = warning;
DROP SCHEMA planner_with_writes CASCADE;
