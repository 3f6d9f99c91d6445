-- Values that stand for objects: other nodes have these under other numbers, and a table's owner need not be allowed to look up
-- what they name.
\set VERBOSITY terse
SET client_min_messages = warning;
SET citus.shard_count = 2;
CREATE ROLE rights_names_mallory LOGIN;
CREATE SCHEMA rights_names AUTHORIZATION rights_names_mallory;
CREATE SCHEMA rights_names_hidden;
SET search_path = rights_names;
CREATE TABLE rights_names_hidden.named (id int);
SELECT create_distributed_table('rights_names_hidden.named', 'id');
-- The numbers differ indeed.
CREATE TYPE filler AS ENUM ('a');
SELECT count(*) FROM run_command_on_workers('CREATE TYPE rights_names.of_workers AS ENUM (''a'', ''b'', ''c'')');
SET SESSION AUTHORIZATION rights_names_mallory;
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TYPE pair AS (what regclass, mood mood);
CREATE DOMAIN relation AS regclass CHECK (VALUE <> 'pg_type'::regclass AND current_user <> 'postgres');
CREATE TABLE r (id int PRIMARY KEY, m mood, ms mood[], c regclass, cs regclass[], p pair, d relation, v bigint, o oid);
SELECT create_reference_table('r');
RESET SESSION AUTHORIZATION;
SELECT count(DISTINCT result) > 1 AS differ FROM run_command_on_all_nodes($$SELECT 'rights_names.r'::regclass::oid$$);
SELECT count(DISTINCT result) > 1 AS differ FROM run_command_on_all_nodes($$SELECT hashenum('ok'::rights_names.mood)$$);
\pset format unaligned
\pset tuples_only on
CREATE FUNCTION copies(relation regclass) RETURNS text LANGUAGE sql AS $$
  SELECT string_agg(state, ', ' ORDER BY state) FROM altius_check_reference_tables() WHERE table_name = relation $$;
SET SESSION AUTHORIZATION rights_names_mallory;
INSERT INTO r VALUES (1, 'ok', '{sad,ok}', 'r', '{r,pg_class}', '(r,ok)', 'r', 1, 1);
SELECT copies('r');
UPDATE r SET v = hashenum(m) WHERE id = 1; SELECT copies('r');
UPDATE r SET v = hashenumextended(m, 7) WHERE id = 1; SELECT copies('r');
UPDATE r SET v = hash_array(ms) WHERE id = 1; SELECT copies('r');
UPDATE r SET v = hash_record(ROW(m)) WHERE id = 1; SELECT copies('r');
UPDATE r SET v = hash_record(p) WHERE id = 1; SELECT copies('r');
UPDATE r SET v = (p).what::int8 WHERE id = 1; SELECT copies('r');
UPDATE r SET o = c WHERE id = 1; SELECT copies('r');
UPDATE r SET v = c::int8 WHERE id = 1; SELECT copies('r');
UPDATE r SET v = hashoid(d) WHERE id = 1; SELECT copies('r');
UPDATE r SET o = cs[1] WHERE id = 1; SELECT copies('r');
UPDATE r SET o = (cs::oid[])[1] WHERE id = 1; SELECT copies('r');
UPDATE r SET v = width_bucket(c::oid::int8, ARRAY['rights_names.r'::regclass::int8]) WHERE id = 1; SELECT copies('r');
UPDATE r SET v = CASE WHEN c = o THEN 1 ELSE 2 END WHERE id = 1; SELECT copies('r');
UPDATE r SET v = (c = ANY (ARRAY[o]))::int WHERE id = 1; SELECT copies('r');
UPDATE r SET v = (c IS DISTINCT FROM o)::int WHERE id = 1; SELECT copies('r');
UPDATE r SET c = greatest(c, 'pg_class'::regclass, 'pg_proc') WHERE id = 1; SELECT copies('r');
UPDATE r SET c = o::regclass WHERE id = 1; SELECT copies('r');
UPDATE r SET c = o::int8::regclass WHERE id = 1; SELECT copies('r');
INSERT INTO r (id, v, o) VALUES (2, hashenum('ok'::mood), 'r'::regclass); SELECT copies('r');
INSERT INTO r (id, m) VALUES (2, 'ok') ON CONFLICT (id) DO UPDATE SET m = 'sad', v = hashenum(excluded.m); SELECT copies('r');
DELETE FROM r WHERE id = 1 AND c::oid = o; SELECT copies('r'), (SELECT count(*) FROM r);
-- These do not.
INSERT INTO r (id, m, c, v) VALUES (3, 'ok', 'r', 1);
UPDATE r SET v = v + 1, m = greatest(m, 'happy'), c = 'pg_class' WHERE id = 3 AND m < 'happy';
SELECT copies('r'), (SELECT (id, m, c, v) FROM r WHERE id = 3);

