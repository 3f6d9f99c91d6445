-- A shard is known by more than its name: an owner may give its tables other names on one node alone, so that the name of a shard is
-- that of another role's table.
SET client_min_messages = error;
CREATE ROLE rights_shards_alice LOGIN;
CREATE ROLE rights_shards_mallory LOGIN;
CREATE SCHEMA rights_shards;
GRANT CREATE, USAGE ON SCHEMA rights_shards TO rights_shards_alice, rights_shards_mallory;
SET search_path = rights_shards;
CREATE FUNCTION on_workers(command text) RETURNS text LANGUAGE sql AS $$
  SELECT string_agg(DISTINCT success::text, ',') FROM run_command_on_workers(format('DO %L',
    format('BEGIN SET LOCAL citus.enable_ddl_propagation TO off; EXECUTE %L; END', command))) $$;

SET SESSION AUTHORIZATION rights_shards_mallory;
CREATE TABLE mine (k int, v text);
SELECT create_distributed_table('mine', 'k', shard_count => 2, colocate_with => 'none');
INSERT INTO mine SELECT i, 'mallory''s' FROM generate_series(1, 10) i;
SELECT s.shardid AS shard, s.nodeport AS port, n.nodeid AS source,
       (SELECT o.nodeid FROM pg_dist_node o WHERE o.groupid > 0 AND o.nodeport <> s.nodeport) AS target
FROM citus_shards s JOIN pg_dist_node n USING (nodename, nodeport) WHERE s.table_name = 'mine'::regclass ORDER BY 1 LIMIT 1 \gset

-- Alice has tables where the shards lie, of names that a shard of "events" would have.  (She had them before.)
RESET SESSION AUTHORIZATION;
SELECT DISTINCT success FROM run_command_on_placements('mine', $c$DO $do$
DECLARE
  name text := replace('%s', '.mine_', '.events_');
BEGIN
  EXECUTE format('CREATE TABLE %%s (k int, v text)', name);
  EXECUTE format('INSERT INTO %%s VALUES (1, ''alice''''s''), (2, ''alice''''s'')', name);
  EXECUTE format('ALTER TABLE %%s OWNER TO rights_shards_alice', name);
END $do$ $c$);
CREATE FUNCTION alices() RETURNS TABLE (success boolean, result text) LANGUAGE sql AS $$
  SELECT DISTINCT success, result FROM run_command_on_placements((SELECT logicalrelid FROM pg_dist_partition
      WHERE logicalrelid IN (to_regclass('rights_shards.mine'), to_regclass('rights_shards.events'))), $c$
    SELECT concat_ws(' ', relowner::regrole, relacl::text, relreplident, relnatts, relhasindex,
                     (SELECT count(*) FROM pg_publication_rel WHERE prrelid = c.oid),
                     (xpath('//n/text()', query_to_xml('SELECT string_agg(v, '','') AS n FROM ' || c.oid::regclass, false, true, '')))[1])
    FROM pg_class c WHERE c.oid = replace('%s', '.mine_', '.events_')::regclass $c$)
$$;
ALTER FUNCTION alices() OWNER TO rights_shards_alice;
SET SESSION AUTHORIZATION rights_shards_alice;
SELECT * FROM alices();

-- Renamed on all nodes, shards left alone.
SET SESSION AUTHORIZATION rights_shards_mallory;
SET citus.enable_ddl_propagation TO off;
ALTER TABLE mine RENAME TO events;
SELECT on_workers('ALTER TABLE rights_shards.mine RENAME TO events');
RESET citus.enable_ddl_propagation;
\set VERBOSITY sqlstate
SELECT * FROM events;
SELECT v FROM events WHERE k = 1;
SELECT v FROM events WHERE k = 1 FOR UPDATE;
INSERT INTO events VALUES (1, 'x');
INSERT INTO events SELECT i, 'x' FROM generate_series(1, 10) i;
UPDATE events SET v = 'x';
DELETE FROM events;
TRUNCATE events;
COPY events FROM STDIN;
1	x
2	x
3	x
4	x
\.
ALTER TABLE events ADD COLUMN w int;
CREATE INDEX ON events (v);
CREATE INDEX CONCURRENTLY ON events (v);
GRANT ALL ON events TO rights_shards_mallory;
SELECT citus_move_shard_placement(:shard, :source, :target, 'block_writes');
SELECT citus_move_shard_placement(:shard, :source, :target, 'force_logical');
SELECT isolate_tenant_to_new_shard('events', 1, shard_transfer_mode => 'block_writes');
SELECT isolate_tenant_to_new_shard('events', 1, shard_transfer_mode => 'force_logical');
SELECT undistribute_table('events');
RESET SESSION AUTHORIZATION;
-- A superuser may do all that to alice's tables, but means to do it to others.
SELECT * FROM events;
INSERT INTO events VALUES (1, 'x');
UPDATE events SET v = 'x' WHERE k = 1;
COPY events FROM STDIN;
1	x
2	x
\.
ALTER TABLE events ADD COLUMN w int;
CREATE INDEX ON events (v);
CREATE INDEX CONCURRENTLY rights_shards_i ON events (v);
DROP INDEX IF EXISTS rights_shards_i;
GRANT ALL ON events TO rights_shards_mallory;
SELECT citus_move_shard_placement(:shard, :source, :target, 'block_writes');
SELECT undistribute_table('events');
SELECT DISTINCT success FROM run_command_on_placements('events', $$SELECT altius_internal.create_shard(split_part('%s', '_', 3)::bigint, 8)$$);
\set VERBOSITY terse
SET SESSION AUTHORIZATION rights_shards_alice;
SELECT * FROM alices();

