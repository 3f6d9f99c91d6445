-- Where rows lie: each statement gives, and leaves, what it does on plain tables.
\set SHOW_CONTEXT never
CREATE SCHEMA locus_plain;
CREATE SCHEMA planner_locus;
SET search_path TO planner_locus;
SET citus.shard_count TO 4;
CREATE TABLE d (k int, v int);
CREATE TABLE e (k int, v int);
CREATE TABLE f (k int, v int);
CREATE TABLE r (x int PRIMARY KEY, y int);
CREATE TABLE l (z int);
SELECT create_distributed_table('d', 'k', colocate_with => 'none');
SELECT create_distributed_table('e', 'k', colocate_with => 'd');
SELECT create_distributed_table('f', 'k', colocate_with => 'none');
SELECT create_reference_table('r');
INSERT INTO d VALUES (1, 1), (2, 2), (5, 0), (7, 3);
INSERT INTO e VALUES (1, 9), (2, 9), (5, 9), (7, 9);
INSERT INTO f VALUES (1, 1), (2, 2), (5, 5);
INSERT INTO r VALUES (1, 1), (2, 2), (5, 5), (7, 7);
INSERT INTO l VALUES (1), (2);
CREATE TABLE locus_plain.d AS TABLE d;
CREATE TABLE locus_plain.e AS TABLE e;
CREATE TABLE locus_plain.f AS TABLE f;
CREATE TABLE locus_plain.r AS TABLE r;
CREATE TABLE locus_plain.l AS TABLE l;
\pset format unaligned
\pset tuples_only on
PREPARE twin(text) AS SELECT * FROM testing.twin($1, 'planner_locus', 'locus_plain');

-- An ungrouped aggregate gives a row wherever it is evaluated: once for each row around it, not on each shard.
EXECUTE twin('SELECT g, n FROM generate_series(1, 3) g, LATERAL (SELECT count(*) n FROM d WHERE d.k = g) s');
EXECUTE twin('SELECT g, n FROM (VALUES (1), (2)) q(g), LATERAL (SELECT count(*) n FROM d WHERE d.k = g) s');
EXECUTE twin('SELECT r.x, n FROM r, LATERAL (SELECT count(*) n, max(v) FROM d WHERE d.k = r.x) s');
EXECUTE twin('SELECT r1.x, s.x, s.v FROM r r1, LATERAL (SELECT r2.x, d.v FROM r r2 LEFT JOIN d ON d.k = r1.x) s');
EXECUTE twin('SELECT r.x, q.x, q.v FROM r, LATERAL (SELECT f2.x, e.v FROM r f2 LEFT JOIN e ON e.k = r.x) q');
EXECUTE twin('SELECT q1.x, q2.z FROM r q1 JOIN (l q2 JOIN LATERAL (SELECT count(DISTINCT q4.y) FROM r q4 JOIN d q5 ON q4.x = q5.v WHERE q5.k = q1.x) q3(c) ON q2.z = q3.c) ON q1.x = q3.c');
EXECUTE twin('SELECT count(*) FROM d WHERE k = 5 UNION ALL SELECT count(*) FROM d WHERE k = 7');
EXECUTE twin('SELECT s.n, e.v FROM (SELECT count(*) n FROM d WHERE k = 5) s, e WHERE e.k = 7');
EXECUTE twin('SELECT s.n, e.k FROM (SELECT count(*) n FROM d WHERE k = 5 AND k = 7) s, e WHERE e.k = 7');
EXECUTE twin('SELECT d.k, s.n FROM d, LATERAL (SELECT count(*) n FROM e WHERE e.k = d.k AND e.v > 9) s');
EXECUTE twin('SELECT d.k, s.n FROM d, LATERAL (SELECT count(*) n FROM e WHERE e.k = d.k AND e.k = 5) s');
EXECUTE twin('SELECT s.n, d.k FROM d LEFT JOIN LATERAL (SELECT count(*) n FROM e WHERE e.k = d.k AND e.k = 5) s ON true');
EXECUTE twin('SELECT r.x, s FROM r LEFT JOIN LATERAL (SELECT k FROM d WHERE d.k = r.x GROUP BY GROUPING SETS ((k), ())) s ON true');
EXECUTE twin('SELECT r.x, s.* FROM r, LATERAL (SELECT 1 FROM d WHERE d.k = r.x HAVING count(*) = 0) s');
-- And it does for rows whose key its own constant excludes.
EXECUTE twin('SELECT d.k, s.n FROM d JOIN LATERAL (SELECT count(*) n FROM e WHERE e.k = d.k AND e.k = 5) s ON true');
EXECUTE twin('SELECT d.k, s.n FROM d LEFT JOIN LATERAL (SELECT count(*) n FROM e WHERE e.k = d.k AND e.k = 5) s ON true');
EXECUTE twin('SELECT d.k, s.* FROM d JOIN LATERAL (SELECT r.x, e.v FROM r LEFT JOIN e ON e.k = d.k AND e.k = 5) s ON true');
EXECUTE twin('SELECT d.k, s.n FROM d, LATERAL (SELECT count(*) n FROM e WHERE e.k = d.k AND e.k = 5 UNION ALL SELECT count(*) FROM e WHERE e.k = d.k) s');
-- What ON says of the nullable side holds for rows that match.
EXECUTE twin('SELECT count(*) FROM r LEFT JOIN d ON d.k = r.x AND d.k = 5 JOIN e ON e.k = r.x');
EXECUTE twin('SELECT r.x, d.v, e.v FROM r LEFT JOIN d ON d.k = r.x AND d.k = 5 LEFT JOIN e ON e.k = r.x');
EXECUTE twin('SELECT e.k, q.x FROM e LEFT JOIN (r q LEFT JOIN d ON d.k = q.x AND d.k = 5) ON e.k = q.x');
EXECUTE twin('SELECT r.x, count(d.k) FROM d RIGHT JOIN r ON d.k = r.x AND r.x = 5 GROUP BY r.x');
EXECUTE twin('SELECT d.k, e.k FROM d FULL JOIN e ON d.k = e.k AND e.k = 5');
EXECUTE twin('SELECT x FROM r WHERE x IN (SELECT r2.x FROM r r2 LEFT JOIN d ON d.k = r2.x AND d.k = 5)');
-- Any rows of a reference table are taken once.
EXECUTE twin('SELECT count(DISTINCT q.x) FROM d, (SELECT x FROM r LIMIT 3) q');
EXECUTE twin('SELECT count(DISTINCT n) FROM d, (SELECT row_number() OVER () n FROM r) q');
EXECUTE twin('SELECT count(*) >= 0 FROM d, r TABLESAMPLE BERNOULLI (50)');
EXECUTE twin('SELECT d.k, (SELECT y FROM r WHERE r.x = d.k LIMIT 1) FROM d');
-- So is one of values that are equal, but not identical: copies have the same rows in other orders.
CREATE TABLE w (x int PRIMARY KEY, n numeric, f float8, m numeric(4, 2));
SELECT create_reference_table('w');
INSERT INTO w VALUES (1, 1.0, 0, 1), (2, 1.00, '-0', 1);
CREATE TABLE locus_plain.w AS TABLE w;
SELECT success FROM run_command_on_placements('w',
  'DO $do$ BEGIN IF current_setting(''port'')::int % 2 = 0 THEN UPDATE %s SET n = n WHERE x = 1; END IF; END $do$');