CREATE TABLE g (id int PRIMARY KEY, m mood, c regclass, h int GENERATED ALWAYS AS (hashenum(m)) STORED,
  o oid GENERATED ALWAYS AS (c) STORED, k oid GENERATED ALWAYS AS ('rights_names.r'::regclass) STORED);
SELECT create_reference_table('g');
INSERT INTO g VALUES (1, 'ok', 'r'), (2, 'sad', 'g');
UPDATE g SET m = 'happy' WHERE id = 1;
SELECT copies('g');

-- What the owner may not look up, though the writer may.
RESET SESSION AUTHORIZATION;
CREATE ROLE rights_names_bob LOGIN;
GRANT USAGE ON SCHEMA rights_names, rights_names_hidden TO rights_names_bob;
GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA rights_names TO rights_names_bob;
SET SESSION AUTHORIZATION rights_names_bob;
INSERT INTO r (id, c, cs, p, d) SELECT 4, 'rights_names_hidden.named', '{rights_names_hidden.named}', '(rights_names_hidden.named,ok)',
  'pg_class' WHERE random() < 2;
SELECT id, c, cs, p, d FROM r WHERE id = 4;
RESET SESSION AUTHORIZATION;
SELECT copies('r');
-- A check of a domain is the owner's all the same.
SET SESSION AUTHORIZATION rights_names_mallory;
UPDATE r SET d = 'r', v = random() WHERE id = 4;
UPDATE r SET d = 'pg_type' WHERE id = 4;
SELECT copies('r');
CREATE TABLE t (id int PRIMARY KEY, c regclass, cs regclass[], s text);
SELECT create_distributed_table('t', 'id', colocate_with => 'none');
GRANT SELECT, INSERT ON t TO rights_names_bob;
SET SESSION AUTHORIZATION rights_names_bob;
INSERT INTO t SELECT n, 'rights_names_hidden.named', '{rights_names_hidden.named,pg_class}', n FROM generate_series(1, 20) n;
RESET SESSION AUTHORIZATION;
CREATE PROCEDURE move(mode citus.shard_transfer_mode) LANGUAGE plpgsql AS $$
DECLARE
  shard bigint;
  source int;
  target int;
BEGIN
  WHILE EXISTS (SELECT FROM pg_catalog.pg_dist_cleanup WHERE object_name ~ 'rights_names') LOOP
    PERFORM pg_catalog.pg_sleep(0.05);
  END LOOP;
  SELECT min(shardid) INTO shard FROM pg_catalog.pg_dist_shard WHERE logicalrelid = 'rights_names.t'::regclass;
  SELECT nodeid INTO source FROM pg_catalog.pg_dist_node JOIN pg_catalog.pg_dist_placement USING (groupid) WHERE shardid = shard;
  SELECT nodeid INTO target FROM pg_catalog.pg_dist_node WHERE nodeid <> source AND groupid <> 0 ORDER BY nodeid LIMIT 1;
  PERFORM pg_catalog.citus_move_shard_placement(shard, source, target, mode);
END $$;
CALL move('block_writes');
CALL move('force_logical');
SELECT c, cs, count(*) FROM t GROUP BY c, cs;
DROP SCHEMA rights_names, rights_names_hidden CASCADE;
SELECT count(*) FROM run_command_on_workers('DROP SCHEMA IF EXISTS rights_names CASCADE');
DROP ROLE rights_names_mallory, rights_names_bob;
