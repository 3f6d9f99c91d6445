-- Small things that a role could have done with what runs for it.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE ROLE rights_small_mallory LOGIN;
CREATE SCHEMA rights_small AUTHORIZATION rights_small_mallory;
CREATE SCHEMA rights_small_other;
SET search_path = rights_small;

-- Only questions are asked within the transaction.
SET SESSION AUTHORIZATION rights_small_mallory;
SELECT * FROM altius_internal.ask_all_nodes('SELECT 1 AS a INTO rights_small.made');
SELECT * FROM altius_internal.ask_all_nodes('SELECT 1 AS a INTO rights_small.made UNION SELECT 2');
SELECT * FROM altius_internal.ask_all_nodes('(SELECT 1 AS a INTO rights_small.made UNION SELECT 2) EXCEPT SELECT 3 UNION ALL SELECT 4');
SELECT * FROM altius_internal.ask_all_nodes('WITH x AS (SELECT 1 AS a) SELECT a INTO rights_small.made FROM x UNION SELECT 2');
SELECT DISTINCT result FROM altius_internal.ask_all_nodes('SELECT 1 UNION SELECT 1 EXCEPT SELECT 2');
SELECT DISTINCT result FROM run_command_on_all_nodes($$SELECT to_regclass('rights_small.made')$$);

-- How many sessions of a superuser a move opens.
SET altius.move_copy_sessions = 64;
RESET SESSION AUTHORIZATION;
SET altius.move_copy_sessions = 2;
RESET altius.move_copy_sessions;

-- A plan reads sizes with PostgreSQL's functions, whatever the session finds first.
SET SESSION AUTHORIZATION rights_small_mallory;
CREATE FUNCTION max(bigint) RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'called by the plan'; END $$;
SET search_path = rights_small, pg_catalog;
SELECT count(*) >= 0 AS planned FROM get_rebalance_table_shards_plan();
SET search_path = rights_small;
RESET SESSION AUTHORIZATION;

-- Conditions of triggers ask how deep they stand; who writes to another one's table can't say so.
SET SESSION AUTHORIZATION rights_small_mallory;
CREATE TABLE q (id int, v int);
SELECT create_distributed_table('q', 'id', shard_count => 4, colocate_with => 'none');
INSERT INTO q SELECT g, g FROM generate_series(1, 20) g;
RESET SESSION AUTHORIZATION;
CREATE TABLE rights_small_other.audited (id int, v int);
SELECT create_distributed_table('rights_small_other.audited', 'id', colocate_with => 'rights_small.q');
CREATE FUNCTION rights_small_other.audit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  new.v := -new.v;
  RETURN new;
