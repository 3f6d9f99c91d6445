-- Moves of shard groups.

CREATE FUNCTION pg_catalog.citus_move_shard_placement(shard_id bigint, source_node_id integer, target_node_id integer,
    transfer_mode citus.shard_transfer_mode DEFAULT 'auto') RETURNS void
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'citus_move_shard_placement_with_nodeid';
CREATE FUNCTION pg_catalog.citus_move_shard_placement(shard_id bigint, source_node_name text, source_node_port integer,
    target_node_name text, target_node_port integer, shard_transfer_mode citus.shard_transfer_mode DEFAULT 'auto')
  RETURNS void
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'citus_move_shard_placement';

-- Steps of a move: on the coordinator, in the transaction that changes the placements ...
CREATE FUNCTION altius_internal.begin_flip(operation bigint) RETURNS void
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'altius_begin_flip';
CREATE FUNCTION altius_internal.block_shard_writes(source integer, shards bigint[], timeout_ms integer) RETURNS text
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'altius_block_shard_writes';
CREATE FUNCTION altius_internal.make_foreign_keys(target integer, shards bigint[], timeout_ms integer) RETURNS boolean
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'altius_make_foreign_keys';
CREATE FUNCTION altius_internal.finish_flip(operation bigint, source integer, target integer, shards bigint[]) RETURNS void
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'altius_finish_flip';
-- ... on the source ...
CREATE FUNCTION altius_internal.lock_shards(shards bigint[], timeout_ms integer) RETURNS text
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'altius_lock_shards';
-- ... and on the target.
CREATE FUNCTION altius_internal.copy_shard_from(shard_id bigint, source_group integer, snapshot text) RETURNS bigint
  LANGUAGE c AS 'MODULE_PATHNAME', 'altius_copy_shard_from';
CREATE FUNCTION altius_internal.create_valid_foreign_keys(shard_id bigint, timeout_ms integer) RETURNS void
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'altius_create_valid_foreign_keys';

REVOKE ALL ON FUNCTION altius_internal.begin_flip(bigint), altius_internal.block_shard_writes(integer, bigint[], integer),
  altius_internal.make_foreign_keys(integer, bigint[], integer),
  altius_internal.finish_flip(bigint, integer, integer, bigint[]), altius_internal.lock_shards(bigint[], integer),
  altius_internal.copy_shard_from(bigint, integer, text), altius_internal.create_valid_foreign_keys(bigint, integer)
  FROM public;

-- Clean-up.
CREATE FUNCTION altius_internal.drop_leftover(type integer, name text, timeout_ms integer) RETURNS boolean
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'altius_drop_leftover';
CREATE FUNCTION altius_internal.clean_up_resources() RETURNS bigint
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'altius_clean_up_resources';
REVOKE ALL ON FUNCTION altius_internal.drop_leftover(integer, text, integer), altius_internal.clean_up_resources() FROM public;

CREATE PROCEDURE pg_catalog.citus_cleanup_orphaned_resources()
  LANGUAGE sql AS 'SELECT altius_internal.clean_up_resources()';
CREATE PROCEDURE pg_catalog.citus_cleanup_orphaned_shards()
  LANGUAGE sql AS 'SELECT altius_internal.clean_up_resources()';
