-- ANALYZE of a distributed table: its own statistics on all nodes are those of one table, and the planner uses them.
\set VERBOSITY terse
SET client_min_messages TO warning;
CREATE SCHEMA ddl_statistics;
SET search_path TO ddl_statistics;
CREATE TABLE orders (id int PRIMARY KEY, customer int, day date, state text, note text, place point);
CREATE TABLE lines (order_id int, part int, amount numeric) PARTITION BY RANGE (part);
CREATE TABLE lines_low PARTITION OF lines FOR VALUES FROM (MINVALUE) TO (100);
CREATE TABLE lines_high PARTITION OF lines FOR VALUES FROM (100) TO (MAXVALUE);
CREATE TABLE parts (part int PRIMARY KEY, kind text);
SELECT create_distributed_table('orders', 'id', shard_count => 8);
SELECT create_distributed_table('lines', 'part', shard_count => 4, colocate_with => 'none');
SELECT create_reference_table('parts');
INSERT INTO orders SELECT g, g % 400, date '2020-01-01' + g % 700, CASE WHEN g % 10 = 0 THEN 'open' ELSE 'done' END,
    CASE WHEN g % 4 > 0 THEN 'note ' || g END, CASE WHEN g % 2 = 0 THEN point(g, g) END FROM generate_series(1, 8000) g;
INSERT INTO lines SELECT g / 4, g % 500, g FROM generate_series(1, 20000) g;
INSERT INTO parts SELECT g, 'kind ' || g % 7 FROM generate_series(0, 499) g;
CREATE SCHEMA plain;
CREATE TABLE plain.orders AS SELECT * FROM orders;
CREATE TABLE plain.lines AS SELECT * FROM lines;
CREATE TABLE plain.parts AS SELECT * FROM parts;
ANALYZE orders, lines;
VACUUM (ANALYZE) parts;
ANALYZE plain.orders, plain.lines, plain.parts;

-- What planners read, beside what PostgreSQL finds in a plain table; numbers of values may be half, or twice, as large.
CREATE VIEW plain.compared AS SELECT d.tablename, d.attname, d.null_frac::numeric(3, 2), p.null_frac::numeric(3, 2) AS plain_null_frac,
    abs(d.avg_width - p.avg_width) <= 1 AS width,
    CASE WHEN d.n_distinct < 0 THEN -d.n_distinct * c.reltuples ELSE d.n_distinct END /
    nullif(CASE WHEN p.n_distinct < 0 THEN -p.n_distinct * c.reltuples ELSE p.n_distinct END, 0) BETWEEN 0.5 AND 2 AS n_distinct,
    array_length(d.histogram_bounds, 1) > 50 AS has_histogram, d.most_common_vals IS NOT NULL AS has_common
  FROM pg_stats d JOIN pg_stats p USING (tablename, attname)
  JOIN pg_class c ON relnamespace = 'plain'::regnamespace AND relname = tablename
  WHERE d.schemaname = 'ddl_statistics' AND p.schemaname = 'plain' ORDER BY 1, 2;
SELECT * FROM plain.compared;
SELECT relname, reltuples, relpages > 0 AS has_pages FROM pg_class
  WHERE relnamespace = 'ddl_statistics'::regnamespace AND relname IN ('orders', 'lines', 'lines_low', 'parts') ORDER BY 1;
SELECT most_common_vals, most_common_freqs FROM pg_stats WHERE schemaname = 'ddl_statistics' AND attname = 'state';
SELECT (histogram_bounds::text::int[])[1] AS first, (histogram_bounds::text::int[])[array_length(histogram_bounds::text::int[], 1)] AS last
  FROM pg_stats WHERE schemaname = 'ddl_statistics' AND tablename = 'orders' AND attname = 'id';
-- Every node has them.
SELECT count(DISTINCT result) AS answers FROM run_command_on_all_nodes($$SELECT count(*) || ' ' || sum(null_frac)::numeric(6, 3) || ' ' || sum(n_distinct)::numeric(10, 1)
  FROM pg_stats WHERE schemaname = 'ddl_statistics' AND tablename IN ('orders', 'lines', 'lines_low', 'lines_high', 'parts')$$);

-- Estimates of what is joined on the asking node.
CREATE FUNCTION plain.estimate(query text) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE plan json;
BEGIN
  EXECUTE 'EXPLAIN (FORMAT json) ' || query INTO plan;
  RETURN (plan -> 0 -> 'Plan' ->> 'Plan Rows')::float8;
