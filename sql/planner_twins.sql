-- Queries of all shapes: the same rows as from plain tables, and the number of fragments that each plan has.
\set SHOW_CONTEXT never
CREATE SCHEMA planner_plain;
CREATE SCHEMA planner_twins;
SET search_path TO planner_twins;
SET citus.shard_count TO 4;
CREATE TABLE customers (id int PRIMARY KEY, name text, region int);
CREATE TABLE orders (customer int, id int, amount numeric, at date, PRIMARY KEY (customer, id));
CREATE TABLE visits (page int, customer int, seconds float8);
CREATE TABLE regions (id int PRIMARY KEY, name text);
SELECT create_distributed_table('customers', 'id', colocate_with => 'none');
SELECT create_distributed_table('orders', 'customer', colocate_with => 'customers');
SELECT create_distributed_table('visits', 'page', colocate_with => 'none');
SELECT create_reference_table('regions');
INSERT INTO customers SELECT g, 'c' || g % 7, g % 4 FROM generate_series(1, 40) g;
INSERT INTO orders SELECT g % 45, g, g * 1.25, date '2020-01-01' + g % 11 FROM generate_series(1, 200) g;
INSERT INTO visits SELECT g % 13, nullif(g % 50, 7), g / 2.0 FROM generate_series(1, 150) g;
INSERT INTO regions SELECT g, 'r' || g FROM generate_series(0, 2) g;
CREATE TABLE planner_plain.customers AS TABLE customers;
CREATE TABLE planner_plain.orders AS TABLE orders;
CREATE TABLE planner_plain.visits AS TABLE visits;
CREATE TABLE planner_plain.regions AS TABLE regions;
ALTER TABLE planner_plain.customers ADD PRIMARY KEY (id);
ALTER TABLE planner_plain.regions ADD PRIMARY KEY (id);

CREATE FUNCTION twin(query text, OUT same boolean, OUT row_count text, OUT fragments text) LANGUAGE plpgsql AS $$
DECLARE
  line text;
  clustered text[] := testing.rows_of(query, 'planner_twins');
BEGIN
  same := clustered = testing.rows_of(query, 'planner_plain');
  row_count := cardinality(clustered) || ' rows';
  fragments := '';
  PERFORM set_config('search_path', 'planner_twins', true);
  FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
    IF line ~ '^ *Shards: ' THEN fragments := fragments || substring(line from '\d+') || ' '; END IF;
  END LOOP;
END $$;
\pset format unaligned
\pset tuples_only on

