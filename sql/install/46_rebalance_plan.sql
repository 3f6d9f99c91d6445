-- What the rebalancer would do, and the measured load that strategy by_load goes by.

CREATE FUNCTION pg_catalog.get_rebalance_table_shards_plan(
  relation regclass DEFAULT NULL, threshold real DEFAULT NULL, max_shard_moves integer DEFAULT 1000000,
  excluded_shard_list bigint[] DEFAULT '{}', drain_only boolean DEFAULT false, rebalance_strategy name DEFAULT NULL,
  improvement_threshold real DEFAULT NULL,
  OUT table_name regclass, OUT shardid bigint, OUT shard_size bigint, OUT sourcename text, OUT sourceport integer,
  OUT targetname text, OUT targetport integer)
  RETURNS SETOF record LANGUAGE c VOLATILE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION pg_catalog.get_rebalance_table_shards_plan(regclass, real, integer, bigint[], boolean, name, real)
  IS 'the moves that a rebalance would make now, in their order; moves nothing';

-- Load ------------------------------------------------------------------------------------------------------------------

CREATE TABLE citus.altius_shard_load (
  shardid bigint NOT NULL PRIMARY KEY,
  groupid integer NOT NULL,          -- where it was counted
  measured_at timestamptz NOT NULL,
  counted bigint NOT NULL,           -- by that group's statistics, since some beginning
  load double precision              -- counts a second, averaged; null until it was counted twice
);
ALTER TABLE citus.altius_shard_load SET SCHEMA pg_catalog;

-- Rows read and written of the shards on this node, as its statistics have them now.  A row written counts as four read.
CREATE FUNCTION altius_internal.local_shard_counts(OUT shardid bigint, OUT groupid integer, OUT counted bigint)
  RETURNS SETOF record LANGUAGE sql VOLATILE
  BEGIN ATOMIC
    SELECT pg_catalog.pg_stat_clear_snapshot();
    SELECT s.shardid, p.groupid,
           coalesce(stat.seq_tup_read, 0) + coalesce(stat.idx_tup_fetch, 0)
             + 4 * (stat.n_tup_ins + stat.n_tup_upd + stat.n_tup_del)
    FROM pg_catalog.pg_dist_shard s
    JOIN pg_catalog.pg_dist_placement p ON p.shardid = s.shardid
    JOIN pg_catalog.pg_dist_local_group g ON g.groupid = p.groupid
    JOIN pg_catalog.pg_dist_partition t ON t.logicalrelid = s.logicalrelid AND NOT (t.partmethod = 'n' AND t.repmodel = 't')
    JOIN pg_catalog.pg_stat_all_tables stat ON stat.relid = altius_internal.shard_oid(s.logicalrelid, s.shardid);
  END;

-- A running average: what was measured ten minutes ago counts half.
CREATE FUNCTION altius_internal.blended_load(old double precision, counts bigint, seconds double precision)
  RETURNS double precision LANGUAGE sql IMMUTABLE
  BEGIN ATOMIC
    SELECT CASE WHEN old IS NULL THEN counts / seconds
           ELSE old + (counts / seconds - old) * (1 - 0.5 ^ (seconds / 600)) END;
  END;

-- Counts that went back, or that are of another node, tell nothing about the time between: the load stays as it was, so a
-- shard takes its load along when it moves.  Two counts within half a second are one.
CREATE FUNCTION pg_catalog.altius_measure_load() RETURNS void LANGUAGE sql VOLATILE
BEGIN ATOMIC
  INSERT INTO pg_catalog.altius_shard_load AS old (shardid, groupid, measured_at, counted)
  SELECT it.shardid, it.groupid, pg_catalog.clock_timestamp(), it.counted
  FROM altius_internal.ask_all_nodes('SELECT pg_catalog.json_agg(it) FROM altius_internal.local_shard_counts() it') asked
  CROSS JOIN LATERAL pg_catalog.json_to_recordset(asked.result::json) AS it (shardid bigint, groupid integer, counted bigint)
  ON CONFLICT (shardid) DO UPDATE SET
    groupid = excluded.groupid, measured_at = excluded.measured_at, counted = excluded.counted,
    load = CASE
      WHEN old.groupid <> excluded.groupid OR old.counted > excluded.counted THEN old.load
      ELSE altius_internal.blended_load(old.load, excluded.counted - old.counted,
                                        extract(epoch FROM excluded.measured_at - old.measured_at)::float8) END
  WHERE excluded.measured_at > old.measured_at + interval '500 ms';
  DELETE FROM pg_catalog.altius_shard_load l
  WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_dist_shard s WHERE s.shardid = l.shardid);
END;
COMMENT ON FUNCTION pg_catalog.altius_measure_load()
  IS 'counts rows read and written of all shards on their nodes; the difference to the last time is their load';

-- What strategy by_load goes by.  Shards that were never counted twice are counted again after two seconds.
CREATE FUNCTION altius_internal.fresh_shard_loads(OUT shardid bigint, OUT load double precision)
  RETURNS SETOF record LANGUAGE plpgsql VOLATILE
  SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM pg_catalog.altius_measure_load();
  IF EXISTS (SELECT FROM pg_catalog.altius_shard_load l WHERE l.load IS NULL) THEN
    PERFORM pg_catalog.pg_sleep(2);
    PERFORM pg_catalog.altius_measure_load();
  END IF;
  RETURN QUERY SELECT l.shardid, coalesce(l.load, 0) FROM pg_catalog.altius_shard_load l;
END $$;
