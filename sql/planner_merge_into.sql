-- MERGE into distributed and reference tables: each statement changes as many rows as on plain tables, and the same ones.
\set SHOW_CONTEXT never
\getenv coordinator_port COORDINATOR_PORT
\getenv worker1_port WORKER1_PORT
SET client_min_messages TO warning;
CREATE SCHEMA merge_plain;
CREATE SCHEMA planner_merge_into;
SET search_path TO planner_merge_into;
SET citus.shard_count TO 4;
CREATE TABLE t (id int PRIMARY KEY, v int CHECK (v < 1000), note text DEFAULT 'none', n serial, twice int GENERATED ALWAYS AS (v * 2) STORED);
CREATE TABLE u (id int, k int, word text);
CREATE TABLE beside (id int PRIMARY KEY, x int);
CREATE TABLE copies (id int PRIMARY KEY, name text);
CREATE TABLE here (id int, x int);
CREATE TABLE p (id int, d date, v int, PRIMARY KEY (id, d)) PARTITION BY RANGE (d);
CREATE TABLE p_old PARTITION OF p FOR VALUES FROM (MINVALUE) TO ('2020-01-01');
CREATE TABLE p_new PARTITION OF p FOR VALUES FROM ('2020-01-01') TO (MAXVALUE);
CREATE TABLE words (word varchar(3) PRIMARY KEY, v int);
CREATE TABLE merge_plain.t (id int PRIMARY KEY, v int CHECK (v < 1000), note text DEFAULT 'none', n serial, twice int GENERATED ALWAYS AS (v * 2) STORED);
CREATE TABLE merge_plain.u (LIKE u);
CREATE TABLE merge_plain.beside (LIKE beside INCLUDING ALL);
CREATE TABLE merge_plain.copies (LIKE copies INCLUDING ALL);
CREATE TABLE merge_plain.here (LIKE here);
CREATE TABLE merge_plain.p (LIKE p INCLUDING ALL);
CREATE TABLE merge_plain.words (LIKE words INCLUDING ALL);
SELECT create_distributed_table('t', 'id', colocate_with => 'none');
SELECT create_distributed_table('u', 'k', shard_count => 3, colocate_with => 'none');
SELECT create_distributed_table('beside', 'id', colocate_with => 't');
SELECT create_reference_table('copies');
SELECT create_distributed_table('p', 'id', colocate_with => 't');
SELECT create_distributed_table('words', 'word', colocate_with => 'none');
INSERT INTO t (id, v) SELECT g, g FROM generate_series(1, 8) g;
INSERT INTO u SELECT g, g % 4 + 1, 'w' || g FROM generate_series(5, 12) g;
INSERT INTO beside SELECT g, g * 2 FROM generate_series(3, 10) g;
INSERT INTO copies SELECT g, 'c' || g FROM generate_series(1, 6) g;
INSERT INTO here SELECT g, g * 3 FROM generate_series(1, 20, 4) g;
INSERT INTO p SELECT g, '2019-12-01'::date + g * 10, g FROM generate_series(1, 6) g;
INSERT INTO merge_plain.t (id, v) SELECT g, g FROM generate_series(1, 8) g;
INSERT INTO merge_plain.u SELECT * FROM u;
INSERT INTO merge_plain.beside SELECT * FROM beside;
INSERT INTO merge_plain.copies SELECT * FROM copies;
INSERT INTO merge_plain.here SELECT * FROM here;
INSERT INTO merge_plain.p SELECT * FROM p;

