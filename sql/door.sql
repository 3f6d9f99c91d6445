-- What only nodes may do: in a session of one, in statements that prove where they come from, once.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE SCHEMA door;
CREATE ROLE door_alice LOGIN;
CREATE ROLE door_bob LOGIN;
GRANT ALL ON SCHEMA door TO door_alice, door_bob;
SET search_path = door;
SET ROLE door_bob;
CREATE TABLE secret_5 (v int);
INSERT INTO secret_5 VALUES (42);
RESET ROLE;
SET ROLE door_alice;
CREATE TABLE mine (k int PRIMARY KEY, v int);
SELECT create_distributed_table('mine', 'k', shard_count => 4);
INSERT INTO mine SELECT i, i FROM generate_series(1, 8) i;

-- Metadata is written by nobody who says that he is one.
CREATE TABLE secret (v int);
SELECT altius_internal.insert_partition('secret', 'n', NULL, 0, 't');
SELECT altius_internal.insert_shards('secret', '{5}', NULL, NULL);
SELECT altius_internal.insert_placements('{7}', '{5}', '{0}');
SELECT altius_internal.insert_colocation(2000000, 1, 1, 'int', '-');
SELECT altius_internal.insert_object('schema', '{door}', '{}');
SELECT altius_internal.claim_shards('{5}');
SELECT altius_internal.run_commands('{SELECT 1}');
SELECT altius_internal.apply_command('SELECT 1', '{}');
-- Nor are grants of others, which the owner could not take back.
SELECT altius_internal.set_privileges('pg_class'::regclass, 'secret'::regclass, 0, ARRAY[makeaclitem('door_bob'::regrole, 10, 'SELECT', true)]);
SET application_name = 'altius_internal gpid=10000000001';
SELECT altius_internal.insert_partition('secret', 'n', NULL, 0, 't');
SELECT citus_backend_gpid() = 10000000001 AS taken_for_another, citus_pid_for_gpid(citus_backend_gpid()) = pg_backend_pid() AS itself;
SELECT is_worker_query FROM citus_stat_activity() WHERE application_name LIKE 'altius_internal gpid=10000000001';
SELECT count(*) AS shards_seen FROM pg_class WHERE relname LIKE 'mine\_%';
RESET application_name;
SELECT count(*) FROM pg_dist_partition WHERE logicalrelid = 'secret'::regclass;
-- What the client sends has no ticket, whatever it looks like.
/*altius 1.00112233445566778899aabbccddeeff*/SELECT altius_internal.insert_partition('secret', 'n', NULL, 0, 't');
-- Sessions of nodes run statements of users, too.
SELECT DISTINCT success, result FROM run_command_on_workers('SELECT altius_internal.insert_colocation(2000000, 1, 1, ''int'', ''-'')');
SELECT DISTINCT success, result FROM run_command_on_workers('/*altius 9.00112233445566778899aabbccddeeff*/SELECT altius_internal.insert_colocation(2000000, 1, 1, ''int'', ''-'')');

-- The transaction that a session works for.
SET altius.transaction_id = '0:1:1:1';
BEGIN;
SELECT set_config('altius.transaction_id', '0:1:1:1', true);
ROLLBACK;
SET altius.transaction_id = '0:1:1:1 1.00112233445566778899aabbccddeeff';
SELECT DISTINCT success, result FROM run_command_on_workers('SET altius.transaction_id = ''0:1:1:1''');
SET altius.node_greeting = 'x';
SET altius.node_greeting = '';
SET altius.session_nonce = 'x';
SELECT length(current_setting('altius.session_nonce'));

-- Functions of users run while a node's statement does: its ticket is used up by then.
RESET ROLE;
CREATE TABLE door.stolen (who text, what text, outcome text);
GRANT ALL ON door.stolen TO door_alice;
SET ROLE door_alice;
CREATE FUNCTION door.steal(v int) RETURNS bool LANGUAGE plpgsql AS $$
DECLARE
  outcome text := 'let in';
BEGIN
  BEGIN
    PERFORM altius_internal.insert_colocation(2000001, 1, 1, 'int', '-');
  EXCEPTION WHEN insufficient_privilege THEN outcome := 'refused';
  END;
  INSERT INTO door.stolen VALUES (current_user, current_query(), outcome);
  RETURN true;
END $$;
RESET ROLE;
SELECT DISTINCT success FROM run_command_on_workers('CREATE TABLE door.stolen (who text, what text, outcome text); GRANT ALL ON door.stolen TO door_alice');
SELECT DISTINCT success FROM run_command_on_workers('CREATE TABLE door.stolen (who text, what text, outcome text)');
SELECT DISTINCT success FROM run_command_on_workers('GRANT ALL ON door.stolen TO door_alice');
SET ROLE door_alice;
ALTER TABLE mine ADD CONSTRAINT thief CHECK (door.steal(v));
SELECT result FROM run_command_on_workers($$SELECT string_agg(DISTINCT concat_ws(' ', who, outcome, what LIKE '/*altius %*/SELECT altius_internal.apply_command%'), '; ') FROM door.stolen$$);
-- What it has seen there is worth nothing: not in another session, not in the same one, not for another statement.
CREATE FUNCTION door.replay() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  text_of text;
BEGIN
  SELECT what INTO text_of FROM door.stolen WHERE what LIKE '/*altius%' LIMIT 1;
  EXECUTE text_of;
  RETURN 'replayed';
