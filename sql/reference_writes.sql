-- All copies of a reference table have the same rows, whatever a statement computes.
\set SHOW_CONTEXT never
CREATE SCHEMA reference_writes;
SET search_path TO reference_writes;
SET citus.shard_count TO 4;
CREATE TABLE r (x int PRIMARY KEY, v int, s text, f float8, b bytea, u uuid, at timestamptz);
CREATE TABLE bag (x int, v int, s text);
CREATE TABLE d (k int, v int);
SELECT create_reference_table('r');
SELECT create_reference_table('bag');
SELECT create_distributed_table('d', 'k');
\pset format unaligned
\pset tuples_only on

-- How many copies a table has, and how many different ones.
CREATE FUNCTION copies(relation regclass) RETURNS text LANGUAGE sql AS $$
  SELECT count(*) FILTER (WHERE success) || ' copies, ' || count(DISTINCT result) || ' different' FROM run_command_on_placements(relation,
    'SELECT count(*) || '' '' || coalesce(sum(hashtextextended(ROW(t.*)::text, 0)::numeric), 0) FROM %s t')
$$;
INSERT INTO r SELECT g, g % 5, 'row ' || g, g / 7.0, decode(to_hex(g + 4096), 'hex'), NULL, NULL FROM generate_series(1, 40) g;
INSERT INTO bag SELECT g % 10, g % 3, 'b' FROM generate_series(1, 60) g;
INSERT INTO d SELECT g, g FROM generate_series(1, 30) g;
SELECT copies('r'), copies('bag');

-- The order of rows, and which of several matches.  (Rows of the copies lie in another order after this.)
UPDATE r SET v = v + 1 WHERE x % 3 = 0;
DELETE FROM r WHERE x IN (SELECT x FROM r LIMIT 3);
SELECT count(*) FROM r;
UPDATE r SET v = n FROM (SELECT x, row_number() OVER () AS n FROM r) q WHERE q.x = r.x;
UPDATE r SET v = d.v FROM d WHERE d.k % 5 = r.x % 5;
UPDATE r SET v = bag.v, s = bag.x::text FROM bag WHERE bag.x = r.x % 10;
UPDATE r SET s = (SELECT string_agg(bag.v::text, '') FROM bag WHERE bag.x = r.x % 10);
SELECT copies('r');

-- What depends on settings, on the place of a row, on the node, or is volatile.
SET extra_float_digits = 0;
SET bytea_output = escape;
SET quote_all_identifiers = on;
UPDATE r SET s = f::text || b::text || quote_ident('a');
UPDATE r SET s = f::text WHERE x = 5;
INSERT INTO r (x, s) VALUES (5, 'e') ON CONFLICT (x) DO UPDATE SET s = r.f::text || r.b::text;
RESET extra_float_digits;
RESET bytea_output;
RESET quote_all_identifiers;
UPDATE r SET s = ctid::text || xmin::text WHERE x = 6;
UPDATE r SET s = tableoid::text, u = gen_random_uuid(), at = clock_timestamp() WHERE x < 20;
UPDATE r SET s = current_setting(CASE WHEN x > 0 THEN 'port' END), v = (random() * 1000000)::int WHERE x > 20;
INSERT INTO r (x, v) VALUES (7, 1) ON CONFLICT (x) DO UPDATE SET u = gen_random_uuid(), v = r.v + random() * 100000;
INSERT INTO r (x, v) SELECT g, 0 FROM generate_series(1, 50) g ON CONFLICT (x) DO UPDATE SET u = gen_random_uuid(), v = excluded.v + r.x;
MERGE INTO r USING (SELECT g, random() AS new FROM generate_series(45, 55) g) q ON r.x = q.g
  WHEN MATCHED AND q.g < 48 THEN DELETE WHEN MATCHED THEN UPDATE SET f = q.new WHEN NOT MATCHED THEN INSERT (x, f) VALUES (q.g, q.new);