CREATE FUNCTION merged(statement text, path text, look text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  changed bigint;
  before text := current_setting('search_path');
BEGIN
  PERFORM set_config('search_path', path, true);
  EXECUTE statement;
  GET DIAGNOSTICS changed = ROW_COUNT;
  PERFORM set_config('search_path', before, true);
  RETURN changed || ': ' || array_to_string(testing.rows_of(look, path), ' ');
END $$;
CREATE FUNCTION twin(statement text, look text DEFAULT 'SELECT id, v, note, twice FROM t ORDER BY id', OUT same boolean, OUT result text)
LANGUAGE plpgsql AS $$
BEGIN
  result := merged(statement, 'planner_merge_into', look);
  same := result = merged(statement, 'merge_plain', look);
END $$;
\pset format unaligned
\pset tuples_only on

-- Sources of all kinds.
SELECT * FROM twin($$MERGE INTO t USING (VALUES (1, 'a'), (20, 'b')) s(id, note) ON t.id = s.id
  WHEN MATCHED THEN UPDATE SET note = s.note, v = t.v + 100 WHEN NOT MATCHED THEN INSERT (id, note) VALUES (s.id, s.note)$$);
SELECT * FROM twin($$MERGE INTO t AS target USING u ON target.id = u.id WHEN MATCHED AND u.k = 3 THEN DELETE
  WHEN MATCHED THEN UPDATE SET note = u.word || target.note WHEN NOT MATCHED THEN INSERT (id, v, note) VALUES (u.id, u.k, u.word)$$);
SELECT * FROM twin($$MERGE INTO t USING beside b ON b.id = t.id AND t.v > 4
  WHEN MATCHED AND b.x > 15 THEN DO NOTHING WHEN MATCHED THEN UPDATE SET (note, v) = ROW('beside', b.x)$$);
SELECT * FROM twin('MERGE INTO t USING copies c ON t.id = c.id WHEN MATCHED THEN UPDATE SET note = c.name WHEN NOT MATCHED THEN INSERT (id, note) VALUES (c.id, name)');
SELECT * FROM twin('MERGE INTO t USING here h ON t.id = h.id WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT (id, v) VALUES (h.id, h.x)');
SELECT * FROM twin('MERGE INTO t USING t s ON t.id = s.id + 1 WHEN MATCHED THEN UPDATE SET v = s.v WHEN NOT MATCHED THEN INSERT (id, v) VALUES (s.id + 1, 77)');
SELECT * FROM twin($$MERGE INTO t USING (SELECT k, count(*) n, max(word) w FROM u GROUP BY k) s ON s.k = t.id WHEN MATCHED THEN UPDATE SET v = s.n, note = s.w
  WHEN NOT MATCHED AND s.n > 1 THEN INSERT (id, note) VALUES (k, w)$$);
SELECT * FROM twin($$WITH c AS MATERIALIZED (SELECT id + 30 AS id, k FROM u) MERGE INTO t USING (SELECT * FROM c WHERE k < 3) s ON s.id = t.id
  WHEN NOT MATCHED AND s.k > (SELECT min(k) FROM c) THEN INSERT (id, v) VALUES (s.id, s.k)$$);
SELECT * FROM twin($$MERGE INTO t USING (SELECT id FROM u WHERE false) s ON s.id = t.id WHEN NOT MATCHED THEN INSERT (id) VALUES (s.id)$$);

-- What an expression needs is beside the row, in the source's, or the same for all.
SELECT * FROM twin($$MERGE INTO t USING u ON t.id = u.id AND u.word IN (SELECT 'w' || x FROM beside)
  WHEN MATCHED THEN UPDATE SET v = (SELECT max(x) FROM beside), note = 'others'$$);
SELECT * FROM twin($$MERGE INTO t USING u ON t.id = u.id WHEN MATCHED AND EXISTS (SELECT FROM copies c WHERE c.id = t.v) THEN UPDATE SET note = 'copy'
  WHEN MATCHED THEN UPDATE SET v = (SELECT x FROM beside b WHERE b.id = u.id)$$);
SELECT * FROM twin($$MERGE INTO t USING u ON t.id = u.id WHEN MATCHED THEN UPDATE SET v = (random() * 0)::int, note = (u)::text$$);
SELECT * FROM twin($$MERGE INTO t USING (VALUES (1)) s(x) ON t.id = 40 WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT (id) VALUES (40)$$);
SELECT count(DISTINCT n) = count(*) FROM t;  -- serial values are made once for all shards

-- Copies, partitions, a key that is cast.
SELECT * FROM twin('MERGE INTO copies USING u ON copies.id = u.id WHEN MATCHED THEN UPDATE SET name = word WHEN NOT MATCHED THEN INSERT VALUES (u.id, u.word)', 'TABLE copies ORDER BY id');
SELECT * FROM twin($$MERGE INTO p USING (SELECT id, '2019-12-01'::date + id * 10 AS d FROM u) s ON p.id = s.id AND p.d = s.d
  WHEN MATCHED THEN UPDATE SET d = p.d - 100 WHEN NOT MATCHED THEN INSERT VALUES (s.id, s.d, 0)$$, 'TABLE p ORDER BY id, d');
SELECT * FROM twin($$MERGE INTO words USING (VALUES ('a', 1), ('abc', 2)) s(word, v) ON words.word = s.word
  WHEN MATCHED THEN UPDATE SET v = -s.v WHEN NOT MATCHED THEN INSERT VALUES (s.word, s.v)$$, 'TABLE words ORDER BY word');
SELECT * FROM twin($$MERGE INTO words USING (VALUES ('a'), ('abcd')) s(word) ON words.word = s.word WHEN MATCHED THEN UPDATE SET v = 9$$, 'TABLE words ORDER BY word');

-- A key of another type.
SELECT * FROM twin('MERGE INTO t USING (SELECT id::bigint + 1 AS id FROM u) s ON t.id = s.id WHEN MATCHED THEN UPDATE SET v = s.id');

-- More rows than other statements ship at once, prepared, from a worker, in a transaction.
SELECT * FROM twin('MERGE INTO beside b USING generate_series(1, 5000) g(i) ON g.i = b.id WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT VALUES (g.i, g.i)',
  'SELECT count(*), sum(x) FROM beside');
PREPARE upsert (int, text) AS MERGE INTO t USING (SELECT $1 AS id, $2 AS note) s ON t.id = s.id
  WHEN MATCHED THEN UPDATE SET note = t.note || $2 WHEN NOT MATCHED THEN INSERT (id, note) VALUES (s.id, s.note);
EXECUTE upsert(50, 'a');
EXECUTE upsert(50, 'b');
EXECUTE upsert(51, 'a');
EXECUTE upsert(51, 'b');
EXECUTE upsert(50, 'c');
EXECUTE upsert(50, 'd');
EXECUTE upsert(51, 'c');
SELECT id, note FROM t WHERE id >= 50 ORDER BY id;
\c - - - :worker1_port
SET search_path TO planner_merge_into;
BEGIN;
MERGE INTO t USING u ON t.id = u.id WHEN MATCHED THEN UPDATE SET note = 'worker' WHEN NOT MATCHED THEN INSERT (id, note) VALUES (u.id, 'worker');
SELECT count(*) FROM t WHERE note = 'worker';
ROLLBACK;
SELECT count(*) FROM t WHERE note = 'worker';
\c - - - :coordinator_port
SET search_path TO planner_merge_into;
SET client_min_messages TO warning;

-- Errors change nothing.
\set VERBOSITY terse
MERGE INTO t USING (VALUES (1, 5), (1, 6)) s(id, v) ON t.id = s.id WHEN MATCHED THEN UPDATE SET v = s.v;
MERGE INTO t USING (VALUES (60, 1), (61, 5000)) s(id, v) ON t.id = s.id WHEN NOT MATCHED THEN INSERT (id, v) VALUES (s.id, s.v);
MERGE INTO t USING (VALUES (NULL::int, 1)) s(id, v) ON t.id = s.id WHEN NOT MATCHED THEN INSERT (id, v) VALUES (s.id, s.v);
MERGE INTO t USING (VALUES (NULL::int, 1)) s(id, v) ON t.id = s.id WHEN MATCHED THEN DELETE;
\set VERBOSITY default
SELECT * FROM testing.twin('SELECT count(*), sum(v) FROM t WHERE id < 50', 'planner_merge_into', 'merge_plain');
EXPLAIN (COSTS OFF) MERGE INTO t USING here h ON t.id = h.id WHEN MATCHED THEN DELETE;
\pset format aligned
\pset tuples_only off
-- Beside another modification, which the MERGE does not see.
CREATE TABLE with_other (k int, v int);
SELECT create_distributed_table('with_other', 'k');
WITH i AS (INSERT INTO with_other VALUES (45, 1))
MERGE INTO with_other w USING (VALUES (45), (46)) s(k) ON w.k = s.k
WHEN MATCHED THEN UPDATE SET v = 2 WHEN NOT MATCHED THEN INSERT VALUES (s.k, 3);
SELECT * FROM with_other ORDER BY k, v;
WITH d AS (DELETE FROM with_other WHERE v = 1 RETURNING k)
MERGE INTO with_other w USING d ON w.k = d.k AND w.v = 3 WHEN MATCHED THEN UPDATE SET v = 4;
SELECT * FROM with_other ORDER BY k, v;

SET client_min_messages TO warning;
DROP SCHEMA planner_merge_into, merge_plain CASCADE;
