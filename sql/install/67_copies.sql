-- Copies of shards.

-- Compares the copies of the caller's reference tables (a superuser's: all), one transaction for all; writers wait meanwhile.
CREATE FUNCTION pg_catalog.altius_check_reference_tables(repair boolean DEFAULT false, OUT table_name regclass, OUT nodename text,
    OUT nodeport integer, OUT row_count bigint, OUT digest text, OUT state text) RETURNS SETOF record
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'altius_check_reference_tables';
CREATE FUNCTION altius_internal.even_copies(relation regclass) RETURNS void
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'altius_even_copies';
COMMENT ON FUNCTION pg_catalog.altius_check_reference_tables(boolean)
  IS 'compares the copies of reference tables, and makes those that differ what the leading copy is';

-- Shards have one copy each; a node's standbys keep its shards available.
CREATE FUNCTION altius_internal.refuse_copies() RETURNS void LANGUAGE plpgsql
  SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RAISE EXCEPTION 'further copies of a shard are not supported' USING ERRCODE = 'feature_not_supported',
    HINT = 'Use standbys to keep a node''s shards available, or citus_move_shard_placement to move them.';
END $$;
CREATE FUNCTION pg_catalog.citus_copy_shard_placement(shard_id bigint, source_node_id integer, target_node_id integer,
    transfer_mode citus.shard_transfer_mode DEFAULT 'auto') RETURNS void
  LANGUAGE sql STRICT BEGIN ATOMIC SELECT altius_internal.refuse_copies(); END;
CREATE FUNCTION pg_catalog.citus_copy_shard_placement(shard_id bigint, source_node_name text, source_node_port integer,
    target_node_name text, target_node_port integer, transfer_mode citus.shard_transfer_mode DEFAULT 'auto') RETURNS void
  LANGUAGE sql STRICT BEGIN ATOMIC SELECT altius_internal.refuse_copies(); END;