-- Router: one shard group, the key given directly, by a join, through subqueries, CTEs and set operations.
SELECT * FROM twin('SELECT * FROM orders WHERE customer = 5');
SELECT * FROM twin('SELECT * FROM orders WHERE customer = 5::bigint');
SELECT * FROM twin('SELECT c.name, sum(amount) FROM customers c JOIN orders o ON c.id = o.customer WHERE c.id = 5 GROUP BY c.name');
SELECT * FROM twin('SELECT * FROM (SELECT customer, count(*) FROM orders GROUP BY customer) s WHERE customer = 5');
SELECT * FROM twin('WITH x AS MATERIALIZED (SELECT * FROM orders WHERE customer = 5) SELECT a.id, b.id FROM x a, x b ORDER BY 1, 2 LIMIT 7');
SELECT * FROM twin('SELECT id FROM orders WHERE customer = 5 UNION SELECT id FROM customers WHERE id = 5 ORDER BY 1');
SELECT * FROM twin('SELECT count(*) FROM orders WHERE customer = NULL');
SELECT * FROM twin('SELECT * FROM orders WHERE customer IN (5, 6, 7)');
SELECT * FROM twin('SELECT count(*), max(id) FROM orders WHERE customer = 5 OR customer = 6');
-- One fragment on every shard: joins, grouping and windows on the key.
SELECT * FROM twin('SELECT c.id, count(o.id) FROM customers c LEFT JOIN orders o ON o.customer = c.id GROUP BY c.id');
SELECT * FROM twin('SELECT c.id, o.id FROM customers c FULL JOIN orders o ON o.customer = c.id AND o.amount > 100');
SELECT * FROM twin('SELECT c.name, r.name FROM customers c LEFT JOIN regions r ON r.id = c.region');
SELECT * FROM twin('SELECT customer, id, rank() OVER (PARTITION BY customer ORDER BY amount) FROM orders');
SELECT * FROM twin('SELECT DISTINCT customer, at FROM orders');
SELECT * FROM twin('SELECT id FROM customers c WHERE EXISTS (SELECT FROM orders o WHERE o.customer = c.id AND amount > 150)');
SELECT * FROM twin('SELECT id FROM customers WHERE id NOT IN (SELECT customer FROM orders WHERE amount > 150)');
SELECT * FROM twin('SELECT id, (SELECT max(amount) FROM orders WHERE customer = c.id) FROM customers c');
SELECT * FROM twin('SELECT c.id, l.id FROM customers c CROSS JOIN LATERAL (SELECT id FROM orders WHERE customer = c.id ORDER BY amount DESC LIMIT 1) l');
SELECT * FROM twin('SELECT id FROM customers UNION SELECT customer FROM orders');
SELECT * FROM twin('SELECT customer, at, grouping(at), count(*) FROM orders GROUP BY GROUPING SETS ((customer, at), (customer))');
-- The upper part is split: partial aggregates, DISTINCT, top-N.
SELECT * FROM twin('SELECT count(*), sum(amount), avg(amount), min(at), max(at), bool_or(amount > 3), avg(id), avg(customer) FROM orders');
SELECT * FROM twin('SELECT at, count(*) FILTER (WHERE amount > 20), sum(id) FROM orders GROUP BY at HAVING count(*) > 18 ORDER BY at');
SELECT * FROM twin('SELECT at, customer % 2, count(*) FROM orders GROUP BY ROLLUP (at, customer % 2)');
SELECT * FROM twin('SELECT count(DISTINCT at), count(DISTINCT at) + 1 FROM orders');
SELECT * FROM twin('SELECT count(DISTINCT customer), sum(amount) FROM orders');
SELECT * FROM twin('SELECT at, percentile_cont(0.5) WITHIN GROUP (ORDER BY amount), string_agg(id::text, '','' ORDER BY id) FROM orders GROUP BY at');
SELECT * FROM twin('SELECT DISTINCT at FROM orders ORDER BY at');
SELECT * FROM twin('SELECT * FROM orders ORDER BY amount DESC, id LIMIT 5 OFFSET 3');
SELECT * FROM twin('SELECT id FROM orders ORDER BY at, id FETCH FIRST 3 ROWS WITH TIES');
SELECT * FROM twin('SELECT DISTINCT ON (at) at, id FROM orders ORDER BY at, id DESC');
SELECT * FROM twin('SELECT at, count(*), rank() OVER (ORDER BY count(*)) FROM orders GROUP BY at');
SELECT * FROM twin('SELECT customer, count(*), lag(count(*)) OVER (ORDER BY customer) FROM orders GROUP BY customer');
SELECT * FROM twin('SELECT count(*) FROM orders WHERE false');
-- Cut: joins off the key, with local rows, with outer joins in all directions, correlated in other ways.
SELECT * FROM twin('SELECT c.id, v.page FROM customers c JOIN visits v ON v.customer = c.id WHERE v.seconds > 20 AND c.region = 1');
SELECT * FROM twin('SELECT c.id, v.page FROM customers c LEFT JOIN visits v ON v.customer = c.id AND v.seconds > 20 WHERE c.region = 1');
SELECT * FROM twin('SELECT c.id, v.page FROM customers c FULL JOIN visits v ON v.customer = c.id');
SELECT * FROM twin('SELECT r.id, c.id FROM regions r LEFT JOIN customers c ON c.region = r.id');
SELECT * FROM twin('SELECT r.name, o.id FROM regions r LEFT JOIN (customers c JOIN orders o ON o.customer = c.id) ON r.id = c.region AND o.amount > 200');
SELECT * FROM twin('SELECT page FROM visits v WHERE EXISTS (SELECT FROM orders o WHERE o.id = v.customer AND o.amount > v.seconds)');
SELECT * FROM twin('SELECT page, (SELECT count(*) FROM orders o WHERE o.id = v.customer) FROM visits v');
SELECT * FROM twin('SELECT c.id, l.page FROM customers c LEFT JOIN LATERAL (SELECT page FROM visits v WHERE v.customer = c.id ORDER BY seconds LIMIT 1) l ON true');
SELECT * FROM twin('SELECT id FROM customers WHERE region IN (SELECT page FROM visits) AND id > (SELECT avg(customer) FROM visits)');
SELECT * FROM twin('SELECT customer FROM orders EXCEPT SELECT customer FROM visits');
SELECT * FROM twin('WITH RECURSIVE r AS (SELECT 1 AS n UNION SELECT o.id FROM r JOIN orders o ON o.customer = r.n AND o.id < 40) SELECT * FROM r');
SELECT * FROM twin('WITH x AS MATERIALIZED (SELECT customer, sum(amount) s FROM orders GROUP BY customer) SELECT a.s FROM x a JOIN x b ON a.s = b.s');
SELECT * FROM twin('SELECT v.n, count(*) FROM (VALUES (1), (2)) v(n) JOIN visits ON page = v.n GROUP BY v.n');
SELECT * FROM twin('SELECT c, o FROM customers c LEFT JOIN orders o ON o.customer = c.id AND o.id < 60 WHERE c.id > 30');
SELECT * FROM twin('SELECT tableoid::regclass = ''customers''::regclass, count(*) FROM customers GROUP BY 1');

