-- Rebalancing as a whole: plans become background jobs.

CREATE FUNCTION pg_catalog.citus_rebalance_start(
  rebalance_strategy name DEFAULT NULL, drain_only boolean DEFAULT false,
  shard_transfer_mode citus.shard_transfer_mode DEFAULT 'auto', parallel_transfer_reference_tables boolean DEFAULT false,
  parallel_transfer_colocated_shards boolean DEFAULT false) RETURNS bigint
  LANGUAGE C VOLATILE AS 'MODULE_PATHNAME', 'citus_rebalance_start';
COMMENT ON FUNCTION pg_catalog.citus_rebalance_start(name, boolean, citus.shard_transfer_mode, boolean, boolean)
  IS 'moves shards in the background until all nodes carry their share; returns the job';

CREATE FUNCTION altius_internal.start_rebalance(
  relation regclass DEFAULT NULL, threshold real DEFAULT NULL, max_shard_moves integer DEFAULT NULL,
  excluded_shard_list bigint[] DEFAULT NULL, mode citus.shard_transfer_mode DEFAULT 'auto', drain_only boolean DEFAULT false,
  strategy name DEFAULT NULL) RETURNS bigint LANGUAGE C VOLATILE AS 'MODULE_PATHNAME', 'altius_start_rebalance';

CREATE FUNCTION pg_catalog.citus_rebalance_status(
  raw boolean DEFAULT false, OUT job_id bigint, OUT state pg_catalog.citus_job_status, OUT job_type name, OUT description text,
  OUT started_at timestamptz, OUT finished_at timestamptz, OUT details jsonb) RETURNS SETOF record
  LANGUAGE sql VOLATILE STRICT
  BEGIN ATOMIC
    SELECT s.* FROM pg_catalog.citus_job_status(
      (SELECT max(j.job_id) FROM pg_catalog.pg_dist_background_job j WHERE j.job_type = 'rebalance'), $1) s;
  END;
COMMENT ON FUNCTION pg_catalog.citus_rebalance_status(boolean) IS 'the newest rebalance: what moves, how far, how long still';

CREATE FUNCTION pg_catalog.citus_rebalance_wait() RETURNS void
  LANGUAGE C VOLATILE STRICT AS 'MODULE_PATHNAME', 'citus_rebalance_wait';
COMMENT ON FUNCTION pg_catalog.citus_rebalance_wait() IS 'waits until the running rebalance has ended';

CREATE FUNCTION pg_catalog.citus_rebalance_stop() RETURNS void
  LANGUAGE C VOLATILE STRICT AS 'MODULE_PATHNAME', 'citus_rebalance_stop';
COMMENT ON FUNCTION pg_catalog.citus_rebalance_stop() IS 'cancels the running rebalance; finished moves stay';

CREATE FUNCTION pg_catalog.rebalance_table_shards(
  relation regclass DEFAULT NULL, threshold real DEFAULT NULL, max_shard_moves integer DEFAULT 1000000,
  excluded_shard_list bigint[] DEFAULT '{}', shard_transfer_mode citus.shard_transfer_mode DEFAULT 'auto',
  drain_only boolean DEFAULT false, rebalance_strategy name DEFAULT NULL) RETURNS void
  LANGUAGE C VOLATILE AS 'MODULE_PATHNAME', 'rebalance_table_shards';
COMMENT ON FUNCTION pg_catalog.rebalance_table_shards(regclass, real, integer, bigint[], citus.shard_transfer_mode, boolean, name)
  IS 'moves shards until all nodes carry their share, and waits for it';

CREATE FUNCTION pg_catalog.citus_drain_node(
  nodename text, nodeport integer, shard_transfer_mode citus.shard_transfer_mode DEFAULT 'auto',
  rebalance_strategy name DEFAULT NULL) RETURNS void LANGUAGE C VOLATILE AS 'MODULE_PATHNAME', 'citus_drain_node';
COMMENT ON FUNCTION pg_catalog.citus_drain_node(text, integer, citus.shard_transfer_mode, name)
  IS 'moves all shards off a node, and lets it get no new ones';