SELECT copies('r'), (SELECT count(*) FROM r);

-- No primary key: rows are known by how they look, and those that look alike are as good as one another.
UPDATE bag SET v = v + 1;
UPDATE bag SET s = d.v::text FROM d WHERE d.k = bag.x AND d.k < 3;
SELECT x, s, count(*) FROM bag WHERE x < 4 GROUP BY 1, 2 ORDER BY 1, 2;
DELETE FROM bag WHERE x < 5 AND v = 2 AND random() < 2;
SELECT x, count(*) FROM bag GROUP BY 1 ORDER BY 1;
UPDATE bag SET s = gen_random_uuid()::text WHERE x = 7;
SELECT count(DISTINCT s) FROM bag WHERE x = 7;
MERGE INTO bag USING d ON d.k = bag.x WHEN MATCHED AND d.k = 8 THEN DELETE WHEN MATCHED THEN UPDATE SET v = bag.v + d.v
  WHEN NOT MATCHED AND d.k < 13 THEN INSERT VALUES (d.k, random() * 1000, NULL);
WITH gone AS (DELETE FROM bag WHERE x IN (SELECT k FROM d WHERE k > 10) RETURNING x) SELECT count(*) FROM gone;
SELECT x, count(*) FROM bag GROUP BY 1 ORDER BY 1;
SELECT copies('bag');

-- A row that many rows match is changed once.
CREATE TABLE counters (x int PRIMARY KEY, n int);
CREATE TABLE plain_counters (x int, n int);
SELECT create_reference_table('counters'), create_reference_table('plain_counters');
INSERT INTO counters VALUES (1, 0), (2, 0);
INSERT INTO plain_counters VALUES (1, 0), (1, 0), (2, 0);
UPDATE counters c SET n = n + 1 FROM generate_series(1, 5000) g, d WHERE c.x = g % 2 + 1 AND d.k = 1;
UPDATE plain_counters c SET n = n + 1 FROM generate_series(1, 5000) g, d WHERE c.x = g % 2 + 1 AND d.k = 1;
SELECT * FROM counters ORDER BY 1;
SELECT * FROM plain_counters ORDER BY 1;
UPDATE counters SET x = 3 - x WHERE x = 3;
SELECT copies('counters'), copies('plain_counters');

-- Triggers: they fire once, and what they make of a row is on all copies.
CREATE TABLE stamped (x int PRIMARY KEY, v int, at timestamptz, luck float8);
CREATE TABLE heard (x int, what text);
SELECT create_reference_table('stamped'), create_reference_table('heard');
CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.v = 13 THEN RETURN NULL; END IF;
  NEW.at := clock_timestamp();
  NEW.luck := random();
  RETURN NEW;
END$$;
CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO reference_writes.heard VALUES (coalesce(NEW.x, OLD.x), TG_OP);
  RETURN NULL;
END$$;
CREATE TRIGGER stamp BEFORE INSERT OR UPDATE ON stamped FOR EACH ROW EXECUTE FUNCTION stamp();
CREATE TRIGGER tell AFTER INSERT OR UPDATE OR DELETE ON stamped FOR EACH ROW EXECUTE FUNCTION tell();
INSERT INTO stamped VALUES (1, 1);
INSERT INTO stamped VALUES (2, 2), (3, 3), (4, 13);
INSERT INTO stamped SELECT k, v FROM d WHERE k BETWEEN 5 AND 8;
UPDATE stamped SET v = v + 10 WHERE x = 1 RETURNING x, v, at IS NOT NULL;
UPDATE stamped SET v = v + 10 WHERE x < 4;
UPDATE stamped SET v = d.v * 2 FROM d WHERE d.k = stamped.x AND d.k > 6;
DELETE FROM stamped WHERE x = 6;
INSERT INTO stamped VALUES (3, 0), (9, 9) ON CONFLICT (x) DO UPDATE SET v = stamped.v + 1;
SELECT x, v FROM stamped ORDER BY x;
SELECT x, what, count(*) FROM heard GROUP BY 1, 2 ORDER BY 1, 2;
SELECT copies('stamped'), copies('heard');

