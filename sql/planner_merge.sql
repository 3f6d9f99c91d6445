-- MERGE into a local table from sources that are distributed: what does not match counts too, so nothing of ON may be done
-- to the source beforehand.  Each statement runs on distributed sources and on plain ones, and the tables must be the same.
CREATE SCHEMA planner_merge;
SET search_path = planner_merge;
CREATE TABLE plain_s (k int PRIMARY KEY, v int);
INSERT INTO plain_s SELECT g, g FROM generate_series(1, 10) g;
CREATE TABLE plain_o (id int PRIMARY KEY, k int, w text);
INSERT INTO plain_o SELECT g, 1 + g % 7, 'w' || g FROM generate_series(1, 9) g;
CREATE TABLE dist_s (LIKE plain_s INCLUDING ALL);
CREATE TABLE dist_o (LIKE plain_o INCLUDING ALL);
SELECT create_distributed_table('dist_s', 'k', shard_count => 4);
SELECT create_distributed_table('dist_o', 'id', shard_count => 3, colocate_with => 'none');
INSERT INTO dist_s SELECT * FROM plain_s;
INSERT INTO dist_o SELECT * FROM plain_o;
CREATE TABLE here (k int, z int);
INSERT INTO here SELECT g, g * 10 FROM generate_series(1, 5) g;

-- Runs the statement with plain sources and with distributed ones; true when the target is the same.
CREATE FUNCTION same(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  results text[] = '{}';
  rows text;
  changed bigint;
  kind text;
BEGIN
  FOREACH kind IN ARRAY ARRAY['plain', 'dist'] LOOP
    CREATE TEMP TABLE t (k int, x int, y text);
    INSERT INTO t VALUES (1, 1), (7, 7), (8, 8), (30, 30);
    EXECUTE replace(replace(statement, ' s', ' ' || kind || '_s'), ' o', ' ' || kind || '_o');
    GET DIAGNOSTICS changed = ROW_COUNT;
    SELECT concat_ws(E'\n', changed, string_agg(concat_ws(' ', k, x, y), ', ' ORDER BY k, x, y)) INTO rows FROM t;
    DROP TABLE t;
    results := results || rows;
  END LOOP;
  RETURN CASE WHEN results[1] = results[2] THEN 'same: ' || results[1] ELSE 'DIFFERENT: ' || array_to_string(results, E'\n') END;
END $$;

SELECT same($$MERGE INTO t USING s AS a ON t.k = a.k AND a.v > 5
  WHEN NOT MATCHED THEN INSERT VALUES (a.k, 0) WHEN MATCHED THEN UPDATE SET x = 100$$);
SELECT same($$MERGE INTO t USING s AS a ON t.k = a.k AND t.x > 5 WHEN NOT MATCHED AND a.v < 9 THEN INSERT VALUES (a.k, a.v)
  WHEN MATCHED AND a.v = 7 THEN DELETE WHEN MATCHED THEN UPDATE SET x = t.x + a.v$$);
SELECT same($$MERGE INTO t USING (here d JOIN s AS a ON d.k = a.k) ON t.k = a.k
  WHEN NOT MATCHED THEN INSERT VALUES (a.k, z) WHEN MATCHED THEN UPDATE SET x = 100$$);
SELECT same($$MERGE INTO t USING (here d JOIN s AS a LEFT JOIN ( o AS b JOIN o AS c ON b.k = c.id) ON a.v = b.k ON d.k = a.k AND b.id < 4) ON t.k = a.k
  WHEN NOT MATCHED THEN INSERT VALUES (a.k, b.id, c.w) WHEN MATCHED THEN UPDATE SET x = d.z, y = b.w$$);
SELECT same($$MERGE INTO t USING (SELECT k, count(*) AS n, max(w) AS w FROM o AS b GROUP BY k) q ON t.k = q.k AND q.n > 1
  WHEN NOT MATCHED THEN INSERT VALUES (q.k, q.n, q.w) WHEN MATCHED THEN UPDATE SET x = n$$);
SELECT same($$WITH c AS MATERIALIZED (SELECT * FROM s AS a WHERE v > 2)
  MERGE INTO t USING (c LEFT JOIN o AS b ON b.k = c.k AND b.id > 3) ON t.k = c.k AND b.id IS NOT NULL
  WHEN NOT MATCHED THEN INSERT VALUES (c.k, b.id, b.w) WHEN MATCHED THEN UPDATE SET y = (SELECT min(w) FROM o AS i WHERE i.k < c.k)$$);
SELECT same($$WITH c AS MATERIALIZED (SELECT * FROM s AS a WHERE v > 2)
  MERGE INTO t USING (SELECT a.k, (SELECT max(c.v) FROM c WHERE c.k <= a.k) AS top FROM s AS a) q ON t.k = q.k AND q.top > 7
  WHEN NOT MATCHED THEN INSERT VALUES (q.k, q.top) WHEN MATCHED THEN DELETE$$);
SELECT same($$MERGE INTO t USING s AS a ON t.k = a.k WHEN MATCHED THEN UPDATE SET y = (a)::text WHEN NOT MATCHED THEN DO NOTHING$$);
SELECT same($$MERGE INTO t USING (SELECT 1 FROM s AS a WHERE a.k = 3) q ON t.k = 1 WHEN MATCHED THEN UPDATE SET y = 'one'$$);
SELECT same($$MERGE INTO t USING s AS a ON t.k = a.k AND EXISTS (SELECT FROM o AS b WHERE b.k = a.k AND b.id > t.x)
  WHEN NOT MATCHED THEN INSERT VALUES (a.k, -1) WHEN MATCHED THEN UPDATE SET y = 'found'$$);
\set VERBOSITY terse
SET client_min_messages = warning;
DROP SCHEMA planner_merge CASCADE;
