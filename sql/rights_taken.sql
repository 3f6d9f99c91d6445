-- What another role has put on a node under the name of an object that is being made is no part of that object.
\set VERBOSITY terse
SET client_min_messages = warning;
SET citus.shard_count = 2;
CREATE ROLE rights_taken_mallory LOGIN;
CREATE SCHEMA rights_taken;
GRANT CREATE, USAGE ON SCHEMA rights_taken TO rights_taken_mallory;
SET search_path = rights_taken;
SELECT format('GRANT CREATE ON DATABASE %I TO rights_taken_mallory', current_database()) \gexec

SET SESSION AUTHORIZATION rights_taken_mallory;
CREATE FUNCTION on_workers(command text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  answer record;
BEGIN
  FOR answer IN SELECT * FROM run_command_on_workers(command) LOOP
    IF NOT answer.success THEN RAISE EXCEPTION '%', answer.result; END IF;
  END LOOP;
END $$;
SELECT on_workers('CREATE SCHEMA rights_taken_app');
SELECT on_workers('CREATE FUNCTION rights_taken_app.f(int) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT ''trapped '' || current_user $$');
SELECT on_workers('CREATE VIEW rights_taken.v AS SELECT 1 AS a');
SELECT on_workers('CREATE FUNCTION rights_taken.trap() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN new; END $$');
SELECT on_workers('CREATE TRIGGER trap INSTEAD OF INSERT ON rights_taken.v FOR EACH ROW EXECUTE FUNCTION rights_taken.trap()');
SELECT on_workers('CREATE SEQUENCE rights_taken.s');
SELECT on_workers('CREATE COLLATION rights_taken.c FROM "C"');
SELECT on_workers('CREATE FUNCTION rights_taken.f(int) RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT 1 $$');
RESET SESSION AUTHORIZATION;

-- The schema with a function that fits better than the owner's.
CREATE SCHEMA rights_taken_app;
CREATE VIEW v AS SELECT 1 AS a;
CREATE SEQUENCE s;
CREATE COLLATION c FROM "C";
CREATE OR REPLACE FUNCTION f(int) RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT 2 $$;
SELECT DISTINCT result FROM run_command_on_workers($$SELECT nspowner::regrole FROM pg_namespace WHERE nspname = 'rights_taken_app'$$);

-- When it is gone, they are made.
SELECT count(*) FROM run_command_on_workers('DROP SCHEMA rights_taken_app CASCADE');
SELECT count(*) FROM run_command_on_workers('DROP VIEW rights_taken.v');
SELECT count(*) FROM run_command_on_workers('DROP SEQUENCE rights_taken.s');
SELECT count(*) FROM run_command_on_workers('DROP COLLATION rights_taken.c');
SELECT count(*) FROM run_command_on_workers('DROP FUNCTION rights_taken.f(int)');
CREATE SCHEMA rights_taken_app;
CREATE FUNCTION rights_taken_app.f(anyelement) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT 'fine'::text $$;
CREATE VIEW v AS SELECT 1 AS a;
CREATE SEQUENCE s;
CREATE COLLATION c FROM "C";
CREATE OR REPLACE FUNCTION f(int) RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT 2 $$;
CREATE TABLE t (id int, x text COLLATE c);
SELECT create_distributed_table('t', 'id');
INSERT INTO t VALUES (1, 'a'), (2, 'b');
SELECT id, rights_taken_app.f(id), f(id) FROM t ORDER BY id;

-- What the cluster has made may have another owner: the owner changes, and it is made again.
ALTER FUNCTION f(int) OWNER TO rights_taken_mallory;
CREATE OR REPLACE FUNCTION f(int) RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT 3 $$;
SELECT id, f(id) FROM t ORDER BY id;

DROP SCHEMA rights_taken, rights_taken_app CASCADE;
SELECT format('REVOKE CREATE ON DATABASE %I FROM rights_taken_mallory', current_database()) \gexec
DROP ROLE rights_taken_mallory;
