-- Moves of shard groups.

CREATE FUNCTION pg_catalog.citus_move_shard_placement(shard_id bigint, source_node_id integer, target_node_id integer,
    transfer_mode citus.shard_transfer_mode DEFAULT 'auto') RETURNS void
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'citus_move_shard_placement_with_nodeid';
CREATE FUNCTION pg_catalog.citus_move_shard_placement(shard_id bigint, source_node_name text, source_node_port integer,
    target_node_name text, target_node_port integer, shard_transfer_mode citus.shard_transfer_mode DEFAULT 'auto')
  RETURNS void
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'citus_move_shard_placement';

CREATE FUNCTION pg_catalog.replicate_reference_tables(shard_transfer_mode citus.shard_transfer_mode DEFAULT 'auto')
  RETURNS void
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'replicate_reference_tables';
COMMENT ON FUNCTION pg_catalog.replicate_reference_tables(citus.shard_transfer_mode)
  IS 'copies reference tables to the nodes that lack them';

-- Steps of a move: on the coordinator, in the transaction that changes the placements ...
CREATE FUNCTION altius_internal.begin_flip(operation bigint) RETURNS void
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'altius_begin_flip';
CREATE FUNCTION altius_internal.block_shard_writes(source integer, shards bigint[], timeout_ms integer, hold_ms integer,
    definition text)
  RETURNS text
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'altius_block_shard_writes';
CREATE FUNCTION altius_internal.make_foreign_keys(target integer, shards bigint[], timeout_ms integer) RETURNS boolean
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'altius_make_foreign_keys';
CREATE FUNCTION altius_internal.finish_flip(operation bigint, source integer, target integer, shards bigint[]) RETURNS void
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'altius_finish_flip';
CREATE FUNCTION altius_internal.block_reference_writes(source integer, shards bigint[], timeout_ms integer, hold_ms integer,
    definition text)
  RETURNS text
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'altius_block_reference_writes';
CREATE FUNCTION altius_internal.finish_copy(operation bigint, source integer, target integer, shards bigint[]) RETURNS void
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'altius_finish_copy';
-- ... on every node, when a reference table gets another copy ...
CREATE FUNCTION altius_internal.lock_tables(shards bigint[], timeout_ms integer, hold_ms integer) RETURNS void
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'altius_lock_tables';
-- ... on the source ...
CREATE FUNCTION altius_internal.lock_shards(shards bigint[], timeout_ms integer, hold_ms integer) RETURNS text
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'altius_lock_shards';
-- ... and on the target.
CREATE FUNCTION altius_internal.require_shard(shard_id bigint, name text) RETURNS void
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'altius_require_shard';
CREATE FUNCTION altius_internal.copy_shard_from(shard_id bigint, source_group integer, snapshot text) RETURNS bigint
  LANGUAGE c AS 'MODULE_PATHNAME', 'altius_copy_shard_from';
CREATE FUNCTION altius_internal.create_valid_foreign_keys(shard_id bigint, timeout_ms integer) RETURNS void
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'altius_create_valid_foreign_keys';

-- Online moves: on the source ...
CREATE FUNCTION altius_internal.lacking_identity(relation regclass) RETURNS text
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'altius_lacking_identity';
CREATE FUNCTION altius_internal.set_replica_identity(relation regclass, identity text, timeout_ms integer) RETURNS boolean
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'altius_set_replica_identity';
-- ... and on the target, all from one session: src/rebalance/apply.hpp says what they do.
CREATE FUNCTION altius_internal.begin_apply(source_group integer, slot text) RETURNS text
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'altius_begin_apply';
CREATE FUNCTION altius_internal.route_changes(source_schema text, source_name text, target regclass, distributed regclass,
    min integer, max integer) RETURNS void
  LANGUAGE c AS 'MODULE_PATHNAME', 'altius_route_changes';
CREATE FUNCTION altius_internal.start_apply(slot text, publication text) RETURNS void
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'altius_start_apply';
CREATE FUNCTION altius_internal.apply_changes(until pg_lsn, max_ms integer, in_haste boolean) RETURNS pg_lsn
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'altius_apply_changes';
CREATE FUNCTION altius_internal.end_apply() RETURNS void
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'altius_end_apply';