SELECT count(DISTINCT result) FROM run_command_on_placements('w', 'SELECT string_agg(x::text, '' '') FROM %s');
EXECUTE twin('SELECT count(DISTINCT q.n::text) FROM d, (SELECT DISTINCT n FROM w) q');
EXECUTE twin('SELECT count(DISTINCT q.n::text) FROM d, (SELECT n FROM w GROUP BY n) q');
EXECUTE twin('SELECT count(DISTINCT q.n::text) FROM d, (SELECT n FROM w INTERSECT SELECT n FROM w) q');
EXECUTE twin('SELECT count(DISTINCT q.n::text) FROM d, (SELECT max(n) FROM w) q(n)');
EXECUTE twin('SELECT count(DISTINCT q.n::text) FROM d, (SELECT n FROM w ORDER BY n LIMIT 1) q');
EXECUTE twin('SELECT count(DISTINCT q.n::text) FROM d, (SELECT array_agg(n ORDER BY n) FROM w) q(n)');
EXECUTE twin('SELECT count(DISTINCT q.n::text) FROM d, (SELECT ARRAY(SELECT n FROM w WHERE x < y ORDER BY n) FROM (VALUES (9)) v(y)) q(n)');
EXECUTE twin('SELECT count(DISTINCT q.f::text) FROM d, (SELECT DISTINCT f FROM w) q');
EXECUTE twin('SELECT count(DISTINCT q.m) FROM d, (SELECT max(m) FROM w GROUP BY m) q(m)');
-- A sample may be of a size that a row says, where the row is.
EXECUTE twin('SELECT d.k, s.n FROM d, LATERAL (SELECT count(*) n FROM e TABLESAMPLE BERNOULLI (d.v * 0 + 100) WHERE e.k = d.k) s');
EXECUTE twin('SELECT count(*) FROM d TABLESAMPLE BERNOULLI ((SELECT 50 * max(z) FROM l))');
SELECT s.n FROM r, LATERAL (SELECT count(*) n FROM d TABLESAMPLE BERNOULLI (r.x)) s;
SELECT count(*) FROM d TABLESAMPLE BERNOULLI (random() * 100);
-- of a local table it is taken here
EXECUTE twin('SELECT count(*) FROM l TABLESAMPLE BERNOULLI (100) JOIN d ON d.k = l.z');
EXECUTE twin('SELECT count(*) FROM l TABLESAMPLE SYSTEM (100) WHERE z <= (SELECT max(k) FROM d)');
-- Functions that a node answers for itself are asked here.
EXECUTE twin('SELECT count(DISTINCT s.setting) FROM d, pg_settings s WHERE s.name = ''port''');
EXECUTE twin('SELECT count(DISTINCT u) FROM d, current_database() u');

