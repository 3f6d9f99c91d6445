-- What shards tell of triggers belongs to the statement that was asked for when they were asked; that may be over by then.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA trigger_over;
SET search_path = trigger_over;
SET citus.shard_count = 2;
CREATE TABLE rows (id int, v text);
CREATE TABLE told (id int, v text);
CREATE TABLE asked (id int);
SELECT create_distributed_table('rows', 'id'), create_distributed_table('told', 'id'), create_distributed_table('asked', 'id');
INSERT INTO rows SELECT n, repeat('x', 4000) FROM generate_series(1, 2000) n;
CREATE FUNCTION say() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING '% for %', tg_name, new.id; RETURN NULL; END $$;
CREATE TRIGGER t AFTER INSERT ON told FOR EACH ROW EXECUTE FUNCTION say();
-- Writes to the shard beside the one that is read, whatever it says of itself.
CREATE FUNCTION tell(beside text, value int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('INSERT INTO trigger_over.%I VALUES (%s, %L)', beside, value, repeat('y', 1000));
END $$;
CREATE FUNCTION tell(value int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  beside text;
BEGIN
  SELECT relname INTO STRICT beside FROM pg_catalog.pg_class
  WHERE relnamespace = 'trigger_over'::regnamespace AND relname ~ '^told_\d+$' AND relkind = 'r' ORDER BY relname LIMIT 1;
  PERFORM trigger_over.tell(beside, value);
  RETURN value;
END $$;
-- A cursor that is opened while one statement runs, and read when it is over.
CREATE FUNCTION open() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  later refcursor := 'later';
  row record;
BEGIN
  OPEN later FOR SELECT tell(id), v FROM rows WHERE id % 10 = 0;
  FETCH later INTO row;
  RETURN NULL;
END $$;
CREATE TRIGGER o BEFORE INSERT ON asked FOR EACH STATEMENT EXECUTE FUNCTION open();
SET citus.override_table_visibility = off;
BEGIN;
INSERT INTO asked SELECT 1 WHERE false;
SELECT count(*) FROM (SELECT md5(n::text) FROM generate_series(1, 20000) n ORDER BY 1) it;
MOVE ALL FROM later;
SELECT count(*) FROM told;
\set VERBOSITY sqlstate
COMMIT;
\set VERBOSITY default
DROP SCHEMA trigger_over CASCADE;

-- A trigger of a shard that its owner has given the name of one that PostgreSQL has made for a constraint of the table.
\set VERBOSITY terse
CREATE SCHEMA trigger_over;
SET search_path = trigger_over;
CREATE ROLE trigger_over_mallory;
GRANT ALL ON SCHEMA trigger_over TO trigger_over_mallory;
SET ROLE trigger_over_mallory;
CREATE TABLE kinds (id int PRIMARY KEY);
CREATE TABLE kept (id int, v int REFERENCES kinds);
SELECT create_reference_table('kinds');
INSERT INTO kinds SELECT generate_series(1, 20);
SELECT create_distributed_table('kept', 'id', shard_count => 2, colocate_with => 'none');
CREATE FUNCTION say() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING '% for %', tg_name, new.id; RETURN NULL; END $$;
CREATE TRIGGER t AFTER INSERT ON kept FOR EACH ROW EXECUTE FUNCTION say();
INSERT INTO kept VALUES (1, 1);
SELECT DISTINCT result FROM run_command_on_shards('kept', format('ALTER TRIGGER t ON %%s RENAME TO %I',
  (SELECT tgname FROM pg_trigger WHERE tgrelid = 'kept'::regclass AND tgfoid = '"RI_FKey_check_ins"'::regproc)));
INSERT INTO kept VALUES (2, 2);
INSERT INTO kept SELECT n, n FROM generate_series(10, 20) n;
SELECT count(*) FROM kept;
RESET ROLE;
DROP SCHEMA trigger_over CASCADE;
DROP ROLE trigger_over_mallory;

-- A function that says it changes nothing writes, on the nodes, to a table with triggers: a query has no triggers to fire.
SET client_min_messages = warning;
CREATE SCHEMA trigger_over;
SET search_path = trigger_over;
SET citus.shard_count = 4;
CREATE TABLE told (id int, v text);
CREATE TABLE asked (id int);
SELECT create_distributed_table('told', 'id'), create_distributed_table('asked', 'id');
INSERT INTO asked SELECT generate_series(1, 100);
CREATE FUNCTION say() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING '% for %', tg_name, new.id; RETURN NULL; END $$;
CREATE TRIGGER t AFTER INSERT ON told FOR EACH ROW EXECUTE FUNCTION say();
CREATE FUNCTION tell(beside text, value int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('INSERT INTO trigger_over.%I VALUES (%s)', beside, value);
END $$;
CREATE FUNCTION tell(value int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  PERFORM trigger_over.tell((SELECT relname FROM pg_catalog.pg_class WHERE relnamespace = 'trigger_over'::regnamespace
    AND relname ~ '^told_\d+$' AND relkind = 'r' ORDER BY relname LIMIT 1), value);
  RETURN value;
END $$;
SET citus.override_table_visibility = off;
\set VERBOSITY sqlstate
SELECT count(tell(id)) FROM asked;
BEGIN;
SELECT count(tell(id)) FROM asked;
COMMIT;
BEGIN;
SELECT tell(id) > 0 FROM asked LIMIT 1;
COMMIT;
BEGIN;
SAVEPOINT a;
SAVEPOINT b;
SELECT count(tell(id)) FROM asked;
RELEASE b;
ROLLBACK TO a;
COMMIT;
BEGIN;
SAVEPOINT a;
SELECT count(tell(id)) FROM asked;
RELEASE a;
COMMIT;
SELECT count(*) FROM told;
DROP SCHEMA trigger_over CASCADE;
