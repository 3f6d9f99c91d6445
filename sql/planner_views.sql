-- Changes through views, with and without a check option: the same rows and errors as with a view of a plain table.
\set SHOW_CONTEXT never
SET client_min_messages TO warning;
CREATE SCHEMA views_plain;
CREATE SCHEMA planner_views;
SET search_path TO planner_views;
SET citus.shard_count TO 4;
CREATE TABLE t (id int, k int, v numeric DEFAULT 20, twice int GENERATED ALWAYS AS (k * 2) STORED, PRIMARY KEY (id, k));
CREATE TABLE copies (id int PRIMARY KEY);
CREATE TABLE other (id int, x int);
CREATE TABLE views_plain.t (LIKE t INCLUDING ALL);
CREATE TABLE views_plain.copies (LIKE copies INCLUDING ALL);
CREATE TABLE views_plain.other (LIKE other);
SELECT create_distributed_table('t', 'id', colocate_with => 'none');
SELECT create_reference_table('copies');
SELECT create_distributed_table('other', 'x', colocate_with => 'none');
INSERT INTO t SELECT g % 5, g, g * 3 FROM generate_series(1, 12) g;
INSERT INTO copies SELECT generate_series(0, 2);
INSERT INTO other SELECT g, g * 4 FROM generate_series(1, 6) g;
INSERT INTO views_plain.t (id, k, v) SELECT id, k, v FROM t;
INSERT INTO views_plain.copies TABLE copies;
INSERT INTO views_plain.other TABLE other;
CREATE FUNCTION make_views() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  CREATE VIEW plain AS SELECT id AS "ID", v * 2 AS twice, k FROM t;
  CREATE VIEW large AS SELECT id, k, v FROM t WHERE v > 10 WITH CHECK OPTION;
  CREATE VIEW inner_large AS SELECT * FROM large WHERE k < 500 WITH CASCADED CHECK OPTION;
  CREATE VIEW locally AS SELECT * FROM plain WHERE k < 500 WITH LOCAL CHECK OPTION;
  CREATE VIEW known AS SELECT * FROM t WHERE id IN (SELECT id FROM copies) WITH CHECK OPTION;
  CREATE VIEW elsewhere AS SELECT * FROM t WHERE id IN (SELECT id FROM other) WITH CHECK OPTION;