-- Under its own name it works again.
RESET SESSION AUTHORIZATION;
CALL citus_cleanup_orphaned_resources();
SET SESSION AUTHORIZATION rights_shards_mallory;
SET citus.enable_ddl_propagation TO off;
ALTER TABLE events RENAME TO mine;
SELECT on_workers('ALTER TABLE rights_shards.events RENAME TO mine');
RESET citus.enable_ddl_propagation;
DROP INDEX IF EXISTS rights_shards_i;
SELECT citus_move_shard_placement(:shard, :source, :target, 'force_logical');
SELECT count(*), min(v), max(v) FROM mine;
SELECT citus_move_shard_placement(:shard, :target, :source, 'block_writes');
SELECT count(*), min(v), max(v) FROM mine;

-- Renamed on the workers alone: moves are asked for from there.
SELECT on_workers('ALTER TABLE rights_shards.mine RENAME TO events');
\set VERBOSITY sqlstate
SELECT citus_move_shard_placement(:shard, :source, :target, 'block_writes');
SELECT citus_move_shard_placement(:shard, :source, :target, 'force_logical');
SELECT count(*) FROM mine;
RESET SESSION AUTHORIZATION;
SELECT citus_move_shard_placement(:shard, :source, :target, 'force_logical');

-- On the coordinator alone.  (What has failed has left a shard under the other name.)
SET SESSION AUTHORIZATION rights_shards_mallory;
SELECT on_workers(format('DROP TABLE IF EXISTS rights_shards.events_%s', :shard));
SELECT on_workers('ALTER TABLE rights_shards.events RENAME TO mine');
SET citus.enable_ddl_propagation TO off;
ALTER TABLE mine RENAME TO events;
RESET citus.enable_ddl_propagation;
SELECT citus_move_shard_placement(:shard, :source, :target, 'block_writes');
SELECT citus_move_shard_placement(:shard, :source, :target, 'force_logical');
RESET SESSION AUTHORIZATION;
SELECT * FROM events;
INSERT INTO events VALUES (1, 'x');
CREATE INDEX CONCURRENTLY rights_shards_j ON events (v);
SELECT undistribute_table('events');
\set VERBOSITY terse
SET SESSION AUTHORIZATION rights_shards_alice;
SELECT * FROM alices();

SET SESSION AUTHORIZATION rights_shards_mallory;
SET citus.enable_ddl_propagation TO off;
ALTER TABLE events RENAME TO mine;
RESET citus.enable_ddl_propagation;
DROP TABLE mine;

-- What is no table is no copy of a reference table either.
CREATE TABLE r (k int PRIMARY KEY, v text);
SELECT create_reference_table('r');
INSERT INTO r VALUES (1, 'a'), (2, 'b');
SELECT shardid AS shard FROM pg_dist_shard WHERE logicalrelid = 'r'::regclass \gset
SELECT on_workers(format('DROP TABLE rights_shards.r_%s', :shard));
SELECT on_workers(format('CREATE VIEW rights_shards.r_%s AS SELECT 1 AS k, ''a''::text AS v', :shard));
\set VERBOSITY sqlstate
UPDATE r SET v = v || random()::text;
DELETE FROM r WHERE v = 'a';
SELECT * FROM altius_check_reference_tables(true);
SELECT on_workers(format('DROP VIEW rights_shards.r_%s', :shard));
SELECT on_workers(format('CREATE TABLE rights_shards.r_%s (k int, v text) PARTITION BY LIST (k)', :shard));
UPDATE r SET v = v || random()::text;
SELECT * FROM altius_check_reference_tables(true);
\set VERBOSITY terse
DROP TABLE r;