-- Foreign keys are followed on each copy.
CREATE TABLE parts (p int PRIMARY KEY, x int REFERENCES stamped ON DELETE CASCADE ON UPDATE CASCADE);
SELECT create_reference_table('parts');
CREATE TABLE pieces (k int, x int REFERENCES stamped ON DELETE CASCADE);
SELECT create_distributed_table('pieces', 'k', colocate_with => 'd');
INSERT INTO parts SELECT x * 10, x FROM stamped;
INSERT INTO pieces SELECT g, x FROM stamped, generate_series(1, 4) g;
DELETE FROM stamped WHERE x = 5;
UPDATE stamped SET x = 20 WHERE x = 9 AND luck < 2;
SELECT x, count(*) FROM parts JOIN pieces USING (x) GROUP BY 1 ORDER BY 1;
DELETE FROM pieces WHERE x = 9;
UPDATE stamped SET x = 20 WHERE x = 9 AND luck < 2;
SELECT x FROM parts ORDER BY 1;
SELECT copies('stamped'), copies('parts');

-- Generated columns, and columns that look like what they are not.
CREATE TABLE odd (x int PRIMARY KEY, f float8, s text GENERATED ALWAYS AS (f::text) STORED, gone int, a text[], j jsonb, n int4range);
ALTER TABLE odd DROP COLUMN gone;
SELECT create_reference_table('odd');
SET extra_float_digits = -3;
INSERT INTO odd (x, f, a, j, n) VALUES (1, 1 / 3.0, '{a,NULL,"b,\"c","NULL",""}', '{"a": "b\"c"}', '[1,5)'), (2, pi(), NULL, NULL, 'empty');
UPDATE odd SET f = f * 2, a = a || 'x'::text WHERE x = 1;
UPDATE odd SET f = f * 2, a = array_append(a, chr(random()::int + 65));
RESET extra_float_digits;
SELECT copies('odd');
ALTER TABLE odd ADD COLUMN late text DEFAULT 'late';
UPDATE odd SET late = late || ctid::text, a = ARRAY[s];
SELECT copies('odd');

-- Values travel in arrays, whatever a session makes of NULL in one.
SET array_nulls = off;
INSERT INTO r (x, s) VALUES (101, NULL), (102, 'NULL'), (103, 'null');
INSERT INTO d SELECT g, NULL FROM generate_series(201, 203) g;
UPDATE r SET s = NULL FROM d WHERE d.k = r.x - 60;
RESET array_nulls;
SELECT x, s FROM r WHERE x > 100 ORDER BY x;
SELECT count(*), count(v) FROM d WHERE k > 200;
SELECT copies('r');

-- Transactions that keep their snapshot.
BEGIN ISOLATION LEVEL REPEATABLE READ;
UPDATE r SET v = 1 WHERE x < 10;
UPDATE r SET v = v + 1 WHERE x = 10;
INSERT INTO r (x, v) VALUES (10, 5) ON CONFLICT (x) DO UPDATE SET v = r.v + excluded.v;
COMMIT;
SELECT copies('r');

-- Errors and savepoints.
BEGIN;
SAVEPOINT a;
UPDATE r SET u = gen_random_uuid(), x = 1 WHERE x IN (10, 11);
ROLLBACK TO a;
UPDATE r SET u = gen_random_uuid() WHERE x = 11;
SAVEPOINT b;
DELETE FROM r WHERE random() < 2 AND x = 12;
ROLLBACK TO b;
COMMIT;
SELECT copies('r'), (SELECT count(*) FROM r WHERE x IN (10, 11, 12));

