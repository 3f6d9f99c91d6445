-- Sessions on nodes work for whoever is at work here.  Nobody but the asking node makes them, and code of one role leaves nothing there
-- that works for another one.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE ROLE rights_acting_owner;
CREATE ROLE rights_acting_group;
CREATE ROLE rights_acting_user LOGIN IN ROLE rights_acting_group;
CREATE SCHEMA rights_acting AUTHORIZATION rights_acting_owner;
CREATE SCHEMA rights_evil AUTHORIZATION rights_acting_user;
GRANT USAGE ON SCHEMA rights_acting, rights_evil TO PUBLIC;
GRANT USAGE ON SCHEMA altius_internal TO rights_acting_user, rights_acting_owner;
GRANT EXECUTE ON FUNCTION altius_internal.act_as(text, text, text, text[], text) TO PUBLIC;
SET ROLE rights_acting_owner;
CREATE TABLE rights_acting.items (id int PRIMARY KEY, n int);
SELECT create_distributed_table('rights_acting.items', 'id', shard_count => 4);
INSERT INTO rights_acting.items SELECT i, i FROM generate_series(1, 20) i;
CREATE TABLE rights_acting.secrets (id int PRIMARY KEY, n int, what text);
SELECT create_distributed_table('rights_acting.secrets', 'id', shard_count => 4);
INSERT INTO rights_acting.secrets SELECT i, i, 'secret' FROM generate_series(1, 20) i;
GRANT SELECT ON rights_acting.items TO rights_acting_user, rights_acting_group;
CREATE FUNCTION rights_acting.secret_count(most int) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = rights_acting, pg_temp AS $$
BEGIN
  RETURN (SELECT count(*) FROM secrets WHERE n = id AND n + 1 > 1 AND what::text = 'secret' AND n < most);
END $$;
RESET ROLE;

\c - rights_acting_user
\set VERBOSITY terse
SET search_path = rights_evil;
-- By hand: here and in the node's session.
SELECT altius_internal.act_as('postgres', 'postgres', 'none', '{}', '');
SELECT altius_internal.act_as('rights_acting_user', 'postgres', 'none', '{}', '7.0123456789abcdef0123456789abcdef');
SET altius.acting_role = '10 10 0';
RESET altius.acting_role;
SELECT DISTINCT result FROM run_command_on_workers($$SELECT altius_internal.act_as('postgres', 'postgres', 'none', '{}', '7.0123456789abcdef0123456789abcdef')$$);
SELECT DISTINCT result FROM run_command_on_workers($$SET altius.acting_role = '10 10 0'$$);
SELECT DISTINCT result FROM run_command_on_workers('SET ROLE rights_acting_owner');

