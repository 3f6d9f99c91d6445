-- What the asking node computes for the others: one expression stays one, and nothing is computed that PostgreSQL does not reach.
\set SHOW_CONTEXT never
SET citus.shard_count TO 4;
\pset format unaligned
\pset tuples_only on
SELECT testing.five_tables('planner_arguments');
ALTER TABLE d ADD ts timestamptz DEFAULT '2020-01-01';
ALTER TABLE planner_arguments_plain.d ADD ts timestamptz DEFAULT '2020-01-01';

SELECT twin($$SELECT (ts - now()) = (ts - now()) FROM d GROUP BY k, ts - now()$$);
SELECT twin($$SELECT (v + (SELECT 1)) * 2 FROM d GROUP BY k, v + (SELECT 1)$$);
SELECT twin($$SELECT (v + (SELECT 1)) * 2 FROM d GROUP BY v + (SELECT 1)$$);
SELECT twin($$SELECT (v + (SELECT max(y) FROM l)) * 2 FROM d GROUP BY k, v + (SELECT max(y) FROM l)$$);
PREPARE grouped(int) AS SELECT (v + $1) * 2 FROM d GROUP BY k, v + $1 ORDER BY 1;
EXECUTE grouped(1);
PREPARE sets(int) AS SELECT k, v + $1, grouping(v + $1), count(*) FROM d GROUP BY GROUPING SETS ((k, v + $1), (k)) ORDER BY 1, 2;
EXECUTE sets(1);
PREPARE windows(text) AS SELECT k, v::text || $1, rank() OVER (PARTITION BY k, v::text || $1 ORDER BY v) FROM d ORDER BY 1;
EXECUTE windows('a');