-- Nobody else takes a name that ends in the number of a shard, on any node.
CREATE TABLE named (k int);
SELECT create_distributed_table('named', 'k', shard_count => 1, colocate_with => 'none');
SELECT shardid AS shard FROM pg_dist_shard WHERE logicalrelid = 'named'::regclass \gset
RESET SESSION AUTHORIZATION;
CREATE SCHEMA rights_shards_apart AUTHORIZATION rights_shards_alice;
SET SESSION AUTHORIZATION rights_shards_alice;
\set VERBOSITY sqlstate
CREATE TABLE named_:shard (k int);
CREATE TABLE named_:shard AS SELECT 1 AS k;
CREATE VIEW rights_shards.x_:shard AS SELECT 1 AS k;
CREATE MATERIALIZED VIEW named_:shard AS SELECT 1 AS k;
CREATE SEQUENCE named_:shard;
CREATE TYPE named_:shard AS ENUM ('a');
CREATE TYPE named_:shard AS (k int);
CREATE DOMAIN named_:shard AS int;
CREATE TABLE other (k int CONSTRAINT named_pkey_:shard PRIMARY KEY);
CREATE TABLE other (k int);
CREATE TYPE mood AS ENUM ('a');
CREATE INDEX named_i_:shard ON other (k);
CREATE INDEX other_i ON other (k);
ALTER INDEX other_i RENAME TO named_i_:shard;
ALTER TABLE other RENAME TO named_:shard;
ALTER TYPE mood RENAME TO named_:shard;
CREATE UNIQUE INDEX other_u ON other (k);
ALTER TABLE other ADD CONSTRAINT named_:shard UNIQUE USING INDEX other_u;
CREATE TABLE rights_shards_apart.moved (k int CONSTRAINT named_:shard PRIMARY KEY);
ALTER TABLE rights_shards_apart.moved SET SCHEMA rights_shards;
DROP SCHEMA rights_shards_apart CASCADE;
CREATE TEMPORARY TABLE named_:shard (k int);
ALTER TABLE named_:shard RENAME TO x_:shard;
DROP TABLE x_:shard;
SELECT on_workers(format('CREATE TABLE rights_shards.x_%s (k int)', :shard));
SELECT on_workers(format('CREATE SEQUENCE rights_shards.x_%s', :shard));
\set VERBOSITY terse
DROP TABLE other;
DROP TYPE mood;
SET SESSION AUTHORIZATION rights_shards_mallory;
CREATE INDEX i ON named (k);
ALTER TABLE named RENAME TO renamed;
ALTER TABLE renamed ADD PRIMARY KEY (k);
CREATE TABLE x_:shard (k int);
DROP TABLE renamed, x_:shard;

-- Numbers that names have before they are those of shards are passed over, on whatever node the name is.
CREATE TABLE last (k int);
SELECT create_distributed_table('last', 'k', shard_count => 1, colocate_with => 'none');
SELECT max(shardid) AS last FROM pg_dist_shard \gset
SET SESSION AUTHORIZATION rights_shards_alice;
SELECT on_workers(format('CREATE TABLE rights_shards.next_%s (k int)', :last + 1));
SELECT on_workers(format('CREATE SEQUENCE rights_shards.i_%s', :last + 2));
\set ECHO none
SELECT format('CREATE TYPE rights_shards.next_%s AS ENUM (''a'')', :last + 3) \gexec
\set ECHO all
SET SESSION AUTHORIZATION rights_shards_mallory;
CREATE TABLE next (k int);
SELECT create_distributed_table('next', 'k', shard_count => 2, colocate_with => 'none');
SELECT shardid - :last AS number FROM pg_dist_shard WHERE logicalrelid = 'next'::regclass ORDER BY 1;
SET SESSION AUTHORIZATION rights_shards_alice;
SELECT on_workers(format('CREATE TABLE rights_shards.next_%s (k int)', :last + 6));
SET SESSION AUTHORIZATION rights_shards_mallory;
INSERT INTO next SELECT generate_series(1, 10);
SELECT count(*) FROM (SELECT isolate_tenant_to_new_shard('next', 1, shard_transfer_mode => 'block_writes')) it;
SELECT DISTINCT shardid - :last AS number FROM pg_dist_shard WHERE logicalrelid = 'next'::regclass ORDER BY 1;
SELECT count(*) FROM next;
DROP TABLE next, last;
SET SESSION AUTHORIZATION rights_shards_alice;
\set ECHO none
SELECT format('DROP TYPE rights_shards.next_%s', :last + 3) \gexec
\set ECHO all
SET SESSION AUTHORIZATION rights_shards_mallory;

