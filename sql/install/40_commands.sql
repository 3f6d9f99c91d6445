-- Running a command elsewhere.

CREATE FUNCTION pg_catalog.run_command_on_workers(
  command text, parallel boolean DEFAULT true, OUT nodename text, OUT nodeport integer, OUT success boolean,
  OUT result text) RETURNS SETOF record
  LANGUAGE c STRICT AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION pg_catalog.run_command_on_workers(text, boolean) IS 'run a statement on all workers';

CREATE FUNCTION pg_catalog.run_command_on_all_nodes(
  command text, parallel boolean DEFAULT true, give_warning_for_connection_errors boolean DEFAULT false,
  OUT nodeid integer, OUT success boolean, OUT result text) RETURNS SETOF record
  LANGUAGE c STRICT AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION pg_catalog.run_command_on_all_nodes(text, boolean, boolean) IS 'run a statement on all nodes';

CREATE FUNCTION pg_catalog.run_command_on_coordinator(
  command text, give_warning_for_connection_errors boolean DEFAULT false,
  OUT nodeid integer, OUT success boolean, OUT result text) RETURNS SETOF record
  LANGUAGE c STRICT AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION pg_catalog.run_command_on_coordinator(text, boolean) IS 'run a statement on the coordinator';

CREATE FUNCTION pg_catalog.run_command_on_shards(
  table_name regclass, command text, parallel boolean DEFAULT true,
  OUT shardid bigint, OUT success boolean, OUT result text) RETURNS SETOF record
  LANGUAGE c STRICT AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION pg_catalog.run_command_on_shards(regclass, text, boolean)
  IS 'run a statement on each shard of a table; %s stands for its name';

CREATE FUNCTION pg_catalog.run_command_on_placements(
  table_name regclass, command text, parallel boolean DEFAULT true,
  OUT nodename text, OUT nodeport integer, OUT shardid bigint, OUT success boolean, OUT result text) RETURNS SETOF record
  LANGUAGE c STRICT AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION pg_catalog.run_command_on_placements(regclass, text, boolean)
  IS 'run a statement on each copy of each shard of a table; %s stands for its name';

CREATE FUNCTION pg_catalog.run_command_on_colocated_placements(
  table_name1 regclass, table_name2 regclass, command text, parallel boolean DEFAULT true,
  OUT nodename text, OUT nodeport integer, OUT shardid1 bigint, OUT shardid2 bigint, OUT success boolean,
  OUT result text) RETURNS SETOF record
  LANGUAGE c STRICT AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION pg_catalog.run_command_on_colocated_placements(regclass, regclass, text, boolean)
  IS 'run a statement on each pair of colocated shards; the two %s stand for their names';

-- One value from each node, within the transaction.  What goes wrong on a node is raised if strict, else told as a warning.
CREATE FUNCTION altius_internal.ask_all_nodes(command text, strict boolean DEFAULT true, OUT nodeid integer, OUT result text) RETURNS SETOF record
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'altius_ask_all_nodes';

CREATE FUNCTION pg_catalog.citus_check_cluster_node_health(
  OUT from_nodename text, OUT from_nodeport integer, OUT to_nodename text, OUT to_nodeport integer, OUT result boolean)
  RETURNS SETOF record LANGUAGE sql VOLATILE STRICT
  BEGIN ATOMIC
    SELECT f.nodename, f.nodeport, t.nodename, t.nodeport,
           coalesce((CASE WHEN answer.success THEN answer.result END::json ->> t.nodeid::text)::boolean, false)
    FROM pg_catalog.run_command_on_all_nodes(
      'SELECT pg_catalog.json_object_agg(nodeid, pg_catalog.citus_check_connection_to_node(nodename, nodeport)) '
      'FROM pg_catalog.pg_dist_node WHERE isactive') answer
    JOIN pg_catalog.pg_dist_node f ON f.nodeid = answer.nodeid
    CROSS JOIN pg_catalog.pg_dist_node t
    WHERE t.isactive
    ORDER BY f.nodeid, t.nodeid;
  END;
COMMENT ON FUNCTION pg_catalog.citus_check_cluster_node_health() IS 'which node can connect to which';

CREATE FUNCTION pg_catalog.get_shard_id_for_distribution_column(table_name regclass, distribution_value "any" DEFAULT NULL)
  RETURNS bigint
  LANGUAGE c STABLE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION pg_catalog.get_shard_id_for_distribution_column(regclass, "any") IS 'which shard holds a value';