-- Subqueries and calls that are reached for no row, or not at all.
SELECT twin($$SELECT k, CASE WHEN v > 99 THEN (SELECT x FROM r) ELSE v END FROM d$$);
SELECT twin($$SELECT count(*) FROM d WHERE CASE WHEN current_setting('app.t', true) IS NULL THEN true ELSE v = current_setting('app.t')::int END$$);
SELECT twin($$SELECT count(*) FROM d WHERE false AND v = (SELECT x FROM r)$$);
SELECT twin($$SELECT count(*) FROM d WHERE v > 99 AND v = (SELECT x FROM r)$$);
SELECT twin($$SELECT count(*) FROM d WHERE CASE WHEN current_setting('app.t', true) IS NULL THEN true ELSE v = current_setting('app.t')::int END$$);
SELECT twin($$SELECT count(*) FROM d WHERE current_setting('app.t', true) IS NULL OR v = current_setting('app.t', true)::int$$);
SELECT twin($$SELECT coalesce(v, (SELECT x FROM r)) FROM d ORDER BY k$$);
SELECT twin($$SELECT coalesce(v, (SELECT x FROM l)) FROM d ORDER BY k$$);
SELECT twin($$SELECT coalesce(v, (SELECT v FROM f)) FROM d ORDER BY k$$);
SELECT twin($$SELECT coalesce(1, (SELECT k FROM f)) FROM d ORDER BY k$$);
SELECT twin($$SELECT count(*) FILTER (WHERE v > 99 AND v = (SELECT x FROM r)) FROM d$$);
SELECT twin($$SELECT sum(v / (SELECT 0)) FILTER (WHERE v > 99) FROM d$$);
SELECT twin($$SELECT sum(CASE WHEN v > 99 THEN v / (SELECT x FROM l) END) FROM d$$);
SELECT twin($$SELECT sum(CASE WHEN v <> 0 THEN 1 / v END) FROM d$$);
SELECT twin($$SELECT sum(1/v) FILTER (WHERE v <> 0) FROM d$$);
SELECT twin($$SELECT k, sum(1/v) FILTER (WHERE v <> 0) FROM d GROUP BY k$$);
SELECT twin($$SELECT v%2, sum(1/v) FILTER (WHERE v <> 0) FROM d GROUP BY 1$$);
SELECT twin($$SELECT count(*) FROM d HAVING count(*) > 99 AND 1 = (SELECT x FROM l)$$);
SELECT twin($$SELECT k FROM d GROUP BY k HAVING count(*) > 99 AND 1 = (SELECT x FROM l)$$);
SELECT twin($$SELECT v FROM d GROUP BY v HAVING count(*) > 99 AND 1 = (SELECT x FROM l)$$);
SELECT twin($$SELECT k FROM d WHERE v IN (0, (SELECT x FROM l WHERE x < 2))$$);
SELECT twin($$SELECT k FROM d WHERE k < 0 AND v IN (0, (SELECT x FROM l))$$);
SELECT twin($$SELECT count(*) FROM d WHERE v < -1 AND v = current_setting('app.t')::int$$);
SELECT twin($$SELECT CASE WHEN v < -1 THEN current_setting('app.t') ELSE 'x' END FROM d$$);
SELECT twin($$SELECT CASE WHEN v < -1 THEN 1 / (SELECT 0) ELSE 1 END FROM d$$);
SELECT twin($$SELECT CASE WHEN v < -1 THEN (SELECT 1 / 0) ELSE 1 END FROM d$$);
SELECT twin($$SELECT CASE WHEN v < -1 THEN (SELECT 1/y FROM r WHERE x = 1) ELSE 1 END FROM d$$);
SELECT twin($$SELECT CASE v WHEN -1 THEN (SELECT x FROM l) ELSE 1 END FROM d$$);
SELECT twin($$SELECT CASE WHEN false THEN (SELECT x FROM l) ELSE v END FROM d ORDER BY 1$$);
SELECT twin($$SELECT CASE WHEN true THEN v ELSE (SELECT x FROM l) END FROM d ORDER BY 1$$);
SELECT twin($$SELECT k FROM d WHERE EXISTS (SELECT 1/0) ORDER BY 1$$);
SELECT twin($$SELECT k FROM d WHERE true OR EXISTS (SELECT 1 FROM l WHERE 1/(x-1) > 0) ORDER BY 1$$);
SELECT twin($$SELECT k FROM d WHERE false AND k = (SELECT x FROM l)$$);
SELECT twin($$SELECT k FROM d WHERE k = (SELECT x FROM l WHERE x > 100)$$);
SELECT twin($$SELECT k FROM d WHERE k = 1 AND v > 100 AND v = (SELECT x FROM l)$$);
SELECT twin($$SELECT k FROM d WHERE k = (SELECT x FROM l) AND false$$);
SELECT twin($$UPDATE d SET v = CASE WHEN v > 99 THEN (SELECT x FROM l) ELSE 5 END RETURNING *$$);
SELECT twin($$UPDATE d SET v = CASE WHEN v > 99 THEN (SELECT x FROM l) ELSE 5 END WHERE k = 1 RETURNING *$$);
SELECT twin($$DELETE FROM d WHERE v > 99 AND v = (SELECT x FROM l) RETURNING k$$);
SELECT twin($$INSERT INTO d VALUES (9, CASE WHEN 1 > 99 THEN (SELECT x FROM l) ELSE 5 END) RETURNING *$$);
SELECT twin($$INSERT INTO d SELECT k, CASE WHEN v > 99 THEN (SELECT x FROM l) ELSE 5 END FROM e RETURNING *$$);
SELECT twin($$SELECT k, greatest(v, (SELECT 1)) FROM d ORDER BY 1$$);
SELECT twin($$SELECT max(coalesce(v, (SELECT x FROM l))) FROM d$$);
SELECT twin($$SELECT k FROM d ORDER BY CASE WHEN v > 99 THEN (SELECT x FROM l) ELSE k END$$);
SELECT twin($$SELECT k FROM d WHERE v = 1 OR v = 2 OR (v > 99 AND k = (SELECT x FROM l)) ORDER BY 1$$);
SELECT twin($$SELECT k FROM d LEFT JOIN r ON r.x = d.k AND d.v > 99 AND r.y = (SELECT x FROM l) ORDER BY 1$$);

