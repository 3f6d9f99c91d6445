-- A function that sets its search path, or runs as its owner, keeps the user's functions out of what it sets off, also on a node that
-- works for another one: there the session's own path is pg_catalog, and the user's is put in its place for what the user may decide.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE ROLE rights_paths_mallory LOGIN;
CREATE SCHEMA rights_paths;
GRANT USAGE ON SCHEMA rights_paths TO rights_paths_mallory;
CREATE SCHEMA rights_paths_evil AUTHORIZATION rights_paths_mallory;
-- A log to which only the function adds; its trigger function has no search path, for nobody else can make it run.
SELECT DISTINCT result FROM run_command_on_all_nodes('CREATE TABLE rights_paths.log (what text)');
CREATE FUNCTION rights_paths.stamp() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  new.what := new.what || ' ' || upper('stamped'::text);
  RETURN new;
END $$;
CREATE FUNCTION rights_paths.mark() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  new.what := new.what || ' ' || upper('marked'::text);
  RETURN new;
END $$;
SELECT DISTINCT result FROM run_command_on_all_nodes(
  'CREATE TRIGGER stamp BEFORE INSERT ON rights_paths.log FOR EACH ROW EXECUTE FUNCTION rights_paths.stamp()');
SELECT DISTINCT result FROM run_command_on_all_nodes(
  'CREATE TRIGGER mark BEFORE INSERT ON rights_paths.log FOR EACH ROW EXECUTE FUNCTION rights_paths.mark()');
CREATE FUNCTION rights_paths.as_owner(value int) RETURNS bool LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  INSERT INTO rights_paths.log VALUES ('as owner');
  RETURN true;
END $$;
CREATE FUNCTION rights_paths.on_own_path(value int) RETURNS bool LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  INSERT INTO rights_paths.log VALUES ('on own path');
  RETURN true;
END $$;
CREATE FUNCTION rights_paths.logged() RETURNS TABLE (what text) LANGUAGE sql AS $$
  SELECT DISTINCT it->>'what' FROM run_command_on_all_nodes('SELECT json_agg(l) FROM rights_paths.log l'),
    json_array_elements(coalesce(nullif(result, '')::json, '[]')) it ORDER BY 1 $$;

-- Literals that are arrays of a domain call its check when the text is read, before anything is planned or run.
SET SESSION AUTHORIZATION rights_paths_mallory;
SET search_path = rights_paths_evil, pg_catalog;
CREATE FUNCTION upper(text) RETURNS text LANGUAGE sql AS $$ SELECT 'had as ' || current_user $$;
CREATE DOMAIN d AS int CHECK (rights_paths.as_owner(VALUE));
CREATE TABLE t (id int, v d[]);
SELECT create_distributed_table('t', 'id', shard_count => 4, colocate_with => 'none');
SELECT count(*) FROM t WHERE v = '{7}'::d[] AND id = 1;
SELECT count(*) FROM t WHERE v = '{7}'::d[];
RESET SESSION AUTHORIZATION;
SELECT DISTINCT result FROM run_command_on_all_nodes('GRANT INSERT ON rights_paths.log TO rights_paths_mallory');
SET SESSION AUTHORIZATION rights_paths_mallory;
CREATE DOMAIN e AS int CHECK (rights_paths.on_own_path(VALUE));
CREATE TABLE t2 (id int, v e[]);
SELECT create_distributed_table('t2', 'id', shard_count => 4, colocate_with => 'none');
SELECT count(*) FROM t2 WHERE v = '{7}'::e[];
-- What she sets off herself sees her path, as on one server.
INSERT INTO rights_paths.log VALUES ('directly');
RESET SESSION AUTHORIZATION;
RESET search_path;
SELECT * FROM rights_paths.logged();

-- Triggers with settings of their own, some calls in one transaction.
CREATE FUNCTION rights_paths.slow() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET work_mem = '1MB' AS $$
BEGIN
  RAISE WARNING '% %', current_setting('search_path'), current_setting('work_mem');
  RETURN new;
END $$;
CREATE TABLE rights_paths.u (id int PRIMARY KEY);
SELECT create_distributed_table('rights_paths.u', 'id', shard_count => 1, colocate_with => 'none');
CREATE TRIGGER a BEFORE INSERT ON rights_paths.u FOR EACH ROW EXECUTE FUNCTION rights_paths.slow();
SET search_path = rights_paths_evil;
SET work_mem = '2MB';
BEGIN;
INSERT INTO rights_paths.u VALUES (1);
INSERT INTO rights_paths.u VALUES (2);
COMMIT;
RESET work_mem;
RESET search_path;
DROP SCHEMA rights_paths, rights_paths_evil CASCADE;
SELECT count(*) FROM run_command_on_workers('DROP SCHEMA IF EXISTS rights_paths CASCADE');
DROP ROLE rights_paths_mallory;
