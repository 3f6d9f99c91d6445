-- Functions of users see the session's search path wherever they run, and strings mean what they mean in the session.
\set VERBOSITY terse
\set SHOW_CONTEXT never
SET client_min_messages TO warning;
SET citus.shard_count TO 8;
CREATE SCHEMA session_a;
CREATE SCHEMA session_b;
SET search_path TO session_a;
CREATE FUNCTION step(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1 + 1';
CREATE FUNCTION session_b.step(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1 + 100';
CREATE FUNCTION by_plpgsql(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN step($1); END';
CREATE FUNCTION by_sql(int) RETURNS int STABLE LANGUAGE sql AS 'SELECT step($1)';
CREATE FUNCTION fixed(int) RETURNS int IMMUTABLE LANGUAGE plpgsql SET search_path TO session_b AS 'BEGIN RETURN step($1); END';
CREATE FUNCTION logged() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.made := step(NEW.v); RETURN NEW; END';
CREATE TABLE t (id int, v int, s text, made int, CHECK (v IS NULL OR by_plpgsql(v) > 0));
CREATE TABLE plain (LIKE t INCLUDING ALL);
SELECT create_distributed_table('t', 'id', colocate_with => 'none');
INSERT INTO t SELECT g, g, E'x\\' || g % 3 FROM generate_series(1, 40) g;
INSERT INTO plain TABLE t;
\pset format unaligned
\pset tuples_only on
-- In conditions, results, aggregates; in the text of a function that is inlined and of one that is not.
SELECT sum(by_plpgsql(v)), sum(by_sql(v)), sum(fixed(v)) FROM t;
SELECT sum(by_plpgsql(v)), sum(by_sql(v)), sum(fixed(v)) FROM plain;
SELECT count(*) FROM t WHERE by_plpgsql(v) > 20;
SELECT by_sql(v), by_plpgsql(v), fixed(v) FROM t WHERE id = 7;
SELECT by_sql(v), by_plpgsql(v), fixed(v) FROM t WHERE id = 8 AND by_sql(id) = 9;
-- Another path: another function, in prepared statements as well.
PREPARE stepped(int) AS SELECT session_a.by_sql(v), session_a.by_plpgsql(v) FROM session_a.t WHERE id = $1 AND session_a.by_sql(v) > 0;
EXECUTE stepped(1);
EXECUTE stepped(2);
EXECUTE stepped(3);
EXECUTE stepped(4);
EXECUTE stepped(5);
EXECUTE stepped(6);
EXECUTE stepped(7);
SET search_path TO session_b;
EXECUTE stepped(1);
EXECUTE stepped(2);
EXECUTE stepped(3);
EXECUTE stepped(7);
SELECT sum(session_a.by_sql(v)), sum(session_a.fixed(v)) FROM session_a.t;
BEGIN;
SET LOCAL search_path TO session_a;
EXECUTE stepped(2);
ROLLBACK;
EXECUTE stepped(2);
SET search_path TO pg_catalog;
SELECT sum(session_a.by_sql(v)) FROM session_a.t WHERE id BETWEEN 1 AND 5;
SET search_path TO session_a;
EXECUTE stepped(2);
-- What changes call for: constraints, expressions of indexes, triggers of the shards; and COPY.
CREATE FUNCTION for_index(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT session_a.step($1)';  -- 17 hides the path
CREATE INDEX ON t (for_index(v));
CREATE TRIGGER logged BEFORE INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION logged();
INSERT INTO t VALUES (101, -2), (102, 3);
INSERT INTO t VALUES (103, 3);
INSERT INTO t VALUES (104, -2);
INSERT INTO t SELECT g, g FROM generate_series(105, 110) g;
UPDATE t SET v = by_plpgsql(v) WHERE id > 100;
UPDATE t SET v = -5 WHERE id = 3;
COPY t (id, v) FROM STDIN;
111	5
112	6
\.
COPY t (id, v) FROM STDIN;
113	-7
\.
SELECT id, v, made FROM t WHERE id > 100 ORDER BY id;
SELECT count(*) FROM t WHERE for_index(v) = 6;
-- Functions that hide PostgreSQL's, in a path that lists pg_catalog behind them: only whoever means them gets them.
CREATE FUNCTION lower(text) RETURNS text IMMUTABLE LANGUAGE sql AS $$ SELECT 'mine' $$;
CREATE FUNCTION always(int, int) RETURNS boolean IMMUTABLE LANGUAGE sql AS $$ SELECT true $$;
CREATE OPERATOR = (FUNCTION = always, LEFTARG = int, RIGHTARG = int);
SET search_path TO session_a, pg_catalog;
SELECT DISTINCT lower(s), pg_catalog.lower(s), upper(s) FROM t WHERE v OPERATOR(pg_catalog.=) 3;
SELECT DISTINCT lower(s), pg_catalog.lower(s), upper(s) FROM plain WHERE v OPERATOR(pg_catalog.=) 3;
SELECT count(*) FROM t WHERE v = 3 AND id < 41;
SELECT count(*) FROM plain WHERE v = 3 AND id < 41;
DROP OPERATOR = (int, int);
DROP FUNCTION lower(text), always(int, int);
SET search_path TO session_a;

-- An index that is made of one is written when rows come in.
CREATE TABLE sparse (id int, v int);
SELECT create_distributed_table('sparse', 'id', colocate_with => 't');
CREATE FUNCTION stepped(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN step($1); END';
CREATE INDEX ON sparse (stepped(v));
INSERT INTO sparse VALUES (1, 1);
INSERT INTO sparse SELECT g, g FROM generate_series(2, 9) g;
UPDATE sparse SET v = v + 1;
SELECT count(*) FROM sparse WHERE stepped(v) = step(5);
DROP TABLE sparse;

-- Backslashes that are escapes in plain strings.
SET standard_conforming_strings TO off;
SET escape_string_warning TO off;
SELECT count(*) FROM t WHERE s = 'x\\1';
SELECT count(*) FROM plain WHERE s = 'x\\1';
SELECT count(*) FROM t WHERE s LIKE 'x\\\\%' AND s || '\\' <> 'x\\1\\';
SELECT count(*) FROM plain WHERE s LIKE 'x\\\\%' AND s || '\\' <> 'x\\1\\';
SELECT q, count(*) FROM (SELECT s || '\\' AS q FROM t WHERE s IN ('x\\1', 'x\\2') GROUP BY id, 1) it GROUP BY 1 ORDER BY 1;
CREATE TABLE marked (id int, s text DEFAULT 'd\\e', CHECK (s <> 'x\\z'));
SELECT create_distributed_table('marked', 'id', colocate_with => 't');
INSERT INTO marked VALUES (1, 'x\\z');
INSERT INTO marked SELECT g, 'x\\z' FROM generate_series(1, 9) g;
INSERT INTO marked (id) SELECT g FROM generate_series(1, 9) g;
ALTER TABLE marked ADD COLUMN u text DEFAULT 'q\\r', ADD CHECK (u <> 'w\\w');
UPDATE marked SET u = 'w\\w' WHERE id = 2;
UPDATE marked SET u = 'w\\v' WHERE id = 2;
SELECT s, u, count(*) FROM marked GROUP BY 1, 2 ORDER BY 1, 2;
RESET standard_conforming_strings;
SELECT s, u, count(*) FROM marked GROUP BY 1, 2 ORDER BY 1, 2;
DROP SCHEMA session_a, session_b CASCADE;