-- Reached for some.
SELECT twin($$SELECT k FROM d WHERE v = 1 OR k = (SELECT max(x) FROM l) ORDER BY 1$$);
SELECT twin($$SELECT k FROM d WHERE v = 1 OR k = 2 + 3 ORDER BY 1$$);
SELECT twin($$SELECT k FROM d WHERE k = 1 OR k = 2 + 3 ORDER BY 1$$);
SELECT twin($$SELECT k FROM d WHERE k = 1 OR k = (SELECT x FROM l WHERE x = 5) ORDER BY 1$$);
SELECT twin($$SELECT k FROM d WHERE v = 99 OR k = (SELECT x FROM l WHERE x = 5) ORDER BY 1$$);
SELECT twin($$SELECT k FROM d WHERE EXISTS (SELECT 1 FROM e WHERE e.k = d.k AND (e.v = 1 OR e.v = (SELECT x + 8 FROM l WHERE x = 1))) ORDER BY 1$$);
SELECT twin($$SELECT CASE WHEN v > 1 THEN (SELECT x FROM l WHERE x = v) ELSE (SELECT max(x) FROM l) END FROM d ORDER BY k$$);
SELECT twin($$SELECT CASE WHEN v > 1 THEN (SELECT max(x) / 0 FROM l WHERE x > 99) ELSE (SELECT max(x) FROM l) END FROM d ORDER BY k$$);
SELECT twin($$SELECT sum(CASE WHEN v > 99 THEN (SELECT x / 0 FROM l) ELSE v END) FROM d$$);
SELECT twin($$SELECT v % 2, sum(CASE WHEN v > 99 THEN (SELECT x / 0 FROM l) ELSE v END), count(*) FROM d GROUP BY 1 ORDER BY 1$$);
SELECT twin($$SELECT k, (SELECT sum(v) FROM e WHERE e.k = d.k AND CASE WHEN e.v > 100 THEN e.v > (SELECT x FROM l) ELSE true END) FROM d ORDER BY 1$$);
SELECT twin($$SELECT k FROM d WHERE k IN (SELECT k FROM f WHERE v > 99 AND v = (SELECT x FROM l)) ORDER BY 1$$);
SELECT twin($$SELECT mode() WITHIN GROUP (ORDER BY v) FILTER (WHERE v > (SELECT min(x) FROM l)) FROM d$$);
SELECT twin($$SELECT coalesce(nullif(v, 1), (SELECT x FROM l WHERE x = 7)) FROM d ORDER BY k$$);
SELECT twin($$SELECT CASE v WHEN (SELECT 1) THEN 'one' WHEN (SELECT 2) THEN 'two' END FROM d ORDER BY k$$);
SELECT twin($$SELECT array(SELECT x FROM l WHERE x > 1 ORDER BY x), k FROM d ORDER BY k$$);
SELECT twin($$SELECT CASE WHEN v > 1 THEN array(SELECT x FROM l WHERE x > 1 ORDER BY x) END, k FROM d ORDER BY k$$);
SELECT twin($$SELECT (SELECT array[x] FROM l WHERE x = 1), k FROM d ORDER BY k$$);
SELECT twin($$SELECT CASE WHEN v > 1 THEN (SELECT array[x] FROM l WHERE x = 1) END, k FROM d ORDER BY k$$);
SELECT twin($$SELECT (SELECT 'x'::varchar(3) FROM l WHERE x = 1) || v FROM d ORDER BY k$$);
SELECT twin($$SELECT (SELECT l FROM l WHERE x = 1), k FROM d ORDER BY k$$);
SELECT twin($$SELECT (SELECT x FROM l ORDER BY x OFFSET 1 LIMIT 1), k FROM d ORDER BY k$$);
SELECT twin($$SELECT (SELECT x FROM l), k FROM d WHERE v < -5$$);
SELECT twin($$SELECT max(k) FROM d WHERE v = (SELECT x FROM l WHERE x < 0)$$);
SELECT twin($$SELECT k, v FROM d WHERE (k, v) = (SELECT x, y FROM l WHERE x = 1)$$);
SELECT twin($$SELECT k, v FROM d WHERE v IN (SELECT x FROM l)$$);
SELECT twin($$SELECT k, v FROM d WHERE v > ALL (SELECT x - 10 FROM l) ORDER BY 1$$);
SELECT twin($$INSERT INTO d SELECT k + 10, (SELECT x FROM l WHERE x = 5) FROM e RETURNING *$$);
SELECT twin($$UPDATE d SET v = (SELECT x FROM l WHERE x = 5) WHERE k = 1 RETURNING *$$);
SELECT twin($$UPDATE d SET v = (SELECT x FROM l WHERE x < 0) RETURNING *$$);
SELECT twin($$UPDATE d SET v = CASE WHEN v = 1 THEN (SELECT x FROM l WHERE x = 5) ELSE v END RETURNING *$$);
SELECT twin($$UPDATE d SET v = CASE WHEN v = 1 THEN (SELECT x / (x - 5) FROM l WHERE x = 5) ELSE v END WHERE v <> 1 RETURNING *$$);
SELECT twin($$DELETE FROM d WHERE v = 1 OR v = (SELECT x - 5 FROM l WHERE x = 5) RETURNING *$$);
SELECT twin($$DELETE FROM d WHERE v = 99 OR (v = 98 AND v = (SELECT x FROM l)) RETURNING *$$);