-- Progress.
CREATE FUNCTION altius_internal.move_entries(OUT sessionid integer, OUT kind text, OUT shard bigint, OUT source_node integer,
    OUT target_node integer, OUT phase text, OUT source_lsn pg_lsn, OUT target_lsn pg_lsn) RETURNS SETOF record
  LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'altius_move_entries';

CREATE FUNCTION altius_internal.moving_shards(OUT sessionid integer, OUT kind text, OUT relation regclass, OUT shardid bigint,
    OUT source_node integer, OUT target_node integer, OUT phase text, OUT source_lsn pg_lsn, OUT target_lsn pg_lsn)
  RETURNS SETOF record LANGUAGE sql VOLATILE STRICT
  BEGIN ATOMIC
    SELECT m.sessionid, m.kind, s.logicalrelid::regclass, s.shardid, m.source_node, m.target_node, m.phase, m.source_lsn,
      m.target_lsn
    FROM altius_internal.move_entries() m
    JOIN pg_catalog.pg_dist_shard lead ON lead.shardid = m.shard
    JOIN pg_catalog.pg_dist_partition p ON p.logicalrelid = lead.logicalrelid
    JOIN pg_catalog.pg_dist_partition q ON q.logicalrelid = p.logicalrelid
      OR (q.colocationid = p.colocationid AND p.colocationid <> 0 AND m.kind <> 'copy')
    JOIN pg_catalog.pg_dist_shard s ON s.logicalrelid = q.logicalrelid
      AND s.shardminvalue IS NOT DISTINCT FROM lead.shardminvalue;
  END;

-- Bytes of the files of these shards on this node, with indexes and TOAST.  No lock is asked for: a move holds them.
CREATE FUNCTION altius_internal.shard_file_sizes(shards bigint[], OUT shardid bigint, OUT size bigint) RETURNS SETOF record
  LANGUAGE sql VOLATILE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
  BEGIN ATOMIC
    SELECT s.shardid, (
      SELECT sum((pg_stat_file(pg_relation_filepath(part) || segment, true)).size)
      FROM pg_class c
      CROSS JOIN LATERAL (
        SELECT c.oid UNION ALL SELECT c.reltoastrelid WHERE c.reltoastrelid <> 0
        UNION ALL SELECT indexrelid FROM pg_index WHERE indrelid IN (c.oid, c.reltoastrelid)) parts (part)
      CROSS JOIN (SELECT CASE n WHEN 0 THEN '' ELSE '.' || n END FROM generate_series(0, 63) n) segments (segment)
      WHERE c.oid = altius_internal.shard_oid(s.logicalrelid, s.shardid) AND pg_relation_filepath(part) IS NOT NULL)::bigint
    FROM pg_dist_shard s WHERE s.shardid = ANY (shards);
  END;

CREATE FUNCTION pg_catalog.get_rebalance_progress(OUT sessionid integer, OUT table_name regclass, OUT shardid bigint,
    OUT shard_size bigint, OUT sourcename text, OUT sourceport integer, OUT targetname text, OUT targetport integer,
    OUT progress bigint, OUT source_shard_size bigint, OUT target_shard_size bigint, OUT operation_type text,
    OUT source_lsn pg_lsn, OUT target_lsn pg_lsn, OUT status text) RETURNS SETOF record LANGUAGE plpgsql VOLATILE STRICT
  SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  asked text;
