-- Foreign keys of tables that are local to a node, to reference tables: kept when these change, from whatever node.
CREATE SCHEMA reference_local_keys;
SET search_path TO reference_local_keys;
\set SHOW_CONTEXT never
\pset format unaligned
\pset tuples_only on
-- On each worker in turn; @ is the schema.
CREATE FUNCTION workers(command text) RETURNS SETOF text LANGUAGE sql AS $$
  SELECT result FROM run_command_on_workers(replace(command, '@', 'reference_local_keys.'), false) $$;

CREATE TABLE r (gone text, x int PRIMARY KEY, y int UNIQUE);
ALTER TABLE r DROP COLUMN gone;
CREATE TABLE l (a int, x int REFERENCES r);
CREATE TABLE cascading (x int REFERENCES r ON DELETE CASCADE ON UPDATE CASCADE);
SELECT create_reference_table('r');
CREATE TABLE nulled (x int REFERENCES r ON DELETE SET NULL, y int REFERENCES r (y) ON UPDATE SET NULL);
CREATE TABLE usual (x int DEFAULT 8 REFERENCES r ON DELETE SET DEFAULT);
CREATE TABLE middle (x int PRIMARY KEY REFERENCES r ON DELETE CASCADE);
SELECT create_reference_table('middle');
CREATE TABLE under (x int REFERENCES middle);
INSERT INTO r SELECT g, g * 10 FROM generate_series(1, 9) g;
INSERT INTO l VALUES (1, 1), (2, 2);
INSERT INTO cascading VALUES (3), (4), (4);
INSERT INTO nulled VALUES (5, 50), (6, 60);
INSERT INTO usual VALUES (7);
INSERT INTO middle VALUES (9);
INSERT INTO under VALUES (9);

DELETE FROM r WHERE x = 1;
UPDATE r SET x = 100 WHERE x = 2;
UPDATE r SET y = y + 1 WHERE x = 2;
DELETE FROM r;
DELETE FROM r USING l WHERE r.x = l.x;
INSERT INTO r VALUES (1, 5) ON CONFLICT (x) DO UPDATE SET x = 11;
MERGE INTO r USING l ON l.x = r.x WHEN MATCHED THEN DELETE;
WITH d AS (DELETE FROM r WHERE x = 2 RETURNING *) SELECT count(*) FROM d;
DELETE FROM r WHERE x = 9;
TRUNCATE r;
DELETE FROM r WHERE x = 3;
UPDATE r SET x = 40 WHERE x = 4;
DELETE FROM r WHERE x = 5;
UPDATE r SET y = 61 WHERE x = 6;
DELETE FROM r WHERE x = 7;
DELETE FROM r WHERE x = 8;
TABLE cascading;
SELECT * FROM nulled ORDER BY x;
TABLE usual;
-- What a foreign key of another reference table does.
DELETE FROM under;
DELETE FROM r WHERE x = 9;
TABLE middle;
SET session_replication_role = replica;
DELETE FROM r WHERE x = 2;
RESET session_replication_role;
DELETE FROM l WHERE x = 2;

-- From other nodes, and for what is local there.
SELECT workers('CREATE TABLE @away (x int REFERENCES @r)');
SELECT workers('CREATE TABLE @dropped (x int REFERENCES @r ON DELETE CASCADE)');
INSERT INTO r SELECT g, g * 100 FROM generate_series(21, 26) g;
SELECT workers('INSERT INTO @away VALUES (21), (22)');
SELECT workers('INSERT INTO @dropped VALUES (23), (24)');
SELECT workers('INSERT INTO @away VALUES (77)');
SELECT workers('DELETE FROM @r WHERE x = 1');
SELECT workers('UPDATE @r SET x = -x WHERE y = 2200');
DELETE FROM r WHERE x = 21;
UPDATE r SET x = x + 1000 WHERE x > 20 + random();
UPDATE r SET y = y + random() WHERE x = 22;
SELECT workers('DELETE FROM @r WHERE x = 23');
DELETE FROM r WHERE x = 24;
SELECT workers('SELECT count(*) FROM @dropped');
SELECT workers('DROP TABLE @away');
SELECT workers('INSERT INTO @dropped VALUES (25)');
TRUNCATE r, middle, l, cascading, nulled, usual, under;
TRUNCATE r CASCADE;
SELECT workers('SELECT count(*) FROM @dropped');
SELECT (SELECT count(*) FROM r), (SELECT count(*) FROM l), (SELECT count(*) FROM cascading), (SELECT count(*) FROM nulled);
SELECT workers('DROP TABLE @dropped');
-- Actions there, and keys that are handed on within one statement.
SELECT workers('CREATE TABLE @following (x int REFERENCES @r ON UPDATE CASCADE, y int REFERENCES @r (y) ON UPDATE SET NULL ON DELETE SET NULL)');
SELECT workers('CREATE TABLE @back (x int DEFAULT 1 REFERENCES @r ON UPDATE SET DEFAULT ON DELETE SET DEFAULT)');
SELECT workers('CREATE TABLE @kept (x int REFERENCES @r)');
INSERT INTO r SELECT g, g * 10 FROM generate_series(1, 9) g;
SELECT workers('INSERT INTO @following VALUES (2, 20), (3, 30)');
SELECT workers('INSERT INTO @back VALUES (4), (5)');
SELECT workers('INSERT INTO @kept VALUES (6)');
INSERT INTO l VALUES (1, 6);
UPDATE r SET x = x + 100 WHERE x IN (2, 4);
UPDATE r SET y = y + random() + 1 WHERE x = 102;
SELECT workers('UPDATE @r SET x = -x, y = -y WHERE x = 3');
SELECT workers('UPDATE @r SET x = x - 1 WHERE x = -3');
DELETE FROM r WHERE x = 5;
UPDATE r SET x = 106 WHERE x = 6;
SELECT workers('SELECT string_agg(f::text, '','' ORDER BY x) FROM @following f');
SELECT workers('SELECT string_agg(x::text, '','') FROM @back');
WITH a AS (DELETE FROM r WHERE x = 6 RETURNING *) INSERT INTO r SELECT gone.* FROM (SELECT x, y FROM a) gone;
WITH a AS (DELETE FROM r WHERE x = 6 RETURNING *) INSERT INTO r SELECT x + 100, y FROM a;
WITH a AS (DELETE FROM l RETURNING x) DELETE FROM r USING a WHERE r.x = a.x;
SELECT count(*) FROM r WHERE x = 6;
SELECT workers('DROP TABLE @following, @back, @kept');
SET client_min_messages = warning;
DROP SCHEMA reference_local_keys CASCADE;
