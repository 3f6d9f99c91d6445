-- SET (a, b) = (SELECT ...) and SET a[1] = x, c.f = y: the same rows as with plain tables, wherever the values come from and in
-- whatever order the columns and their parts do.
\set SHOW_CONTEXT never
SET client_min_messages TO warning;
CREATE SCHEMA assignments_plain;
CREATE SCHEMA planner_assignments;
SET search_path TO planner_assignments;
SET citus.shard_count TO 4;
CREATE TABLE a (id int PRIMARY KEY, x int, y int, note text, list int[], sum int GENERATED ALWAYS AS (x + y) STORED);
CREATE TABLE b (id int, n int, word text, PRIMARY KEY (id, n));
CREATE TABLE c (id int PRIMARY KEY, x int, word text);
CREATE TABLE here (id int, x int, word text);
CREATE TABLE assignments_plain.a (LIKE a INCLUDING ALL);
CREATE TABLE assignments_plain.b (LIKE b INCLUDING ALL);
CREATE TABLE assignments_plain.c (LIKE c INCLUDING ALL);
CREATE TABLE assignments_plain.here (LIKE here);
SELECT create_distributed_table('a', 'id', colocate_with => 'none');
SELECT create_distributed_table('b', 'id', colocate_with => 'a');
SELECT create_reference_table('c');
INSERT INTO a SELECT g, g * 10, g * 100, 'a' || g, ARRAY[g, g + 1] FROM generate_series(1, 6) g;
INSERT INTO b SELECT g % 6 + 1, g, 'b' || g FROM generate_series(1, 12) g;
INSERT INTO c SELECT g, g * 7, 'c' || g FROM generate_series(1, 5) g;
INSERT INTO here SELECT g, g * 3, 'h' || g FROM generate_series(1, 5) g;
INSERT INTO assignments_plain.a (id, x, y, note, list) SELECT id, x, y, note, list FROM a;
INSERT INTO assignments_plain.b SELECT * FROM b;
INSERT INTO assignments_plain.c SELECT * FROM c;
INSERT INTO assignments_plain.here SELECT * FROM here;
CREATE FUNCTION twin(statement text, OUT same boolean, OUT result text) LANGUAGE sql AS
  $$ SELECT * FROM testing.twin(statement, 'planner_assignments', 'assignments_plain') $$;
\pset format unaligned
\pset tuples_only on

-- Beside the data: constants, the row itself, copies, colocated rows.
SELECT * FROM twin('UPDATE a SET (x, y) = (SELECT 1, 2) WHERE id = 1 RETURNING *');
SELECT * FROM twin('UPDATE a SET (y, x) = (SELECT 1, 2) WHERE id = 2 RETURNING *');
SELECT * FROM twin('UPDATE a SET (y, x) = (SELECT x, y) RETURNING *');
SELECT * FROM twin('UPDATE a SET (note, x) = (SELECT word, c.x FROM c WHERE c.id = a.id) RETURNING *');
SELECT * FROM twin('UPDATE a SET (note, x) = (SELECT max(word), count(*) FROM b WHERE b.id = a.id), y = y + 1 RETURNING *');
SELECT * FROM twin('UPDATE a SET (list[2], note) = (SELECT 77, ''part''), (y, x) = (SELECT min(n), max(n) FROM b WHERE b.id = a.id) WHERE id = 3 RETURNING *');
SELECT * FROM twin('UPDATE a SET (y, x) = ROW(x, 5), (note) = (SELECT ''one'') WHERE id = 4 RETURNING *');
SELECT * FROM twin('WITH u AS (UPDATE a SET (y, x) = (SELECT x, y) RETURNING *) SELECT sum(x), sum(y) FROM u');
SELECT * FROM twin('UPDATE c SET (word, x) = (SELECT word || ''!'', c.id) RETURNING *');