END $$;
SELECT make_views();
SET search_path TO views_plain;
SELECT planner_views.make_views();
SET search_path TO planner_views;
CREATE FUNCTION outcome(statement text, path text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  IF statement !~ '^SELECT|RETURNING' THEN statement := statement || ' RETURNING *'; END IF;
  RETURN array_to_string(testing.rows_of(statement, path), ' ');
EXCEPTION WHEN OTHERS THEN
  PERFORM set_config('search_path', 'planner_views', true);
  RETURN SQLSTATE || ': ' || SQLERRM;
END $$;
CREATE FUNCTION twin(statement text, OUT same boolean, OUT result text) LANGUAGE plpgsql AS $$
BEGIN
  result := outcome(statement, 'planner_views');
  same := result = outcome(statement, 'views_plain');
END $$;
\pset format unaligned
\pset tuples_only on

SELECT * FROM twin('SELECT * FROM plain WHERE k < 4');
SELECT * FROM twin('UPDATE plain SET k = k + 100 WHERE k = 12 RETURNING *');
SELECT * FROM twin('INSERT INTO plain ("ID", k) VALUES (5, 70) RETURNING *');
SELECT * FROM twin('DELETE FROM plain WHERE k = 70 RETURNING *');
SELECT * FROM twin('UPDATE plain SET twice = 4');

-- The check: of given values, defaults and nulls, those of sources, of other columns.
SELECT * FROM twin('INSERT INTO large VALUES (3, 200, 50) RETURNING *');
SELECT * FROM twin('INSERT INTO large VALUES (3, 201, 5)');
SELECT * FROM twin('INSERT INTO large VALUES (3, 201, NULL)');
SELECT * FROM twin('INSERT INTO large (id, k) VALUES (3, 201) RETURNING *');
SELECT * FROM twin('INSERT INTO large VALUES (1, 202, 50), (2, 202, 1)');
SELECT * FROM twin('INSERT INTO large VALUES (1, 202, 50), (2, 202, 51) RETURNING *');
SELECT * FROM twin('INSERT INTO large SELECT id + 50, x, x FROM other');
SELECT * FROM twin('INSERT INTO large SELECT id + 50, x, x + 10 FROM other RETURNING *');
SELECT * FROM twin('UPDATE large SET v = 5 WHERE id = 3');
SELECT * FROM twin('UPDATE large SET v = v - 15');
SELECT * FROM twin('UPDATE large SET v = v + 1 WHERE k < 8 RETURNING *');
SELECT * FROM twin('UPDATE large SET k = k + 1000 WHERE id = 3 RETURNING *');
SELECT * FROM twin('UPDATE large SET v = x FROM other WHERE other.id = large.id');
SELECT * FROM twin('UPDATE large SET v = x + 10 FROM other WHERE other.id = large.id RETURNING large.*, x');
SELECT * FROM twin('UPDATE large SET (v, k) = (SELECT x - 10, large.k + 1 FROM other WHERE other.id = large.id) WHERE id = 2');
SELECT * FROM twin('UPDATE large SET (v, k) = (SELECT x + 10, large.k + 1 FROM other WHERE other.id = large.id) WHERE id = 2 RETURNING *');
SELECT * FROM twin('UPDATE large SET id = id + 100, v = v - 100 WHERE id = 52');
SELECT * FROM twin('UPDATE large SET id = id + 100 WHERE id = 52 RETURNING *');
SELECT * FROM twin('WITH u AS (UPDATE large SET v = 1 WHERE k = 6 RETURNING *) SELECT * FROM u');
SELECT * FROM twin('WITH u AS (UPDATE large SET v = 99 WHERE k = 6 RETURNING *) SELECT * FROM u');
SELECT * FROM twin('INSERT INTO large VALUES (1, 202, 50) ON CONFLICT (id, k) DO UPDATE SET v = 3');
SELECT * FROM twin('INSERT INTO large VALUES (1, 202, 50) ON CONFLICT (id, k) DO UPDATE SET v = large.v + excluded.v RETURNING *');
SELECT * FROM twin('INSERT INTO large VALUES (1, 202, 50) ON CONFLICT (id, k) DO NOTHING RETURNING *');
SELECT * FROM twin('DELETE FROM large WHERE k > 200 RETURNING *');

-- Views of views, and conditions on other tables.
SELECT * FROM twin('INSERT INTO inner_large VALUES (1, 600, 50)');
SELECT * FROM twin('INSERT INTO inner_large VALUES (1, 400, 5)');
SELECT * FROM twin('INSERT INTO inner_large VALUES (1, 400, 50) RETURNING *');
SELECT * FROM twin('UPDATE locally SET k = 501 WHERE k = 400');
SELECT * FROM twin('UPDATE locally SET k = 401 WHERE k = 400 RETURNING *');
SELECT * FROM twin('INSERT INTO known (id, k) VALUES (4, 300)');
SELECT * FROM twin('INSERT INTO known (id, k) VALUES (1, 300) RETURNING *');
SELECT * FROM twin('UPDATE known SET id = id + 40 WHERE k = 300');
SELECT * FROM twin('INSERT INTO elsewhere (id, k) VALUES (40, 301)');
SELECT * FROM twin('INSERT INTO elsewhere (id, k) VALUES (4, 301) RETURNING *');
SELECT * FROM twin('UPDATE elsewhere SET v = v + 1 RETURNING *');
PREPARE add_large (int, int, numeric) AS INSERT INTO large VALUES ($1, $2, $3) RETURNING *;
EXECUTE add_large(1, 800, 50);
EXECUTE add_large(1, 801, 5);
SELECT * FROM twin('SELECT * FROM t WHERE k <> 800');

-- What can't be checked before the row is written is refused.
\pset format aligned
\pset tuples_only off
CREATE VIEW by_generated AS SELECT * FROM t WHERE twice < 100 WITH CHECK OPTION;
INSERT INTO by_generated (id, k) VALUES (1, 900);
INSERT INTO large VALUES (1, 900, random() + 50);
CREATE VIEW high AS SELECT * FROM other WHERE x > 5 WITH CHECK OPTION;
INSERT INTO high DEFAULT VALUES;
-- The error shows the row to those who may read the table.
\set VERBOSITY default
\set SHOW_CONTEXT never
CREATE TABLE shown (k int, gone int, v text, n numeric DEFAULT 7, at date);
ALTER TABLE shown DROP COLUMN gone;
SELECT create_distributed_table('shown', 'k');
CREATE VIEW few AS SELECT * FROM shown WHERE k < 5 WITH CHECK OPTION;
CREATE VIEW columns AS SELECT v, k FROM shown WHERE k < 5 WITH CHECK OPTION;
INSERT INTO few VALUES (6, 'six', DEFAULT, '2020-02-02');
INSERT INTO few VALUES (1, 'one'), (7, repeat('ä', 40));
INSERT INTO columns SELECT 'v' || g, g FROM generate_series(5, 5) g;
INSERT INTO few VALUES (8, random()::text);
PREPARE put(int) AS INSERT INTO few VALUES ($1);
EXECUTE put(9);
UPDATE few SET k = 9;
CREATE ROLE planner_views_writer;
GRANT USAGE ON SCHEMA planner_views TO planner_views_writer;
GRANT INSERT ON few, shown TO planner_views_writer;
SET ROLE planner_views_writer;
INSERT INTO few VALUES (6, 'six');
RESET ROLE;

-- A view that has changed since another one was made of its rows: these have the names of today.
CREATE TABLE kept (k int, s text);
SELECT create_distributed_table('kept', 'k');
INSERT INTO kept VALUES (1, 'one');
CREATE VIEW inside AS SELECT k, s FROM kept;
CREATE VIEW around AS SELECT k, to_json(i) AS j FROM inside i;
SELECT * FROM around;
CREATE OR REPLACE VIEW inside AS SELECT k, s, 4 AS more, 5 AS "?column?", 6 AS last FROM kept;
ALTER VIEW inside RENAME COLUMN s TO t;
SELECT * FROM around;
SELECT g, to_json(i) FROM generate_series(1, 2) g LEFT JOIN inside i ON i.k = g ORDER BY g;
DROP TABLE kept CASCADE;

-- A trigger that may change the row behind the check.
CREATE TABLE altered (k int, v int);
SELECT create_distributed_table('altered', 'k');
CREATE VIEW small AS SELECT * FROM altered WHERE v < 10 WITH CHECK OPTION;
CREATE VIEW open AS SELECT * FROM altered WHERE v < 10;
CREATE FUNCTION alter_row() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.v := 20; RETURN NEW; END';
CREATE TRIGGER after_it AFTER INSERT OR UPDATE ON altered FOR EACH ROW EXECUTE FUNCTION alter_row();
INSERT INTO small VALUES (1, 1);
INSERT INTO small VALUES (1, 11);
CREATE TRIGGER before_it BEFORE INSERT ON altered FOR EACH ROW EXECUTE FUNCTION alter_row();
INSERT INTO small VALUES (1, 2);
INSERT INTO open VALUES (2, 2);
UPDATE small SET v = 3 WHERE k = 1;
UPDATE small SET v = 13 WHERE k = 1;
DELETE FROM small WHERE k = 1;
TABLE altered;
DROP TABLE altered CASCADE;

SET client_min_messages TO warning;
DROP SCHEMA planner_views, views_plain CASCADE;
DROP ROLE planner_views_writer;
