-- Splits of shard groups.

CREATE FUNCTION pg_catalog.citus_split_shard_by_split_points(shard_id bigint, split_points text[], node_ids integer[],
    shard_transfer_mode citus.shard_transfer_mode DEFAULT 'auto') RETURNS void
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'citus_split_shard_by_split_points';
COMMENT ON FUNCTION pg_catalog.citus_split_shard_by_split_points(bigint, text[], integer[], citus.shard_transfer_mode)
  IS 'cuts a shard, and those colocated with it, behind the hash values given';
CREATE FUNCTION pg_catalog.isolate_tenant_to_new_shard(table_name regclass, tenant_id "any", cascade_option text DEFAULT '',
    shard_transfer_mode citus.shard_transfer_mode DEFAULT 'auto') RETURNS bigint
  LANGUAGE c AS 'MODULE_PATHNAME', 'isolate_tenant_to_new_shard';
COMMENT ON FUNCTION pg_catalog.isolate_tenant_to_new_shard(regclass, "any", text, citus.shard_transfer_mode)
  IS 'gives a value of the distribution column a shard of its own; returns the shard';

-- Steps of a split: on the coordinator, in the transaction that changes the metadata ...
CREATE FUNCTION altius_internal.finish_split(operation bigint, source integer, shards bigint[], arguments text) RETURNS void
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'altius_finish_split';
CREATE FUNCTION altius_internal.make_part_foreign_keys(target integer, arguments text, parts bigint[], timeout_ms integer)
  RETURNS boolean
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'altius_make_part_foreign_keys';
CREATE FUNCTION altius_internal.create_part_foreign_keys(arguments text, parts bigint[], timeout_ms integer) RETURNS void
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'altius_create_part_foreign_keys';
-- ... and on the nodes of the parts, in sessions that foresee them.
CREATE FUNCTION altius_internal.create_part(shard_id bigint, parts integer) RETURNS void
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'altius_create_part';
CREATE FUNCTION altius_internal.copy_part_from(shard_id bigint, source_group integer, snapshot text) RETURNS bigint
  LANGUAGE c AS 'MODULE_PATHNAME', 'altius_copy_part_from';