EXCEPTION WHEN insufficient_privilege THEN RETURN SQLERRM;
END $$;
SELECT DISTINCT success, result FROM run_command_on_workers('SELECT door.replay()');
BEGIN;
ALTER TABLE mine ADD CONSTRAINT thief_again CHECK (door.steal(v));
SELECT DISTINCT result FROM altius_internal.ask_all_nodes('SELECT CASE WHEN altius_internal.local_nodeid() > 1 THEN door.replay() END') ORDER BY 1;
ROLLBACK;
ALTER TABLE mine DROP CONSTRAINT thief;
SELECT count(*) FROM pg_dist_colocation WHERE colocationid >= 2000000;
SELECT DISTINCT result FROM run_command_on_workers('SELECT count(*) FROM pg_dist_colocation WHERE colocationid >= 2000000');
RESET ROLE;

-- Settings of the session go along with the rights of who has set them, also where a function runs as its owner.
CREATE FUNCTION door.ambiguous(v int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE k int := 1000;
BEGIN
  RETURN (SELECT k FROM (VALUES (v)) it (k));
END $$;
CREATE FUNCTION door.asks() RETURNS bigint LANGUAGE sql SECURITY DEFINER
  AS 'SELECT sum(door.ambiguous(k)) FROM door.mine WHERE k IN (1, 2, 3)';
CREATE FUNCTION door.app() RETURNS text LANGUAGE sql SECURITY DEFINER
  AS $$SELECT string_agg(DISTINCT current_setting('door.app'), ',') FROM door.mine WHERE v > current_setting('door.least')::int$$;
\c -
SET search_path = door;
\set VERBOSITY terse
SET SESSION AUTHORIZATION door_alice;
SET plpgsql.variable_conflict = 'use_variable';
SET door.app = 'shop';
SET door.least = 3;
SELECT door.app();
SELECT door.asks();
RESET SESSION AUTHORIZATION;

-- The secret is sealed with a key of each server's own, has the same number on all nodes, and can be changed.
SELECT DISTINCT success, result FROM run_command_on_all_nodes('SELECT concat_ws('' '', count(*), count(*) FILTER (WHERE in_use), bool_and(length(sealed) = 80)) FROM pg_catalog.altius_cluster_secret');
SELECT count(DISTINCT result) = count(*) AS all_differ FROM run_command_on_all_nodes('SELECT encode(sealed, ''hex'') FROM pg_catalog.altius_cluster_secret');
SELECT max(generation) AS before FROM pg_catalog.altius_cluster_secret \gset
SELECT altius_rotate_cluster_secret() = :before + 1 AS changed;
SELECT DISTINCT success, result = (:before + 1)::text FROM run_command_on_all_nodes('SELECT string_agg(generation::text, '','') FROM pg_catalog.altius_cluster_secret WHERE in_use');
SELECT count(*) FROM mine;
\c -
\set VERBOSITY terse
SET client_min_messages = warning;
SET SESSION AUTHORIZATION door_alice;
SELECT count(*) FROM door.mine;
UPDATE door.mine SET v = v + 1;
SELECT altius_rotate_cluster_secret();
SELECT altius_internal.new_secret();
SELECT altius_internal.keep_secret(1, '\x00', true);
RESET SESSION AUTHORIZATION;
SELECT altius_internal.keep_secret(1, '\x00', true);
SELECT altius_internal.keep_secret(0, repeat('a', 32)::bytea, true);

-- What a superuser sends carries tickets, too: expressions that it has evaluated as their owner find none.
SET ROLE door_alice;
CREATE FUNCTION door.steals(v int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  IF current_user = 'door_alice' AND current_query() LIKE '/*altius%' THEN
    BEGIN
      PERFORM altius_internal.insert_colocation(2000000, 1, 1, 'int', '-');
    EXCEPTION WHEN insufficient_privilege THEN NULL;
    END;
  END IF;
  RETURN v;
END $$;
RESET ROLE;
CREATE INDEX ON door.mine (door.steals(v));
SELECT DISTINCT success, result FROM run_command_on_workers('SELECT count(*) FROM pg_dist_colocation WHERE colocationid = 2000000');
DROP SCHEMA door CASCADE;
SELECT DISTINCT success FROM run_command_on_workers('DROP TABLE IF EXISTS door.stolen');
DROP OWNED BY door_alice, door_bob;
DROP ROLE door_alice, door_bob;
