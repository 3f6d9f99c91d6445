-- COPY FROM in all formats, with all the errors of a plain table.
\set SHOW_CONTEXT never
CREATE SCHEMA copy_from;
SET search_path TO copy_from;
CREATE TABLE t (k int PRIMARY KEY, v text, n numeric(6, 2), at timestamptz);
SELECT create_distributed_table('t', 'k', shard_count => 6, colocate_with => 'none');
CREATE TABLE r (id int PRIMARY KEY, name text NOT NULL);
SELECT create_reference_table('r');

COPY t FROM STDIN;
1	one	1.5	2020-01-01 00:00:00+00
2	\N	\N	\N
3	tab\there	3	2020-01-03 00:00:00+00
4	back\\slash\nline	4	2020-01-04 00:00:00+00
\.
COPY t (k, v) FROM STDIN WITH (FORMAT csv, HEADER, DELIMITER ';', QUOTE '''', NULL 'none');
k;v
5;'quoted; ''five'' and
a line'
6;none
7;'none'
8;
\.
COPY t (v, k) FROM STDIN WITH (FORMAT csv, FORCE_NOT_NULL (v));
,9
nine,10
\.
COPY r FROM STDIN WITH (FORMAT csv);
1,one
2,two
\.
SET timezone TO 'UTC';
SELECT * FROM t ORDER BY k;
SELECT * FROM r ORDER BY id;

-- Settings of this session decide how values are read.
SET datestyle TO 'SQL, DMY';
SET timezone TO 'Europe/Berlin';
COPY t (k, at) FROM STDIN;
20	02/03/2021 12:00
\.
RESET datestyle;
SET timezone TO 'UTC';
SELECT k, at FROM t WHERE k = 20;

-- Defaults, sequences, generated columns, WHERE.
CREATE TABLE d (k bigserial, v text DEFAULT 'none', twice text GENERATED ALWAYS AS (v || v) STORED, w int);
SELECT create_distributed_table('d', 'k', shard_count => 4, colocate_with => 'none');
COPY d (w) FROM STDIN;
1
2
\.
COPY d (v, w) FROM STDIN WHERE w % 2 = 0;
a	1
b	2
c	3
d	4
\.
SELECT count(DISTINCT k), count(*) FROM d;
SELECT v, twice, w FROM d ORDER BY w, v;
\copy d (v) FROM '/dev/null' WHERE twice = 'x'

-- Binary, through a file on the server.
SELECT current_setting('data_directory') || '/altius_copy_from' AS file \gset
COPY (SELECT k + 100, v, n, at FROM t WHERE k < 5 ORDER BY k) TO :'file' WITH (FORMAT binary);
COPY t FROM :'file' WITH (FORMAT binary);
SELECT k, v, n, at FROM t WHERE k > 100 ORDER BY k;

-- Wrong rows give COPY's own errors, and nothing is changed.
SELECT count(*) FROM t;
\set SHOW_CONTEXT errors
COPY t (k, v) FROM STDIN;
200	a
x	b
\.
COPY t (k, v) FROM STDIN;
200	a
201
\.
COPY t (k, v) FROM STDIN;
200	a	b
\.
COPY t (k, n) FROM STDIN;
200	1
201	12345.6
\.
\set SHOW_CONTEXT never
COPY t (k, v) FROM STDIN;
200	a
\N	b
\.
COPY t (k, v) FROM STDIN;
200	a
1	duplicate
201	b
\.
COPY r FROM STDIN;
3	three
4	\N
\.
SELECT count(*) FROM t;
SELECT count(*) FROM r;

-- Errors of other nodes name the line too.
COPY (SELECT 300 + g % 50, 'x' FROM generate_series(1, 60) g) TO :'file';
CREATE FUNCTION line_of_error(file text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE context text;
BEGIN
  EXECUTE format('COPY copy_from.t (k, v) FROM %L', file);
  RETURN 'no error';
EXCEPTION WHEN unique_violation THEN
  GET STACKED DIAGNOSTICS context = PG_EXCEPTION_CONTEXT;
  RETURN substring(context FROM 'COPY t, line \d+') || ' ' || SQLERRM;
END $$;
SELECT line_of_error(:'file') ~ '^COPY t, line 5[1-9]|60 duplicate key value violates unique constraint "t_pkey"$' AS named;

-- So do those of COPY that becomes an INSERT: a table that refers to itself, triggers of a reference table.
CREATE TABLE own (k int, id int CHECK (id < 100), parent int, PRIMARY KEY (k, id), FOREIGN KEY (k, parent) REFERENCES own (k, id));
SELECT create_distributed_table('own', 'k');
CREATE TABLE checked (x int PRIMARY KEY);
SELECT create_reference_table('checked');
CREATE FUNCTION check_x() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.x > 2 THEN RAISE 'too much'; END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER check_x BEFORE INSERT ON checked FOR EACH ROW EXECUTE FUNCTION check_x();
CREATE FUNCTION copied(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE context text;
BEGIN
  EXECUTE command;
  RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS context = PG_EXCEPTION_CONTEXT;
  RETURN concat(SQLERRM, ', ', substring(context FROM '(?n)^COPY .*$'), ', ' || substring(context FROM 'altius_copied_rows'));
END $$;
SELECT copied($$COPY own (k, id, parent) FROM PROGRAM 'echo 1 2 1; echo 1 1 3; echo 1 3 2' (DELIMITER ' ')$$);
SELECT copied($$COPY own (k, id) FROM PROGRAM 'echo 1 4; echo 2 5; echo 1 100; echo 1 101' (DELIMITER ' ')$$);
SELECT copied($$COPY own (k, id) FROM PROGRAM 'echo 1 4; echo 2 5; echo 1 2; echo 1 6' (DELIMITER ' ')$$);
SELECT copied($$COPY own (k, id, parent) FROM PROGRAM 'echo 1 4 4; echo 1 5 6' (DELIMITER ' ')$$);
SELECT copied($$COPY checked FROM PROGRAM 'seq 1 2 9'$$);
SELECT copied($$COPY checked FROM PROGRAM 'seq 1 2'$$);
SELECT (SELECT count(*) FROM own), (SELECT count(*) FROM checked);

-- In a block, with savepoints; permissions; what is refused.
BEGIN;
COPY t (k) FROM STDIN;
400
\.
SAVEPOINT s;
COPY t (k) FROM STDIN;
401
1
\.
ROLLBACK TO s;
COPY t (k) FROM STDIN;
402
\.
COMMIT;
SELECT k FROM t WHERE k >= 400 ORDER BY k;
COPY t FROM :'file' WITH (FREEZE);
CREATE ROLE copy_from_nobody;
GRANT USAGE ON SCHEMA copy_from TO copy_from_nobody;
SET ROLE copy_from_nobody;
\copy t FROM '/dev/null'
COPY t TO STDOUT;
RESET ROLE;

-- A table that has rows when it is distributed.
CREATE TABLE had_rows (k int PRIMARY KEY, dropped int, v text, twice int GENERATED ALWAYS AS (k * 2) STORED);
INSERT INTO had_rows SELECT g, g, 'v' || g FROM generate_series(1, 1000) g;
ALTER TABLE had_rows DROP COLUMN dropped;
SET client_min_messages TO warning;
SELECT create_distributed_table('had_rows', 'k', shard_count => 4, colocate_with => 'none');
RESET client_min_messages;
SELECT count(*), sum(k), sum(twice), count(DISTINCT v) FROM had_rows;

-- Partitioned tables.
CREATE TABLE parts (k int, day date, v text) PARTITION BY RANGE (day);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM ('2020-01-01') TO ('2020-02-01');
CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM ('2020-02-01') TO ('2020-03-01');
SELECT create_distributed_table('parts', 'k', shard_count => 4, colocate_with => 'none');
COPY parts FROM STDIN WITH (FORMAT csv);
1,2020-01-10,a
2,2020-02-10,b
3,2020-01-11,c
\.
SELECT tableoid::regclass::text IS NOT NULL, k, day, v FROM parts ORDER BY k;
SELECT count(*) FROM parts_1;
COPY parts FROM STDIN WITH (FORMAT csv);
4,2020-05-10,a
\.
SELECT count(*) FROM parts;

SET client_min_messages TO error;
DROP SCHEMA copy_from CASCADE;
DROP ROLE copy_from_nobody;
