-- Rows that are computed on the asking node and sent to their shards.
\set SHOW_CONTEXT never
CREATE SCHEMA insert_ship;
SET search_path TO insert_ship;
CREATE TABLE t (k int PRIMARY KEY, v text DEFAULT 'none', n numeric);
CREATE TABLE by_text (a int, b text);
CREATE TABLE r (id int PRIMARY KEY, name text);
CREATE TABLE plain (a int, b text);
SELECT create_distributed_table('t', 'k', shard_count => 6, colocate_with => 'none');
SELECT create_distributed_table('by_text', 'b', shard_count => 4, colocate_with => 'none');
SELECT create_reference_table('r');

-- Several rows, with values that are hard to quote.
INSERT INTO t VALUES (1, 'a'), (2, DEFAULT), (3, NULL), (4, E'q"u\\o\n''te{},NULL'), (5, ''), (6, 'null');
SELECT * FROM t ORDER BY k;
WITH new AS (SELECT * FROM t WHERE k = 1)
INSERT INTO t SELECT k + 100, v FROM new RETURNING k, v, n;
INSERT INTO t VALUES (7, 'x'), (NULL, 'y');
INSERT INTO t VALUES (8, 'x'), (1, 'y');
SELECT count(*) FROM t;
-- However many rows are in between, the second one for a key is noticed.
BEGIN;
INSERT INTO t SELECT 1000 + g % 100000, 'row' FROM generate_series(1, 100000) g ON CONFLICT (k) DO UPDATE SET v = excluded.v;
SELECT count(*) FROM t WHERE v = 'row';
INSERT INTO t SELECT 1000 + g % 100000, 'twice' FROM generate_series(1, 100001) g ON CONFLICT (k) DO UPDATE SET v = excluded.v;
ROLLBACK;
INSERT INTO t VALUES (1, 'other'), (9, 'new') ON CONFLICT (k) DO UPDATE SET v = excluded.v || t.v;
INSERT INTO t VALUES (1, 'ignored'), (10, 'new') ON CONFLICT DO NOTHING;
SELECT k, v FROM t WHERE k IN (1, 9, 10) ORDER BY k;
-- A constraint that is named has another name on each shard.
INSERT INTO t VALUES (1, 'ignored') ON CONFLICT ON CONSTRAINT t_pkey DO NOTHING;
INSERT INTO t VALUES (1, 'ignored'), (11, 'new') ON CONFLICT ON CONSTRAINT t_pkey DO NOTHING;
INSERT INTO t SELECT k, 'named' FROM t WHERE k IN (9, 10) ON CONFLICT ON CONSTRAINT t_pkey DO UPDATE SET v = excluded.v || ' ' || t.v;
WITH w AS (INSERT INTO t VALUES (11, 'again') ON CONFLICT ON CONSTRAINT t_pkey DO UPDATE SET v = 'w' RETURNING k, v) SELECT * FROM w;
INSERT INTO r VALUES (77, 'one') ON CONFLICT ON CONSTRAINT r_pkey DO NOTHING;
INSERT INTO r VALUES (77, 'two') ON CONFLICT ON CONSTRAINT r_pkey DO UPDATE SET name = excluded.name RETURNING *;
DELETE FROM r WHERE id = 77;
CREATE TABLE apart (k int, EXCLUDE USING btree (k WITH =));
SELECT create_distributed_table('apart', 'k');
INSERT INTO apart VALUES (1), (1);
INSERT INTO apart VALUES (1) ON CONFLICT ON CONSTRAINT apart_k_excl DO NOTHING;
DROP TABLE apart;
SELECT k, v FROM t WHERE k IN (1, 9, 10, 11) ORDER BY k;
DELETE FROM t WHERE k = 11;

-- INSERT .. SELECT in every combination.
INSERT INTO plain SELECT g, 'b' || g FROM generate_series(1, 3000) g;
INSERT INTO t SELECT a + 1000, b FROM plain;
SELECT count(*), sum(k) FROM t WHERE k > 1000;
INSERT INTO by_text SELECT k, v FROM t WHERE k > 1000;
SELECT count(*), sum(a) FROM by_text;
INSERT INTO t SELECT a + 10000, b FROM by_text WHERE a <= 2000;
INSERT INTO t SELECT k + 100000, v FROM t;
SELECT count(*), sum(k) FROM t;
INSERT INTO r SELECT a, b FROM plain WHERE a <= 5;
INSERT INTO r SELECT k + 10, v FROM t WHERE k <= 3;
INSERT INTO plain SELECT id, name FROM r;
SELECT count(*) FROM plain;
SELECT id, name FROM r ORDER BY id;
INSERT INTO t SELECT id + 500000, name FROM r;
INSERT INTO t (k) SELECT count(*) + 600000 FROM by_text;
SELECT k, v FROM t WHERE k >= 500000 ORDER BY k;

-- Parameters of the client in what the shards run.
PREPARE p(int, text) AS INSERT INTO t VALUES (900001, 'a'), (900002, $2) RETURNING $1, $2, k > 0;
EXECUTE p(15, 'zz');
PREPARE q(text) AS INSERT INTO t SELECT DISTINCT a + 1000, b FROM plain WHERE a <= 2 ON CONFLICT (k) DO UPDATE SET v = $1 || excluded.v;
EXECUTE q('now ');
SELECT k, v FROM t WHERE k IN (1001, 1002, 900001, 900002) ORDER BY k;
DELETE FROM t WHERE k > 900000;

-- Rows to change, found with the help of tables that lie elsewhere.
UPDATE t SET v = 'from ' || b.b FROM by_text b WHERE b.a = t.k AND t.k <= 1003;
SELECT k, v FROM t WHERE k BETWEEN 1001 AND 1004 ORDER BY k;
DELETE FROM t USING plain p WHERE p.a + 1000 = t.k AND p.a <= 100;
SELECT count(*) FROM t WHERE k BETWEEN 1001 AND 1200;

-- In a block, with an error in the middle.
BEGIN;
INSERT INTO t SELECT g + 700000, 'block' FROM generate_series(1, 2500) g;
SAVEPOINT s;
INSERT INTO t SELECT g + 700000, 'block' FROM generate_series(2500, 2600) g;
ROLLBACK TO s;
SELECT count(*) FROM t WHERE v = 'block';
COMMIT;
SELECT count(*) FROM t WHERE v = 'block';
DO $$
DECLARE count int;
BEGIN
  INSERT INTO insert_ship.t SELECT g + 800000, 'do' FROM generate_series(1, 10) g;
  GET DIAGNOSTICS count = ROW_COUNT;
  RAISE NOTICE 'rows: %', count;
END $$;
EXPLAIN (COSTS off, ANALYZE, TIMING off, SUMMARY off) INSERT INTO t SELECT g + 900000 FROM generate_series(1, 2) g WHERE false;

SET client_min_messages TO error;
DROP SCHEMA insert_ship CASCADE;
