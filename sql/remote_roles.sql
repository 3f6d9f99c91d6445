-- Statements of roles that may not log in: who has logged in here takes the role on there.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE SCHEMA remote_roles;
SET search_path = remote_roles;
CREATE ROLE remote_roles_group;
CREATE ROLE remote_roles_member LOGIN IN ROLE remote_roles_group;
GRANT USAGE ON SCHEMA remote_roles TO remote_roles_group;
CREATE TABLE notes (id int PRIMARY KEY, author text DEFAULT current_user);
SELECT create_distributed_table('notes', 'id', shard_count => 4);
GRANT SELECT, INSERT ON notes TO remote_roles_group;

SET ROLE remote_roles_group;
INSERT INTO notes VALUES (1);
BEGIN;
INSERT INTO notes SELECT i FROM generate_series(2, 9) i;
SELECT count(*) FROM notes;
COMMIT;
DELETE FROM notes;
SELECT DISTINCT result FROM run_command_on_workers('SELECT current_user');
RESET ROLE;
SELECT author, count(*) FROM notes GROUP BY author;

-- The session itself may have become such a role: who has logged in takes it on.
SET SESSION AUTHORIZATION remote_roles_group;
INSERT INTO notes SELECT i FROM generate_series(20, 29) i;
SELECT author, count(*) FROM notes GROUP BY author ORDER BY author;
SELECT DISTINCT result FROM run_command_on_workers('SELECT current_user');
DELETE FROM notes;
RESET SESSION AUTHORIZATION;
SELECT count(*) FROM notes;
SET SESSION AUTHORIZATION remote_roles_group;
SELECT DISTINCT result FROM run_command_on_workers('RESET ROLE');
RESET SESSION AUTHORIZATION;

-- A function of an owner who may not log in: for those who are members of the owner.
CREATE FUNCTION note_count() RETURNS bigint LANGUAGE sql SECURITY DEFINER
  AS 'SELECT count(*) FROM remote_roles.notes';
ALTER FUNCTION note_count() OWNER TO remote_roles_group;
SET SESSION AUTHORIZATION remote_roles_member;
SELECT note_count();
RESET SESSION AUTHORIZATION;

-- What the owner's code does on other nodes does not become the caller, be that a superuser.
GRANT CREATE ON SCHEMA remote_roles TO remote_roles_group;
SET ROLE remote_roles_group;
CREATE FUNCTION become(way text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  IF way = 'set' THEN RESET ROLE; ELSIF way = 'config' THEN PERFORM set_config('role', 'none', false);
  ELSE RESET SESSION AUTHORIZATION; END IF;
  RETURN current_user;
EXCEPTION WHEN OTHERS THEN
  RETURN SQLSTATE;
END $$;
CREATE FUNCTION shipped(way text, id int) RETURNS text LANGUAGE plpgsql IMMUTABLE AS
  $$ BEGIN RETURN remote_roles.become(way); END $$;
CREATE FUNCTION becomes() RETURNS SETOF text LANGUAGE sql SECURITY DEFINER AS $$
  SELECT DISTINCT remote_roles.shipped(way, id) FROM remote_roles.notes, unnest(ARRAY['set', 'config', 'authorization']) way WHERE id < 10 $$;
RESET ROLE;
SELECT DISTINCT becomes FROM becomes();
SET client_min_messages = warning;
-- A role's new name is its name on all nodes.
CREATE ROLE remote_roles_old LOGIN;
GRANT SELECT ON notes TO remote_roles_old;
GRANT USAGE ON SCHEMA remote_roles TO remote_roles_old;
ALTER ROLE remote_roles_old RENAME TO remote_roles_new;
SET SESSION AUTHORIZATION remote_roles_new;
SELECT count(*) > 0 FROM notes;
RESET SESSION AUTHORIZATION;
SELECT DISTINCT result FROM run_command_on_all_nodes($$SELECT string_agg(rolname, ' ') FROM pg_roles WHERE rolname IN ('remote_roles_old', 'remote_roles_new')$$);
BEGIN;
ALTER GROUP remote_roles_new RENAME TO remote_roles_old;
ROLLBACK;
DROP OWNED BY remote_roles_new;
DROP ROLE remote_roles_new;
SELECT DISTINCT result FROM run_command_on_all_nodes($$SELECT count(*) FROM pg_roles WHERE rolname IN ('remote_roles_old', 'remote_roles_new')$$);

DROP SCHEMA remote_roles CASCADE;
DROP ROLE remote_roles_group, remote_roles_member;