-- What is left out by rows that have no column: several rows of arrays, guards that are not reached themselves, or are null.
SELECT twin($$SELECT k, CASE WHEN v = 99 THEN (SELECT ARRAY[x] FROM l) END FROM d$$);
SELECT twin($$SELECT k, CASE WHEN v = 99 THEN CASE WHEN 'x'::text::date > '2000-01-01' THEN (SELECT count(*) FROM l) END END FROM d$$);
SELECT twin($$SELECT k, CASE WHEN now() IS NULL OR NULLIF(now(), now()) > now() THEN
  CASE WHEN 'x'::text::date > '2000-01-01' THEN (SELECT count(*) FROM l) END END FROM d$$);
SELECT twin($$SELECT k, (v, '2000-01-01'::timestamptz) < (99, 'x'::text::timestamptz) FROM d$$);
SELECT twin($$SELECT k, (NULLIF(ARRAY[v], ARRAY[v]))[extract(year FROM 'x'::text::timestamptz)::int] FROM d$$);
SELECT twin($$SELECT count(*) FROM d WHERE now() < NULLIF(now(), now()) AND (v = 99 OR ('x'::text::date > now() AND v = (SELECT count(*) FROM l)))$$);
-- No row at all.
SELECT twin($$SELECT k, 'x'::text::timestamptz FROM d WHERE v = 99$$);
SELECT twin($$SELECT k, 1 / extract(year FROM 'x'::text::timestamptz) FROM d WHERE v = 99$$);
SELECT twin($$SELECT sum(v) FILTER (WHERE 'x'::text::date > now()), max('x'::text::timestamptz) FROM d WHERE v = 99$$);
SELECT twin($$SELECT v, max('2020-01-02'::text::timestamptz - ts) FROM d GROUP BY v, ts - '2020-01-02'::text::timestamptz
  HAVING ts - '2020-01-02'::text::timestamptz < '1 day'$$);
SELECT twin($$SELECT k, 'x'::text::timestamptz FROM d WHERE v = 1$$);

-- Parameters.
PREPARE unset(int) AS SELECT k, CASE WHEN $1 = 0 THEN 0 ELSE v / ($1 * (SELECT 1)) END FROM d ORDER BY k;
EXECUTE unset(0);
PREPARE none(text) AS SELECT k FROM d WHERE $1 = 'none' OR v = $1::int ORDER BY k;
EXECUTE none('none');
PREPARE none_time(text) AS SELECT k FROM d WHERE CASE WHEN $1 = 'none' THEN true ELSE ts < $1::timestamptz END ORDER BY k;
EXECUTE none_time('none');
EXECUTE none_time('2020-06-01');
PREPARE some_time(text) AS SELECT k FROM d WHERE v = 1 OR ts < $1::timestamptz ORDER BY k;
EXECUTE some_time('2020-06-01');

SET client_min_messages TO warning;
DROP SCHEMA planner_arguments, planner_arguments_plain CASCADE;
