-- Nodes: adding, changing and removing them.

-- Who this server is, and which cluster it belongs to (null: none, or it is the coordinator).
CREATE FUNCTION altius_internal.server_id() RETURNS text LANGUAGE sql STABLE
  BEGIN ATOMIC SELECT metadata ->> 'server_id' FROM pg_catalog.pg_dist_node_metadata; END;
CREATE FUNCTION altius_internal.cluster_id() RETURNS text LANGUAGE sql STABLE
  BEGIN ATOMIC SELECT metadata ->> 'cluster_id' FROM pg_catalog.pg_dist_node_metadata; END;
CREATE FUNCTION altius_internal.set_cluster_id(id text) RETURNS void LANGUAGE sql
BEGIN ATOMIC
  UPDATE pg_catalog.pg_dist_node_metadata
  SET metadata = (metadata - 'cluster_id') || coalesce(jsonb_build_object('cluster_id', id), '{}');
END;

-- Forgets what the node knows about the cluster; its tables stay.
CREATE FUNCTION altius_internal.clear_metadata() RETURNS void LANGUAGE plpgsql
  SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  DELETE FROM pg_catalog.pg_dist_placement;
  DELETE FROM pg_catalog.pg_dist_shard;
  DELETE FROM pg_catalog.pg_dist_partition;
  DELETE FROM pg_catalog.pg_dist_colocation;
  DELETE FROM pg_catalog.pg_dist_schema;
  DELETE FROM pg_catalog.pg_dist_node;
END $$;

-- Makes the server as it was before it joined: shards, shell tables and metadata go; schemas, types and functions stay.  What only has
-- a shard's name may be anybody's, and whoever owns a table can see to it that it can't be dropped: that stays, and is told.
CREATE FUNCTION altius_internal.reset_node() RETURNS void LANGUAGE plpgsql
  SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  tables oid[];
  relation regclass;
BEGIN
  SELECT array_agg(it.oid ORDER BY it.rank) INTO tables FROM (
    SELECT 1 AS rank, c.oid
    FROM pg_catalog.pg_dist_shard s JOIN pg_catalog.pg_class shell ON shell.oid = s.logicalrelid
    JOIN pg_catalog.pg_class c ON c.oid = altius_internal.shard_oid(s.logicalrelid, s.shardid)
    WHERE c.relowner = shell.relowner AND c.relkind = shell.relkind
    UNION ALL
    SELECT 2, logicalrelid FROM pg_catalog.pg_dist_partition
  ) it;
  PERFORM altius_internal.clear_metadata();
  DELETE FROM pg_catalog.pg_dist_object;
  UPDATE pg_catalog.pg_dist_local_group SET groupid = 0;
  PERFORM altius_internal.set_cluster_id(NULL);
  PERFORM altius_internal.new_secret();
  SET LOCAL client_min_messages = warning;
  FOREACH relation IN ARRAY coalesce(tables, '{}') LOOP
    CONTINUE WHEN NOT EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = relation);
    BEGIN
      EXECUTE format('DROP TABLE %s CASCADE', relation);
    EXCEPTION WHEN OTHERS THEN
      RAISE WARNING 'table % of the cluster that this node has left is not dropped: %', relation, SQLERRM;
    END;
  END LOOP;
END $$;

CREATE FUNCTION pg_catalog.shard_name(object_name regclass, shard_id bigint) RETURNS text
  LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'altius_shard_name';
COMMENT ON FUNCTION pg_catalog.shard_name(regclass, bigint) IS 'qualified name of the shard of a table';

CREATE FUNCTION pg_catalog.citus_set_coordinator_host(
  host text, port integer DEFAULT current_setting('port')::integer, node_role noderole DEFAULT 'primary',
  node_cluster name DEFAULT 'default') RETURNS void
  LANGUAGE c STRICT AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION pg_catalog.citus_set_coordinator_host(text, integer, noderole, name)
  IS 'tell the cluster the address of its coordinator';

CREATE FUNCTION pg_catalog.citus_add_node(
  nodename text, nodeport integer, groupid integer DEFAULT -1, noderole noderole DEFAULT 'primary',
  nodecluster name DEFAULT 'default') RETURNS integer
  LANGUAGE c STRICT AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION pg_catalog.citus_add_node(text, integer, integer, noderole, name)
  IS 'add a server to the cluster, with all objects, metadata and reference tables';

CREATE FUNCTION pg_catalog.citus_add_inactive_node(
  nodename text, nodeport integer, groupid integer DEFAULT -1, noderole noderole DEFAULT 'primary',
  nodecluster name DEFAULT 'default') RETURNS integer
  LANGUAGE c STRICT AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION pg_catalog.citus_add_inactive_node(text, integer, integer, noderole, name)
  IS 'register a server that takes part only after citus_activate_node';