-- DISTINCT over groups and windows by columns that are no results; aggregates of DISTINCT keys in grouping sets.
SELECT * FROM twin('SELECT DISTINCT count(*) FROM regions GROUP BY id');
SELECT * FROM twin('SELECT DISTINCT count(*) FROM orders WHERE customer = 5 GROUP BY id');
SELECT * FROM twin('SELECT DISTINCT customer, count(*) FROM orders GROUP BY customer, at');
SELECT * FROM twin('SELECT DISTINCT count(*) FROM orders GROUP BY customer, at');
SELECT * FROM twin('SELECT DISTINCT count(*) FROM orders GROUP BY customer ORDER BY 1 LIMIT 2');
SELECT * FROM twin('SELECT DISTINCT customer, count(*) FROM orders GROUP BY customer, at ORDER BY 1, 2 LIMIT 20');
SELECT * FROM twin('SELECT DISTINCT count(*) OVER (PARTITION BY customer) FROM orders ORDER BY 1 LIMIT 2');
SELECT * FROM twin('SELECT DISTINCT at, count(*) OVER (PARTITION BY customer) FROM orders ORDER BY 1, 2 LIMIT 5');
SELECT * FROM twin('SELECT DISTINCT count(*) OVER (PARTITION BY customer ORDER BY at) FROM orders WHERE customer < 9');
SELECT * FROM twin('SELECT DISTINCT ON (n) count(*) AS n, min(id) AS m FROM orders GROUP BY customer, at ORDER BY n, m LIMIT 3');
SELECT * FROM twin('SELECT s.n FROM (SELECT DISTINCT count(*) AS n FROM orders GROUP BY customer, at) s JOIN customers ON id = n');
SELECT * FROM twin('SELECT customer, count(DISTINCT customer) FROM orders GROUP BY GROUPING SETS ((customer), (at), ())');
SELECT * FROM twin('SELECT at, count(DISTINCT customer), sum(amount), avg(id) FROM orders GROUP BY ROLLUP (at)');
SELECT * FROM twin('SELECT at, count(DISTINCT customer), max(DISTINCT customer) FROM orders GROUP BY CUBE (at, id % 3)');

-- Columns of CTEs, joins and subqueries under other names.
SELECT * FROM twin('WITH q(a, b) AS (VALUES (1, ''x''), (2, ''y'')) SELECT name, b FROM customers JOIN q ON a = id');
SELECT * FROM twin('WITH a(p) AS (SELECT id FROM customers), b(q) AS (SELECT p FROM a UNION ALL SELECT page FROM visits) SELECT count(*), sum(q) FROM b');
SELECT * FROM twin('WITH a(x, y) AS (SELECT id, region FROM customers), b AS (SELECT x FROM a WHERE y = 2) SELECT x, (SELECT count(*) FROM b) FROM a');
SELECT * FROM twin('SELECT * FROM (customers c LEFT JOIN visits v ON c.id = v.page) j(a, b, c, d, e) WHERE a < 10');
SELECT * FROM twin('SELECT j.a, count(*) FROM (customers c JOIN orders o ON c.id = o.customer) j(a) GROUP BY j.a');
SELECT * FROM twin('SELECT (SELECT max(seconds) FROM visits WHERE page = j.a AND customer > j.b2) FROM (customers c JOIN orders o ON c.region = o.id) j(a, b1, b2)');
SELECT * FROM twin('SELECT x.a, x.b FROM (SELECT id, name FROM customers UNION SELECT id, name FROM regions) x(a, b) WHERE a < 5');
-- Rows locked in a subquery.
SELECT * FROM twin('SELECT * FROM (SELECT id FROM customers WHERE region = 1 FOR UPDATE) x');

-- What users made and the nodes do not have: operators, casts, text search configurations.
CREATE OPERATOR planner_twins.=== (LEFTARG = text, RIGHTARG = text, FUNCTION = texteq);
CREATE TYPE planner_twins.part AS ENUM ('first', 'second');
CREATE FUNCTION planner_twins.part_of(int) RETURNS planner_twins.part LANGUAGE sql IMMUTABLE AS
  $$ SELECT CASE WHEN $1 < 3 THEN 'first'::planner_twins.part ELSE 'second' END $$;
CREATE CAST (int AS planner_twins.part) WITH FUNCTION planner_twins.part_of(int);
CREATE TEXT SEARCH CONFIGURATION planner_twins.plainly (COPY = simple);
SELECT * FROM twin('SELECT id FROM customers WHERE name OPERATOR(planner_twins.===) ''c3''');
SELECT * FROM twin('SELECT name OPERATOR(planner_twins.===) ANY (ARRAY[''c3'', ''c4'']), count(*) FROM customers GROUP BY 1');
SELECT * FROM twin('SELECT id, region::planner_twins.part FROM customers WHERE id < 9');
SELECT * FROM twin('SELECT max(id) FROM customers WHERE to_tsvector(''planner_twins.plainly'', name) @@ to_tsquery(''planner_twins.plainly'', ''c5'')');

-- What can't be the same everywhere is computed once.
SELECT count(DISTINCT now()) FROM orders WHERE at < now();
SELECT count(*) > 100 FROM (SELECT DISTINCT random() FROM orders) r;
SELECT count(DISTINCT s) FROM (SELECT (SELECT random()) AS s FROM orders) r;
\pset format aligned
\pset tuples_only off
SET client_min_messages TO warning;
DROP SCHEMA planner_twins, planner_plain CASCADE;
