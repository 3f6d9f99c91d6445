-- EXPLAIN (VERBOSE) says why a query does not run on the shards as a whole: each reason there is.
CREATE SCHEMA planner_cut;
SET search_path = planner_cut;
CREATE TABLE d (k int, v int);
CREATE TABLE e (k int, w int);
CREATE TABLE r (x int PRIMARY KEY, y int);
CREATE TABLE l (z int);
SELECT create_distributed_table('d', 'k'), create_distributed_table('e', 'k'), create_reference_table('r');
CREATE FUNCTION why(query text) RETURNS TABLE (fragment text) LANGUAGE plpgsql AS $$
DECLARE
  line text;
BEGIN
  FOR line IN EXECUTE 'EXPLAIN (VERBOSE, COSTS OFF) ' || query LOOP
    IF line ~ 'Fragment: ' THEN fragment := 'whole'; END IF;
    IF line ~ 'Cut Because: ' THEN fragment := substring(line FROM 'Cut Because: (.*)'); END IF;
    IF line ~ 'Distributed Tasks: ' THEN RETURN NEXT; END IF;
  END LOOP;
END $$;

-- Nothing is cut.
SELECT why('SELECT d.k, sum(v + w) FROM d JOIN e USING (k) JOIN r ON x = v GROUP BY d.k');
SELECT why('SELECT count(*) FROM d LEFT JOIN e USING (k) WHERE d.k = 1');
-- What stands above FROM.
SELECT why('SELECT count(*) FROM d');
SELECT why('SELECT v, count(*) FROM d GROUP BY v');
SELECT why('SELECT k, v, count(*) FROM d GROUP BY ROLLUP (k, v)');
SELECT why('SELECT k, rank() OVER (PARTITION BY v ORDER BY k) FROM d');
SELECT why('SELECT DISTINCT v FROM d');
SELECT why('SELECT DISTINCT ON (v) v, k FROM d ORDER BY v, k');
SELECT why('SELECT * FROM d ORDER BY k');
SELECT why('SELECT * FROM d LIMIT 1');
SELECT why('SELECT k FROM d UNION SELECT w FROM e');
SELECT why('(SELECT k FROM d UNION SELECT k FROM e) LIMIT 1');
-- Joins.
SELECT why('SELECT * FROM d JOIN e ON v = w');
SELECT why('SELECT * FROM d, e');
SELECT why('SELECT * FROM d LEFT JOIN e ON d.v = e.k');
SELECT why('SELECT * FROM r LEFT JOIN d ON x = k');
SELECT why('SELECT * FROM d FULL JOIN r ON k = x');
SELECT why('SELECT * FROM d JOIN l ON v = z');
SELECT why('SELECT * FROM d JOIN (SELECT * FROM r LIMIT 1) one ON v = x');
SELECT why('SELECT * FROM d, LATERAL (SELECT max(w) FROM e WHERE k = d.v) s');
-- Expressions.
SELECT why('SELECT k, random() FROM d');
SELECT why('SELECT * FROM d WHERE v < random()');
SELECT why('SELECT * FROM d WHERE v IN (SELECT w FROM e)');
SELECT why('SELECT k, (SELECT sum(w) FROM e WHERE e.k = d.v) FROM d');
SELECT why('SELECT CASE WHEN v > 1 THEN ROW(1, 2) ELSE ROW(1, k, v) END FROM d');
-- A fragment shows why it is not more: what is above it in its own query, or in the one around.
SELECT why('SELECT * FROM d JOIN (SELECT v, count(*) FROM d GROUP BY v) g USING (v)');
SELECT why('WITH RECURSIVE n AS (SELECT k, v FROM d WHERE k = 1 UNION SELECT d.k, d.v FROM n JOIN d ON d.k = n.v) SELECT * FROM n JOIN d USING (k)');
SELECT why('WITH c AS (SELECT v, count(*) FROM d GROUP BY v) SELECT * FROM c');

-- It has a name of its own where EXPLAIN is read by programs, and is not in the way without VERBOSE.
CREATE FUNCTION plan_of(query text) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  plan jsonb;
BEGIN
  EXECUTE 'EXPLAIN (VERBOSE, FORMAT JSON) ' || query INTO plan;
  RETURN jsonb_path_query_array(plan, 'strict $.**."Cut Because"');
END $$;
SELECT plan_of('SELECT DISTINCT v FROM d');
-- Without VERBOSE nothing of it is shown.
CREATE FUNCTION says_why(options text, query text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  line text;
BEGIN
  FOR line IN EXECUTE format('EXPLAIN (%s) %s', options, query) LOOP
    IF line ~ 'Cut Because: ' THEN RETURN true; END IF;
  END LOOP;
  RETURN false;
END $$;
SELECT says_why('VERBOSE', 'SELECT DISTINCT v FROM d'), says_why('VERBOSE false', 'SELECT DISTINCT v FROM d');

SET client_min_messages = warning;
DROP SCHEMA planner_cut CASCADE;
