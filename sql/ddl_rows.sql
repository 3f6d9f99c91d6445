-- Rows that a table has come along when it is distributed and back: all of them, as they are.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE ROLE ddl_rows_owner LOGIN;
CREATE SCHEMA ddl_rows AUTHORIZATION ddl_rows_owner;
SET SESSION AUTHORIZATION ddl_rows_owner;
SET search_path = ddl_rows;

-- No trigger fires for them, neither the table's own nor that of a table that it becomes a partition of.
CREATE TABLE things (id int PRIMARY KEY, note text);
INSERT INTO things SELECT n, 'old' FROM generate_series(1, 20) n;
CREATE FUNCTION fired() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN new.note := new.note || ' fired'; RETURN new; END $$;
CREATE TRIGGER t BEFORE INSERT ON things FOR EACH ROW EXECUTE FUNCTION fired();
SELECT create_distributed_table('things', 'id', shard_count => 3);
INSERT INTO things VALUES (21, 'new');
SELECT note, count(*) FROM things GROUP BY note ORDER BY note;
CREATE TABLE parts (id int, day int, note text) PARTITION BY RANGE (day);
CREATE TRIGGER t BEFORE INSERT ON parts FOR EACH ROW EXECUTE FUNCTION fired();
CREATE TABLE parts_old (id int, day int, note text);
INSERT INTO parts_old SELECT n, n, 'old' FROM generate_series(1, 9) n;
ALTER TABLE parts ATTACH PARTITION parts_old FOR VALUES FROM (0) TO (10);
SELECT create_distributed_table('parts', 'id', colocate_with => 'things');
CREATE TABLE parts_later (id int, day int, note text);
INSERT INTO parts_later SELECT n, n, 'later' FROM generate_series(10, 19) n;
ALTER TABLE parts ATTACH PARTITION parts_later FOR VALUES FROM (10) TO (20);
INSERT INTO parts VALUES (1, 1, 'new'), (2, 12, 'new');
SELECT note, count(*) FROM parts GROUP BY note ORDER BY note;
CREATE TABLE kinds (id int PRIMARY KEY, note text);
INSERT INTO kinds VALUES (1, 'old');
CREATE TRIGGER t BEFORE INSERT ON kinds FOR EACH ROW EXECUTE FUNCTION fired();
SELECT create_reference_table('kinds');
INSERT INTO kinds VALUES (2, 'new');
SELECT * FROM kinds ORDER BY id;

-- Policies that hold for the owner, too, hide no row.
ALTER TABLE things ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY few ON things USING (id <= 5) WITH CHECK (id <= 5);
SELECT count(*) FROM things;
SELECT alter_distributed_table('things', shard_count => 5, cascade_to_colocated => false);
SELECT count(*) FROM things;
SELECT DISTINCT result FROM run_command_on_shards('things', 'SELECT relforcerowsecurity FROM pg_class WHERE oid = ''%s''::regclass');
SELECT DISTINCT result FROM run_command_on_all_nodes('SELECT relforcerowsecurity FROM pg_class WHERE oid = ''ddl_rows.things''::regclass');
ALTER TABLE things ADD COLUMN number serial;
SELECT undistribute_table('things');
SELECT count(*) FROM things;
SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE oid = 'things'::regclass;
ALTER TABLE things NO FORCE ROW LEVEL SECURITY;
SELECT note, count(*), count(number) FROM things GROUP BY note ORDER BY note;

-- Rows that come back are no news to triggers, constraints and foreign keys.
SELECT DISTINCT result FROM run_command_on_all_nodes('CREATE TABLE ddl_rows.seen (role text)');
CREATE FUNCTION saw() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO ddl_rows.seen VALUES (current_setting('session_replication_role')); RETURN true;
END $$;
CREATE TABLE watched (id int PRIMARY KEY, kind int REFERENCES kinds, note text) PARTITION BY RANGE (id);
CREATE TABLE watched_few PARTITION OF watched FOR VALUES FROM (0) TO (10);
SELECT create_distributed_table('watched', 'id');
INSERT INTO watched VALUES (1, 1, 'old'), (2, 2, 'old');
CREATE TRIGGER t BEFORE INSERT ON watched FOR EACH ROW EXECUTE FUNCTION fired();
CREATE TRIGGER always BEFORE INSERT ON watched FOR EACH ROW EXECUTE FUNCTION fired();
CREATE TRIGGER "On Replicas" BEFORE INSERT ON watched FOR EACH ROW EXECUTE FUNCTION fired();
CREATE TRIGGER never BEFORE INSERT ON watched FOR EACH ROW EXECUTE FUNCTION fired();
ALTER TABLE watched ENABLE ALWAYS TRIGGER always, ENABLE REPLICA TRIGGER "On Replicas", DISABLE TRIGGER never;
ALTER TABLE watched ADD CHECK (saw());
TRUNCATE seen;
SELECT undistribute_table('watched');
SELECT * FROM watched ORDER BY id;
SELECT role, count(*) FROM seen GROUP BY 1;
SELECT tgrelid::regclass, tgname, tgenabled FROM pg_trigger WHERE tgrelid IN ('watched'::regclass, 'watched_few'::regclass) AND NOT tgisinternal
ORDER BY 1, 2;
SELECT tgenabled, count(*) > 0 FROM pg_trigger WHERE tgrelid IN ('watched'::regclass, 'watched_few'::regclass) AND tgisinternal GROUP BY 1;
INSERT INTO watched VALUES (3, 3, 'new');
INSERT INTO watched VALUES (4, 1, 'new');
SELECT * FROM watched ORDER BY id;
RESET SESSION AUTHORIZATION;
SET client_min_messages = warning;
DROP SCHEMA ddl_rows CASCADE;
DROP ROLE ddl_rows_owner;
