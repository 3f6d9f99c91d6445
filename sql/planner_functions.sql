-- Functions that depend on more than their arguments are called where the statement was asked, whatever rows they are called for.
\set SHOW_CONTEXT never
CREATE SCHEMA planner_functions;
CREATE SCHEMA planner_functions_plain;
SET search_path TO planner_functions;
SET citus.shard_count TO 4;
CREATE TABLE d (k int, v int);
CREATE TABLE e (k int, v int);
CREATE TABLE oo (k int, o oid, t text, ts timestamptz, j jsonb, rc regclass);
CREATE TABLE l (x int, y int);
SELECT create_distributed_table('d', 'k', colocate_with => 'none');
SELECT create_distributed_table('e', 'k', colocate_with => 'd');
SELECT create_distributed_table('oo', 'k', colocate_with => 'none');
INSERT INTO d VALUES (1, 1), (2, 2), (5, 0), (7, 3);
INSERT INTO l VALUES (1, 1), (2, 2), (5, 5), (7, 7);
INSERT INTO oo SELECT g, 10, 'port', '2020-01-01', '{"a":1}', 'pg_class'::regclass FROM generate_series(1, 8) g;
CREATE TABLE planner_functions_plain.d AS TABLE d;
CREATE TABLE planner_functions_plain.e AS TABLE e;
CREATE TABLE planner_functions_plain.oo AS TABLE oo;
CREATE TABLE planner_functions_plain.l AS TABLE l;
CREATE FUNCTION twin(statement text) RETURNS text LANGUAGE sql
  AS $$ SELECT testing.compare($1, 'planner_functions', 'planner_functions_plain, planner_functions') $$;
\pset format unaligned
\pset tuples_only on

-- What only this node has: settings, catalogs, the search path.
SELECT twin($$SELECT count(DISTINCT s.setting) FROM d, pg_settings s WHERE s.name = 'port'$$);
SELECT twin($$SELECT count(DISTINCT current_setting(t)) FROM oo$$);
SELECT twin($$SELECT current_setting(t) = current_setting('port') FROM oo$$);
SELECT twin($$SELECT count(*) FROM oo WHERE current_setting(t) = current_setting('port')$$);
SELECT twin($$SELECT pg_get_userbyid(o), format_type(23, o::int) FROM oo WHERE k = 3$$);
SELECT twin($$SELECT count(*) FROM oo WHERE o = 'd'::regclass$$);
SELECT twin($$SELECT count(*) FROM oo WHERE to_regclass('d') = rc$$);
SELECT twin($$SELECT count(*) FROM oo WHERE pg_table_size(rc) = pg_table_size('pg_class'::regclass)$$);
SELECT twin($$SELECT count(*) FROM oo WHERE has_table_privilege(rc, 'select')$$);
SELECT twin($$SELECT rc::text, json_agg(rc), concat(rc, 'x') FROM oo GROUP BY rc$$);
SELECT twin($$SELECT count(*) FROM oo GROUP BY rc::text$$);
SELECT twin($$SELECT pg_typeof(v) = 'int'::regtype, pg_typeof(ts)::text FROM oo, d WHERE oo.k = d.k$$);
SELECT twin($$SELECT age(ts) = age(current_date, ts) FROM oo WHERE k = 1$$);
-- What depends on settings of the session is beside the data, with these.
SET timezone TO 'Asia/Tokyo';
SELECT twin($$SELECT ts::text, ts::date, date_trunc('day', ts), extract(hour FROM ts), to_char(ts, 'YYYY TZ'), to_json(ts) FROM oo WHERE k = 1$$);
RESET timezone;

-- Users' stable functions see the statement's snapshot and the transaction's changes.
CREATE FUNCTION reads_local(int) RETURNS int LANGUAGE plpgsql STABLE AS 'BEGIN RETURN (SELECT y FROM l WHERE x = $1); END';
CREATE FUNCTION reads_shards(int) RETURNS int LANGUAGE plpgsql STABLE AS 'BEGIN RETURN (SELECT sum(v) FROM d WHERE v < $1); END';
CREATE FUNCTION is_large(int) RETURNS boolean LANGUAGE plpgsql STABLE AS 'BEGIN RETURN $1 > 1; END';
CREATE FUNCTION has_started(timestamptz) RETURNS boolean LANGUAGE sql STABLE AS 'SELECT $1 < now()';
CREATE FUNCTION next(int) RETURNS int LANGUAGE sql STABLE AS 'SELECT $1 + 1';
SELECT twin($$SELECT k, reads_local(k) FROM d$$);
SELECT twin($$SELECT sum(reads_local(k)) FROM d$$);
BEGIN;
UPDATE d SET v = v + 1;
SELECT k, reads_shards(v) FROM d ORDER BY k;
SELECT sum(reads_shards(v)) FROM d;
ROLLBACK;
SELECT twin($$UPDATE d SET v = 9 WHERE is_large(v) RETURNING *$$);
SELECT twin($$DELETE FROM d WHERE is_large(v) RETURNING *$$);
SELECT twin($$INSERT INTO e SELECT k, v FROM d WHERE NOT is_large(v) RETURNING *$$);
SELECT twin($$SELECT has_started(ts), count(*) FROM oo GROUP BY 1$$);
SELECT twin($$SELECT k, next(v) FROM d WHERE next(v) > 1$$);

-- So it is in RETURNING.
SELECT twin($$UPDATE oo SET k = k RETURNING k, current_setting(t) = current_setting('port')$$);
SELECT twin($$UPDATE oo SET j = NULL WHERE k = 2 RETURNING k, current_setting(t) = current_setting('port')$$);
SELECT twin($$INSERT INTO oo (k, t) VALUES (100, 'port') RETURNING current_setting(t) = current_setting('port')$$);
SELECT twin($$INSERT INTO oo (k, t) VALUES (100, 'port'), (101, 'port') RETURNING current_setting(t) = current_setting('port')$$);
SELECT twin($$UPDATE d SET v = 1 WHERE k = 1 RETURNING reads_local(k), d$$);
SELECT twin($$UPDATE d SET v = reads_local(k) RETURNING *$$);
SELECT twin($$UPDATE d SET v = 5 FROM l WHERE l.x = d.v RETURNING reads_local(d.k) + l.y, d$$);
SELECT twin($$DELETE FROM d USING l WHERE l.x = d.v RETURNING reads_local(d.k), l.y$$);
SELECT twin($$UPDATE d SET k = k + 10 RETURNING reads_local(k - 10)$$);
SELECT twin($$UPDATE oo SET rc = 'd' WHERE k = 1 RETURNING rc::oid = 'd'::regclass$$);
SELECT twin($$INSERT INTO d VALUES (20, 1) RETURNING random() < 2$$);
CREATE SEQUENCE drawn;
INSERT INTO d VALUES (20, 1) RETURNING nextval('drawn'), k;
WITH a AS (UPDATE d SET v = 6 RETURNING nextval('drawn') > 1 AS later, k) SELECT * FROM a ORDER BY k;

SET client_min_messages TO warning;
DROP SCHEMA planner_functions, planner_functions_plain CASCADE;
