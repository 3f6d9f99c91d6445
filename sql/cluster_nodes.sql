-- Nodes are added, changed and removed.  Runs alone: it changes the cluster and brings it back to what it was.
CREATE SCHEMA cluster_nodes;
SET search_path = cluster_nodes;
SET citus.shard_count = 4;
\getenv worker2_port WORKER2_PORT
\getenv worker1_port WORKER1_PORT
\getenv coordinator_port COORDINATOR_PORT
SELECT nodename AS host FROM pg_dist_node WHERE nodeport = :worker2_port \gset
CREATE VIEW nodes AS
  SELECT CASE nodeport WHEN :coordinator_port THEN 'coordinator' WHEN :worker1_port THEN 'worker 1' WHEN :worker2_port THEN 'worker 2'
         ELSE 'unknown' END AS node, groupid = 0 AS first_group, isactive, hasmetadata, metadatasynced, shouldhaveshards, noderole
  FROM pg_dist_node ORDER BY 1;
-- runs a statement and tells its error, with ports and groups by name
CREATE FUNCTION error_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  said text;
  advice text;
BEGIN
  EXECUTE statement;
  RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS said = MESSAGE_TEXT, advice = PG_EXCEPTION_HINT;
  said := SQLSTATE || ' ' || said || coalesce(E'\n' || nullif(advice, ''), '');
  SELECT replace(said, nodeport::text, 'port') INTO said FROM pg_dist_node WHERE said ~ (':' || nodeport);
  RETURN said;
END $$;
TABLE nodes;
SELECT role, active, count(*) FROM citus_nodes GROUP BY 1, 2 ORDER BY 1;
SELECT count(*) FROM citus_get_active_worker_nodes();

