-- Rows that a table has already get to other places without its triggers.  What its definition calls meanwhile may write to other
-- tables; their triggers and foreign keys hold.
\set VERBOSITY terse
SET client_min_messages = warning;
SET citus.shard_count = 2;
CREATE ROLE rights_rows_mallory LOGIN;
CREATE SCHEMA rights_rows;
GRANT CREATE, USAGE ON SCHEMA rights_rows TO rights_rows_mallory;
SET search_path = rights_rows;
-- Somebody else's on every node, to which she may only add.
SELECT DISTINCT result FROM run_command_on_all_nodes('CREATE TABLE rights_rows.accounts (id int PRIMARY KEY)');
SELECT DISTINCT result FROM run_command_on_all_nodes('INSERT INTO rights_rows.accounts VALUES (1)');
SELECT DISTINCT result FROM run_command_on_all_nodes(
  'CREATE TABLE rights_rows.ledger (account int REFERENCES rights_rows.accounts, who name, audited bool)');
CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN new.who := current_user; new.audited := true; RETURN new; END $$;
SELECT DISTINCT result FROM run_command_on_all_nodes(
  'CREATE TRIGGER a BEFORE INSERT ON rights_rows.ledger FOR EACH ROW EXECUTE FUNCTION rights_rows.audit()');
SELECT DISTINCT result FROM run_command_on_all_nodes('GRANT INSERT ON rights_rows.ledger TO rights_rows_mallory');
CREATE FUNCTION booked() RETURNS TABLE (account int, who text, audited bool) LANGUAGE sql AS $$
  SELECT DISTINCT (it->>'account')::int, it->>'who', (it->>'audited')::bool
  FROM run_command_on_all_nodes('SELECT json_agg(l) FROM rights_rows.ledger l'),
    json_array_elements(coalesce(nullif(result, '')::json, '[]')) it ORDER BY 1, 2, 3 $$;
CREATE PROCEDURE forget() LANGUAGE sql AS $$ SELECT run_command_on_all_nodes('TRUNCATE rights_rows.ledger') $$;
CREATE PROCEDURE settle() LANGUAGE plpgsql AS $$
BEGIN
  WHILE EXISTS (SELECT FROM pg_catalog.pg_dist_cleanup WHERE object_name ~ 'rights_rows') LOOP
    PERFORM pg_catalog.pg_sleep(0.05);
    COMMIT;
  END LOOP;
END $$;
CREATE PROCEDURE move(of_table regclass, mode citus.shard_transfer_mode) LANGUAGE plpgsql AS $$
DECLARE
  shard bigint;
  source int;
  target int;
BEGIN
  SELECT min(shardid) INTO shard FROM pg_catalog.pg_dist_shard WHERE logicalrelid = of_table;
  SELECT nodeid INTO source FROM pg_catalog.pg_dist_node JOIN pg_catalog.pg_dist_placement USING (groupid) WHERE shardid = shard;
  SELECT nodeid INTO target FROM pg_catalog.pg_dist_node WHERE nodeid <> source AND groupid <> 0 ORDER BY nodeid LIMIT 1;
  PERFORM pg_catalog.citus_move_shard_placement(shard, source, target, mode);
END $$;

SET SESSION AUTHORIZATION rights_rows_mallory;
CREATE FUNCTION book() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO rights_rows.ledger VALUES (1);
  BEGIN
    INSERT INTO rights_rows.ledger VALUES (-1);
  EXCEPTION WHEN foreign_key_violation THEN NULL;
  END;
