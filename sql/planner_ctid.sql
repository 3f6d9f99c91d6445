-- Rows that are told by their ctid: those of different shards may have the same one.
\set VERBOSITY terse
\set SHOW_CONTEXT never
SET client_min_messages TO warning;
SET citus.shard_count TO 8;
CREATE SCHEMA planner_ctid;
CREATE SCHEMA ctid_plain;
SET search_path TO planner_ctid;
CREATE TABLE t (id int, v int, e text);
SELECT create_distributed_table('t', 'id', colocate_with => 'none');
INSERT INTO t SELECT g, g % 60, 'e' || g % 50 FROM generate_series(1, 100) g;
CREATE TABLE ctid_plain.t AS SELECT * FROM t ORDER BY id;
CREATE TABLE copies (id int PRIMARY KEY);
SELECT create_reference_table('copies');
INSERT INTO copies VALUES (1);
CREATE TABLE here AS SELECT g AS id FROM generate_series(1, 10) g;
-- What a statement changes, and what is left; undone.
CREATE FUNCTION outcome(statement text, path text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  result text;
BEGIN
  PERFORM set_config('search_path', path, true);
  BEGIN
    EXECUTE statement;
    EXECUTE 'SELECT concat_ws('' '', count(*), sum(id), count(DISTINCT v), count(DISTINCT e)) FROM t' INTO result;
    RAISE 'undo';
  EXCEPTION WHEN raise_exception THEN NULL;
  END;
  PERFORM set_config('search_path', 'planner_ctid', true);
  RETURN result;
END $$;
CREATE FUNCTION twin(statement text, OUT same boolean, OUT result text) LANGUAGE plpgsql AS $$
BEGIN
  result := outcome(statement, 'planner_ctid');
  same := result = outcome(statement, 'ctid_plain');
END $$;
\pset format unaligned
\pset tuples_only on

SELECT * FROM twin('DELETE FROM t WHERE ctid IN (SELECT ctid FROM t WHERE id IN (5, 6, 7))');
SELECT * FROM twin('DELETE FROM t WHERE ctid IN (SELECT ctid FROM t ORDER BY id DESC LIMIT 3)');
SELECT * FROM twin('DELETE FROM t WHERE ctid IN (SELECT ctid FROM t ORDER BY id DESC LIMIT 3 FOR UPDATE SKIP LOCKED)');
SELECT * FROM twin('DELETE FROM t WHERE ctid = ANY (ARRAY(SELECT ctid FROM t ORDER BY id LIMIT 4))');
SELECT * FROM twin('DELETE FROM t WHERE ctid NOT IN (SELECT ctid FROM t WHERE id <= 10)');
SELECT * FROM twin('DELETE FROM t WHERE ctid = (SELECT ctid FROM t WHERE id = 8)');
SELECT * FROM twin('UPDATE t SET v = 1000 WHERE ctid = (SELECT ctid FROM t WHERE id = 8)');
SELECT * FROM twin('WITH few AS (SELECT ctid FROM t ORDER BY id LIMIT 5 FOR UPDATE SKIP LOCKED) UPDATE t SET v = -1 FROM few WHERE t.ctid = few.ctid');
SELECT * FROM twin('WITH few AS MATERIALIZED (SELECT id + 1, ctid AS c FROM t ORDER BY id DESC LIMIT 2) DELETE FROM t USING few WHERE few.c = t.ctid');
SELECT * FROM twin('WITH few AS MATERIALIZED (SELECT ctid AS c FROM t ORDER BY id LIMIT 9), fewer AS (SELECT c FROM few ORDER BY c) DELETE FROM t USING fewer, few WHERE fewer.c = t.ctid AND few.c = fewer.c');
SELECT * FROM twin('WITH gone AS (DELETE FROM t WHERE ctid IN (SELECT ctid FROM t WHERE id < 9) RETURNING id) UPDATE t SET v = 7 WHERE id = 50');
-- Doubles.
SELECT * FROM twin('DELETE FROM t WHERE ctid IN (SELECT ctid FROM (SELECT ctid, row_number() OVER (PARTITION BY e ORDER BY id) AS n FROM t) s WHERE n > 1)');
SELECT outcome('DELETE FROM t a USING t b WHERE a.ctid < b.ctid AND a.v = b.v', 'planner_ctid');
SELECT outcome('DELETE FROM t a USING t b WHERE a.ctid > b.ctid AND a.e = b.e', 'planner_ctid');
SELECT count(*), (SELECT count(*) FROM t a, t b WHERE a.ctid <> b.ctid) FROM t a JOIN t b ON a.ctid = b.ctid;
SELECT count(*) FROM t a LEFT JOIN (SELECT ctid AS c, * FROM t WHERE id < 21) b ON a.ctid = b.c WHERE b.id IS NULL;
-- No comparison, or one in a shard.
SELECT count(ctid), count(*) FROM (SELECT ctid FROM t ORDER BY ctid LIMIT 5) s;
SELECT count(*) FROM t WHERE id = 3 AND ctid = (SELECT ctid FROM t WHERE id = 3);
SELECT count(*) FROM t WHERE id = 3 AND ctid IN (SELECT ctid FROM t WHERE id <> 3);
SELECT count(*) FROM t WHERE id = 3 AND ctid >= '(0,1)';
SELECT count(*) FROM here JOIN t USING (id) WHERE here.ctid = '(0,2)';
-- Anything else would mean other rows.
SELECT count(*) FROM t WHERE ctid = '(0,1)';
UPDATE t SET v = 0 WHERE '(0,1)' = ctid;
DELETE FROM t WHERE ctid = ANY ('{"(0,1)","(0,2)"}'::tid[]);
DELETE FROM t WHERE ctid NOT IN (SELECT min(ctid) FROM t GROUP BY e);
DELETE FROM t a WHERE EXISTS (SELECT FROM t b WHERE b.e = a.e AND b.ctid < a.ctid);
SELECT count(DISTINCT ctid) FROM t;
SELECT DISTINCT ctid FROM t;
SELECT ctid FROM t GROUP BY ctid;
DELETE FROM t WHERE ctid IN (SELECT ctid FROM here);
DELETE FROM copies WHERE ctid = '(0,1)';
DELETE FROM copies WHERE ctid IN (SELECT ctid FROM copies);
PREPARE by_ctid(tid) AS DELETE FROM t WHERE ctid = $1;
SELECT count(*) FROM t;

-- Columns of subqueries that hand ctids on; the shard is no part of their rows.
SELECT id FROM (SELECT ctid AS c, id FROM t) s WHERE c = (SELECT ctid FROM t WHERE id = 8);
SELECT id FROM (SELECT ctid AS c, id FROM t) s WHERE c IN (SELECT ctid FROM t WHERE id = 8);
SELECT id FROM (SELECT ctid AS c, id FROM t) s WHERE c = ANY (ARRAY(SELECT ctid FROM t WHERE id = 8));
SELECT row_to_json(s)::jsonb - 'c' FROM (SELECT ctid AS c, id FROM t) s WHERE c = (SELECT ctid FROM t WHERE id = 8);
WITH s AS MATERIALIZED (SELECT ctid AS c, id FROM t) SELECT row_to_json(s)::jsonb - 'c' FROM s WHERE c = (SELECT ctid FROM t WHERE id = 8);
SELECT i, s IS NULL, row_to_json(s)::jsonb - 'c' FROM (VALUES (8), (9)) g(i)
  LEFT JOIN (SELECT ctid AS c, id FROM t) s ON s.id = i AND s.c = (SELECT ctid FROM t WHERE id = 8) ORDER BY i;
-- Wherever such a column gets to.
SELECT count(*) FROM (SELECT ctid FROM t UNION SELECT ctid FROM t) s;
SELECT count(*) FROM (SELECT ctid, 1 FROM t EXCEPT ALL SELECT ctid, 1 FROM t WHERE id < 9) s;
SELECT count(*) FROM (SELECT ctid FROM t UNION ALL SELECT ctid FROM t) s;
WITH s AS (SELECT ctid AS c FROM t UNION ALL SELECT ctid FROM t) SELECT count(*) FROM s a JOIN s b ON a.c = b.c;
SELECT count(*) FROM (SELECT ctid AS c FROM t UNION ALL SELECT ctid FROM t) s WHERE c IN (SELECT ctid FROM t);
SELECT count(*) FROM (SELECT ctid AS c FROM t) s WHERE c::text = '(0,1)';
SELECT count(*) FROM (SELECT c FROM (SELECT ctid AS c FROM t) s OFFSET 0) s WHERE c IS DISTINCT FROM '(0,1)';
SELECT max(n) FROM (SELECT row_number() OVER (PARTITION BY ctid) AS n FROM t) s;
SELECT max(n) FROM (SELECT rank() OVER (ORDER BY c) AS n FROM (SELECT ctid AS c FROM t) s) s;
SELECT count(*) FROM (SELECT FROM t ORDER BY ctid FETCH FIRST 2 ROWS WITH TIES) s;
SELECT count(DISTINCT ctid::text) FROM t;
SELECT count(*) FROM here WHERE '(0,1)' = ANY (ARRAY(SELECT ctid FROM t));
SELECT count(*) FROM here WHERE '(0,1)' IN (SELECT ctid FROM t);
SELECT count(*) FROM here WHERE (SELECT ctid FROM t WHERE id = 1) = (SELECT ctid FROM t WHERE id = 2);
SELECT count(*) FROM here WHERE ('(0,1)', id) IN (SELECT ctid, id FROM t);
SELECT count(*) FROM t, LATERAL (VALUES (t.ctid)) s (c) WHERE c = '(0,1)';
SELECT count(*) FROM (SELECT ctid AS c FROM t WHERE id = 3) s WHERE c >= '(0,1)' AND c::text LIKE '(0,%';
SELECT count(c), count(DISTINCT c) FROM (SELECT ctid AS c FROM t WHERE id = 3) s WHERE c IS NOT NULL;
SELECT count(*) FROM (SELECT ctid AS c FROM t) s WHERE c IS NOT NULL;
-- Row security makes a subquery of the table.
CREATE ROLE planner_ctid_user;
GRANT USAGE ON SCHEMA planner_ctid TO planner_ctid_user;
GRANT ALL ON t TO planner_ctid_user;
ALTER TABLE t ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON t USING (id % 2 = 0);
SET ROLE planner_ctid_user;
SELECT tableoid::regclass, ctid IS NOT NULL, xmin IS NOT NULL, t, id FROM t WHERE id IN (7, 8);
SELECT id, (SELECT x.tableoid::regclass) FROM t x WHERE id IN (7, 8);
SELECT i, x, x.ctid IS NULL FROM (VALUES (7), (8)) g(i) LEFT JOIN t x ON x.id = g.i ORDER BY i;
SELECT count(*) FROM t WHERE ctid IN (SELECT ctid FROM t WHERE id < 9);
SELECT count(*) FROM t x JOIN t y ON x.ctid = y.ctid;
BEGIN;
DECLARE c CURSOR FOR SELECT * FROM t ORDER BY id;
FETCH 2 FROM c;
UPDATE t SET v = 1000 WHERE CURRENT OF c RETURNING id, v;
DELETE FROM t WHERE ctid IN (SELECT ctid FROM t WHERE id < 6);
SELECT count(*) FROM t;
ROLLBACK;
RESET ROLE;
DROP SCHEMA planner_ctid, ctid_plain CASCADE;
DROP ROLE planner_ctid_user;
