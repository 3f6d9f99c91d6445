-- Strategies of the rebalancer: what a shard group costs, what a node can carry, which may lie where.

CREATE FUNCTION pg_catalog.citus_shard_cost_1(bigint) RETURNS real
  LANGUAGE sql IMMUTABLE STRICT AS $$ SELECT 1.0::real $$;
COMMENT ON FUNCTION pg_catalog.citus_shard_cost_1(bigint) IS 'cost function: every shard group costs the same';

CREATE FUNCTION pg_catalog.citus_shard_cost_by_disk_size(bigint) RETURNS real
  LANGUAGE sql VOLATILE STRICT AS $$
    SELECT (pg_size_bytes(current_setting('citus.rebalancer_by_disk_size_base_cost')) + coalesce(sum(sizes.size), 0))::real
    FROM pg_dist_shard asked
    JOIN pg_dist_partition asked_table USING (logicalrelid)
    JOIN pg_dist_partition member ON member.logicalrelid = asked.logicalrelid
      OR (member.colocationid = asked_table.colocationid AND asked_table.colocationid <> 0)
    JOIN pg_dist_shard beside ON beside.logicalrelid = member.logicalrelid
      AND beside.shardminvalue IS NOT DISTINCT FROM asked.shardminvalue
    JOIN (SELECT shard_id, max(size) AS size FROM citus_shard_sizes() GROUP BY shard_id) sizes
      ON sizes.shard_id = beside.shardid
    WHERE asked.shardid = $1 $$;
COMMENT ON FUNCTION pg_catalog.citus_shard_cost_by_disk_size(bigint)
  IS 'cost function: bytes on disk of the shard group, and a base cost for each';

CREATE FUNCTION pg_catalog.citus_node_capacity_1(integer) RETURNS real
  LANGUAGE sql IMMUTABLE STRICT AS $$ SELECT 1.0::real $$;
COMMENT ON FUNCTION pg_catalog.citus_node_capacity_1(integer) IS 'capacity function: all nodes can carry the same';

CREATE FUNCTION pg_catalog.citus_shard_allowed_on_node_true(bigint, integer) RETURNS boolean
  LANGUAGE sql IMMUTABLE STRICT AS $$ SELECT true $$;
COMMENT ON FUNCTION pg_catalog.citus_shard_allowed_on_node_true(bigint, integer)
  IS 'placement function: any shard may lie on any node';

CREATE TABLE citus.pg_dist_rebalance_strategy (
  name name NOT NULL PRIMARY KEY,
  default_strategy boolean NOT NULL DEFAULT false,
  shard_cost_function regproc NOT NULL,
  node_capacity_function regproc NOT NULL,
  shard_allowed_on_node_function regproc NOT NULL,
  default_threshold real NOT NULL,
  minimum_threshold real NOT NULL DEFAULT 0,
  improvement_threshold real NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX pg_dist_rebalance_strategy_default ON citus.pg_dist_rebalance_strategy (default_strategy)
  WHERE default_strategy;

INSERT INTO citus.pg_dist_rebalance_strategy VALUES
  ('by_shard_count', false, 'pg_catalog.citus_shard_cost_1', 'pg_catalog.citus_node_capacity_1',
   'pg_catalog.citus_shard_allowed_on_node_true', 0, 0, 0),
  ('by_disk_size', true, 'pg_catalog.citus_shard_cost_by_disk_size', 'pg_catalog.citus_node_capacity_1',
   'pg_catalog.citus_shard_allowed_on_node_true', 0.1, 0.01, 0.5);

GRANT SELECT ON citus.pg_dist_rebalance_strategy TO public;
ALTER TABLE citus.pg_dist_rebalance_strategy SET SCHEMA pg_catalog;
