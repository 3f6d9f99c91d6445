-- Result columns that PostgreSQL computes after ORDER BY and LIMIT, for they are costly or volatile: neither errors nor effects for other
-- rows, and shards still give no more than their first ones.
\set SHOW_CONTEXT never
SET client_min_messages TO warning;
SELECT testing.five_tables('planner_postponed');
SET search_path TO planner_postponed, public;
CREATE FUNCTION public.postponed_check(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS
  'BEGIN IF $1 > 2 THEN RAISE EXCEPTION ''computed for %'', $1; END IF; RETURN $1 * 10; END';
CREATE FUNCTION public.postponed_volatile(int) RETURNS int VOLATILE LANGUAGE plpgsql AS
  'BEGIN IF $1 > 2 THEN RAISE EXCEPTION ''called for %'', $1; END IF; RETURN $1 * 10; END';
\pset tuples_only on
\pset format unaligned
SELECT twin('SELECT k, public.postponed_check(k) FROM d ORDER BY k LIMIT 2');
SELECT twin('SELECT public.postponed_check(k) + v, v FROM d ORDER BY k OFFSET 1 FETCH FIRST 1 ROWS WITH TIES');
SELECT twin('SELECT public.postponed_volatile(k), k FROM d ORDER BY k LIMIT 2');
SELECT twin('SELECT public.postponed_volatile(k), public.postponed_check(v) FROM d ORDER BY k LIMIT 2 FOR UPDATE');
SELECT twin('SELECT d.k, public.postponed_check(e.k) FROM d JOIN e USING (k) ORDER BY k LIMIT 2');
-- Of groups and windows.
SELECT twin('SELECT k, public.postponed_check(sum(v)::int) FROM d GROUP BY k ORDER BY k LIMIT 2');
SELECT twin('SELECT k + 1, public.postponed_check(k + 1 - 1), count(*) FROM d GROUP BY k, k + 1 ORDER BY k LIMIT 2');
SELECT twin('SELECT k, public.postponed_check(sum(v) OVER (PARTITION BY k)::int) FROM d ORDER BY k LIMIT 2');
SELECT twin('SELECT v, public.postponed_check(v) FROM d GROUP BY v ORDER BY v LIMIT 2');
-- Within others.
SELECT twin('SELECT q.p, e.v FROM (SELECT k, public.postponed_check(k) p FROM d ORDER BY k LIMIT 2) q JOIN e USING (k)');
SELECT twin('INSERT INTO e SELECT k, public.postponed_check(k) FROM d ORDER BY k LIMIT 2 RETURNING *');
SELECT twin('SELECT d, public.postponed_check((d).k) FROM d ORDER BY k LIMIT 1');
-- What ORDER BY compares is computed for all rows.
SELECT twin('SELECT public.postponed_check(k) FROM d ORDER BY 1 LIMIT 1');
-- Without LIMIT all are needed.
SELECT twin('SELECT k, public.postponed_check(k) FROM d ORDER BY k');
-- Shards give their first rows.
CREATE FUNCTION is_limited(query text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  line text;
  statement boolean := false;
BEGIN
  FOR line IN EXECUTE 'EXPLAIN (VERBOSE, COSTS OFF) ' || query LOOP
    statement := statement OR line ~ 'Statement:';
    IF statement AND line ~ 'LIMIT' THEN RETURN true; END IF;
  END LOOP;
  RETURN false;
END $$;
SELECT is_limited('SELECT k, public.postponed_check(k), public.postponed_volatile(k) FROM d ORDER BY k LIMIT 2');
SELECT is_limited('SELECT public.postponed_volatile(k) FROM d ORDER BY 1 LIMIT 2');
DROP FUNCTION public.postponed_check(int), public.postponed_volatile(int);
DROP SCHEMA planner_postponed, planner_postponed_plain CASCADE;
