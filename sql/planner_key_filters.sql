-- Hash joins on the asking node tell the nodes their keys: the same rows as on one server, fewer of them on the way.
CREATE SCHEMA key_filters;
SET search_path = key_filters;
SET citus.shard_count = 8;
SET enable_mergejoin = off;
SET enable_nestloop = off;
CREATE TABLE orders (id int PRIMARY KEY, customer int, note text, placed date, amount numeric);
CREATE TABLE customers (id int PRIMARY KEY, name text, region int);
CREATE TABLE regions (id bigint, name varchar(20));
SELECT create_distributed_table('orders', 'id');
SELECT create_distributed_table('customers', 'id', colocate_with => 'none');
INSERT INTO orders SELECT i, nullif(i * 7 % 400, 13), 'n' || i % 400, date '2024-01-01' + i % 300, i % 97 + 0.5 FROM generate_series(1, 4000) i;
INSERT INTO customers SELECT i, 'n' || i, nullif(i % 5, 4) FROM generate_series(1, 380) i;
INSERT INTO regions SELECT i, 'n' || i FROM generate_series(0, 3) i;
CREATE TABLE plain_orders AS TABLE orders;
CREATE TABLE plain_customers AS TABLE customers;
ANALYZE orders, customers, regions;

-- Each query reads distributed tables here and plain ones there.
CREATE FUNCTION compare(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  here text;
  there text;
BEGIN
  EXECUTE format('SELECT md5(string_agg(r::text, %L ORDER BY r::text)) || %L || count(*) FROM (%s) r', ',', ' ', query) INTO here;
  EXECUTE format('SELECT md5(string_agg(r::text, %L ORDER BY r::text)) || %L || count(*) FROM (%s) r', ',', ' ',
                 replace(replace(query, 'orders', 'plain_orders'), 'customers', 'plain_customers')) INTO there;
  RETURN CASE WHEN here = there THEN 'same, ' || split_part(here, ' ', 2) ELSE 'DIFFERENT ' || here || ' / ' || there END;
END $$;

-- What was told, of the fragment that delivers the orders.
CREATE FUNCTION told(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
  line text;
BEGIN
  FOR line IN EXECUTE 'EXPLAIN (ANALYZE, TIMING off, SUMMARY off, COSTS off) ' || query LOOP
    IF line ~ 'Key Filter' THEN RETURN NEXT trim(line); END IF;
  END LOOP;
END $$;

SELECT q, compare(q), (SELECT string_agg(t, '; ') FROM told(q) t) AS told FROM (VALUES
  ('SELECT o.id, c.name FROM orders o JOIN customers c ON c.id = o.customer WHERE c.region = 2 AND c.id < 50'),
  ('SELECT o.id, c.name FROM orders o JOIN customers c ON c.name = o.note WHERE c.region = 2'),
  ('SELECT o.id FROM orders o WHERE EXISTS (SELECT FROM customers c WHERE c.id = o.customer AND c.region = 1)'),
  ('SELECT c.id, o.id FROM customers c LEFT JOIN orders o ON c.id = o.customer WHERE c.id < 20'),
  ('SELECT r.id, s.n FROM regions r JOIN (SELECT customer, count(*) n FROM orders GROUP BY customer) s ON s.customer = r.id'),
  ('SELECT o.id, r.name FROM orders o JOIN regions r ON r.name = o.note'),
  ('SELECT o.id, p.id AS other FROM orders o JOIN orders p ON o.amount = p.amount JOIN customers c ON c.id = p.customer WHERE c.id = 3'),
  ('SELECT o.id, x.d FROM orders o JOIN (VALUES (date ''2024-02-02''), (date ''2024-02-03''), (NULL)) x (d) ON x.d = o.placed'),
  ('SELECT * FROM (SELECT o.id, o.customer FROM orders o ORDER BY o.amount, o.id LIMIT 600) l JOIN customers c ON c.id = l.customer WHERE c.id < 90')
) t (q);

-- The hash table is of the larger side: the smaller one comes first and tells its keys.
SELECT q, compare(q), (SELECT string_agg(t, '; ') FROM told(q) t) AS told FROM (VALUES
  ('SELECT c.id FROM customers c WHERE c.id < 50 AND EXISTS (SELECT FROM orders o WHERE o.customer = c.id AND o.amount > 20 AND o.id <> c.region)'),
  ('SELECT c.id FROM customers c WHERE c.id BETWEEN 10 AND 30 AND NOT EXISTS (SELECT FROM orders o WHERE o.customer = c.id AND o.amount > 30 AND o.id > c.id * 130)'),
  ('SELECT c.id, x.id AS other FROM customers c JOIN customers x ON x.id = c.id + 1 WHERE c.id < 20 AND NOT EXISTS (SELECT FROM orders o WHERE o.note = c.name AND o.id > c.id * 300)'),
  ('SELECT c.id FROM customers c WHERE c.id < 25 AND c.region < (SELECT max(region) FROM customers) AND NOT EXISTS (SELECT FROM orders o WHERE o.customer = c.id AND o.amount > 30 AND o.id > c.id * 300)')
) t (q);

-- Many keys of types whose length matters, and an error in between: what ran is forgotten.
CREATE TABLE codes (id int PRIMARY KEY, code char(6), bits bit(8));
SELECT create_distributed_table('codes', 'id', colocate_with => 'none');
INSERT INTO codes SELECT i, 'c' || i % 300, (i % 256)::bit(8) FROM generate_series(1, 2000) i;
CREATE TABLE plain_codes AS TABLE codes;
CREATE TABLE lists AS SELECT DISTINCT code, bits FROM plain_codes WHERE id BETWEEN 1 AND 240;
ANALYZE codes, lists;
SELECT count(*), sum(c.id) FROM codes c JOIN lists l ON l.code = c.code;
SELECT count(*), sum(c.id) FROM plain_codes c JOIN lists l ON l.code = c.code;
SELECT told('SELECT count(*), sum(c.id) FROM codes c JOIN lists l ON l.code = c.code');
SELECT count(*), sum(c.id) FROM codes c JOIN lists l ON l.bits = c.bits;
SELECT count(*), sum(c.id) FROM plain_codes c JOIN lists l ON l.bits = c.bits;
SELECT told('SELECT count(*), sum(c.id) FROM codes c JOIN lists l ON l.bits = c.bits');
DO $$ BEGIN
  PERFORM 1 / (c.id - c.id) FROM codes c JOIN lists l ON l.code = c.code;
EXCEPTION WHEN division_by_zero THEN
  RAISE NOTICE '% rows', (SELECT count(*) FROM codes c JOIN lists l ON l.code = c.code);
END $$;

-- A column is compared as the join compares it; errors that PostgreSQL does not reach are not raised.
CREATE TABLE words (id int PRIMARY KEY, word text, divisor int, stamp timestamp);
SELECT create_distributed_table('words', 'id', colocate_with => 'none');
INSERT INTO words SELECT i, CASE i % 3 WHEN 0 THEN 'x  ' WHEN 1 THEN 'x' ELSE 'w' || i END, i % 5, timestamp '2024-03-10 02:30' + i * interval '1 hour'
FROM generate_series(1, 900) i;
CREATE TABLE short (k char(6));
INSERT INTO short VALUES ('x'), ('w5');
ANALYZE words, short;
SELECT count(*) FROM words JOIN short ON word::bpchar = k;
SELECT count(*) FROM words w WHERE w.id > (SELECT sum(o.id) FROM orders o WHERE o.customer = w.id + 500 AND o.id = 10 / w.divisor);
SELECT count(*) FROM words w WHERE w.id > (SELECT sum(o.id) FROM orders o WHERE o.customer = w.id) AND w.id < 10;
BEGIN;
SELECT count(*) FROM (SELECT w.id FROM words w WHERE w.id < (SELECT max(o.id) FROM orders o WHERE o.customer = w.id) AND w.id < 10 FOR UPDATE) l;
ROLLBACK;

-- Both sides could tell the other one its keys, the hash table being of the larger one, which is less skewed.
CREATE TABLE visits (id int PRIMARY KEY, order_id int);
SELECT create_distributed_table('visits', 'id', colocate_with => 'none');
INSERT INTO visits SELECT i, i % 3 + 1 FROM generate_series(1, 700) i;
ANALYZE visits;
SELECT count(*), sum(o.id) FROM visits v JOIN orders o ON o.id = v.order_id;
SELECT told('SELECT count(*), sum(o.id) FROM visits v JOIN orders o ON o.id = v.order_id');

-- Nothing may be missing where rows without a partner show.
SELECT q, compare(q), (SELECT count(*) FROM told(q)) AS told FROM (VALUES
  ('SELECT o.id, c.id AS c FROM orders o LEFT JOIN customers c ON c.id = o.customer AND c.id < 50'),
  ('SELECT o.id, c.id AS c FROM orders o FULL JOIN (SELECT * FROM customers WHERE id < 50) c ON c.id = o.customer'),
  ('SELECT o.id FROM orders o WHERE NOT EXISTS (SELECT FROM customers c WHERE c.id = o.customer AND c.id < 50)')
) t (q);

-- Keys of an execution that differ from those of the one before: a correlated subquery, a prepared statement, a function's cursor.
SELECT compare('SELECT r.id, (SELECT count(*) FROM orders o JOIN customers c ON c.id = o.customer WHERE c.region = r.id) FROM regions r');
SELECT compare('SELECT r.id, x.n FROM regions r, LATERAL (SELECT count(*) n FROM orders o JOIN customers c ON c.id = o.customer WHERE c.id < r.id * 30) x');
PREPARE of_region (int) AS SELECT count(*), sum(o.id) FROM orders o JOIN customers c ON c.id = o.customer WHERE c.region = $1;
EXECUTE of_region (1);
EXECUTE of_region (3);
EXECUTE of_region (9);
SET plan_cache_mode = force_generic_plan;
EXECUTE of_region (1);
EXECUTE of_region (3);
RESET plan_cache_mode;
BEGIN;
DECLARE later CURSOR FOR SELECT count(*) FROM orders o JOIN customers c ON c.id = o.customer WHERE c.id < 50;
UPDATE customers SET id = id WHERE id < 5;
DELETE FROM orders WHERE customer < 25;
FETCH later;
ROLLBACK;

-- More keys than fit, in memory or in a message: the join does without.
SET work_mem = '64kB';
SELECT q, compare(q), (SELECT string_agg(t, '; ') FROM told(q) t) AS told FROM (VALUES
  ('SELECT o.id, p.id AS other FROM orders o JOIN orders p ON p.id = o.customer + 5 JOIN customers c ON c.id = o.customer')) t (q);
RESET work_mem;
SET altius.enable_key_filters = off;
SELECT count(*) FROM told('SELECT o.id, c.name FROM orders o JOIN customers c ON c.id = o.customer WHERE c.region = 2 AND c.id < 50');
RESET altius.enable_key_filters;

-- What the nodes call: value = ANY (keys).
SELECT altius_internal.is_key(3, '{1,2,3}'), altius_internal.is_key(4, '{1,2,NULL}'), altius_internal.is_key(NULL::int, '{1}'),
       altius_internal.is_key('a'::text, '{}'), altius_internal.is_key(1.0, '{1.00,2}'), altius_internal.is_key('x '::char(3), '{x}');
SELECT count(*) FROM generate_series(1, 100) i WHERE altius_internal.is_key(i, ARRAY[i % 7, 5]);
SELECT altius_internal.is_key('(1,2)'::point, '{}'::point[]);

-- An aggregate over the rows that match is computed once for all groups.
SELECT q, compare(q), (SELECT count(*) FROM told(q)) > 0 AS told FROM (VALUES
  ('SELECT o.id FROM orders o, customers c WHERE c.id = o.customer AND c.region = 1 AND o.amount < (SELECT 0.5 * avg(p.amount) FROM orders p WHERE p.customer = c.id)'),
  ('SELECT c.id FROM customers c WHERE c.region > (SELECT max(o.id) / 2000.0 FROM orders o WHERE o.customer = c.id AND o.amount > 10)'),
  ('SELECT c.id FROM customers c WHERE 2000 > (SELECT min(o.id) FROM orders o WHERE c.id = o.customer AND o.note = c.name)'),
  ('SELECT c.id FROM customers c WHERE coalesce((SELECT max(o.id) FROM orders o WHERE o.customer = c.id + 300), 0) < 1000'),
  ('SELECT c.id FROM customers c WHERE 3 > (SELECT count(*) FROM orders o WHERE o.customer = c.id + 300)'),
  ('SELECT c.id FROM customers c WHERE c.region < (SELECT sum(o.id) FROM orders o WHERE o.customer = c.id OR o.id = 1)')
) t (q);
CREATE FUNCTION decorrelated(query text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  line text;
BEGIN
  FOR line IN EXECUTE 'EXPLAIN (COSTS off) ' || query LOOP
    IF line ~ 'SubPlan' THEN RETURN false; END IF;
  END LOOP;
  RETURN true;
END $$;
SELECT q, decorrelated(q) FROM (VALUES
  ('SELECT c.id FROM customers c WHERE c.region > (SELECT max(o.id) / 2000.0 FROM orders o WHERE o.customer = c.id)'),
  ('SELECT c.id FROM customers c WHERE c.region > (SELECT sum(o.amount) FROM orders o WHERE o.customer = c.id AND o.amount > 3 AND o.placed < date ''2024-02-02'' + interval ''1 year'')'),
  -- these might raise an error for a group that nobody asks for, are not null without rows, or know more of the row
  ('SELECT c.id FROM customers c WHERE c.region > (SELECT sum(1 / o.amount) FROM orders o WHERE o.customer = c.id)'),
  ('SELECT c.id FROM customers c WHERE c.region > (SELECT count(*) FROM orders o WHERE o.customer = c.id)'),
  ('SELECT c.id FROM customers c WHERE c.region > (SELECT max(o.id) FROM orders o WHERE o.customer = c.id AND o.id > c.region)')
) t (q);
SET client_min_messages = warning;
DROP SCHEMA key_filters CASCADE;
