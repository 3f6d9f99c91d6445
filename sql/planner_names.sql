-- Texts, columns and types that read like the name of a distributed table stay as they are where a shard's name takes its place.
CREATE SCHEMA planner_names;
SET search_path TO planner_names;
SET citus.shard_count TO 4;
CREATE TABLE t (k int PRIMARY KEY, v text, "planner_names.t" int DEFAULT 0);
CREATE TABLE t_more (k int, v text);
CREATE TABLE "t planner_names.t" (k int, v text);
CREATE TABLE facts (id int, note text);
SELECT create_distributed_table('t', 'k', colocate_with => 'none');
SELECT create_distributed_table('t_more', 'k', colocate_with => 't');
SELECT create_distributed_table('"t planner_names.t"', 'k', colocate_with => 't');
SELECT create_reference_table('facts');
INSERT INTO t SELECT g, 'v' || g FROM generate_series(1, 6) g;
INSERT INTO t_more SELECT g, 'more' || g FROM generate_series(1, 6) g;
INSERT INTO "t planner_names.t" SELECT g, 'quoted' || g FROM generate_series(1, 6) g;
INSERT INTO facts VALUES (1, 'fact');

-- One table: its name elsewhere in the text.
SELECT 'planner_names.t ' || v AS v FROM t ORDER BY k LIMIT 2;
SELECT 'planner_names.t ' || v AS v FROM t WHERE k = 3;
SELECT k, "planner_names.t" FROM t WHERE "planner_names.t" = 0 ORDER BY k LIMIT 1;
SELECT (ROW(k, v, 7)::t)."planner_names.t" FROM t WHERE k = 2;
SELECT pg_typeof(t), "planner_names.t".v FROM t, LATERAL (SELECT v) AS "planner_names.t" WHERE k = 1;
SELECT count(*) FILTER (WHERE 'planner_names.t' <> v), count(*) FILTER (WHERE v = 'planner_names.t') FROM t;
WITH "planner_names.t" AS (SELECT k, v FROM t OFFSET 0) SELECT v FROM "planner_names.t" ORDER BY k LIMIT 1;
UPDATE t SET v = 'planner_names.t ' || v WHERE k = 1 RETURNING v;
UPDATE t SET v = v || ' planner_names.t', "planner_names.t" = k WHERE "planner_names.t" = 0 AND v = 'v2' RETURNING k, v;
INSERT INTO t VALUES (1, 'planner_names.t') ON CONFLICT (k) DO UPDATE SET v = 'planner_names.t ' || excluded.v RETURNING v;
INSERT INTO t VALUES (7, 'new') ON CONFLICT (k) DO UPDATE SET v = 'planner_names.t' RETURNING 'planner_names.t', v;
DELETE FROM t WHERE v <> 'planner_names.t' AND k = 7 RETURNING 'planner_names.t';
UPDATE facts SET note = 'planner_names.facts, planner_names.t' WHERE note <> 'planner_names.facts' RETURNING *;

-- Names that begin or end like another's.
SELECT v FROM "t planner_names.t" WHERE k = 2;
SELECT v FROM t_more WHERE k = 2;
SELECT t.v, m.v, q.v, f.note FROM t JOIN t_more m USING (k) JOIN "t planner_names.t" q USING (k) JOIN facts f ON f.id = k;

-- The same table twice, and in a subquery.
SELECT a.k, b.v FROM t a JOIN t b USING (k) WHERE a.v <> 'planner_names.t' ORDER BY k LIMIT 2;
SELECT v FROM t WHERE k = 4 AND EXISTS (SELECT FROM t inner_t WHERE inner_t.k = t.k AND v <> 'planner_names.t');
INSERT INTO t_more SELECT k, 'planner_names.t_more, ' || v FROM t WHERE k = 5 RETURNING *;

-- A name that has changed.
ALTER TABLE t RENAME TO u;
SELECT 'planner_names.u ' || v AS v FROM u WHERE k = 3;
ALTER TABLE u SET SCHEMA public;
SELECT 'planner_names.u public.u ' || v AS v FROM public.u WHERE k = 3;
SET client_min_messages TO warning;
DROP TABLE public.u;
DROP SCHEMA planner_names CASCADE;
