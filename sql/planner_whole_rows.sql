-- Rows as a whole: null where an outer join has found none, with their fields' names, in all places; and the table that a row is of.
\set SHOW_CONTEXT never
SET citus.shard_count TO 4;
\pset format unaligned
\pset tuples_only on
SELECT testing.five_tables('planner_whole_rows');
CREATE TABLE p (k int, v int) PARTITION BY RANGE (v);
CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10);
CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (10) TO (20);
SELECT create_distributed_table('p', 'k', colocate_with => 'none');
INSERT INTO p SELECT g, g FROM generate_series(5, 14) g;
SET search_path TO planner_whole_rows_plain;
CREATE TABLE p (k int, v int) PARTITION BY RANGE (v);
CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10);
CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (10) TO (20);
INSERT INTO p SELECT g, g FROM generate_series(5, 14) g;
SET search_path TO planner_whole_rows;

-- A subquery's row that an outer join has not found is null, not a row of nulls.
SELECT twin($$SELECT count(q) FROM d LEFT JOIN (SELECT k, v FROM e WHERE k < 5) q ON q.k = d.k$$);
SELECT twin($$SELECT row_to_json(q) FROM d LEFT JOIN (SELECT k, v FROM e WHERE k < 5) q ON q.k = d.k ORDER BY d.k$$);
SELECT twin($$SELECT d.k, q IS NULL, q IS NOT NULL, q IS DISTINCT FROM NULL FROM d LEFT JOIN (SELECT k, v FROM e WHERE k < 5) q ON q.k = d.k$$);
SELECT twin($$SELECT d.k, coalesce(q::text, 'none') FROM d LEFT JOIN (SELECT k, v FROM e WHERE k < 5) q ON q.k = d.k$$);
SELECT twin($$SELECT q, count(*) FROM d LEFT JOIN (SELECT k, v FROM e WHERE k < 5) q ON q.k = d.k GROUP BY q$$);
SELECT twin($$SELECT d.k, row_to_json(q) FROM d LEFT JOIN (SELECT k, v FROM f WHERE k < 5) q ON q.k = d.v$$);
SELECT twin($$SELECT count(q) FROM d LEFT JOIN (VALUES (1, 2), (2, 3)) q(a, b) ON q.a = d.k$$);
SELECT twin($$SELECT d.k, q FROM d LEFT JOIN LATERAL (SELECT e.v, d.v AS w FROM e WHERE e.k = d.k AND e.k < 5) q ON true$$);
SELECT twin($$SELECT count(q), count(d) FROM d FULL JOIN (SELECT k, v FROM e WHERE k < 5) q ON q.k = d.k$$);
SELECT twin($$SELECT count(q), count(p) FROM (SELECT k FROM d WHERE k > 1) p FULL JOIN (SELECT k, v FROM e WHERE k < 5) q ON q.k = p.k$$);
SELECT twin($$SELECT p, q FROM (SELECT k FROM d WHERE k > 1) p FULL JOIN (SELECT k, v FROM f WHERE k < 5) q ON q.k = p.k$$);
SELECT twin($$SELECT count(q) FROM r LEFT JOIN (SELECT k, v FROM d WHERE k < 5) q ON q.k = r.x$$);
SELECT twin($$SELECT to_json(q) FROM l LEFT JOIN (SELECT k, sum(v) s FROM d WHERE k < 5 GROUP BY k) q ON q.k = l.x$$);
SELECT twin($$SELECT json_agg(q ORDER BY d.k) FROM d LEFT JOIN (SELECT k, v FROM e WHERE k < 5) q ON q.k = d.k$$);
SELECT twin($$SELECT d.k, (SELECT q IS NULL) FROM d LEFT JOIN (SELECT k, v FROM e WHERE k < 5) q ON q.k = d.k$$);
SELECT twin($$WITH q AS (SELECT k, v FROM e WHERE k < 5) SELECT count(q), count(*) FROM d LEFT JOIN q ON q.k = d.k$$);
SELECT twin($$SELECT count(q), count(*) FROM d LEFT JOIN ROWS FROM (generate_series(1, 3), generate_series(2, 3)) q(a, b) ON a = d.k$$);
SELECT twin($$SELECT q.a IS NULL, count(*) FROM d LEFT JOIN (SELECT e AS a, k FROM e WHERE k < 5) q ON q.k = d.k GROUP BY 1$$);