-- From another node, also through views of another role.
CREATE ROLE reference_writes_user;
GRANT USAGE ON SCHEMA reference_writes TO reference_writes_user;
CREATE VIEW lent AS SELECT x, u, v FROM r;
CREATE VIEW lent_bag AS SELECT * FROM bag;
GRANT SELECT, UPDATE, DELETE ON lent, lent_bag TO reference_writes_user;
\getenv worker1_port WORKER1_PORT
\c - - - :worker1_port
SET search_path TO reference_writes;
UPDATE r SET u = gen_random_uuid();
UPDATE bag SET s = random()::text, v = 1;
UPDATE odd SET a = ARRAY[random()::text, NULL];
UPDATE r SET v = d.k FROM d WHERE d.k = r.x;
SELECT copies('r'), copies('bag'), copies('odd');
SELECT x FROM r WHERE x = 11 FOR UPDATE;
SET ROLE reference_writes_user;
UPDATE lent SET u = gen_random_uuid();
UPDATE lent SET u = gen_random_uuid() WHERE x = 12;
UPDATE lent_bag SET v = v + 1 WHERE x = 2;
DELETE FROM lent_bag WHERE x IN (SELECT x FROM lent WHERE v = 3);
RESET ROLE;
SELECT copies('r'), copies('bag');
\getenv coordinator_port COORDINATOR_PORT
\c - - - :coordinator_port
-- Names are carried with their schemas: what hides what in a session's path is its own affair.
SET client_min_messages TO warning;
SET search_path = reference_writes, public, pg_catalog;
CREATE TABLE pg_am (k int);
SELECT create_reference_table('reference_writes.pg_am');
CREATE TABLE named (x int PRIMARY KEY, c regclass, n double precision);
SELECT create_reference_table('named');
INSERT INTO named VALUES (1, 'reference_writes.named', 0), (2, 'pg_catalog.pg_class', 0);
UPDATE named SET c = 'reference_writes.pg_am'::regclass, n = random() WHERE x = 1;
UPDATE named SET n = random();
SELECT DISTINCT result FROM run_command_on_placements('named', 'SELECT string_agg(c::text, '', '' ORDER BY x) FROM %s');
SELECT copies('named');
SET search_path = reference_writes;
-- What travels at once is not much more than work_mem: here each row by itself, as a command of its own.
CREATE FUNCTION unchanged() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN new; END $$;
CREATE TABLE wide (x int PRIMARY KEY, s text);
SELECT create_reference_table('wide');
CREATE TRIGGER unchanged BEFORE INSERT ON wide FOR EACH ROW EXECUTE FUNCTION unchanged();
SET work_mem = '256kB';
INSERT INTO wide SELECT g, repeat(md5(g::text), 10000) FROM generate_series(1, 8) g;
SELECT DISTINCT result FROM run_command_on_placements('wide', 'SELECT count(DISTINCT cmin::text) FROM %s')
WHERE nodeport <> current_setting('port')::int;
-- Files of what was kept are closed when the statement is undone.
CREATE FUNCTION undone() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  UPDATE wide SET s = repeat(md5(random()::text), 10000), x = CASE x WHEN 8 THEN 1 ELSE x END;
EXCEPTION WHEN unique_violation THEN NULL;
END $$;
SELECT undone();
SELECT copies('wide'), count(DISTINCT s) FROM wide;
-- Many that were not kept in memory.
CREATE TABLE many (x int PRIMARY KEY, s text);
SELECT create_reference_table('many');
INSERT INTO many SELECT g, 'a' FROM generate_series(1, 50000) g;
UPDATE many SET s = md5(x::text) || random();
UPDATE many SET s = s || random() WHERE x % 2 = 0;
RESET work_mem;
SELECT copies('many'), count(DISTINCT s) FROM many;
SET client_min_messages TO warning;
DROP SCHEMA reference_writes CASCADE;
DROP ROLE reference_writes_user;
