-- Views whose columns are renamed, INSTEAD OF triggers, and what depends on a table that is distributed anew.
\set VERBOSITY terse
\set SHOW_CONTEXT never
SET client_min_messages TO warning;
SET citus.shard_count TO 4;
CREATE SCHEMA planner_view_changes;
SET search_path TO planner_view_changes;
CREATE TABLE t (id int, v int);
CREATE TABLE plain (id int, v int);
SELECT create_distributed_table('t', 'id');
INSERT INTO t VALUES (1, 1), (2, 2);
INSERT INTO plain TABLE t;
CREATE VIEW w AS SELECT id, v FROM t;
CREATE VIEW ww AS SELECT * FROM w;
CREATE VIEW u AS SELECT id, v FROM t UNION ALL SELECT 10, v FROM plain;
\pset format unaligned
\pset tuples_only on
ALTER VIEW w RENAME COLUMN v TO renamed;
ALTER VIEW u RENAME COLUMN v TO renamed;
SELECT * FROM w ORDER BY id;
SELECT * FROM ww ORDER BY id;
SELECT * FROM u ORDER BY id, renamed;
SELECT renamed FROM w WHERE id = 1;
SELECT w FROM w ORDER BY id;
SELECT a.renamed, b.renamed FROM w a JOIN w b USING (id) ORDER BY 1;
SELECT max(renamed), q.renamed FROM (SELECT id, renamed FROM w) q(id, renamed) GROUP BY 2 ORDER BY 1;
UPDATE w SET renamed = 5 WHERE id = 1 RETURNING *;
ALTER TABLE w RENAME renamed TO again;
ALTER TABLE t RENAME v TO vv;
SELECT * FROM w ORDER BY id;
CREATE OR REPLACE VIEW w AS SELECT id, vv AS again, id + vv AS added FROM t;
SELECT * FROM w ORDER BY id;
SELECT * FROM ww ORDER BY id;
-- INSTEAD OF
CREATE VIEW plain_w AS SELECT id, v AS again, id + v AS added FROM plain;
UPDATE plain SET v = 5 WHERE id = 1;
CREATE FUNCTION instead() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE WARNING '% % %', TG_OP, OLD, NEW; RETURN NEW; END $$;
CREATE TRIGGER instead INSTEAD OF INSERT OR UPDATE OR DELETE ON w FOR EACH ROW EXECUTE FUNCTION instead();
CREATE TRIGGER instead INSTEAD OF INSERT OR UPDATE OR DELETE ON plain_w FOR EACH ROW EXECUTE FUNCTION instead();
UPDATE w SET again = 7 WHERE id = 1;
UPDATE plain_w SET again = 7 WHERE id = 1;
UPDATE w SET again = again + added, id = 9 WHERE id = 2 RETURNING *;
UPDATE plain_w SET again = again + added, id = 9 WHERE id = 2 RETURNING *;
UPDATE w SET again = plain.v FROM plain WHERE plain.id = w.id AND w.id = 1 RETURNING w.id, w.again, plain.v;
UPDATE plain_w SET again = plain.v FROM plain WHERE plain.id = plain_w.id AND plain_w.id = 1 RETURNING plain_w.id, plain_w.again, plain.v;
INSERT INTO w (id) VALUES (3);
INSERT INTO plain_w (id) VALUES (3);
DELETE FROM w WHERE id = 1;
DELETE FROM plain_w WHERE id = 1;
WITH a AS (UPDATE w SET again = 0 WHERE id = 1 RETURNING *) SELECT * FROM a;
DROP TRIGGER instead ON w;
-- distributed anew
CREATE FUNCTION of_row(t) RETURNS int LANGUAGE sql AS 'SELECT $1.id';
CREATE FUNCTION rows_of() RETURNS SETOF w LANGUAGE sql AS 'SELECT * FROM planner_view_changes.w';
CREATE VIEW www AS SELECT of_row(t) FROM t;
CREATE FUNCTION there() RETURNS TABLE (names text) LANGUAGE sql AS $$
SELECT DISTINCT result FROM run_command_on_workers($q$SELECT string_agg(name, ' ' ORDER BY name) FROM (
  SELECT relname AS name FROM pg_class WHERE relkind = 'v' AND relnamespace = 'planner_view_changes'::regnamespace
  UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = 'planner_view_changes'::regnamespace AND proname LIKE '%row%') n$q$) $$;
SELECT there();
SELECT alter_distributed_table('t', shard_count => 8);
SELECT there();
SELECT * FROM ww ORDER BY id;
SELECT count(*) FROM rows_of();
SELECT undistribute_table('t');
SELECT there();
SELECT * FROM ww ORDER BY id;
SELECT create_distributed_table('t', 'id');
SELECT there();
SELECT * FROM www ORDER BY 1;
DROP SCHEMA planner_view_changes CASCADE;