BEGIN
  SELECT format('SELECT pg_catalog.json_agg(it) FROM altius_internal.shard_file_sizes(%L) it', array_agg(moving.shardid)) INTO asked
  FROM altius_internal.moving_shards() moving HAVING count(*) > 0;
  IF asked IS NULL THEN RETURN; END IF;
  RETURN QUERY
    WITH sizes AS (
      SELECT answer.nodeid, it.shardid, it.size
      FROM altius_internal.ask_all_nodes(asked, false) answer
      CROSS JOIN LATERAL json_to_recordset(answer.result::json) AS it (shardid bigint, size bigint))
    SELECT m.sessionid, m.relation, m.shardid, coalesce(at_source.size, 0), s.nodename, s.nodeport, t.nodename, t.nodeport,
      CASE m.phase WHEN 'Not Started Yet' THEN 0 WHEN 'Completed' THEN 2 ELSE 1 END::bigint,
      coalesce(at_source.size, 0), coalesce(at_target.size, 0), m.kind, m.source_lsn, m.target_lsn, m.phase
    FROM altius_internal.moving_shards() m
    JOIN pg_catalog.pg_dist_node s ON s.nodeid = m.source_node
    JOIN pg_catalog.pg_dist_node t ON t.nodeid = m.target_node
    LEFT JOIN sizes at_source ON at_source.shardid = m.shardid AND at_source.nodeid = m.source_node
    LEFT JOIN sizes at_target ON at_target.shardid = m.shardid AND at_target.nodeid = m.target_node
    ORDER BY m.sessionid, m.shardid;
END $$;
COMMENT ON FUNCTION pg_catalog.get_rebalance_progress() IS 'the shards in flight, with sizes and phases';

CREATE FUNCTION altius_internal.disk_space() RETURNS bigint[]
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'altius_disk_space';

-- Clean-up.
CREATE FUNCTION altius_internal.drop_leftover(type integer, name text, timeout_ms integer) RETURNS boolean
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'altius_drop_leftover';
CREATE FUNCTION altius_internal.clean_up_resources() RETURNS bigint
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'altius_clean_up_resources';

CREATE PROCEDURE pg_catalog.citus_cleanup_orphaned_resources()
  LANGUAGE sql BEGIN ATOMIC SELECT altius_internal.clean_up_resources(); END;
CREATE PROCEDURE pg_catalog.citus_cleanup_orphaned_shards()
  LANGUAGE sql BEGIN ATOMIC SELECT altius_internal.clean_up_resources(); END;

-- What was tried in vain.
CREATE TABLE altius_internal.cleanup_attempts (
  record_id bigint NOT NULL PRIMARY KEY REFERENCES pg_catalog.pg_dist_cleanup (record_id) ON DELETE CASCADE,
  tries bigint NOT NULL DEFAULT 1,
  last_try timestamptz NOT NULL DEFAULT clock_timestamp(),
  reason text NOT NULL
);

-- An operation that runs has an advisory lock on its number.
CREATE VIEW citus.altius_leftovers AS
  SELECT c.record_id, c.operation_id,
    CASE c.object_type WHEN 1 THEN 'shard' WHEN 2 THEN 'subscription' WHEN 3 THEN 'replication slot' WHEN 4 THEN 'publication'
      WHEN 5 THEN 'role' WHEN 100 THEN 'replica identity' END AS kind,
    c.object_name AS name, c.node_group_id AS groupid, n.nodename, n.nodeport,
    CASE WHEN running THEN 'belongs to an operation that is running' ELSE coalesce(a.reason, 'is about to be dropped') END AS reason,
    coalesce(a.tries, 0) AS tries, a.last_try
  FROM pg_catalog.pg_dist_cleanup c
  LEFT JOIN altius_internal.cleanup_attempts a USING (record_id)
  LEFT JOIN pg_catalog.pg_dist_node n ON n.groupid = c.node_group_id AND n.noderole = 'primary'
  CROSS JOIN LATERAL (SELECT EXISTS (
    SELECT FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_database d ON d.oid = l.database
    WHERE d.datname = current_database() AND l.locktype = 'advisory' AND l.objsubid = 16724 AND l.granted
      AND (l.classid::bigint << 32 | l.objid::bigint) = c.operation_id AND l.pid <> pg_backend_pid())) AS it (running)
  ORDER BY c.record_id;
COMMENT ON VIEW citus.altius_leftovers IS 'what moves and splits have to clean up, and why it is still there';
ALTER VIEW citus.altius_leftovers SET SCHEMA pg_catalog;
