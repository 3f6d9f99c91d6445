-- Whoever moves or splits a table's shards: what its definition calls runs with the rights of its owner.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE ROLE rights_moves_mallory LOGIN;
CREATE SCHEMA rights_moves AUTHORIZATION rights_moves_mallory;
SET SESSION AUTHORIZATION rights_moves_mallory;
SET search_path = rights_moves;
SELECT DISTINCT result FROM run_command_on_all_nodes('CREATE TABLE rights_moves.seen (who name, at text)');
CREATE FUNCTION note(at text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF current_setting('session_replication_role') <> 'origin' THEN at := at || ' past triggers'; END IF;
  INSERT INTO rights_moves.seen VALUES (current_user, at);
  ALTER ROLE rights_moves_mallory SUPERUSER;
EXCEPTION WHEN insufficient_privilege THEN
  INSERT INTO rights_moves.seen VALUES (current_user, at);
END $$;
CREATE FUNCTION evil(value int, at text) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  PERFORM rights_moves.note(at);
  RETURN value;
END $$;
CREATE DOMAIN small AS int CHECK (evil(VALUE, 'domain') < 1000000);
CREATE TABLE things (id int PRIMARY KEY, size small, sizes small[] DEFAULT '{1}', more small DEFAULT evil(3, 'default'),
  twice int GENERATED ALWAYS AS (evil(id, 'generated') * 2) STORED,
  CHECK (evil(size, 'check') > 0), CHECK (sizes <> '{2}'::small[]));
CREATE INDEX things_size ON things (evil(size, 'index')) WHERE evil(5, 'predicate') = 5;
CREATE STATISTICS things_stats ON evil(id, 'statistics'), size FROM things;
ALTER TABLE things ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY p ON things USING (sizes <> '{3}'::small[]) WITH CHECK (true);
CREATE FUNCTION fired() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM rights_moves.note('trigger');
  RETURN new;
END $$;
CREATE TRIGGER t BEFORE INSERT ON things FOR EACH ROW WHEN (new.sizes <> '{4}'::small[]) EXECUTE FUNCTION fired();
CREATE TABLE parts (id int, size small, note text) PARTITION BY RANGE ((evil(2, 'partition key') * size));
CREATE TABLE parts_few PARTITION OF parts FOR VALUES FROM (0) TO (1000);
CREATE INDEX ON parts (evil(id, 'index of partitions'));
CREATE TABLE keyed (id small, sizes small[]) PARTITION BY LIST (sizes);
CREATE TABLE keyed_few PARTITION OF keyed FOR VALUES IN ('{1}', '{2,3}');
SELECT create_distributed_table('things', 'id', shard_count => 2);
SELECT create_distributed_table('parts', 'id', colocate_with => 'things');
SELECT create_distributed_table('keyed', 'id', shard_count => 2, colocate_with => 'none');
INSERT INTO things (id, size) SELECT n, n FROM generate_series(1, 100) n;
INSERT INTO parts SELECT n, n FROM generate_series(1, 100) n;
INSERT INTO keyed SELECT n, '{1}' FROM generate_series(1, 100) n;
RESET SESSION AUTHORIZATION;
-- A policy that hides rows from the owner, too.
ALTER POLICY p ON rights_moves.things USING (id % 2 = 0);

CREATE PROCEDURE rights_moves.move(of_table regclass, mode citus.shard_transfer_mode) LANGUAGE plpgsql AS $$
DECLARE
  shard bigint;
  source int;
  target int;
BEGIN
  WHILE EXISTS (SELECT FROM pg_catalog.pg_dist_cleanup WHERE object_name ~ 'rights_moves') LOOP  -- where it goes back to
    PERFORM pg_catalog.pg_sleep(0.05);
  END LOOP;
  SELECT min(shardid) INTO shard FROM pg_catalog.pg_dist_shard WHERE logicalrelid = of_table;
  SELECT nodeid INTO source FROM pg_catalog.pg_dist_node JOIN pg_catalog.pg_dist_placement USING (groupid) WHERE shardid = shard;
  SELECT nodeid INTO target FROM pg_catalog.pg_dist_node WHERE nodeid <> source AND groupid <> 0 ORDER BY nodeid LIMIT 1;
  PERFORM pg_catalog.citus_move_shard_placement(shard, source, target, mode);
END $$;
GRANT EXECUTE ON PROCEDURE rights_moves.move TO rights_moves_mallory;
-- Rows hidden from the owner included.  Not by the superuser itself: already a plan calls functions of the table's owner.
CREATE PROCEDURE rights_moves.count(INOUT things bigint DEFAULT 0, INOUT twice bigint DEFAULT 0, INOUT parts bigint DEFAULT 0)
  LANGUAGE plpgsql AS $$
BEGIN
  SET LOCAL SESSION AUTHORIZATION rights_moves_mallory;
  ALTER TABLE rights_moves.things NO FORCE ROW LEVEL SECURITY;
  SELECT count(*), sum(t.twice) INTO things, twice FROM rights_moves.things t;
  SELECT count(*) INTO parts FROM rights_moves.parts;
  ALTER TABLE rights_moves.things FORCE ROW LEVEL SECURITY;
  RESET SESSION AUTHORIZATION;
END $$;
CREATE FUNCTION rights_moves.seen() RETURNS TABLE (who text, at text) LANGUAGE sql AS $$
  SELECT DISTINCT it->>'who', it->>'at' FROM run_command_on_all_nodes('SELECT json_agg(s) FROM rights_moves.seen s'),
    json_array_elements(coalesce(nullif(result, '')::json, '[]')) it ORDER BY 1, 2 $$;
CREATE PROCEDURE rights_moves.forget() LANGUAGE sql AS
  $$ SELECT run_command_on_all_nodes('TRUNCATE rights_moves.seen') $$;
SELECT DISTINCT who FROM rights_moves.seen();

-- Moved by a superuser.
CALL rights_moves.forget();
CALL rights_moves.move('rights_moves.things', 'block_writes');
SELECT * FROM rights_moves.seen();
CALL rights_moves.forget();
CALL rights_moves.move('rights_moves.things', 'force_logical');
CALL rights_moves.move('rights_moves.keyed', 'force_logical');
SELECT * FROM rights_moves.seen();
CALL rights_moves.count();

-- Moved by herself, with views in her temporary schema that are named like what is read.
CALL rights_moves.forget();
\c - rights_moves_mallory
\set VERBOSITY terse
SET search_path = rights_moves;
CREATE FUNCTION pg_temp.note() RETURNS bool LANGUAGE plpgsql AS $$
BEGIN
  PERFORM rights_moves.note('temporary view');
  RETURN true;
END $$;
DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY '{pg_class,pg_attrdef,pg_type,pg_constraint,pg_index,pg_namespace,pg_am,pg_statistic_ext,
    pg_inherits,pg_policy,pg_trigger,pg_depend,pg_roles,pg_description,pg_collation,pg_proc,pg_sequence,pg_dist_cleanup,
    pg_dist_shard,pg_dist_placement,pg_dist_node,pg_dist_partition}'::text[] LOOP
    EXECUTE format('CREATE TEMP VIEW %I AS SELECT * FROM pg_catalog.%I WHERE pg_temp.note()', name, name);
  END LOOP;