END $$;
CREATE FUNCTION book(value int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  PERFORM rights_rows.book();
  RETURN value;
END $$;
CREATE FUNCTION fired() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'trigger % fired % % for %', tg_name, tg_when, tg_op, current_user;
END $$;
CREATE TABLE things (id int PRIMARY KEY, v int, twice int GENERATED ALWAYS AS (rights_rows.book(id) * 2) STORED);
CREATE INDEX ON things (rights_rows.book(v));
CREATE TABLE parts (id int, v int, twice int GENERATED ALWAYS AS (rights_rows.book(id) * 2) STORED) PARTITION BY RANGE (v);
CREATE TABLE parts_few PARTITION OF parts FOR VALUES FROM (0) TO (30);
CREATE TABLE parts_many (note text DEFAULT 'x', v int, twice int GENERATED ALWAYS AS (rights_rows.book(id) * 2) STORED, id int);
ALTER TABLE parts_many DROP COLUMN note;
ALTER TABLE parts ATTACH PARTITION parts_many FOR VALUES FROM (30) TO (1000);
CREATE TABLE kinds (id int PRIMARY KEY, v int, twice int GENERATED ALWAYS AS (rights_rows.book(id) * 2) STORED);
SELECT create_distributed_table('things', 'id');
SELECT create_distributed_table('parts', 'id', colocate_with => 'things');
SELECT create_reference_table('kinds');
INSERT INTO things SELECT n, -n FROM generate_series(1, 50) n;
INSERT INTO parts SELECT n, n FROM generate_series(1, 50) n;
INSERT INTO kinds SELECT n, n FROM generate_series(1, 5) n;
-- Rows that are older than a constraint.
ALTER TABLE things ADD CONSTRAINT positive CHECK (v > 0) NOT VALID;
DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY '{things,parts,kinds}'::text[] LOOP
    EXECUTE format('CREATE TRIGGER b BEFORE INSERT OR UPDATE ON %I FOR EACH ROW EXECUTE FUNCTION rights_rows.fired()', name);
    EXECUTE format('CREATE TRIGGER a AFTER INSERT OR UPDATE ON %I FOR EACH ROW EXECUTE FUNCTION rights_rows.fired()', name);
    EXECUTE format('CREATE TRIGGER c AFTER INSERT OR UPDATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION rights_rows.fired()', name);
  END LOOP;
END $$;
RESET SESSION AUTHORIZATION;
SELECT * FROM booked();

-- Moves and splits.
CALL forget();
CALL move('things', 'block_writes');
SELECT * FROM booked();
CALL settle();
CALL forget();
CALL move('things', 'force_logical');
SELECT * FROM booked();
CALL forget();
SELECT citus_split_shard_by_split_points((SELECT min(shardid) FROM pg_dist_shard WHERE logicalrelid = 'things'::regclass),
  ARRAY['-1000000000'], ARRAY[(SELECT min(nodeid) FROM pg_dist_node WHERE groupid <> 0),
    (SELECT max(nodeid) FROM pg_dist_node WHERE groupid <> 0)], 'block_writes');
SELECT * FROM booked();
CALL forget();
SELECT isolate_tenant_to_new_shard('things', 7, 'CASCADE', shard_transfer_mode => 'force_logical') > 0;
SELECT * FROM booked();

-- A column that a sequence feeds: constraints, generated columns and indexes see the numbers, triggers do not fire, and what is
-- called runs as the owner, whoever alters the table.
CALL forget();
ALTER TABLE things DROP CONSTRAINT positive;
ALTER TABLE things ADD COLUMN number serial;
ALTER TABLE parts ADD COLUMN number serial;
ALTER TABLE kinds ADD COLUMN number int DEFAULT nextval('things_number_seq');
SELECT * FROM booked();
SET SESSION AUTHORIZATION rights_rows_mallory;
ALTER TABLE things ADD COLUMN n int GENERATED ALWAYS AS IDENTITY, ADD COLUMN more int GENERATED ALWAYS AS (rights_rows.book(n) + 1) STORED;
ALTER TABLE things ADD COLUMN low serial CHECK (low < 20);
ALTER TABLE kinds ADD CONSTRAINT numbers UNIQUE (number);
ALTER TABLE parts ADD COLUMN kind serial REFERENCES kinds (number);
SELECT count(*), count(DISTINCT number), min(number), max(number), bool_and(more = n + 1) FROM things;
SELECT count(*), count(DISTINCT number), min(number), max(number) FROM parts;
RESET SESSION AUTHORIZATION;
SELECT count(DISTINCT result) FROM run_command_on_placements('kinds', 'SELECT json_agg(k ORDER BY id) FROM %s k');

-- Nor does a rule that the owner has given a shard make anything else of it.
SET SESSION AUTHORIZATION rights_rows_mallory;
SELECT DISTINCT result FROM run_command_on_shards('things', 'CREATE RULE r AS ON UPDATE TO %s DO INSTEAD NOTHING');
ALTER TABLE things ADD COLUMN ruled serial;
SELECT DISTINCT result FROM run_command_on_shards('things', 'DROP RULE r ON %s');
SELECT DISTINCT result FROM run_command_on_shards('things', 'CREATE RULE r AS ON UPDATE TO %s DO ALSO SELECT 1');
ALTER TABLE things ADD COLUMN ruled serial;
SELECT DISTINCT result FROM run_command_on_shards('things', 'DROP RULE r ON %s');
-- Triggers of another table would not fire.
SELECT DISTINCT result FROM run_command_on_shards('things', 'CREATE RULE r AS ON UPDATE TO %s DO INSTEAD UPDATE rights_rows.kinds SET number = 1 - number');
ALTER TABLE things ADD COLUMN ruled serial;
SELECT DISTINCT result FROM run_command_on_shards('things', 'DROP RULE r ON %s');
RESET SESSION AUTHORIZATION;

-- Functions that a command calls on nodes see the rows of tables.
CREATE TABLE known (id int);
SELECT create_reference_table('known');
INSERT INTO known VALUES (1), (2);
CREATE TABLE counting (id int);
SELECT create_distributed_table('counting', 'id', shard_count => 4);
INSERT INTO counting SELECT generate_series(1, 4);
CREATE FUNCTION known_count() RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = rights_rows, pg_temp AS
  $$ BEGIN RETURN (SELECT count(*) FROM known); END $$;
CREATE FUNCTION known_count_sql() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM rights_rows.known';
ALTER TABLE counting ADD COLUMN known bigint DEFAULT known_count(), ADD COLUMN also bigint DEFAULT known_count_sql();
ALTER TABLE counting ADD CHECK (known_count() = 2), ALTER COLUMN also TYPE text USING known_count()::text || also;
SELECT * FROM counting ORDER BY id;
DROP TABLE counting, known;

-- Back in a table of the coordinator.
-- What somebody has got into the table's own storage is no row of it.
CREATE ROLE rights_rows_bob;
CREATE TABLE strays (id int PRIMARY KEY, note text);
SELECT create_distributed_table('strays', 'id', colocate_with => 'none');
INSERT INTO strays VALUES (7, 'told');
GRANT USAGE ON SCHEMA rights_rows TO rights_rows_bob;
GRANT INSERT ON strays TO rights_rows_bob;
SET SESSION AUTHORIZATION rights_rows_bob;
SET altius.plan_locally = on;
RESET SESSION AUTHORIZATION;
SET altius.plan_locally = on;
SET SESSION AUTHORIZATION rights_rows_bob;
INSERT INTO rights_rows.strays VALUES (7, 'hidden');
RESET SESSION AUTHORIZATION;
RESET altius.plan_locally;
SELECT undistribute_table('strays');
SELECT * FROM strays;
CALL forget();
SELECT undistribute_table('things');
SELECT undistribute_table('parts');
SELECT undistribute_table('kinds');
SELECT * FROM booked();
SET SESSION AUTHORIZATION rights_rows_mallory;
SELECT count(*), sum(id), sum(v), sum(twice), count(more) FROM things;
SELECT tableoid::regclass, count(*), sum(id), sum(v), sum(twice), count(number) FROM parts GROUP BY tableoid ORDER BY 1;
SELECT count(*), sum(twice) FROM kinds;
SELECT count(*) FROM things WHERE rights_rows.book(v) = -7;  -- by the index
RESET SESSION AUTHORIZATION;
DROP SCHEMA rights_rows CASCADE;
SELECT count(*) FROM run_command_on_workers('DROP SCHEMA IF EXISTS rights_rows CASCADE');
DROP ROLE rights_rows_mallory, rights_rows_bob;