-- The subquery's rows are elsewhere.
SELECT * FROM twin('UPDATE a SET (x, note) = (SELECT n, word FROM b WHERE b.n = a.id) RETURNING *');
SELECT * FROM twin('UPDATE a SET (note, x) = (SELECT word, n FROM b WHERE b.id = 3 ORDER BY n LIMIT 1) WHERE id = 1 RETURNING *');
SELECT * FROM twin('UPDATE a SET (note, y) = (SELECT word, n FROM b WHERE n < a.id ORDER BY n DESC LIMIT 1), x = (SELECT count(*) FROM b WHERE n > a.id) RETURNING *');
SELECT * FROM twin('UPDATE a SET (note, y) = (SELECT word, x FROM here WHERE here.id = a.id) RETURNING *');
SELECT * FROM twin('UPDATE a SET (note, y) = (SELECT b.word || h.word, h.x FROM b WHERE b.n = a.id) FROM here h WHERE h.id = a.id RETURNING a.*, h.x');
SELECT * FROM twin('UPDATE a SET (note, x) = (SELECT word, n FROM b WHERE b.n = a.id UNION SELECT ''none'', 0 WHERE a.id > 12) RETURNING *');
SELECT * FROM twin('WITH w AS (SELECT * FROM b WHERE n > 3) UPDATE a SET (y, note) = (SELECT n, word FROM w WHERE w.n = a.id) RETURNING *');
SELECT * FROM twin('WITH u AS (UPDATE a SET (y, x) = (SELECT n, id FROM b WHERE b.n = a.id + 1) RETURNING *) SELECT * FROM u');
SELECT * FROM twin('UPDATE c SET (word, x) = (SELECT word, n FROM b WHERE b.n = c.id) WHERE id < 4 RETURNING *');
SELECT * FROM twin('UPDATE here SET (word, x) = (SELECT note, y FROM a WHERE a.id = here.id) WHERE id < 4 RETURNING *');

-- ON CONFLICT.
SELECT * FROM twin('INSERT INTO a VALUES (3, 1, 2, ''new'') ON CONFLICT (id) DO UPDATE SET (y, x) = (SELECT 8, excluded.y) RETURNING *');
SELECT * FROM twin('INSERT INTO a VALUES (3, 1, 2, ''new'') ON CONFLICT (id) DO UPDATE SET (note, x) = (SELECT word, 9 FROM c WHERE c.id = 5) RETURNING *');
SELECT * FROM twin('INSERT INTO a (id, x) SELECT id, 4 FROM c ON CONFLICT (id) DO UPDATE SET (y, x) = (SELECT excluded.x, a.y) RETURNING *');
SELECT * FROM twin('INSERT INTO a (id, x) VALUES (1, 1), (9, 9) ON CONFLICT (id) DO UPDATE SET (y, x) = (SELECT excluded.x, a.id), note = ''both'' RETURNING *');

SELECT same FROM twin('TABLE a');
SELECT same FROM twin('TABLE c');
SELECT same FROM twin('TABLE here');

-- Errors change nothing.
UPDATE a SET (x, note) = (SELECT n, word FROM b WHERE n IN (a.id, a.id + 1)) WHERE id = 1;
UPDATE a SET (x, note) = (SELECT n, word FROM b) WHERE id = 1;
SELECT same FROM twin('TABLE a');