END $$;
CALL move('things', 'block_writes');
CALL move('things', 'force_logical');
SELECT citus_split_shard_by_split_points((SELECT min(shardid) FROM pg_catalog.pg_dist_shard WHERE logicalrelid = 'things'::regclass),
  ARRAY['-1000000000'], ARRAY[(SELECT min(nodeid) FROM pg_catalog.pg_dist_node WHERE groupid <> 0),
    (SELECT max(nodeid) FROM pg_catalog.pg_dist_node WHERE groupid <> 0)], 'block_writes');
SELECT isolate_tenant_to_new_shard('things', 7, 'CASCADE', shard_transfer_mode => 'force_logical') > 0;
\c - postgres
SET client_min_messages = warning;
SELECT * FROM rights_moves.seen();
CALL rights_moves.count();
SELECT count(*) FROM pg_dist_shard WHERE logicalrelid = 'rights_moves.things'::regclass;

-- A table that has only the name of a shard becomes none, and is not cleaned up.
CREATE SCHEMA rights_moves_own;  -- in which nobody else makes anything, so nobody is asked for names
CREATE TABLE rights_moves_own.victims (id int);
SELECT DISTINCT result FROM pg_dist_shardid_seq, run_command_on_all_nodes(format($all$DO $do$
  BEGIN
    FOR n IN %s .. %s LOOP
      EXECUTE format('CREATE TABLE rights_moves_own.victims_%%s (id int)', n);
      EXECUTE format('ALTER TABLE rights_moves_own.victims_%%s OWNER TO rights_moves_mallory', n);
    END LOOP;
  END $do$ $all$, last_value + 1, last_value + 4));