-- Who may empty a table may not empty one of its shards.
CREATE TABLE t (k int);
SELECT create_distributed_table('t', 'k', shard_count => 2, colocate_with => 'none');
INSERT INTO t VALUES (1), (2), (3), (4);
GRANT TRUNCATE, SELECT ON t TO rights_shards_alice;
SET SESSION AUTHORIZATION rights_shards_alice;
SELECT DISTINCT success FROM run_command_on_shards('t', 'TRUNCATE %s');
SELECT count(*) FROM t;
TRUNCATE t;
SELECT count(*) FROM t;
RESET SESSION AUTHORIZATION;

-- A function that a statement calls changes the table, or a shard's name, under the triggers that the statement fires.
SET SESSION AUTHORIZATION rights_shards_mallory;
CREATE TABLE changed (k int, v text, w int CHECK (w > 0));
SELECT create_distributed_table('changed', 'k', shard_count => 1, colocate_with => 'none');
SELECT s.shardid AS shard FROM pg_dist_shard s WHERE s.logicalrelid = 'changed'::regclass \gset
SELECT min(s.shardid) AS others FROM pg_dist_shard s WHERE s.logicalrelid = 't'::regclass \gset
CREATE FUNCTION once(command text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  IF current_setting('rights_shards.done', true) IS DISTINCT FROM 'yes' THEN
    SET rights_shards.done = 'yes';
    EXECUTE command;
  END IF;
  RETURN true;
END $$;
\set ECHO none
SELECT format($$CREATE FUNCTION renames() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN
  PERFORM rights_shards.once(''ALTER TABLE IF EXISTS rights_shards.changed_%1$s RENAME TO changed_%2$s'');
  PERFORM length(new::text);
  RETURN new;
END'$$, :shard, :others) \gexec
\set ECHO all
CREATE TRIGGER renames BEFORE INSERT ON changed FOR EACH ROW EXECUTE FUNCTION renames();
\set VERBOSITY sqlstate
INSERT INTO changed VALUES (1, 'a', 1), (1, 'b', 1), (1, 'c', 1);
DROP TRIGGER renames ON changed;
-- Here the function is one of a constraint, in which nothing holds the table.
CREATE FUNCTION retypes(int) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  RETURN rights_shards.once('ALTER TABLE rights_shards.changed DROP COLUMN v, DROP COLUMN w; ALTER TABLE rights_shards.changed ADD COLUMN v int, ADD COLUMN w text');
END $$;
CREATE FUNCTION returns() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM length(new::text); RETURN new; END';
ALTER TABLE changed ADD CHECK (retypes(w));
CREATE TRIGGER before BEFORE INSERT ON changed FOR EACH ROW EXECUTE FUNCTION returns();
INSERT INTO changed VALUES (1, 'a', 1), (1, 'b', 1), (1, 'c', 1);
DROP TRIGGER before ON changed;
CREATE TRIGGER after AFTER INSERT ON changed FOR EACH ROW EXECUTE FUNCTION returns();
INSERT INTO changed VALUES (1, 'a', 1), (1, 'b', 1), (1, 'c', 1);
-- On the node that was asked the statement holds the table.
CREATE TABLE held (k int, v int, w text);
SELECT create_distributed_table('held', 'k', shard_count => 2, colocate_with => 'none');
INSERT INTO held SELECT i, 1094795585, 'x' FROM generate_series(1, 10) i;
CREATE FUNCTION before_update() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN new.w := new.w || new.v; RETURN new; END';
CREATE TRIGGER before BEFORE UPDATE ON held FOR EACH ROW EXECUTE FUNCTION before_update();
CREATE FUNCTION retypes_held(k int) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
  SET citus.enable_ddl_propagation TO off;
  ALTER TABLE rights_shards.held DROP COLUMN v, DROP COLUMN w;
  ALTER TABLE rights_shards.held ADD COLUMN v text, ADD COLUMN w int;
  RETURN k + 100;
END $$;
UPDATE held SET k = retypes_held(k);
SELECT retypes_held(k) FROM held;
SELECT count(*), min(v) FROM held;
\set VERBOSITY terse
RESET SESSION AUTHORIZATION;
DROP SCHEMA rights_shards CASCADE;
DROP OWNED BY rights_shards_alice, rights_shards_mallory;
DROP ROLE rights_shards_alice, rights_shards_mallory;