-- What a function of the user leaves in the session of a node.
CREATE TABLE seen (who text);
CREATE FUNCTION note() RETURNS bool LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'evil as %', current_user;
END $$;
CREATE FUNCTION equal(int, int) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN rights_evil.note(); END $$;
CREATE OPERATOR rights_evil.= (LEFTARG = int, RIGHTARG = int, FUNCTION = rights_evil.equal);
CREATE OPERATOR rights_evil.< (LEFTARG = int, RIGHTARG = int, FUNCTION = rights_evil.equal);
CREATE FUNCTION add(int, int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM rights_evil.note(); RETURN 1; END $$;
CREATE OPERATOR rights_evil.+ (LEFTARG = int, RIGHTARG = int, FUNCTION = rights_evil.add);
CREATE FUNCTION poison(way text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  name text;
BEGIN
  IF way = 'path' THEN PERFORM set_config('search_path', 'rights_evil, pg_catalog', false);
  ELSIF way = 'users path' THEN PERFORM set_config('altius.search_path', 'rights_evil, pg_catalog', false);
  ELSIF way = 'strings' THEN PERFORM set_config('standard_conforming_strings', 'off', false);
  ELSIF way = 'temporary' THEN
    EXECUTE 'CREATE DOMAIN pg_temp.text AS pg_catalog.text CHECK (rights_evil.note())';
    EXECUTE 'CREATE DOMAIN pg_temp.int4 AS pg_catalog.int4 CHECK (rights_evil.note())';
  ELSE
    FOR name IN SELECT p.name FROM pg_prepared_statements p LOOP
      EXECUTE format('DEALLOCATE %I', name);
      EXECUTE format('PREPARE %I AS SELECT rights_evil.note()', name);
    END LOOP;
  END IF;
  RETURN 'done';
EXCEPTION WHEN OTHERS THEN RETURN SQLSTATE;
END $$;
CREATE FUNCTION poisoned(way text, id int) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN rights_evil.poison(way); END $$;
SELECT rights_acting.secret_count(10);
SELECT DISTINCT poisoned('path', id) FROM rights_acting.items;
SELECT rights_acting.secret_count(11);
BEGIN;
SELECT DISTINCT poisoned('users path', id) FROM rights_acting.items;
SELECT rights_acting.secret_count(11);
SELECT DISTINCT poisoned('path', id) FROM rights_acting.items;
SELECT rights_acting.secret_count(12);
COMMIT;
SELECT DISTINCT poisoned('strings', id) FROM rights_acting.items;
SELECT rights_acting.secret_count(13);
\c - -
\set VERBOSITY terse
SET search_path = rights_evil;
SELECT rights_acting.secret_count(10);
SELECT DISTINCT poisoned('prepared', id) FROM rights_acting.items;
SELECT rights_acting.secret_count(10);
SELECT DISTINCT poisoned('temporary', id) FROM rights_acting.items;
SELECT rights_acting.secret_count(11);

-- What the owner's code does there does not become the caller, however it tries, nor in the next transaction.
\c - postgres
\set VERBOSITY terse
SET client_min_messages = warning;
SET ROLE rights_acting_owner;
CREATE FUNCTION rights_acting.become(way text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE way;
  RETURN current_user;
EXCEPTION WHEN OTHERS THEN RETURN SQLSTATE;
END $$;
CREATE FUNCTION rights_acting.becoming(way text, id int) RETURNS text LANGUAGE plpgsql IMMUTABLE AS
  $$ BEGIN RETURN rights_acting.become(way); END $$;
CREATE FUNCTION rights_acting.becomes(way text) RETURNS SETOF text LANGUAGE sql SECURITY DEFINER AS
  $$ SELECT DISTINCT rights_acting.becoming(way, id) FROM rights_acting.items $$;
RESET ROLE;
SELECT way, becomes FROM unnest(ARRAY['RESET ROLE', 'SET ROLE postgres', 'SET LOCAL ROLE none', 'RESET SESSION AUTHORIZATION',
  'SET SESSION AUTHORIZATION postgres', 'RESET altius.acting_role', 'SET altius.acting_role = ''''', 'RESET ALL',
  'SELECT altius_internal.act_as(''postgres'', ''postgres'', ''none'', ''{}'', ''9.0123456789abcdef0123456789abcdef'')']) way,
  LATERAL rights_acting.becomes(way);
-- Nor is anything that it leaves there in the way of the caller.
SELECT rights_acting.becomes($$SELECT set_config('search_path', 'rights_evil, pg_catalog', false)$$);
SELECT count(*) FROM rights_acting.items WHERE n = id AND n + 1 > 1 AND n < 15;
BEGIN;
SELECT rights_acting.becomes($$SELECT set_config('search_path', 'rights_evil, pg_catalog', false)$$);
SELECT count(*) FROM rights_acting.items WHERE n = id AND n + 1 > 1 AND n < 16;
COMMIT;
SELECT count(*) FROM rights_acting.items WHERE n = id AND n + 1 > 1 AND n < 17;
BEGIN;
INSERT INTO rights_acting.items VALUES (100, 100);
SELECT rights_acting.becomes('RESET ROLE');
SAVEPOINT a;
SELECT rights_acting.becomes('SELECT 1/0');
ROLLBACK TO a;
SELECT rights_acting.becomes('SELECT 1');
SELECT DISTINCT result FROM run_command_on_workers('SELECT current_user || session_user');
ROLLBACK;
SELECT DISTINCT result FROM run_command_on_workers('SELECT current_user || session_user');

-- Nor in a parallel worker of the node, which PostgreSQL tells of settings.
CREATE FUNCTION rights_acting.is_worker(id int) RETURNS boolean LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SECURITY DEFINER AS $$
BEGIN
  RETURN (SELECT leader_pid IS NOT NULL FROM pg_stat_activity WHERE pid = pg_backend_pid());
END $$;
SET SESSION AUTHORIZATION rights_acting_owner;
CREATE FUNCTION rights_acting.who(id int) RETURNS text LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
  RETURN concat_ws(' ', current_user, session_user, current_setting('role'), current_setting('session_authorization'),
                   current_setting('is_superuser'));
END $$;
SET check_function_bodies = off;
CREATE FUNCTION rights_acting.as_superuser(id int) RETURNS text LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET role = 'postgres' AS $$
BEGIN
  RETURN current_user;
END $$;
RESET check_function_bodies;
CREATE FUNCTION rights_acting.in_workers(way text) RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  IF way = 'who' THEN
    RETURN (SELECT max(rights_acting.who(id)) FROM rights_acting.items WHERE rights_acting.who(id) <> '');
  ELSIF way = 'are' THEN
    RETURN (SELECT bool_or(rights_acting.is_worker(id)) FROM rights_acting.items WHERE rights_acting.is_worker(id) IS NOT NULL);
  END IF;
  RETURN (SELECT max(rights_acting.as_superuser(id)) FROM rights_acting.items WHERE rights_acting.as_superuser(id) <> '');
EXCEPTION WHEN OTHERS THEN RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
RESET SESSION AUTHORIZATION;
SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET parallel_leader_participation = off;
SELECT rights_acting.in_workers('are');
SELECT rights_acting.in_workers('as_superuser');
-- The same is seen there, with workers and without, whatever way the role was taken on.
SELECT rights_acting.in_workers('who');
RESET parallel_setup_cost; RESET parallel_tuple_cost; RESET min_parallel_table_scan_size; RESET parallel_leader_participation;
SELECT rights_acting.in_workers('who');
SELECT rights_acting.who(0) = ALL (array_agg(rights_acting.who(id))) AS same FROM rights_acting.items;
SET ROLE rights_acting_owner;
SELECT max(rights_acting.who(id)), rights_acting.who(0) AS here FROM rights_acting.items;
SELECT rights_acting.in_workers('who');
SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET parallel_leader_participation = off;
SELECT max(rights_acting.who(id)), rights_acting.who(0) AS here FROM rights_acting.items;
SET ROLE postgres;
SELECT max(rights_acting.who(id)), rights_acting.who(0) AS here FROM rights_acting.items;
SET SESSION AUTHORIZATION rights_acting_owner;
SELECT max(rights_acting.who(id)), rights_acting.who(0) AS here FROM rights_acting.items;
RESET SESSION AUTHORIZATION;
SELECT max(rights_acting.who(id)), rights_acting.who(0) AS here FROM rights_acting.items;
-- Commands that note a role for later, while another role is at work; their order on the nodes is theirs with parallel workers, too.
SET ROLE rights_acting_owner;
CREATE FUNCTION rights_acting.with_role() RETURNS text LANGUAGE sql SET role = 'rights_acting_owner' AS 'SELECT current_user::text';
ALTER FUNCTION rights_acting.with_role() SET role = 'none';
RESET ROLE;
SELECT result FROM run_command_on_workers($$SELECT proconfig FROM pg_proc WHERE proname = 'with_role'$$);
RESET parallel_setup_cost; RESET parallel_tuple_cost; RESET min_parallel_table_scan_size; RESET parallel_leader_participation;

-- A privilege that is taken away is gone at once.
SET SESSION AUTHORIZATION rights_acting_user;
SET ROLE rights_acting_group;
SELECT count(*) FROM rights_acting.items;
RESET SESSION AUTHORIZATION;
REVOKE SELECT ON rights_acting.items FROM rights_acting_group;
SET SESSION AUTHORIZATION rights_acting_user;
SET ROLE rights_acting_group;
SELECT count(*) FROM rights_acting.items;
RESET ROLE;
SELECT count(*) FROM rights_acting.items;
RESET SESSION AUTHORIZATION;

-- A security-restricted operation is one on no node: what code of its user leaves there must not run as who has logged in.
\c - rights_acting_user
\set VERBOSITY terse
SET client_min_messages = warning;
SET search_path = rights_evil;
CREATE TABLE dist (id int);
SELECT create_distributed_table('dist', 'id', shard_count => 4);
INSERT INTO dist SELECT generate_series(1, 10);
CREATE FUNCTION evil() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN EXECUTE 'ALTER ROLE rights_acting_user SUPERUSER'; RETURN NULL; END $$;
SELECT DISTINCT success FROM run_command_on_workers('CREATE TABLE rights_evil.q (i int)');
SELECT DISTINCT success FROM run_command_on_workers($$CREATE CONSTRAINT TRIGGER t AFTER INSERT ON rights_evil.q
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION rights_evil.evil()$$);
CREATE FUNCTION p() RETURNS int LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'INSERT INTO rights_evil.q VALUES (1)'; RETURN 1; END $$;
CREATE FUNCTION f(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN RETURN rights_evil.p(); END $$;
CREATE MATERIALIZED VIEW mv AS SELECT rights_evil.f(id) FROM dist WITH NO DATA;
\c - postgres
\set VERBOSITY sqlstate
BEGIN;
REFRESH MATERIALIZED VIEW rights_evil.mv;
COMMIT;
\set VERBOSITY terse
SET client_min_messages = warning;
SELECT DISTINCT result AS superuser
FROM run_command_on_all_nodes($$SELECT rolsuper FROM pg_roles WHERE rolname = 'rights_acting_user'$$);

REVOKE EXECUTE ON FUNCTION altius_internal.act_as(text, text, text, text[], text) FROM rights_acting_user;
DROP SCHEMA rights_acting, rights_evil CASCADE;
DROP OWNED BY rights_acting_owner, rights_acting_group, rights_acting_user;
DROP ROLE rights_acting_owner, rights_acting_group, rights_acting_user;