END $$;
CREATE FUNCTION plain.is_alike(query text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE here float8 := plain.estimate(query);
  there float8 := plain.estimate(regexp_replace(query, '\m(orders|lines|parts)\M', 'plain.\1', 'g'));
BEGIN
  IF here / there BETWEEN 0.33 AND 3 THEN RETURN true; END IF;
  RAISE WARNING '% rows, % of plain tables', here, there;
  RETURN false;
END $$;
SELECT plain.is_alike('SELECT * FROM orders a, lines b WHERE b.order_id = a.id AND a.state = ''open''');
SELECT plain.is_alike('SELECT * FROM orders a, lines b WHERE b.order_id = a.customer AND b.part < 50 AND a.day < date ''2020-03-01''');
SELECT plain.is_alike('SELECT * FROM orders a, orders b WHERE a.customer = b.customer AND a.state = ''open'' AND b.note IS NULL');
SELECT plain.is_alike('SELECT customer FROM orders a JOIN (SELECT order_id, sum(amount) s FROM lines GROUP BY order_id) b ON b.order_id = a.id');
SELECT plain.is_alike('SELECT * FROM orders a JOIN lines b ON b.order_id = a.id JOIN parts c ON c.part = b.part WHERE c.kind = ''kind 1''');
SELECT plain.is_alike('SELECT a.customer, b.kind FROM orders a, parts b WHERE a.customer = b.part');
-- A node that groups the rows of several shards knows how many groups there will be; of other columns it doesn't.
SELECT nodeport AS port, format('SELECT plain.estimate(%L) BETWEEN 2 AND 4', 'SELECT state FROM (' ||
    string_agg(format('SELECT state FROM %s', shard), ' UNION ALL ') || ') arms GROUP BY state') AS of_arms,
    format('SELECT plain.estimate(%L) BETWEEN 2 AND 4', 'SELECT state FROM (' ||
    string_agg(format('SELECT state FROM %s UNION ALL SELECT note FROM %1$s', shard), ' UNION ALL ') || ') arms GROUP BY state') AS of_others
  FROM (SELECT nodeport, 'ddl_statistics.orders_' || shardid AS shard FROM citus_shards WHERE table_name = 'orders'::regclass) s
  GROUP BY nodeport ORDER BY nodeport LIMIT 1 \gset
SELECT success, result FROM run_command_on_workers(:'of_arms') WHERE nodeport = :port;
SELECT success, result FROM run_command_on_workers(:'of_others') WHERE nodeport = :port;
-- What the asking node computes for the arms does not stand in the way.
SELECT to_char(date '2020-03-02', 'YYYY-MM') AS month, max(id) FILTER (WHERE day >= date_trunc('month', date '2020-01-09')) > 0 AS any FROM orders GROUP BY 1;
SELECT to_char(date '2020-03-02', 'YYYY-MM') AS month, id FROM orders ORDER BY 1, 2 LIMIT 1;

-- In a transaction, of some columns, and of several tables at once.
BEGIN;
UPDATE orders SET state = 'gone' WHERE id % 2 = 0;
ANALYZE orders (state);
SELECT most_common_vals, most_common_freqs FROM pg_stats WHERE schemaname = 'ddl_statistics' AND attname = 'state';
ROLLBACK;
SELECT most_common_vals, most_common_freqs FROM pg_stats WHERE schemaname = 'ddl_statistics' AND attname = 'state';
DELETE FROM orders WHERE id > 4000;
ANALYZE parts, orders;
SELECT reltuples FROM pg_class WHERE oid = 'orders'::regclass;
SELECT DISTINCT result FROM run_command_on_all_nodes($$SELECT reltuples FROM pg_class WHERE oid = 'ddl_statistics.orders'::regclass$$);
DELETE FROM orders;
ANALYZE orders;
SELECT reltuples FROM pg_class WHERE oid = 'orders'::regclass;
SELECT count(*) FROM orders a, lines b WHERE b.order_id = a.id;

-- Who may not ANALYZE gets a warning, and changes nothing.
CREATE ROLE ddl_statistics_other;
GRANT USAGE ON SCHEMA ddl_statistics TO ddl_statistics_other;
GRANT SELECT ON parts TO ddl_statistics_other;
TRUNCATE parts;
SET ROLE ddl_statistics_other;
RESET client_min_messages;
ANALYZE parts;
VACUUM ANALYZE parts;
SELECT altius_internal.keep_statistics('parts', '', '1', '1', '0', '0', '0', '0', '{}', '{}', '{}');
SELECT altius_internal.shard_statistics('parts');
SET client_min_messages TO warning;
RESET ROLE;
SELECT reltuples FROM pg_class WHERE oid = 'parts'::regclass;

-- Whoever ANALYZEs calls nothing of the owner's with his own rights: values of domains are not checked again.
CREATE SCHEMA ddl_statistics_theirs AUTHORIZATION ddl_statistics_other;
SET ROLE ddl_statistics_other;
CREATE FUNCTION ddl_statistics_theirs.check(v int) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN true; END $$;
CREATE DOMAIN ddl_statistics_theirs.checked AS int CHECK (ddl_statistics_theirs.check(value));
CREATE TABLE ddl_statistics_theirs.t (id int, v ddl_statistics_theirs.checked, w text);
SELECT create_distributed_table('ddl_statistics_theirs.t', 'id', shard_count => 4, colocate_with => 'none');
INSERT INTO ddl_statistics_theirs.t SELECT g, g % 5, 'w ' || g % 7 FROM generate_series(1, 1000) g;
CREATE OR REPLACE FUNCTION ddl_statistics_theirs.check(v int) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
  BEGIN RAISE EXCEPTION 'called as %', current_user; END $$;
RESET ROLE;
ANALYZE ddl_statistics_theirs.t;
SELECT attname, n_distinct, array_length(most_common_vals, 1) FROM pg_stats WHERE schemaname = 'ddl_statistics_theirs'
  AND tablename = 't' AND attname > 'id' ORDER BY 1;

-- An owner may give a shard's columns other types by its name: their values are not taken for the table's.
SET ROLE ddl_statistics_other;
SELECT count(*) FROM run_command_on_shards('ddl_statistics_theirs.t', 'ALTER TABLE %s ALTER v TYPE text, ALTER w TYPE int USING length(w)')
  WHERE success;
ANALYZE ddl_statistics_theirs.t;
SELECT attname, n_distinct, array_length(most_common_vals, 1) FROM pg_stats WHERE schemaname = 'ddl_statistics_theirs'
  AND tablename = 't' AND attname > 'id' ORDER BY 1;
RESET ROLE;
DROP SCHEMA ddl_statistics, ddl_statistics_theirs, plain CASCADE;
DROP ROLE ddl_statistics_other;
