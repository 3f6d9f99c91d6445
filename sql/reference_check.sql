-- altius_check_reference_tables: copies that differ are found, and mended.  What ALTER TABLE computes is the same on all.
\set SHOW_CONTEXT never
\set VERBOSITY terse
CREATE SCHEMA reference_check;
SET search_path TO reference_check;
CREATE ROLE reference_check_owner;
CREATE ROLE reference_check_other;
GRANT ALL ON SCHEMA reference_check TO reference_check_owner, reference_check_other;
CREATE TABLE r (x int PRIMARY KEY, v int, s text);
CREATE TABLE bag (v int, s text);
CREATE TABLE d (k int, x int REFERENCES r ON DELETE CASCADE);
SELECT create_reference_table('r');
SELECT create_reference_table('bag');
SELECT create_distributed_table('d', 'k');
INSERT INTO r SELECT g, g, 'row ' || g FROM generate_series(1, 10) g;
INSERT INTO bag SELECT g % 3, 'bag' FROM generate_series(1, 10) g;
INSERT INTO d SELECT g, g FROM generate_series(1, 3) g;
ALTER TABLE bag OWNER TO reference_check_owner;
\pset format unaligned
\pset tuples_only on

CREATE VIEW told AS SELECT table_name, row_count, state, count(*) FROM altius_check_reference_tables() WHERE table_name IN ('r', 'bag') GROUP BY 1, 2, 3;
SELECT * FROM told ORDER BY table_name::text, state, row_count;
-- Somebody writes to copies by hand.
CREATE FUNCTION spoil(relation regclass, command text) RETURNS bigint LANGUAGE sql AS $$
  SELECT count(*) FILTER (WHERE result <> 'spared') FROM run_command_on_placements(relation, format(
    'DO %L', format('BEGIN IF current_setting(%L) <> %L THEN %s; END IF; END', 'port', current_setting('port'), command)))
$$;
SELECT spoil('r', 'UPDATE %s SET v = 0 WHERE x < 3'), spoil('r', 'DELETE FROM %s WHERE x = 4'), spoil('r', 'INSERT INTO %s VALUES (11, 11)'),
  spoil('bag', 'DELETE FROM %s WHERE v = 1'), spoil('bag', 'INSERT INTO %s VALUES (NULL, NULL), (2, $q$bag$q$)');
SELECT * FROM told ORDER BY table_name::text, state, row_count;
-- A write of a row that is not there is not made elsewhere alone.
UPDATE bag SET s = 'other' WHERE v = 1;
-- Owners look at their tables.
SET ROLE reference_check_other;
SELECT count(*) FROM altius_check_reference_tables(true);
SELECT altius_internal.even_copies('bag');
SELECT altius_internal.mend_copy(1, '{}', '{}');
SET ROLE reference_check_owner;
SELECT table_name, row_count, state, count(*) FROM altius_check_reference_tables(repair => true) GROUP BY 1, 2, 3 ORDER BY 3, 2;
RESET ROLE;
SELECT table_name, state, count(*) FROM altius_check_reference_tables(repair => true) WHERE table_name IN ('r', 'bag') GROUP BY 1, 2 ORDER BY 1, 2;
SELECT * FROM told ORDER BY table_name::text, state, row_count;
SELECT count(*) FROM d;  -- no foreign key was followed

ALTER TABLE r ADD COLUMN at timestamptz DEFAULT clock_timestamp(), ADD COLUMN since timestamptz DEFAULT now();
ALTER TABLE r ADD COLUMN luck float8 DEFAULT random(), ADD COLUMN late text DEFAULT 'late';
ALTER TABLE bag ALTER COLUMN s TYPE text USING s || clock_timestamp();
ALTER TABLE bag ADD COLUMN id uuid DEFAULT gen_random_uuid();
SELECT * FROM told ORDER BY table_name::text, state, row_count;
SELECT count(DISTINCT luck), count(DISTINCT since) FROM r;
SELECT count(DISTINCT id) FROM bag;
INSERT INTO r VALUES (20, 20);
INSERT INTO bag VALUES (20, 'new');
SELECT * FROM told ORDER BY table_name::text, state, row_count;
-- Nor a write of one row that each copy makes by itself, when it does not become what it is elsewhere.
SELECT spoil('r', 'DELETE FROM %s WHERE x = 20');
UPDATE r SET v = 21 WHERE x = 20;
SELECT v FROM r WHERE x = 20;
SELECT table_name, state, count(*) FROM altius_check_reference_tables(repair => true) WHERE table_name = 'r'::regclass GROUP BY 1, 2 ORDER BY 1, 2;
UPDATE r SET v = 21 WHERE x = 20;
-- Copies that are larger than what is kept in memory, with and without a primary key.
CREATE TABLE large (x int PRIMARY KEY, s text);
CREATE TABLE large_bag (x int, s text);
SELECT create_reference_table('large');
SELECT create_reference_table('large_bag');
INSERT INTO large SELECT g, repeat(md5(g::text), 5) FROM generate_series(1, 15000) g;
INSERT INTO large_bag SELECT x % 100, s FROM large;
CREATE VIEW told_large AS SELECT table_name, row_count, state, count(*) FROM altius_check_reference_tables()
  WHERE table_name IN ('large', 'large_bag') GROUP BY 1, 2, 3;
SELECT spoil('large', 'UPDATE %s SET s = x WHERE x %% 3 > 0'), spoil('large', 'DELETE FROM %s WHERE x %% 3 = 0 AND x %% 2 = 0'),
  spoil('large', 'INSERT INTO %s SELECT -g, repeat($q$x$q$, 100) FROM generate_series(1, 10000) g'),
  spoil('large_bag', 'UPDATE %s SET s = NULL WHERE x > 50');
SELECT * FROM told_large ORDER BY table_name::text, state, row_count;
SET work_mem = '64kB';
SET maintenance_work_mem = '1MB';
SELECT table_name, state, count(*) FROM altius_check_reference_tables(true) WHERE table_name IN ('large', 'large_bag') GROUP BY 1, 2 ORDER BY 1, 2;
RESET work_mem;
RESET maintenance_work_mem;
SELECT * FROM told_large ORDER BY table_name::text, state, row_count;
SELECT DISTINCT result FROM run_command_on_placements('large', 'SELECT count(*) FILTER (WHERE s = repeat(md5(x::text), 5)) FROM %s');

SET client_min_messages TO warning;
DROP SCHEMA reference_check CASCADE;
DROP ROLE reference_check_owner, reference_check_other;