-- RETURNING of a subquery's row, and of the changed one, wherever the rows come from.
SELECT twin($$UPDATE d SET v = 100 FROM (SELECT k, v FROM e WHERE k < 5) q WHERE q.k = d.k RETURNING q, row_to_json(q)$$);
SELECT twin($$UPDATE d SET v = 100 FROM (SELECT k, v FROM f WHERE k < 5) q WHERE q.v = d.v RETURNING q, d, row_to_json(q), row_to_json(d)$$);
SELECT twin($$UPDATE d SET v = 100 FROM r LEFT JOIN (SELECT k, v FROM f WHERE k < 5) q ON q.k = r.x WHERE r.x = d.k RETURNING d.k, q, row_to_json(q), q IS NULL$$);
SELECT twin($$DELETE FROM d USING (SELECT k, v FROM f WHERE k < 5) q WHERE q.v = d.v RETURNING q, q.*, d$$);
SELECT twin($$INSERT INTO d VALUES (1, 1), (2, 2) RETURNING d, row_to_json(d)$$);
SELECT twin($$INSERT INTO d SELECT k, v FROM f RETURNING d$$);
SELECT twin($$INSERT INTO r VALUES (11, 1), (12, 2) RETURNING r$$);
SELECT twin($$INSERT INTO r VALUES (1, 5), (12, 4) ON CONFLICT (x) DO UPDATE SET y = length(row_to_json(excluded)::text) RETURNING r$$);

-- The table of a changed row.
SELECT twin($$INSERT INTO d VALUES (1, 1) RETURNING (tableoid::regclass)::text ~ 'd$', tableoid = 'd'::regclass$$);
SELECT twin($$INSERT INTO d VALUES (1, 1), (2, 2) RETURNING tableoid = 'd'::regclass$$);
SELECT twin($$UPDATE d SET v = 3 WHERE tableoid = 'd'::regclass RETURNING d, tableoid = 'd'::regclass$$);
SELECT twin($$DELETE FROM d USING f WHERE f.v = d.v RETURNING d.tableoid = 'd'::regclass$$);
SELECT twin($$DELETE FROM p WHERE tableoid = 'p1'::regclass RETURNING k$$);
SELECT twin($$UPDATE p SET v = 15 WHERE tableoid = 'p1'::regclass AND k = 5 RETURNING k, tableoid = 'p2'::regclass$$);
SELECT twin($$INSERT INTO p VALUES (33, 3), (34, 13) RETURNING k, tableoid = 'p1'::regclass$$);
SELECT twin($$DELETE FROM p USING f WHERE f.v = p.v RETURNING p.tableoid = 'p1'::regclass, p$$);
SELECT twin($$DELETE FROM p1 WHERE tableoid = 'p1'::regclass RETURNING k$$);
WITH u AS (UPDATE p SET v = v + 1 WHERE k < 10 RETURNING tableoid::regclass, k) SELECT * FROM u ORDER BY k;

-- A row that is compared with a subquery's only column.
SELECT twin($$SELECT * FROM d x WHERE x.* IN (VALUES (x.*::d))$$);
SELECT twin($$SELECT * FROM d x WHERE x IN (SELECT y FROM d y WHERE y.k = x.k AND y.v < 5)$$);
SELECT twin($$SELECT * FROM d x WHERE x.k = 1 AND x = ANY (SELECT y FROM d y WHERE y.k = 1)$$);
SELECT twin($$SELECT * FROM d x WHERE (x, x.k) IN (SELECT y, y.k FROM d y WHERE y.k = x.k)$$);
SELECT twin($$SELECT * FROM d x WHERE x <> ALL (SELECT y FROM d y WHERE y.k = x.k AND y.v < 5)$$);

SET client_min_messages TO warning;
DROP SCHEMA planner_whole_rows, planner_whole_rows_plain CASCADE;