-- Parts of columns.
CREATE TYPE pair AS (n int, word text);
CREATE TYPE nest AS (n int, inside pair);
CREATE DOMAIN positive AS int[] CHECK (value[1] > 0);
CREATE TABLE parts (id int PRIMARY KEY, list int[], p pair, j jsonb, pairs pair[], deep nest, plus positive);
CREATE TABLE assignments_plain.parts (LIKE parts INCLUDING ALL);
SELECT create_distributed_table('parts', 'id', colocate_with => 'a');
SELECT * FROM twin('INSERT INTO parts (id, list[2], p.word, list[1]) VALUES (1, 20, ''one'', 10), (2, 40, ''two'', 30) RETURNING *');
SELECT * FROM twin('INSERT INTO parts (id, p.word, plus[1], plus[2], p.n) VALUES (3, ''three'', 1, 2, 3) RETURNING *');
SELECT * FROM twin('INSERT INTO parts (id, list[2], p.n, list[1]) SELECT id + 10, x, y, n FROM a JOIN b USING (id) WHERE n < 7 RETURNING *');
SELECT * FROM twin('INSERT INTO parts (id, list[2], p.n, list[1]) SELECT id, x, y, id FROM a WHERE id > 3 RETURNING *');
SELECT * FROM twin('WITH i AS (INSERT INTO parts (id, list[2], list[1]) SELECT n + 30, n, -n FROM b WHERE n < 3 RETURNING *) SELECT * FROM i');
SELECT * FROM twin('UPDATE parts SET list[1] = 50, p.n = 7, list[2] = 60, p.word = ''seven'' WHERE id < 3 RETURNING *');
SELECT * FROM twin('UPDATE parts SET list[id] = 5, list[id + 1] = 6, j[''b''] = ''2'', j[''c''] = ''3'' WHERE id < 4 RETURNING *');
SELECT * FROM twin('UPDATE parts SET pairs[1].n = 5, pairs[2].word = ''pp'', deep.n = 1, deep.inside.n = 2, deep.inside.word = ''dd'' WHERE id = 2 RETURNING *');
SELECT * FROM twin('UPDATE parts SET plus[1] = 4, plus[2] = 5, list[1:2] = ''{7,8}'', list[4] = 9 WHERE id = 3 RETURNING *');
SELECT * FROM twin('UPDATE parts SET list[1] = n, list[2] = b.id, p.word = word FROM b WHERE b.n = parts.id RETURNING parts.*');
SELECT * FROM twin('UPDATE parts SET list[1] = 1, (list[2], p.n) = (SELECT 2, 3), (list[3], p.word) = (SELECT n, word FROM b WHERE b.n = parts.id) WHERE id < 3 RETURNING *');
SELECT * FROM twin('UPDATE parts SET (p.word, p.n) = (SELECT word, n FROM b WHERE b.id = parts.id ORDER BY n LIMIT 1) WHERE id < 4 RETURNING *');
SELECT * FROM twin('UPDATE parts SET id = id + 100, list[1] = 3, list[2] = 4 WHERE id = 12 RETURNING *');
SELECT * FROM twin('INSERT INTO parts (id) VALUES (1), (2) ON CONFLICT (id) DO UPDATE SET list[1] = 9, list[2] = excluded.id, p.n = 1, p.word = ''x'' RETURNING *');
SELECT * FROM twin('INSERT INTO parts (id) VALUES (3) ON CONFLICT (id) DO UPDATE SET list[1] = 9, list[2] = excluded.id, p.n = 1, p.word = ''x'' RETURNING *');
MERGE INTO parts USING b ON parts.id = b.n WHEN MATCHED THEN UPDATE SET list[1] = b.id, list[parts.id] = 77, p.n = (SELECT max(id) FROM a), p.word = 'm'
  WHEN NOT MATCHED THEN INSERT (id, list[2], p.word, list[1]) VALUES (b.n, 2, b.word, 1);
MERGE INTO assignments_plain.parts USING assignments_plain.b ON parts.id = b.n
  WHEN MATCHED THEN UPDATE SET list[1] = b.id, list[parts.id] = 77, p.n = (SELECT max(id) FROM a), p.word = 'm'
  WHEN NOT MATCHED THEN INSERT (id, list[2], p.word, list[1]) VALUES (b.n, 2, b.word, 1);
SELECT * FROM twin('TABLE parts');
PREPARE set_parts (int, int) AS UPDATE parts SET list[$1] = $2, list[$1 + 1] = $2 + 1, p.word = $2::text WHERE id = 6 RETURNING list, p;
EXECUTE set_parts(1, 2);
EXECUTE set_parts(2, 5);
UPDATE parts SET plus[1] = -4 WHERE id = 3;
-- Columns with a length: a value that is too long is refused, blanks are cut off.
CREATE TABLE short (id int, v varchar(5), c char(3), b bit(3), n numeric(4, 1));
SELECT create_distributed_table('short', 'id');
INSERT INTO short VALUES (1), (2), (3);
UPDATE short SET (v, c) = (SELECT 'one', 'two') WHERE id = 1;
UPDATE short t SET (v, b, n) = (SELECT word, 5::bit(3), 1.25 FROM (VALUES (2, 'two     ')) w (id, word) WHERE w.id = t.id) WHERE id > 1;
UPDATE short t SET (n, c, v) = (SELECT count(*), max('ab'), max(v) FROM short s WHERE s.id = t.id);
UPDATE short SET (v, id) = (SELECT 'too long', 1) WHERE id = 1;
UPDATE short SET (id, v) = (SELECT 7, 'too long') WHERE id = 1;
UPDATE short SET (id, v) = (SELECT 7, 'new') WHERE id = 1;
UPDATE short t SET (v, n) = (SELECT w.word, 2 FROM (VALUES (2, 'too long')) w (id, word) WHERE w.id = t.id);
SELECT id, v, c, b, n FROM short ORDER BY id;
\pset format aligned
\pset tuples_only off
DROP SCHEMA planner_assignments, assignments_plain CASCADE;
