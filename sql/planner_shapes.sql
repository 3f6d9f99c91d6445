-- Statements of less usual shape.
\set SHOW_CONTEXT never
SET citus.shard_count TO 4;
\pset format unaligned
\pset tuples_only on
SELECT testing.five_tables('planner_shapes');

-- A result that has the name of a column which the order is by; WITH around a query that is shipped.
SELECT twin($$SELECT array_agg(n) FROM (SELECT 1 AS v, s.v AS n FROM (SELECT v FROM f WHERE k IN (5)) s ORDER BY s.v DESC) q$$);
SELECT 1 AS v, s.v AS n FROM (SELECT v FROM d WHERE k = 1 UNION ALL SELECT v + 3 FROM d WHERE k = 1) s ORDER BY s.v DESC, 1;
SELECT DISTINCT ON (s.v) 1 AS v, s.v AS n FROM (SELECT v FROM d WHERE k = 1 UNION ALL SELECT v + 3 FROM d WHERE k = 1) s ORDER BY s.v DESC;
SELECT twin($$WITH RECURSIVE t(a, b) AS (SELECT k, 0 FROM d UNION ALL SELECT d.k, t.b + 1 FROM d JOIN t ON d.v = t.a WHERE t.b < 2)
  (SELECT count(*) FROM d WHERE k = 1 HAVING max('x') <> (SELECT max('y') FROM t)) UNION SELECT b FROM t$$);
SELECT twin($$WITH t AS MATERIALIZED (SELECT v FROM f) (SELECT count(*) FROM d WHERE k = 1 HAVING max(v) < (SELECT max(v) FROM t)) UNION ALL SELECT v FROM t$$);
SELECT twin($$SELECT k, grouping(k), rank() OVER (ORDER BY count(*)) FROM d GROUP BY k$$);
SELECT twin($$SELECT v, grouping(v), rank() OVER (ORDER BY count(*)) FROM d GROUP BY v$$);
SELECT twin($$SELECT k, grouping(k), rank() OVER (ORDER BY count(*)) FROM d GROUP BY ROLLUP (k)$$);
SELECT twin($$SELECT count(DISTINCT x) FROM d, (SELECT x FROM r LIMIT 3) q$$);
SELECT twin($$SELECT count(DISTINCT x) FROM d, (SELECT x, row_number() OVER () n FROM r) q WHERE n < 3$$);
SELECT twin($$SELECT count(*) FROM d, r TABLESAMPLE SYSTEM (100)$$);
SELECT twin($$INSERT INTO d VALUES (generate_series(1, 3), 1) RETURNING *$$);
SELECT twin($$INSERT INTO d (v, k) VALUES (1, generate_series(1, 3)) RETURNING k, v$$);
SELECT twin($$INSERT INTO d VALUES (generate_series(1, 3), generate_series(1, 2) + 5) RETURNING *$$);
SELECT twin($$INSERT INTO d VALUES (1, generate_series(1, 2)) RETURNING *$$);
SELECT twin($$INSERT INTO r VALUES (generate_series(11, 13), 1) RETURNING *$$);

BEGIN;
MERGE INTO d USING f ON f.k = d.k WHEN MATCHED AND d.v > 99 AND d.v = (SELECT x FROM l) THEN DELETE WHEN MATCHED THEN UPDATE SET v = 77;
SELECT * FROM d ORDER BY k;
ROLLBACK;
BEGIN;
WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t WHERE n < 5), a AS (UPDATE d SET v = 100 FROM t WHERE t.n = d.k RETURNING d.k) SELECT count(*) FROM a;
SELECT * FROM d ORDER BY k;
ROLLBACK;
BEGIN;
WITH RECURSIVE t AS (SELECT k AS n FROM d WHERE k = 1 UNION ALL SELECT n + 1 FROM t WHERE n < 5), a AS (UPDATE d SET v = 100 FROM t WHERE t.n = d.k RETURNING d.k) SELECT count(*) FROM a;
SELECT * FROM d ORDER BY k;
ROLLBACK;
BEGIN;
WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t WHERE n < 5), a AS (DELETE FROM d USING t WHERE t.n = d.k RETURNING d.k), b AS (INSERT INTO e SELECT k, 0 FROM a RETURNING k) SELECT count(*) FROM b, t;
SELECT * FROM d ORDER BY k;
ROLLBACK;

-- A stable function that reads the target sees none of the statement's rows.
CREATE FUNCTION counted() RETURNS bigint LANGUAGE plpgsql STABLE AS 'BEGIN RETURN (SELECT count(*) FROM d); END';
INSERT INTO d SELECT 1, counted() FROM generate_series(1, 1100) g;
SELECT min(v), max(v), count(*) FROM d;

-- Sets among the result columns are spelled out of rows that are sorted: each row's stays together, in its own order.
TRUNCATE d;
INSERT INTO d SELECT i, 10 * i FROM generate_series(1, 6) i;
SELECT array_agg(q) FROM (SELECT k, generate_series(1, 3) FROM d ORDER BY k) q;
SELECT array_agg(q) FROM (SELECT k, unnest(ARRAY['b', 'a']) FROM d ORDER BY k DESC LIMIT 5 OFFSET 1) q;
SELECT array_agg(q) FROM (SELECT v % 20, count(*), generate_series(3, 1, -1) FROM d GROUP BY 1 ORDER BY 1) q;
SELECT array_agg(q) FROM (SELECT k, count(*), generate_series(3, 1, -1) FROM d GROUP BY 1 ORDER BY 1 LIMIT 4) q;
SELECT array_agg(q) FROM (SELECT k, row_number() OVER (PARTITION BY k), generate_series(1, 2) n FROM d ORDER BY n, k) q;
-- Columns that depend on the primary key which is grouped by, of types that can't be; an aggregate in a subquery that needs other rows.
CREATE TABLE named (id int PRIMARY KEY, place point, doc json);
SELECT create_reference_table('named');
INSERT INTO named SELECT i, point(i, i), '{}' FROM generate_series(1, 3) i;
SELECT id, place, doc, count(*), sum(d.v) FROM named JOIN d ON d.k % 3 + 1 = id GROUP BY id HAVING doc::text = '{}' ORDER BY id;
SELECT id, place, count(DISTINCT d.v) FROM named JOIN d ON d.k % 3 + 1 = id GROUP BY id ORDER BY id;
SELECT id, (SELECT count(*) FROM d WHERE d.k % 3 + 1 = id AND d.v > 10 * avg(id)) FROM named GROUP BY id ORDER BY id;

SET client_min_messages TO warning;
DROP SCHEMA planner_shapes, planner_shapes_plain CASCADE;