END $$;
CREATE TRIGGER a BEFORE INSERT ON rights_small_other.audited FOR EACH ROW WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION rights_small_other.audit();
GRANT USAGE ON SCHEMA rights_small_other TO rights_small_mallory;
GRANT INSERT, SELECT ON rights_small_other.audited TO rights_small_mallory;
SET SESSION AUTHORIZATION rights_small_mallory;
SET altius.trigger_depth = 3;
INSERT INTO rights_small_other.audited SELECT g, g FROM generate_series(1, 10) g;
RESET altius.trigger_depth;
-- Nor can a function that runs on the nodes, in sessions that other nodes have opened.
CREATE FUNCTION deeper() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('altius.trigger_depth', '3', false);
EXCEPTION WHEN OTHERS THEN NULL;
END $$;
CREATE FUNCTION deeper(v int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM rights_small.deeper(); RETURN v; END $$;
SELECT count(deeper(v)) FROM q WHERE deeper(id) > 0;
INSERT INTO rights_small_other.audited SELECT g, g FROM generate_series(11, 20) g;
BEGIN;
SELECT count(deeper(v)) FROM q WHERE deeper(id) > 0;
INSERT INTO rights_small_other.audited SELECT g, g FROM generate_series(21, 30) g;
COMMIT;
SELECT count(*), count(*) FILTER (WHERE v > 0) AS missed FROM rights_small_other.audited;
RESET SESSION AUTHORIZATION;

-- The replica identity is given back to shards, not to what has got the name of one.
CREATE TABLE rights_small_other.taken (id int PRIMARY KEY);
CREATE TABLE rights_small_other.taken_1000000 (id int PRIMARY KEY);
SELECT altius_internal.drop_leftover(100, 'rights_small_other.taken|f', 100), altius_internal.drop_leftover(100, 'rights_small_other.taken_1000000|n', 100);
SELECT relname, relreplident FROM pg_class WHERE relname ~ '^taken(_1000000)?$' ORDER BY relname;
SET SESSION AUTHORIZATION rights_small_mallory;
CREATE TABLE t (id int, v int, w int);
SELECT create_distributed_table('t', 'id', shard_count => 2, colocate_with => 'none');
RESET SESSION AUTHORIZATION;
SELECT DISTINCT result FROM run_command_on_shards('t', $$SELECT altius_internal.drop_leftover(100, '%s|f', 100)$$);
SELECT DISTINCT result FROM run_command_on_shards('t', $$SELECT relreplident FROM pg_class WHERE oid = '%s'::regclass$$);

-- A statistics object of a shard is renamed where it lies; one of the same name beside the table is another one.
CREATE STATISTICS wanted ON v, w FROM t;
SELECT DISTINCT result FROM run_command_on_shards('t', $$DO $do$
  DECLARE
    id text := substring('%s' FROM '\d+$');
  BEGIN
    SET LOCAL citus.enable_ddl_propagation = off;
    EXECUTE 'DROP STATISTICS rights_small.wanted_' || id;
    EXECUTE format('CREATE STATISTICS rights_small_other.strange_%%s ON v, w FROM %s', id);
    EXECUTE format('CREATE TABLE rights_small_other.beside_%%s (v int, w int)', id);
    EXECUTE format('CREATE STATISTICS rights_small.strange_%%s ON v, w FROM rights_small_other.beside_%%s', id, id);
  END $do$ $$);
ALTER TABLE t ADD CHECK (v > 0);
SELECT DISTINCT result FROM run_command_on_all_nodes($$SELECT string_agg(DISTINCT format('%s.%s on %s', stxnamespace::regnamespace,
    regexp_replace(stxname, '\d+', 'N'), regexp_replace(stxrelid::regclass::text, '^.*\.|\d+', '', 'g')), ', ')
  FROM pg_statistic_ext WHERE stxnamespace::regnamespace::text ~ 'rights_small' AND stxrelid <> coalesce(to_regclass('rights_small.t'), 0)$$);
-- A session that serves another node keeps its encoding: texts come back as they are.
SET SESSION AUTHORIZATION rights_small_mallory;
CREATE TABLE texts (id int, v text);
SELECT create_distributed_table('texts', 'id', shard_count => 4, colocate_with => 'none');
INSERT INTO texts SELECT g, chr(233) || g FROM generate_series(1, 8) g;
CREATE FUNCTION other_encoding() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('client_encoding', 'LATIN1', false);
EXCEPTION WHEN OTHERS THEN NULL;
END $$;
CREATE FUNCTION other_encoding(v int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM rights_small.other_encoding(); RETURN v; END $$;
SELECT count(other_encoding(id)) FROM texts WHERE other_encoding(id) > 0;
SELECT DISTINCT result FROM run_command_on_workers('SET client_encoding = LATIN1');
SELECT DISTINCT v::bytea FROM (SELECT v FROM texts WHERE id < 3 OFFSET 0) it ORDER BY 1;
RESET SESSION AUTHORIZATION;

-- A table that is dropped takes its shards along, and not what has a shard's name since the table was renamed on one node.
CREATE ROLE rights_small_victim;
SET SESSION AUTHORIZATION rights_small_mallory;
GRANT USAGE, CREATE ON SCHEMA rights_small TO rights_small_victim;
CREATE TABLE short (id int);
SELECT create_distributed_table('short', 'id', shard_count => 4, colocate_with => 'none');
RESET SESSION AUTHORIZATION;
SELECT count(*) FROM run_command_on_workers($$
DO 'DECLARE s record; BEGIN
  FOR s IN SELECT shardid FROM pg_dist_shard WHERE logicalrelid = ''rights_small.short''::regclass LOOP
    EXECUTE format(''CREATE TABLE rights_small.longer_%s (id int)'', s.shardid);
    EXECUTE format(''ALTER TABLE rights_small.longer_%s OWNER TO rights_small_victim'', s.shardid);
  END LOOP; END'$$) WHERE success;
SET SESSION AUTHORIZATION rights_small_mallory;
SELECT DISTINCT result FROM run_command_on_workers($$DO 'BEGIN SET LOCAL citus.enable_ddl_propagation TO off; ALTER TABLE rights_small.short RENAME TO longer; END'$$);
SELECT DISTINCT result FROM run_command_on_workers($$DO 'BEGIN SET LOCAL citus.enable_ddl_propagation TO off; DROP TABLE rights_small.longer; END'$$);
RESET SESSION AUTHORIZATION;
SELECT result FROM run_command_on_workers($$SELECT count(*) FROM pg_class WHERE relowner = 'rights_small_victim'::regrole AND relkind = 'r'$$);
DROP TABLE short;
SELECT count(*) FROM run_command_on_workers('DROP OWNED BY rights_small_victim');
DROP OWNED BY rights_small_victim;
DROP ROLE rights_small_victim;

-- Who may write a table may not write its shards past it: with a key that belongs elsewhere, or one copy alone.
CREATE TABLE rights_small_other.keyed (id int PRIMARY KEY, v text);
SELECT create_distributed_table('rights_small_other.keyed', 'id', shard_count => 2, colocate_with => 'none');
CREATE TABLE rights_small_other.copied (id int PRIMARY KEY, v text);
SELECT create_reference_table('rights_small_other.copied');
GRANT SELECT, INSERT, UPDATE, DELETE ON rights_small_other.keyed, rights_small_other.copied TO rights_small_mallory;
SET SESSION AUTHORIZATION rights_small_mallory;
CREATE FUNCTION denied(relation regclass, command text) RETURNS SETOF text LANGUAGE sql AS $$
  SELECT DISTINCT regexp_replace(result, '\d+', 'N') FROM run_command_on_placements(relation, command) $$;
SELECT denied('rights_small_other.keyed', $$INSERT INTO %s VALUES (1, 'x'), (2, 'x'), (3, 'x'), (4, 'x')$$);
SELECT denied('rights_small_other.copied', $$INSERT INTO %s VALUES (1, 'x')$$);
SELECT denied('rights_small_other.copied', $$WITH it AS (INSERT INTO %s VALUES (1, 'x') RETURNING id) SELECT id FROM it$$);
SELECT denied('rights_small_other.copied', $$COPY %s FROM '/nowhere'$$);
SELECT denied('rights_small_other.copied', $$DO 'BEGIN INSERT INTO %s VALUES (1, ''x''); END'$$);
-- In a function that a node runs.
CREATE FUNCTION write_copy() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  shard bigint := (SELECT shardid FROM pg_dist_shard WHERE logicalrelid = 'rights_small_other.copied'::regclass);
BEGIN
  EXECUTE format('INSERT INTO rights_small_other.copied_%s VALUES (7, ''x'')', shard);
EXCEPTION WHEN insufficient_privilege THEN RAISE WARNING 'denied';
END $$;
CREATE FUNCTION write_copy(v int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM rights_small.write_copy(); RETURN v; END $$;
SELECT count(write_copy(id)) FROM texts WHERE id = 1;
-- The table itself, in each way that reaches shards.
INSERT INTO rights_small_other.keyed SELECT g, 'x' FROM generate_series(1, 10) g;
INSERT INTO rights_small_other.keyed VALUES (1, 'y') ON CONFLICT (id) DO UPDATE SET v = excluded.v;
UPDATE rights_small_other.keyed SET id = id + 100 WHERE id < 3;
DELETE FROM rights_small_other.keyed WHERE id = 3;
INSERT INTO rights_small_other.copied SELECT g, 'x' FROM generate_series(1, 3) g;
UPDATE rights_small_other.copied SET v = v || id WHERE id < 3;
COPY rights_small_other.copied FROM STDIN;
11	x
\.
SELECT id, v FROM rights_small_other.keyed ORDER BY id LIMIT 2;
RESET SESSION AUTHORIZATION;
SELECT state, row_count FROM altius_check_reference_tables() WHERE table_name = 'rights_small_other.copied'::regclass ORDER BY 1;

-- Settings are followed as the role that has set them, if the caller may become that one: a member without SET may not.
CREATE ROLE rights_small_super SUPERUSER;
DO $$
BEGIN
  IF current_setting('server_version_num')::int >= 160000 THEN
    EXECUTE 'GRANT rights_small_super TO rights_small_mallory WITH SET FALSE, INHERIT TRUE';
  END IF;
END $$;
SET SESSION AUTHORIZATION rights_small_mallory;
SELECT altius_internal.follow_settings('{log_statement}', '{all}', '{rights_small_super}', '');
SELECT current_setting('log_statement');
RESET SESSION AUTHORIZATION;
DROP ROLE rights_small_super;

-- What a session has set keeps no command of another role's function from the other nodes.
CREATE ROLE rights_small_owner LOGIN;
CREATE TABLE rights_small_other.granted (id int);
SELECT create_distributed_table('rights_small_other.granted', 'id', shard_count => 4, colocate_with => 'none');
ALTER TABLE rights_small_other.granted OWNER TO rights_small_owner;
GRANT SELECT ON rights_small_other.granted TO rights_small_mallory;
GRANT USAGE ON SCHEMA rights_small_other TO public;
CREATE FUNCTION rights_small_other.take_back() RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
  AS 'REVOKE SELECT ON rights_small_other.granted FROM rights_small_mallory';
ALTER FUNCTION rights_small_other.take_back() OWNER TO rights_small_owner;
CREATE FUNCTION rights_small_other.take_back_here() RETURNS void LANGUAGE sql SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp SET citus.enable_ddl_propagation = off
  AS 'REVOKE SELECT ON rights_small_other.granted FROM rights_small_mallory';
ALTER FUNCTION rights_small_other.take_back_here() OWNER TO rights_small_owner;
SET SESSION AUTHORIZATION rights_small_mallory;
SET citus.enable_ddl_propagation = off;
SELECT rights_small_other.take_back_here();
SELECT DISTINCT result FROM run_command_on_workers($$SELECT has_table_privilege('rights_small_other.granted', 'SELECT')$$);
SELECT rights_small_other.take_back();
SELECT DISTINCT result FROM run_command_on_workers($$SELECT has_table_privilege('rights_small_other.granted', 'SELECT')$$);
RESET SESSION AUTHORIZATION;
RESET citus.enable_ddl_propagation;

-- Parts of distributed transactions are the cluster's to end: functions of others may have written them.
SET SESSION AUTHORIZATION rights_small_mallory;
COMMIT PREPARED 'altius_0_1_1_1';
ROLLBACK PREPARED 'altius_0_1_1_1';
COMMIT PREPARED 'of_nobody';
BEGIN;
UPDATE q SET v = v + 1;
COMMIT;
BEGIN;
UPDATE q SET v = v + 1;
ROLLBACK;
SELECT sum(v) FROM q;
SELECT count(*) FROM pg_prepared_xacts WHERE owner = current_user;
RESET SESSION AUTHORIZATION;

-- What a view or a policy was bound to is not exchanged for what fits the arguments better.
CREATE SCHEMA rights_small_shared;
GRANT ALL ON SCHEMA rights_small_shared TO public;
SET SESSION AUTHORIZATION rights_small_owner;
CREATE FUNCTION rights_small_shared.hides(anyelement) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN true; END $$;
CREATE OPERATOR rights_small_shared.<!> (rightarg = anyelement, function = rights_small_shared.hides);
CREATE FUNCTION rights_small_shared.mine(anyelement) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN false; END $$;
CREATE FUNCTION rights_small_shared.plain(int) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN true; END $$;
GRANT SELECT ON rights_small_other.granted TO public;
ALTER TABLE rights_small_other.granted ENABLE ROW LEVEL SECURITY;
CREATE POLICY mine ON rights_small_other.granted USING (rights_small_shared.mine(id));
INSERT INTO rights_small_other.granted VALUES (1), (2), (3);
RESET SESSION AUTHORIZATION;
CREATE VIEW rights_small_other.named AS SELECT id FROM rights_small_other.granted WHERE rights_small_shared.hides(id);
CREATE VIEW rights_small_other.by_operator AS SELECT id FROM rights_small_other.granted WHERE OPERATOR(rights_small_shared.<!>) id;
CREATE VIEW rights_small_other.by_plain AS SELECT id FROM rights_small_other.granted WHERE rights_small_shared.plain(id);
SET SESSION AUTHORIZATION rights_small_mallory;
SELECT count(*) FROM rights_small_other.granted;
CREATE FUNCTION rights_small_shared.called(int) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
  BEGIN RAISE EXCEPTION 'called as %', current_user; END $$;
ALTER FUNCTION rights_small_shared.called RENAME TO hides;
CREATE OPERATOR rights_small_shared.<!> (rightarg = int, function = rights_small_shared.hides);
CREATE FUNCTION rights_small_shared.mine(int) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN true; END $$;
SELECT count(*) FROM rights_small_other.granted;
RESET SESSION AUTHORIZATION;
SELECT count(*) FROM rights_small_other.named;
SELECT count(*) FROM rights_small_other.by_operator;
SELECT count(*) FROM rights_small_other.by_plain;
DROP SCHEMA rights_small_shared CASCADE;

DROP SCHEMA rights_small, rights_small_other CASCADE;
SELECT count(*) FROM run_command_on_workers('DROP SCHEMA IF EXISTS rights_small_other, rights_small CASCADE');
DROP ROLE rights_small_mallory, rights_small_owner;
