-- A function that changes the role does so in its own session: what runs on a node stays who is at work there.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE ROLE rights_role_helper;
CREATE ROLE rights_role_mallory LOGIN IN ROLE rights_role_helper;
CREATE SCHEMA rights_role AUTHORIZATION rights_role_mallory;
\c - rights_role_mallory
\set VERBOSITY terse
SET search_path = rights_role;
CREATE FUNCTION becomes(v int, local bool) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  PERFORM set_config('role', 'rights_role_helper', local);
  RETURN v;
END $$;
CREATE FUNCTION tries(v int, setting text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  PERFORM set_config(setting, 'rights_role_mallory', true);
  RETURN current_user;
EXCEPTION WHEN OTHERS THEN RETURN SQLERRM;
END $$;
CREATE FUNCTION who(v int) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  RETURN format('%s %s %s', current_user, session_user, current_setting('role'));
END $$;
CREATE TABLE items (id int);
SELECT create_distributed_table('items', 'id', shard_count => 4, colocate_with => 'none');
INSERT INTO items SELECT generate_series(1, 20);
SELECT count(*) FROM items WHERE becomes(id, false) > 0;
SELECT DISTINCT who(id) FROM items;
BEGIN;
SELECT DISTINCT tries(id, 'role') FROM items;
SELECT DISTINCT tries(id, 'session_authorization') FROM items;
SELECT DISTINCT who(id) FROM items;
COMMIT;
SET ROLE rights_role_helper;
RESET ROLE;
SELECT DISTINCT who(id) FROM items;
\c - postgres
SET client_min_messages = warning;
DROP SCHEMA rights_role CASCADE;
DROP ROLE rights_role_mallory, rights_role_helper;