CREATE FUNCTION pg_catalog.citus_add_secondary_node(
  nodename text, nodeport integer, primaryname text, primaryport integer, nodecluster name DEFAULT 'default')
  RETURNS integer
  LANGUAGE c STRICT AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION pg_catalog.citus_add_secondary_node(text, integer, text, integer, name)
  IS 'register a standby of a node';

CREATE FUNCTION pg_catalog.citus_activate_node(nodename text, nodeport integer) RETURNS integer
  LANGUAGE c STRICT AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION pg_catalog.citus_activate_node(text, integer) IS 'let a registered node take part';

CREATE FUNCTION pg_catalog.citus_disable_node(nodename text, nodeport integer, synchronous boolean DEFAULT false)
  RETURNS void
  LANGUAGE c STRICT AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION pg_catalog.citus_disable_node(text, integer, boolean) IS 'leave a node out until it is activated again';

CREATE FUNCTION pg_catalog.citus_remove_node(nodename text, nodeport integer) RETURNS void
  LANGUAGE c STRICT AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION pg_catalog.citus_remove_node(text, integer) IS 'take a node out of the cluster';

CREATE FUNCTION pg_catalog.citus_set_node_property(nodename text, nodeport integer, property text, value boolean)
  RETURNS void
  LANGUAGE c STRICT AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION pg_catalog.citus_set_node_property(text, integer, text, boolean)
  IS 'set a property of a node: shouldhaveshards';

CREATE FUNCTION pg_catalog.citus_update_node(
  node_id integer, new_node_name text, new_node_port integer, force boolean DEFAULT false,
  lock_cooldown integer DEFAULT 10000) RETURNS void
  LANGUAGE c STRICT AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION pg_catalog.citus_update_node(integer, text, integer, boolean, integer)
  IS 'change the address of a node';

CREATE FUNCTION pg_catalog.citus_pause_node_within_txn(
  node_id integer, force boolean DEFAULT false, lock_cooldown integer DEFAULT 10000) RETURNS void
  LANGUAGE c STRICT AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION pg_catalog.citus_pause_node_within_txn(integer, boolean, integer)
  IS 'let other sessions wait before they use a node, until the end of the transaction';

-- What citus_update_node does on the other nodes.
CREATE FUNCTION altius_internal.pause_group(groupid integer, force boolean, lock_cooldown integer) RETURNS void
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'altius_pause_group';
CREATE FUNCTION altius_internal.set_node_address(node_id integer, host text, port integer) RETURNS void
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'altius_set_node_address';

-- Addresses that were changed and that the other nodes may not know yet.
CREATE TABLE altius_internal.node_change (nodeid integer NOT NULL);

-- Older names, by which tools for high availability call them.
CREATE FUNCTION pg_catalog.master_add_node(
  nodename text, nodeport integer, groupid integer DEFAULT -1, noderole noderole DEFAULT 'primary',
  nodecluster name DEFAULT 'default') RETURNS integer
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'citus_add_node';
CREATE FUNCTION pg_catalog.master_add_inactive_node(
  nodename text, nodeport integer, groupid integer DEFAULT -1, noderole noderole DEFAULT 'primary',
  nodecluster name DEFAULT 'default') RETURNS integer
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'citus_add_inactive_node';
CREATE FUNCTION pg_catalog.master_activate_node(nodename text, nodeport integer) RETURNS integer
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'citus_activate_node';
CREATE FUNCTION pg_catalog.master_disable_node(nodename text, nodeport integer) RETURNS void
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'citus_disable_node';
CREATE FUNCTION pg_catalog.master_remove_node(nodename text, nodeport integer) RETURNS void
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'citus_remove_node';
CREATE FUNCTION pg_catalog.master_update_node(
  node_id integer, new_node_name text, new_node_port integer, force boolean DEFAULT false,
  lock_cooldown integer DEFAULT 10000) RETURNS void
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'citus_update_node';

CREATE FUNCTION pg_catalog.citus_check_connection_to_node(nodename text, nodeport integer DEFAULT 5432) RETURNS boolean
  LANGUAGE c STRICT AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION pg_catalog.citus_check_connection_to_node(text, integer)
  IS 'whether this server can connect to that node';

-- What the metadata says about nodes.

CREATE FUNCTION pg_catalog.citus_get_active_worker_nodes(OUT node_name text, OUT node_port bigint) RETURNS SETOF record
  LANGUAGE sql STABLE STRICT
  BEGIN ATOMIC
    SELECT nodename, nodeport::bigint FROM pg_catalog.pg_dist_node
    WHERE groupid <> 0 AND isactive AND noderole = 'primary' ORDER BY nodename, nodeport;
  END;