DO $$
BEGIN
  PERFORM create_distributed_table('rights_moves_own.victims', 'id', shard_count => 2, colocate_with => 'none');
EXCEPTION WHEN duplicate_table THEN
  RAISE WARNING 'refused';
END $$;
SELECT result FROM run_command_on_workers($$SELECT count(altius_internal.drop_leftover(1, oid::regclass::text, 100)) FROM pg_class
  WHERE relname ~ '^victims_' AND relnamespace = 'rights_moves_own'::regnamespace$$);
SELECT result FROM run_command_on_workers($$SELECT count(*) FROM pg_class
  WHERE relname ~ '^victims_' AND relnamespace = 'rights_moves_own'::regnamespace$$);

-- An owner that may make nothing in the schema any more; nor may a function of the owner meanwhile.
ALTER SCHEMA rights_moves OWNER TO postgres;
GRANT USAGE ON SCHEMA rights_moves TO rights_moves_mallory;
CALL rights_moves.forget();
CALL rights_moves.move('rights_moves.things', 'block_writes');
SELECT count(*), min(who), max(who) FROM rights_moves.seen();
SELECT result FROM run_command_on_all_nodes($$SELECT nspacl FROM pg_namespace WHERE nspname = 'rights_moves'$$);
CREATE OR REPLACE FUNCTION rights_moves.evil(value int, at text) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  PERFORM rights_moves.take();
  RETURN value;
END $$;
CREATE FUNCTION rights_moves.take() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF NOT pg_catalog.has_schema_privilege('rights_moves', 'CREATE') THEN RETURN; END IF;
  CREATE TABLE rights_moves.mine ();
END $$;
CALL rights_moves.move('rights_moves.things', 'block_writes');
SELECT result FROM run_command_on_all_nodes($$SELECT to_regclass('rights_moves.mine')$$);

-- An owner that may not use a type of its columns any more.
CREATE TYPE rights_moves.mood AS ENUM ('good', 'bad');
GRANT CREATE ON SCHEMA rights_moves TO rights_moves_mallory;
SET SESSION AUTHORIZATION rights_moves_mallory;
CREATE TABLE rights_moves.moods (id int PRIMARY KEY, mood rights_moves.mood, moods rights_moves.mood[]);
SELECT create_distributed_table('rights_moves.moods', 'id', shard_count => 2, colocate_with => 'none');
INSERT INTO rights_moves.moods SELECT n, 'good', '{bad}' FROM generate_series(1, 10) n;
RESET SESSION AUTHORIZATION;
REVOKE CREATE ON SCHEMA rights_moves FROM rights_moves_mallory;
REVOKE USAGE ON TYPE rights_moves.mood FROM PUBLIC;
CALL rights_moves.move('rights_moves.moods', 'block_writes');
CALL rights_moves.move('rights_moves.moods', 'force_logical');
SELECT count(*), count(mood), count(moods) FROM rights_moves.moods;
SELECT result FROM run_command_on_all_nodes($$SELECT typacl FROM pg_type WHERE oid = 'rights_moves.mood'::regtype$$);

SELECT DISTINCT result FROM run_command_on_all_nodes($$SELECT bool_or(rolsuper) FROM pg_roles WHERE rolname = 'rights_moves_mallory'$$);
DROP SCHEMA rights_moves, rights_moves_own CASCADE;
SELECT count(*) FROM run_command_on_workers('DROP SCHEMA IF EXISTS rights_moves CASCADE');
DROP ROLE rights_moves_mallory;
