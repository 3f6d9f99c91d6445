-- MERGE that no shard can decide by itself: a source's row may match rows of any shard, or of several, and new rows belong anywhere.
\set SHOW_CONTEXT never
\getenv coordinator_port COORDINATOR_PORT
\getenv worker1_port WORKER1_PORT
SET client_min_messages TO warning;
CREATE SCHEMA merge_rows;
CREATE SCHEMA merge_rows_plain;
SET citus.shard_count TO 4;
CREATE FUNCTION merge_rows.make(schema text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('search_path', schema, true);
  CREATE TABLE t (id int PRIMARY KEY, v int CHECK (v < 1000), note text DEFAULT 'none', n int GENERATED ALWAYS AS IDENTITY,
                  twice int GENERATED ALWAYS AS (v * 2) STORED, list int[]);
  CREATE TABLE u (k int, v int, word varchar(4));
  CREATE TABLE copies (id int PRIMARY KEY, name text);
  CREATE TABLE here (x int, y int);
  CREATE TABLE single (a int, b text);
  CREATE TABLE p (id int, d date, v int, PRIMARY KEY (id, d)) PARTITION BY RANGE (d);
  CREATE TABLE p_old PARTITION OF p FOR VALUES FROM (MINVALUE) TO ('2020-01-01');
  CREATE TABLE p_new PARTITION OF p FOR VALUES FROM ('2020-01-01') TO (MAXVALUE);
  INSERT INTO t (id, v, list) SELECT g, g % 5, ARRAY[g, g] FROM generate_series(1, 12) g;
  INSERT INTO u SELECT g, g + 1, 'w' || g FROM generate_series(1, 6) g;
  INSERT INTO copies SELECT g, 'c' || g FROM generate_series(1, 6) g;
  INSERT INTO here SELECT g, g * 3 FROM generate_series(1, 8) g;
  INSERT INTO single SELECT g, 's' || g FROM generate_series(1, 4) g;
  INSERT INTO p SELECT g, '2019-12-01'::date + g * 10, g FROM generate_series(1, 6) g;
END $$;
SELECT merge_rows.make('merge_rows_plain');
SELECT merge_rows.make('merge_rows');
SET search_path TO merge_rows;
SELECT create_distributed_table('t', 'id', colocate_with => 'none');
SELECT create_distributed_table('u', 'k', colocate_with => 't');
SELECT create_reference_table('copies');
SELECT create_distributed_table('single', NULL);
SELECT create_distributed_table('p', 'id', colocate_with => 't');

-- What the statement gives, how many rows it says to have changed, and the table afterwards; undone.
CREATE FUNCTION outcome(statement text, look text, path text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  changed bigint;
  result text;
BEGIN
  PERFORM set_config('search_path', path, true);
  BEGIN
    EXECUTE statement;
    GET DIAGNOSTICS changed = ROW_COUNT;
    result := changed || ': ' || array_to_string(testing.rows_of(look, path), ' ');
    RAISE EXCEPTION USING ERRCODE = 'ALTUN';
  EXCEPTION
    WHEN SQLSTATE 'ALTUN' THEN NULL;
    WHEN OTHERS THEN result := SQLSTATE || ' ' || regexp_replace(SQLERRM, '_\d+"', '"');
  END;
  PERFORM set_config('search_path', 'merge_rows', true);
  RETURN result;
END $$;
CREATE FUNCTION twin(statement text, look text DEFAULT 'SELECT id, v, note, twice, list FROM t ORDER BY id', OUT same boolean, OUT result text)
LANGUAGE plpgsql AS $$
BEGIN
  result := outcome(statement, look, 'merge_rows');
  same := result = outcome(statement, look, 'merge_rows_plain');
  IF NOT same THEN result := result || ' INSTEAD OF ' || outcome(statement, look, 'merge_rows_plain'); END IF;
END $$;
\pset format unaligned
\pset tuples_only on

-- Conditions on other columns, of all kinds, on none.
SELECT * FROM twin('MERGE INTO t USING u ON t.v = u.k WHEN MATCHED AND u.k = 2 THEN DELETE WHEN MATCHED THEN UPDATE SET note = u.word, v = t.v + 10');
SELECT * FROM twin('MERGE INTO t USING u ON t.v = u.v WHEN NOT MATCHED THEN INSERT (id, v, note) VALUES (u.k + 100, u.v, u.word)');
SELECT * FROM twin($$MERGE INTO t USING (SELECT DISTINCT v FROM u) s ON t.v = s.v WHEN MATCHED AND t.id % 2 = 0 THEN DO NOTHING
  WHEN MATCHED THEN UPDATE SET v = s.v * 100 WHEN NOT MATCHED AND s.v > 6 THEN INSERT (id) VALUES (s.v + 50) WHEN NOT MATCHED THEN INSERT (id, note) VALUES (s.v + 60, 'other')$$);
SELECT * FROM twin('MERGE INTO t USING u ON false WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT (id, v) VALUES (u.k + 20, u.k)');
SELECT * FROM twin('MERGE INTO t USING (VALUES (1)) s(x) ON true WHEN MATCHED AND id > 3 THEN UPDATE SET v = id + x WHEN MATCHED THEN DELETE');
SELECT * FROM twin('MERGE INTO t USING u ON t.v > u.k AND u.k = 3 WHEN MATCHED THEN UPDATE SET note = NULL WHEN NOT MATCHED THEN DO NOTHING');
SELECT * FROM twin('MERGE INTO t USING here h ON t.v = h.x OR t.id = h.y WHEN MATCHED AND t.id = h.y THEN DELETE WHEN NOT MATCHED THEN INSERT (id, v) VALUES (h.y + 30, h.x)');
SELECT * FROM twin('MERGE INTO t USING (SELECT a.id FROM t a JOIN copies c ON c.id = a.v WHERE a.id > 6) s ON t.id = s.id - 6 WHEN MATCHED THEN UPDATE SET v = -s.id');

SELECT * FROM twin('MERGE INTO t USING (u JOIN (SELECT x AS k, y FROM here) h USING (k)) ON t.id = k AND t.v < y WHEN MATCHED THEN UPDATE SET v = k + y WHEN NOT MATCHED THEN INSERT (id) VALUES (k + 100)');
SELECT * FROM twin('MERGE INTO t USING (SELECT ctid AS place, id FROM t WHERE id > 9) s ON t.ctid = s.place WHEN MATCHED THEN UPDATE SET v = s.id');
-- Rows that get another distribution column: to another shard, or in the same one.
SELECT * FROM twin('MERGE INTO t USING u ON t.v = u.k WHEN MATCHED THEN UPDATE SET id = t.id + 100, v = u.v');
SELECT * FROM twin('MERGE INTO t USING u ON t.v = u.k WHEN MATCHED AND t.id < 6 THEN UPDATE SET id = t.id + 1000 WHEN MATCHED AND t.id > 10 THEN DELETE
  WHEN MATCHED AND t.id > 8 THEN UPDATE SET id = t.id + 50, note = u.word, list = list || u.k WHEN MATCHED THEN UPDATE SET note = ''x''
  WHEN NOT MATCHED THEN INSERT (id, v) VALUES (u.k + 2000, u.k)');
SELECT * FROM twin('MERGE INTO t USING u ON t.id = u.k WHEN MATCHED THEN UPDATE SET (id, note) = (u.v + 50, u.word)');
SELECT * FROM twin('MERGE INTO t USING u ON t.id = u.k WHEN MATCHED AND u.k > 3 THEN UPDATE SET id = t.id + (SELECT sum(x) FROM here) WHEN NOT MATCHED THEN DO NOTHING');
SELECT * FROM twin('MERGE INTO t USING (VALUES (1), (1)) s (x) ON t.id = s.x WHEN MATCHED THEN UPDATE SET id = 77');
SELECT * FROM twin('MERGE INTO t USING (VALUES (1, 77), (1, 1)) s (x, y) ON t.id = s.x WHEN MATCHED THEN UPDATE SET id = s.y');
SELECT * FROM twin('MERGE INTO t USING u ON t.id = u.k WHEN MATCHED AND u.k = 1 THEN UPDATE SET id = 12');
SELECT * FROM twin('MERGE INTO t USING u ON t.id = u.k WHEN MATCHED THEN UPDATE SET id = NULL');
SELECT * FROM twin('MERGE INTO t USING u ON t.id = u.k WHEN MATCHED THEN UPDATE SET id = t.id + 20, v = 1000');
SELECT * FROM twin('MERGE INTO p USING u ON p.v = u.v WHEN MATCHED THEN UPDATE SET id = p.id + 10, d = p.d + 20', 'SELECT id, d, v FROM p ORDER BY id');
BEGIN;
MERGE INTO t USING here h ON t.id = h.x WHEN MATCHED THEN UPDATE SET id = t.id + 100;
SELECT count(*), sum((SELECT count(*) FROM t WHERE t.id = g)) FROM generate_series(101, 108) g WHERE EXISTS (SELECT FROM t WHERE id = g);
SELECT v FROM t WHERE id = 101;
ROLLBACK;
CREATE FUNCTION same_row() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
CREATE TRIGGER looks BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION same_row();
MERGE INTO t USING u ON t.id = u.k WHEN MATCHED THEN UPDATE SET id = t.id + 20;
DROP TRIGGER looks ON t;

-- New rows with a key of their own, or with none.
SELECT * FROM twin('MERGE INTO t USING u ON t.id = u.k + 10 WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT (id, v) VALUES (u.v + 200, u.k)');
SELECT * FROM twin('MERGE INTO u USING t ON u.k = t.id WHEN MATCHED THEN DO NOTHING WHEN NOT MATCHED THEN INSERT (v) VALUES (t.id)', 'SELECT * FROM u ORDER BY 1, 2');
SELECT * FROM twin('MERGE INTO t USING u ON t.id = u.k + 10 WHEN NOT MATCHED AND u.k = 1 THEN INSERT (id, v) VALUES (77, 1) WHEN NOT MATCHED THEN INSERT (id, v) VALUES (u.k * 111, 2)');

-- Expressions that need both sides and what is elsewhere; parts of columns; rows; volatile ones, once for each row that is changed.
SELECT * FROM twin('MERGE INTO t USING u ON t.id = u.k WHEN MATCHED THEN UPDATE SET v = (SELECT max(x) FROM here WHERE x <= t.id + u.k)');
SELECT * FROM twin('MERGE INTO t USING u ON t.id = u.k AND EXISTS (SELECT FROM here WHERE y = t.v + u.k) WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT (id) VALUES (u.k + 40)');
SELECT * FROM twin('MERGE INTO t USING u ON t.id = u.k WHEN MATCHED THEN UPDATE SET v = t.v + (random() * 0)::int');
SELECT * FROM twin('MERGE INTO t USING u ON t.v = u.k WHEN MATCHED THEN UPDATE SET list[2] = u.v, note = (t IS NULL)::text || u::text');
SELECT * FROM twin('MERGE INTO t USING (SELECT k, max(v) AS m FROM u GROUP BY k) g ON t.id = g.k WHEN MATCHED THEN UPDATE SET note = g::text, v = (g IS NULL)::int');
SELECT * FROM twin('MERGE INTO copies c USING (SELECT k, max(v) AS m FROM u GROUP BY k) g ON c.id = g.k WHEN MATCHED THEN UPDATE SET name = g::text', 'TABLE copies ORDER BY 1');
SELECT * FROM twin('WITH c AS MATERIALIZED (SELECT x, y FROM here) MERGE INTO t USING (SELECT x FROM c WHERE x < 4) s ON t.v = s.x AND s.x IN (SELECT x FROM c)
  WHEN MATCHED AND t.id < (SELECT max(y) FROM c) THEN UPDATE SET v = (SELECT min(y) FROM c WHERE c.x > t.v) WHEN NOT MATCHED THEN INSERT (id) VALUES ((SELECT sum(y) FROM c))');
CREATE SEQUENCE counter;
CREATE SEQUENCE merge_rows_plain.counter;
SELECT * FROM twin($$MERGE INTO t USING u ON t.v = u.k WHEN MATCHED AND t.id > 5 THEN UPDATE SET v = nextval('counter') * 0 WHEN NOT MATCHED THEN INSERT (id) VALUES (60 + nextval('counter') * 0 + u.k)$$,
  $$SELECT last_value FROM counter$$);
-- What no row needs is not computed.
SELECT * FROM twin('MERGE INTO t USING u ON t.id = u.k + 8 WHEN MATCHED THEN UPDATE SET v = 0 WHEN NOT MATCHED THEN INSERT (id, v) VALUES (u.k + 8, (SELECT y FROM here WHERE x > 7 OR u.k < 5))');

-- Reference tables, tables of one shard, partitions.
SELECT * FROM twin('MERGE INTO copies c USING u ON c.id = u.v AND c.name IN (SELECT ''c'' || y / 3 FROM here WHERE x > c.id - 3)
  WHEN MATCHED THEN UPDATE SET name = name || (SELECT count(*) FROM t WHERE t.v = c.id) WHEN NOT MATCHED THEN INSERT VALUES (u.k + 10, u.word)', 'TABLE copies ORDER BY 1');
SELECT * FROM twin('MERGE INTO single s USING u ON s.a = u.v WHEN MATCHED AND (SELECT count(*) FROM t WHERE t.v = s.a) > 2 THEN DELETE WHEN MATCHED THEN UPDATE SET b = u.word
  WHEN NOT MATCHED THEN INSERT VALUES (u.k + 10, u.word)', 'TABLE single ORDER BY 1');
SELECT * FROM twin('MERGE INTO single s USING single o ON s.a = o.a + 1 WHEN MATCHED AND (SELECT count(*) FROM single x WHERE x.a >= s.a) > 1 THEN UPDATE SET b = o.b
  WHEN NOT MATCHED THEN INSERT VALUES (o.a + 10, ''new'')', 'TABLE single ORDER BY 1');
SELECT * FROM twin($$MERGE INTO p USING u ON p.v = u.v WHEN MATCHED AND u.k = 2 THEN DELETE WHEN MATCHED THEN UPDATE SET d = p.d - 40, v = 0
  WHEN NOT MATCHED THEN INSERT VALUES (u.k + 20, '2020-02-02', u.v)$$, 'TABLE p ORDER BY 1, 2');

-- Errors are those of PostgreSQL.
SELECT * FROM twin('MERGE INTO t USING here h ON t.v < h.x WHEN MATCHED THEN UPDATE SET v = h.x');
SELECT * FROM twin('MERGE INTO t USING here h ON t.v < h.x WHEN MATCHED THEN DELETE');
SELECT * FROM twin('MERGE INTO t USING here h ON t.v < h.x WHEN MATCHED AND h.x > 100 THEN DELETE');
SELECT * FROM twin('MERGE INTO t USING u ON t.v = u.k WHEN MATCHED THEN UPDATE SET v = 1000 + u.k');
SELECT * FROM twin('MERGE INTO t USING u ON t.v = u.k + 100 WHEN NOT MATCHED THEN INSERT (id) VALUES (u.k)');
SELECT * FROM twin('MERGE INTO t USING u ON t.v = u.k + 100 WHEN NOT MATCHED THEN INSERT (v) VALUES (u.k)');
SELECT * FROM twin('MERGE INTO u USING t ON u.v = t.v + 100 WHEN NOT MATCHED THEN INSERT (k, word) VALUES (t.id, ''too long'')');
SELECT * FROM twin('MERGE INTO t USING u ON t.v = u.k WHEN MATCHED AND t.id > 5 THEN UPDATE SET v = 1 / (t.id - 6) WHEN MATCHED AND t.id = 6 THEN DELETE');

-- Prepared, from a worker, in a transaction that has changed rows before.
PREPARE by_value (int, text) AS MERGE INTO t USING (SELECT $1 AS v, $2 AS note) s ON t.v = s.v AND t.id > 100
  WHEN MATCHED THEN UPDATE SET note = t.note || $2 WHEN NOT MATCHED THEN INSERT (id, v, note) VALUES (100 + s.v, s.v, s.note);
EXECUTE by_value(1, 'a');
EXECUTE by_value(2, 'b');
EXECUTE by_value(1, 'c');
EXECUTE by_value(1, 'd');
EXECUTE by_value(3, 'e');
EXECUTE by_value(2, 'f');
EXECUTE by_value(2, 'g');
SELECT id, v, note FROM t WHERE id > 100 ORDER BY id;
\c - - - :worker1_port
SET search_path TO merge_rows;
BEGIN;
DELETE FROM t WHERE id > 12;
MERGE INTO t USING u ON t.v = u.k WHEN MATCHED THEN UPDATE SET note = 'worker' WHEN NOT MATCHED THEN INSERT (id, note) VALUES (u.k + 20, 'worker');
SELECT count(*), count(*) FILTER (WHERE note = 'worker') FROM t;
ROLLBACK;
SELECT count(*), count(*) FILTER (WHERE note = 'worker') FROM t;
\c - - - :coordinator_port
SET search_path TO merge_rows;
SET client_min_messages TO warning;

-- Rights are those of any MERGE; policies hide rows, and refuse new ones.
CREATE ROLE merge_rows_user;
GRANT USAGE ON SCHEMA merge_rows TO merge_rows_user;
GRANT SELECT ON u TO merge_rows_user;
GRANT SELECT, INSERT, UPDATE ON t TO merge_rows_user;
ALTER TABLE t ENABLE ROW LEVEL SECURITY;
CREATE POLICY seen ON t USING (id < 10) WITH CHECK (v < 500);
SET ROLE merge_rows_user;
BEGIN;
MERGE INTO t USING u ON t.v = u.k WHEN MATCHED THEN UPDATE SET note = 'mine';
SELECT count(*) FROM t WHERE note = 'mine';
ROLLBACK;
MERGE INTO t USING u ON t.v = u.k WHEN MATCHED THEN UPDATE SET v = 600;
MERGE INTO t USING u ON t.v = u.k WHEN MATCHED THEN UPDATE SET id = t.id + 600;
MERGE INTO t USING u ON t.v = u.k WHEN MATCHED THEN DELETE;
RESET ROLE;
REVOKE UPDATE ON t FROM merge_rows_user;
SET ROLE merge_rows_user;
BEGIN;
MERGE INTO t USING u ON t.v = u.k WHEN NOT MATCHED THEN INSERT (id, v) VALUES (u.k + 3000, u.k) WHEN MATCHED THEN DO NOTHING;
ROLLBACK;
MERGE INTO t USING u ON t.v = u.k WHEN MATCHED THEN UPDATE SET v = 0;
RESET ROLE;
SELECT count(*) FROM t WHERE note = 'mine';
\pset format aligned
\pset tuples_only off
SET client_min_messages TO warning;
DROP SCHEMA merge_rows, merge_rows_plain CASCADE;
DROP ROLE merge_rows_user;