COMMENT ON FUNCTION pg_catalog.citus_get_active_worker_nodes() IS 'the workers that take part';

CREATE FUNCTION pg_catalog.citus_is_coordinator() RETURNS boolean LANGUAGE sql STABLE
  BEGIN ATOMIC SELECT groupid = 0 FROM pg_catalog.pg_dist_local_group; END;
COMMENT ON FUNCTION pg_catalog.citus_is_coordinator() IS 'whether this server is the coordinator';

CREATE FUNCTION pg_catalog.citus_is_primary_node() RETURNS boolean LANGUAGE sql STABLE
  BEGIN ATOMIC SELECT NOT pg_catalog.pg_is_in_recovery(); END;
COMMENT ON FUNCTION pg_catalog.citus_is_primary_node() IS 'whether this server is the primary of its group';

CREATE FUNCTION pg_catalog.citus_coordinator_nodeid() RETURNS integer LANGUAGE sql STABLE
  BEGIN ATOMIC SELECT coalesce((SELECT nodeid FROM pg_catalog.pg_dist_node WHERE groupid = 0 AND noderole = 'primary'), 0); END;
COMMENT ON FUNCTION pg_catalog.citus_coordinator_nodeid() IS 'node id of the coordinator, 0 if it is not registered';

CREATE FUNCTION pg_catalog.citus_nodename_for_nodeid(nodeid integer) RETURNS text LANGUAGE sql STABLE STRICT
  BEGIN ATOMIC SELECT n.nodename FROM pg_catalog.pg_dist_node n WHERE n.nodeid = $1; END;
COMMENT ON FUNCTION pg_catalog.citus_nodename_for_nodeid(integer) IS 'host name of a node';

CREATE FUNCTION pg_catalog.citus_nodeport_for_nodeid(nodeid integer) RETURNS integer LANGUAGE sql STABLE STRICT
  BEGIN ATOMIC SELECT n.nodeport FROM pg_catalog.pg_dist_node n WHERE n.nodeid = $1; END;
COMMENT ON FUNCTION pg_catalog.citus_nodeport_for_nodeid(integer) IS 'port of a node';

CREATE FUNCTION pg_catalog.get_nodeid_for_groupid(groupidinput integer) RETURNS integer LANGUAGE sql STABLE STRICT
  BEGIN ATOMIC SELECT nodeid FROM pg_catalog.pg_dist_node WHERE groupid = $1 AND noderole = 'primary'; END;
COMMENT ON FUNCTION pg_catalog.get_nodeid_for_groupid(integer) IS 'node id of the primary of a group';

CREATE VIEW citus.citus_nodes AS
  SELECT nodename, nodeport, CASE groupid WHEN 0 THEN 'coordinator' ELSE 'worker' END AS role, isactive AS active
  FROM pg_catalog.pg_dist_node;
ALTER VIEW citus.citus_nodes SET SCHEMA pg_catalog;

-- The metadata is on all nodes at all times; these bring a node that missed a change up to date, the first one also a node
-- that is believed to be.
CREATE FUNCTION pg_catalog.start_metadata_sync_to_node(nodename text, nodeport integer) RETURNS void
  LANGUAGE sql VOLATILE STRICT
  BEGIN ATOMIC
    UPDATE pg_catalog.pg_dist_node n SET metadatasynced = false WHERE n.nodename = $1 AND n.nodeport = $2 AND n.groupid <> 0;
    SELECT pg_catalog.citus_activate_node($1, $2);
  END;
COMMENT ON FUNCTION pg_catalog.start_metadata_sync_to_node(text, integer) IS 'bring the metadata of a node up to date';

CREATE FUNCTION pg_catalog.start_metadata_sync_to_all_nodes() RETURNS boolean LANGUAGE sql VOLATILE
BEGIN ATOMIC
  SELECT count(pg_catalog.citus_activate_node(nodename, nodeport)) >= 0 FROM pg_catalog.pg_dist_node
  WHERE groupid <> 0 AND noderole = 'primary' AND isactive AND NOT coalesce(metadatasynced, false);
END;
COMMENT ON FUNCTION pg_catalog.start_metadata_sync_to_all_nodes() IS 'bring the metadata of all nodes up to date';

-- The address book by hand: what a follower of etcd publishes.
CREATE FUNCTION altius_internal.publish_group(
  groupid integer, state text, revision bigint, member text, host text, port integer, timeline integer DEFAULT 0)
  RETURNS text LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'altius_publish_group';
CREATE FUNCTION altius_internal.set_following(following boolean) RETURNS void
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'altius_set_following';
CREATE FUNCTION altius_internal.name_standbys(names text) RETURNS void
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'altius_name_standbys';
CREATE FUNCTION altius_internal.forget_group(groupid integer) RETURNS void
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'altius_forget_group';