-- objects of all kinds that a new node must get
CREATE TYPE colour AS ENUM ('red', 'green');
CREATE FUNCTION twice(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 2 * $1';
CREATE TABLE kinds (kind int PRIMARY KEY, title text DEFAULT 'none', doubled int GENERATED ALWAYS AS (twice(kind)) STORED);
SELECT create_reference_table('kinds');
CREATE TABLE sorts (sort int PRIMARY KEY, kind int REFERENCES kinds);
CREATE FUNCTION title_of(int) RETURNS text LANGUAGE sql STABLE AS 'SELECT title FROM kinds WHERE kind = $1';
SELECT create_reference_table('sorts');
INSERT INTO kinds VALUES (1, E'tab\tnewline\nbackslash\\'), (2, NULL), (3, ''), (4, '\N');
INSERT INTO sorts VALUES (10, 1), (20, 2);

-- worker 2 leaves: it has copies of reference tables only
SELECT citus_remove_node(:'host', :worker2_port);
TABLE nodes;
SELECT count(*) FROM pg_dist_placement WHERE NOT EXISTS (SELECT FROM pg_dist_node n WHERE n.groupid = pg_dist_placement.groupid);
CREATE TABLE cars (id int PRIMARY KEY, colour colour, kind int REFERENCES kinds);
CREATE INDEX ON cars (colour);
SELECT create_distributed_table('cars', 'id');
INSERT INTO cars SELECT g, 'red', 1 FROM generate_series(1, 10) g;
INSERT INTO kinds VALUES (5, 'while worker 2 was away');

-- what can't be a node
SELECT citus_add_node('127.0.0.1', 1);
SELECT citus_add_node('', 5432);
SELECT citus_add_node(:'host', 70000);
SELECT regexp_replace(error_of(format('SELECT citus_add_node(%L, %s, groupid => %s)', :'host', :worker2_port, groupid)), 'group \d+', 'group N')
FROM pg_dist_node WHERE nodeport = :worker1_port;
SELECT citus_add_node(:'host', :worker2_port, noderole => 'secondary');
SELECT citus_add_node(:'host', :worker2_port, nodecluster => 'elsewhere');
SELECT citus_remove_node(:'host', 1);
SELECT citus_set_node_property(:'host', :worker1_port, 'colour', true);
TABLE nodes;

-- worker 2 comes back, in one transaction that may fail as a whole
BEGIN;
SELECT citus_add_node(:'host', :worker2_port) > 0 AS added;
SELECT count(*) FROM citus_get_active_worker_nodes();
ROLLBACK;
TABLE nodes;
SELECT citus_add_node(:'host', :worker2_port) > 0 AS added;
-- again is no error
SELECT citus_add_node(:'host', :worker2_port) = nodeid AS same FROM pg_dist_node WHERE nodeport = :worker2_port;
TABLE nodes;

-- it has everything
SELECT nodeport = :worker2_port AS new, result FROM run_command_on_placements('kinds',
  $$SELECT md5(string_agg(k::text, ';' ORDER BY kind)) || count(*) FROM %s k$$) ORDER BY 1;
SELECT DISTINCT success, result FROM run_command_on_placements('sorts', 'SELECT count(*) FROM %s');
SELECT DISTINCT success, result FROM run_command_on_workers($$SELECT string_agg(conname, ',') FROM pg_constraint
  WHERE contype = 'f' AND conrelid = 'cluster_nodes.cars'::regclass$$);
SELECT DISTINCT success, result FROM run_command_on_workers('SELECT count(*) FROM cluster_nodes.cars');
SELECT DISTINCT success, result FROM run_command_on_workers('SELECT cluster_nodes.twice(21)');
SELECT DISTINCT success, result FROM run_command_on_all_nodes($$SELECT count(*) FROM pg_dist_partition p
  JOIN pg_class c ON c.oid = logicalrelid WHERE relnamespace = 'cluster_nodes'::regnamespace$$);
SELECT count(DISTINCT result) AS different FROM run_command_on_all_nodes(
  'SELECT md5(string_agg(n::text, chr(10) ORDER BY nodeid)) FROM pg_dist_node n');
-- and takes part
INSERT INTO kinds VALUES (6, 'all');
SELECT DISTINCT result FROM run_command_on_placements('kinds', 'SELECT count(*) FROM %s');
CREATE TABLE later (id int PRIMARY KEY);
SELECT create_distributed_table('later', 'id', colocate_with => 'none');
SELECT count(DISTINCT nodeport) FROM citus_shards WHERE table_name = 'later'::regclass;

-- with a shard of its own it can't be removed or disabled
SELECT error_of(format('SELECT citus_remove_node(%L, %s)', :'host', :worker2_port));
SELECT error_of(format('SELECT citus_disable_node(%L, %s)', :'host', :worker2_port));
DROP TABLE later;

-- disabled and activated
SELECT citus_disable_node(:'host', :worker2_port);
TABLE nodes;
INSERT INTO kinds VALUES (7, 'while worker 2 was disabled');
SELECT count(*) FROM run_command_on_placements('kinds', 'SELECT 1');
SELECT citus_activate_node(:'host', :worker2_port) > 0 AS activated;
SELECT DISTINCT result FROM run_command_on_placements('kinds', 'SELECT count(*) FROM %s');
TABLE nodes;

-- inactive first, then active
SELECT citus_remove_node(:'host', :worker2_port);
SELECT citus_add_inactive_node(:'host', :worker2_port) > 0 AS added;
TABLE nodes;
SELECT citus_activate_node(:'host', :worker2_port) > 0 AS activated;
SELECT count(*) FROM run_command_on_placements('kinds', 'SELECT 1');

-- the address of a node
SELECT nodeid AS id2 FROM pg_dist_node WHERE nodeport = :worker2_port \gset
BEGIN;
SET LOCAL client_min_messages = error;
SELECT citus_update_node(:id2, '127.0.0.2', :worker2_port);
SELECT nodename FROM pg_dist_node WHERE nodeid = :id2;
SELECT result, count(*) FROM (
  SELECT altius_internal.execute_on_group(groupid, 'SELECT nodename FROM pg_dist_node WHERE nodeid = ' || :id2, 'read')
  FROM pg_dist_node WHERE nodeport = :worker1_port) told (result) GROUP BY 1;
ROLLBACK;
SELECT citus_update_node(:id2, :'host', :worker2_port);
SELECT citus_update_node(0, 'localhost', 1);

-- shards on the coordinator, if the user says so
SELECT nodename AS coordinator FROM pg_dist_node WHERE groupid = 0 \gset
SELECT citus_set_node_property(:'coordinator', :coordinator_port, 'shouldhaveshards', true);
CREATE TABLE everywhere (id int PRIMARY KEY);
SELECT create_distributed_table('everywhere', 'id', colocate_with => 'none', shard_count => 6);
SELECT count(DISTINCT nodeport) FROM citus_shards WHERE table_name = 'everywhere'::regclass;
SELECT citus_set_node_property(:'coordinator', :coordinator_port, 'shouldhaveshards', false);
-- A transaction that wrote here alone may be prepared: triggers that wait fire before.
CREATE TABLE noted (id int);
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF new.id < 0 THEN RAISE 'not this one'; END IF;
  INSERT INTO cluster_nodes.noted VALUES (new.id); RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER note AFTER INSERT ON everywhere DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION note();
SELECT min(g) AS here, max(-g) AS below FROM generate_series(1, 1000) g, pg_dist_placement
WHERE groupid = 0 AND shardid = get_shard_id_for_distribution_column('everywhere', g) AND shardid = get_shard_id_for_distribution_column('everywhere', -g) \gset
BEGIN;
INSERT INTO everywhere VALUES (:here);
SELECT count(*) FROM noted;
PREPARE TRANSACTION 'cluster_nodes';
SELECT count(*) FROM noted, everywhere;
COMMIT PREPARED 'cluster_nodes';
SELECT noted.id = :here AS fired FROM noted JOIN everywhere USING (id);
BEGIN;
INSERT INTO everywhere VALUES (:below);
PREPARE TRANSACTION 'cluster_nodes';
SELECT count(*) FROM pg_prepared_xacts WHERE gid = 'cluster_nodes';
SELECT count(*) FROM everywhere;

-- only on the coordinator, and only by superusers
SELECT DISTINCT result FROM run_command_on_workers('SELECT citus_add_node(''localhost'', 1)');
SET ROLE pg_monitor;
SELECT citus_remove_node('localhost', 1);
RESET ROLE;

-- look-ups
SELECT citus_nodename_for_nodeid(:id2) = :'host' AS name, citus_nodeport_for_nodeid(:id2) = :worker2_port AS port,
       get_nodeid_for_groupid(groupid) = :id2 AS of_group, citus_nodename_for_nodeid(-1) AS none
FROM pg_dist_node WHERE nodeid = :id2;
SELECT citus_is_coordinator(), citus_is_primary_node();
-- A node that leaves drops what is proved to be the cluster's.  What has a shard's name may be anybody's, and what can't be dropped
-- does not keep the rest.
DROP TABLE everywhere;
CREATE ROLE cluster_nodes_other;
GRANT ALL ON SCHEMA cluster_nodes TO cluster_nodes_other;
SELECT (array_agg(shard_name(logicalrelid, shardid) ORDER BY shardid))[1] AS named_view,
       (array_agg(shard_name(logicalrelid, shardid) ORDER BY shardid))[2] AS named_table FROM pg_dist_shard WHERE logicalrelid = 'cars'::regclass \gset
SELECT shard_name(logicalrelid, shardid) AS kept FROM pg_dist_shard WHERE logicalrelid = 'sorts'::regclass \gset
\connect - - - :worker2_port
SET citus.enable_ddl_propagation = off;
CREATE VIEW :named_view AS SELECT 1;
CREATE TABLE :named_table AS SELECT 'not yours';
ALTER VIEW :named_view OWNER TO cluster_nodes_other;
ALTER TABLE :named_table OWNER TO cluster_nodes_other;
ALTER EXTENSION plpgsql ADD TABLE :kept;
\connect - - - :coordinator_port
SET search_path = cluster_nodes;
SET client_min_messages = error;
SELECT citus_remove_node(:'host', :worker2_port);
\connect - - - :worker2_port
SELECT count(*) FROM pg_dist_node;
TABLE :named_view;
TABLE :named_table;
SELECT replace(relname, split_part(:'kept', '.', 2), 'kept'), relkind FROM pg_class
WHERE relnamespace = 'cluster_nodes'::regnamespace AND relkind IN ('r', 'p') AND relowner = 10 ORDER BY 1;
ALTER EXTENSION plpgsql DROP TABLE :kept;
SET client_min_messages = error;
DROP TABLE :kept CASCADE;
DROP OWNED BY cluster_nodes_other;
\connect - - - :coordinator_port
SET search_path = cluster_nodes;
SELECT citus_add_node(:'host', :worker2_port) > 0 AS added;
SELECT DISTINCT result FROM run_command_on_placements('sorts', 'SELECT count(*) FROM %s');

-- Nor is another's table taken for a shard that is to be made, or that is to be dropped.
CREATE TABLE crowded (id int);
SELECT format('CREATE TABLE %I (id int)', 'crowded_' || (last_value + 1)) AS command FROM pg_dist_shardid_seq \gset
SET ROLE cluster_nodes_other;
:command;
RESET ROLE;
SELECT create_reference_table('crowded');
SELECT format('%I.%I', nspname, relname) AS squatter FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace
WHERE relnamespace = 'cluster_nodes'::regnamespace AND relname ~ 'crowded_'
  AND relowner = 'cluster_nodes_other'::regrole \gset
SELECT altius_internal.drop_leftover(1, :'squatter', 1000) AS settled, to_regclass(:'squatter') IS NOT NULL AS stays;
SET client_min_messages = warning;
DROP SCHEMA cluster_nodes CASCADE;
DROP OWNED BY cluster_nodes_other;
DROP ROLE cluster_nodes_other;
