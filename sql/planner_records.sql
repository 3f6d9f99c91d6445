-- Rows without a named type as results: what ROW(...) makes on a node is read here, and is the same as from plain tables.
\set SHOW_CONTEXT never
CREATE SCHEMA records_plain;
CREATE SCHEMA planner_records;
SET search_path TO planner_records;
SET citus.shard_count TO 4;
CREATE TABLE a (id int PRIMARY KEY, size int, name text);
CREATE TABLE b (id int, part int, mood text, PRIMARY KEY (id, part));
CREATE TABLE c (word text, list int[]);
SELECT create_distributed_table('a', 'id', colocate_with => 'none');
SELECT create_distributed_table('b', 'id', colocate_with => 'a');
SELECT create_distributed_table('c', 'word', colocate_with => 'none');
INSERT INTO a SELECT g, g % 3, 'n, "' || g FROM generate_series(1, 12) g;
INSERT INTO b SELECT g % 7, g, nullif('m' || g % 4, 'm0') FROM generate_series(1, 30) g;
INSERT INTO c SELECT 'w' || g, ARRAY[g, g + 1] FROM generate_series(1, 5) g;
CREATE TABLE records_plain.a AS TABLE a;
CREATE TABLE records_plain.b AS TABLE b;
CREATE TABLE records_plain.c AS TABLE c;

CREATE FUNCTION twin(query text, OUT same boolean, OUT result text) LANGUAGE sql AS
  $$ SELECT * FROM testing.twin(query, 'planner_records', 'records_plain') $$;
\pset format unaligned
\pset tuples_only on

SELECT * FROM twin('SELECT ROW(id, name) FROM a WHERE id = 5');
SELECT * FROM twin('SELECT ROW(id, name, NULL, ''x'', ARRAY[size], date ''2026-01-02'') FROM a WHERE id < 5');
SELECT * FROM twin('SELECT ROW(id, ROW(size, ROW(name))) FROM a WHERE id < 4');
SELECT * FROM twin('SELECT id, ROW(word, list) FROM a JOIN c ON c.list[1] = a.id');
SELECT * FROM twin('SELECT s, (s).name FROM (SELECT id, name FROM a) s WHERE id < 4');
SELECT * FROM twin('SELECT s.r FROM (SELECT id, ROW(size, name) r FROM a) s WHERE id < 4');
SELECT * FROM twin('WITH s AS (SELECT ROW(id, size) r FROM a) SELECT r FROM s WHERE (r) < ROW(4, 0)');
SELECT * FROM twin('WITH s AS MATERIALIZED (SELECT ROW(id, size) r FROM a WHERE id < 3) SELECT x.r, y.r FROM s x, s y');
SELECT * FROM twin('SELECT r FROM a JOIN (SELECT id, ROW(part, mood) r FROM b) s USING (id) WHERE id < 3');
SELECT * FROM twin('SELECT r, q FROM (SELECT ROW(word) r, list[1] n FROM c) s LEFT JOIN (SELECT ROW(size, name) q, size FROM a) t ON t.size = s.n');
-- Sorted, grouped, made one of: rows are compared here as there.
SELECT * FROM twin('SELECT ROW(size, id) FROM a ORDER BY 1 DESC LIMIT 3');
SELECT * FROM twin('SELECT ROW(id) FROM a ORDER BY name LIMIT 3');
SELECT * FROM twin('SELECT DISTINCT ROW(size, size + 1) FROM a');
SELECT * FROM twin('SELECT ROW(size), count(*) FROM a GROUP BY ROW(size)');
SELECT * FROM twin('SELECT id, ROW(count(*), max(mood)) FROM b GROUP BY id');
SELECT * FROM twin('SELECT ROW(count(*), max(mood)) FROM b');
SELECT * FROM twin('SELECT ROW(id, size) FROM a WHERE id < 4 UNION SELECT ROW(id, part) FROM b WHERE id < 2');
SELECT * FROM twin('SELECT ROW(id, size) FROM a WHERE id < 3 UNION ALL SELECT ROW(word, list, 1) FROM c');
SELECT * FROM twin('SELECT first_value(ROW(part, mood)) OVER (PARTITION BY id ORDER BY part) FROM b WHERE id < 3');
SELECT * FROM twin('SELECT lag(ROW(id, part)) OVER (ORDER BY id, part) FROM b WHERE id < 2');
-- Arrays of rows.
SELECT * FROM twin('SELECT ARRAY[ROW(id, name), ROW(size, ''x'')] FROM a WHERE id < 3');
SELECT * FROM twin('SELECT id, array_agg(ROW(part, mood) ORDER BY part) FROM b GROUP BY id');
SELECT * FROM twin('SELECT ARRAY(SELECT ROW(part, mood) FROM b WHERE b.id = a.id ORDER BY part) FROM a WHERE id < 3');
-- Which fields a row has can depend on the data.
SELECT * FROM twin('SELECT id, CASE WHEN id = 1 THEN ROW(1, ''one''::text) ELSE ROW(size, name) END FROM a WHERE id < 4');
SELECT * FROM twin('SELECT id, CASE WHEN id = 1 THEN ROW(1) ELSE ROW(size, name) END FROM a WHERE id < 4');
SELECT * FROM twin('SELECT id, coalesce(CASE WHEN id > 1 THEN ROW(id, name) END, ROW(0, ''none''::text)) FROM a WHERE id < 4');
SELECT * FROM twin('SELECT id, NULL::record FROM a WHERE id < 3');
-- Rows that the nodes would have to read.
SELECT * FROM twin('SELECT id FROM a WHERE (SELECT r FROM (SELECT ROW(2, list[1]) r FROM c WHERE word = ''w2'') s) = ROW(id, size)');
SELECT * FROM twin('SELECT id FROM a WHERE coalesce(ROW(id, size)) IN (SELECT ROW(list[1], list[1]) FROM c)');
DO $$
DECLARE
  r record;