-- Equal means equal in the sense of the key.
CREATE TABLE t (k text, v int);
SELECT create_distributed_table('t', 'k', colocate_with => 'none');
CREATE COLLATION ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
INSERT INTO t VALUES ('a', 1), ('a ', 2), ('a  ', 3), ('ABC1', 4), ('abc1', 5), ('Abc1', 6), ('aBc1', 7);
CREATE TABLE locus_plain.t AS TABLE t;
EXECUTE twin('SELECT count(*) FROM t WHERE k = ''ABC1'' COLLATE planner_locus.ci');
EXECUTE twin('SELECT count(*) FROM t a JOIN t b ON a.k = b.k COLLATE planner_locus.ci');
EXECUTE twin('SELECT count(*) FROM t GROUP BY k COLLATE planner_locus.ci');
EXECUTE twin('SELECT count(*) FROM t GROUP BY k::bpchar');
EXECUTE twin('SELECT DISTINCT length(k::bpchar) FROM t');
EXECUTE twin('SELECT count(DISTINCT k::bpchar) FROM t');
EXECUTE twin('SELECT count(*) OVER (PARTITION BY k::bpchar) FROM t');
EXECUTE twin('SELECT k::bpchar = ''a'' FROM t INTERSECT SELECT k::bpchar = ''a'' FROM t');
EXECUTE twin('SELECT count(*) FROM (SELECT k::bpchar FROM t INTERSECT ALL SELECT k::bpchar FROM t WHERE v > 1) s');
EXECUTE twin('SELECT count(*) FROM t a JOIN t b ON a.k::bpchar = b.k::bpchar');
EXECUTE twin('SELECT count(*) FROM t WHERE k::varchar = ''ABC1''');
EXECUTE twin('SELECT count(*) FROM t a JOIN t b ON a.k::varchar = b.k');

-- Writes: the rows that are left.
CREATE FUNCTION left_over(statement text, OUT same boolean, OUT result text) LANGUAGE plpgsql AS $$
DECLARE
  contents text := 'SELECT ''d'', k, v FROM d UNION ALL SELECT ''e'', k, v FROM e UNION ALL SELECT ''r'', x, y FROM r';
  cluster text[];
  plain text[];
BEGIN
  SET LOCAL search_path TO planner_locus;
  EXECUTE statement;
  cluster := testing.rows_of(contents, 'planner_locus');
  SET LOCAL search_path TO locus_plain;
  EXECUTE statement;
  plain := testing.rows_of(contents, 'locus_plain');
  SET LOCAL search_path TO planner_locus;
  same := cluster = plain;
  result := array_to_string(cluster, ' ');
END $$;
BEGIN;
SELECT * FROM left_over('DELETE FROM d USING r LEFT JOIN f ON f.k = r.x AND f.v > 2 WHERE r.x = d.k AND f.k IS NOT NULL');
ROLLBACK;
BEGIN;
SELECT * FROM left_over('UPDATE d SET v = 100 FROM f RIGHT JOIN r ON f.k = r.x AND f.v > 2 WHERE r.x = d.k AND f.k IS NULL');
ROLLBACK;
BEGIN;
SELECT * FROM left_over('INSERT INTO e SELECT r.x, 0 FROM r LEFT JOIN d ON d.k = r.x AND d.k = 5');
SELECT count(*) FROM e WHERE k = 1;
ROLLBACK;
BEGIN;
SELECT * FROM left_over('INSERT INTO e SELECT r.x, 0 FROM r LEFT JOIN d ON d.k = r.x AND d.k = 5 UNION SELECT k, 0 FROM e');
ROLLBACK;
BEGIN;
SELECT * FROM left_over('INSERT INTO e SELECT x, (SELECT count(*) FROM d WHERE d.k = r.x) FROM r');
ROLLBACK;
BEGIN;
SELECT * FROM left_over('WITH gone AS (DELETE FROM d USING r LEFT JOIN f ON f.k = r.x AND f.v > 2 WHERE r.x = d.k AND f.k IS NOT NULL RETURNING d.k) UPDATE r SET y = 0 WHERE x IN (SELECT k FROM gone)');
ROLLBACK;

-- Each query is looked at once, however often it is read.
\set VERBOSITY terse
SET statement_timeout TO '20s';
DO $$
DECLARE
  chain text := 'WITH c0 AS (SELECT k FROM planner_locus.d)';
BEGIN
  FOR i IN 1..40 LOOP
    chain := chain || format(', c%s AS (SELECT a.k FROM c%s a JOIN c%s b ON a.k = b.k)', i, i - 1, i - 1);
  END LOOP;
  EXECUTE 'EXPLAIN ' || chain || ' SELECT count(*) FROM c40';
END $$;
RESET statement_timeout;

-- A sample whose size comes from a row around it can't be taken beside the data.
SELECT count(*) FROM (VALUES (0), (100)) v(pct), LATERAL (SELECT count(*) FROM d TABLESAMPLE bernoulli (pct)) s;

SET client_min_messages TO warning;
DROP SCHEMA planner_locus, locus_plain CASCADE;