BEGIN
  SELECT 2 AS id, 2 AS size INTO r;
  RAISE NOTICE '%', (SELECT count(*) FROM planner_records.a WHERE ROW(id, size) = r);
  FOR r IN SELECT ROW(id, size) x, id FROM planner_records.a WHERE id < 3 ORDER BY id LOOP RAISE NOTICE '%', r.x; END LOOP;
END $$;
PREPARE p(int) AS SELECT ROW(id, name, $1) FROM a WHERE id = $1;
EXECUTE p(1);
EXECUTE p(2);
EXECUTE p(3);
EXECUTE p(4);
EXECUTE p(5);
EXECUTE p(6);
EXECUTE p(7);
-- RETURNING, of statements that run beside the data and of others.
SELECT * FROM twin('UPDATE a SET size = size + 1 WHERE id < 4 RETURNING ROW(id, size)');
SELECT * FROM twin('UPDATE a SET size = list[2] FROM c WHERE list[1] = a.id RETURNING id, ROW(size, ROW(word))');
SELECT * FROM twin('INSERT INTO a VALUES (20, 1, ''new'') RETURNING ROW(id, size, 5), ROW(1, ''x'')');
SELECT * FROM twin('INSERT INTO a SELECT 30 + id, size, name FROM a WHERE id < 3 RETURNING ROW(id, name)');
SELECT * FROM twin('INSERT INTO a VALUES (40, 1, ''x''), (41, 2, ''y'') RETURNING ROW(id, name)');
SELECT * FROM twin('WITH gone AS (DELETE FROM a WHERE id >= 20 RETURNING ROW(id, ROW(size, name)) r) SELECT r FROM gone');
SELECT * FROM twin('SELECT a FROM a WHERE id < 4');
-- A join's row has the names of the join's columns.
SELECT * FROM twin('SELECT row_to_json(x.*) FROM a JOIN b USING (id) AS x WHERE a.id = 2');
SELECT * FROM twin('SELECT row_to_json(x) FROM (a JOIN b USING (id)) x WHERE x.id < 4');
SELECT * FROM twin('SELECT to_jsonb(x) - ''name'' FROM (a JOIN b USING (id)) x(k) WHERE x.k = 3');
SELECT * FROM twin('SELECT max(row_to_json(x)::text), count(x) FROM (a LEFT JOIN b USING (id)) x GROUP BY id % 2');
SELECT * FROM twin('SELECT row_to_json(ROW(a.id, part)) FROM a JOIN b USING (id) WHERE id < 3');
-- One that a node would have to be sent is refused.
UPDATE a SET size = size RETURNING (SELECT r FROM (SELECT ROW(word) r FROM c) s LIMIT 1);
UPDATE a SET size = s.n FROM (SELECT ROW(word) r, list[1] n FROM c) s WHERE s.n = a.id RETURNING s.r;

SET client_min_messages TO warning;
DROP SCHEMA planner_records, records_plain CASCADE;
