-- The metadata's triggers and writers.

CREATE FUNCTION altius_internal.metadata_changed() RETURNS trigger
  LANGUAGE c AS 'MODULE_PATHNAME', 'altius_metadata_changed';

DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['pg_dist_node', 'pg_dist_local_group', 'pg_dist_partition', 'pg_dist_shard',
                              'pg_dist_placement', 'pg_dist_colocation']
  LOOP
    EXECUTE format('CREATE TRIGGER altius_metadata_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE
                      ON pg_catalog.%I FOR EACH STATEMENT EXECUTE FUNCTION altius_internal.metadata_changed()', name);
    EXECUTE format('ALTER TABLE pg_catalog.%I ENABLE ALWAYS TRIGGER altius_metadata_changed', name);
  END LOOP;
END $$;

CREATE FUNCTION altius_internal.load_metadata() RETURNS void
  LANGUAGE c AS 'MODULE_PATHNAME', 'altius_load_metadata';

-- Called by the coordinator on the other nodes, inside the distributed transaction that changes its own tables.
CREATE FUNCTION altius_internal.insert_partition(
  relation regclass, partmethod "char", key_column text, colocation integer, repmodel "char") RETURNS void
  LANGUAGE c AS 'MODULE_PATHNAME', 'altius_insert_partition';
CREATE FUNCTION altius_internal.insert_shards(relation regclass, ids bigint[], mins integer[], maxs integer[]) RETURNS void
  LANGUAGE c AS 'MODULE_PATHNAME', 'altius_insert_shards';
CREATE FUNCTION altius_internal.insert_placements(ids bigint[], shards bigint[], groups integer[]) RETURNS void
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'altius_insert_placements';
CREATE FUNCTION altius_internal.move_placements(shards bigint[], from_group integer, to_group integer) RETURNS void
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'altius_move_placements';
CREATE FUNCTION altius_internal.split_shards(
  parents bigint[], ids bigint[], mins integer[], maxs integer[], groups integer[], placements bigint[]) RETURNS void
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'altius_split_shards';
CREATE FUNCTION altius_internal.foresee_split(
  parents bigint[], ids bigint[], mins integer[], maxs integer[], groups integer[], placements bigint[]) RETURNS void
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'altius_foresee_split';
CREATE FUNCTION altius_internal.insert_colocation(
  id integer, shard_count integer, replication_factor integer, key_type regtype, key_collation regcollation) RETURNS void
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'altius_insert_colocation';
CREATE FUNCTION altius_internal.delete_colocation(id integer) RETURNS void
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'altius_delete_colocation';
CREATE FUNCTION altius_internal.delete_table(relation regclass) RETURNS void
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'altius_delete_table';
CREATE FUNCTION altius_internal.insert_object(type text, names text[], args text[]) RETURNS void
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'altius_insert_object';
CREATE FUNCTION altius_internal.delete_object(type text, names text[], args text[]) RETURNS void
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'altius_delete_object';

-- Locks shards as a writer does; returns those that are not on this node.
CREATE FUNCTION altius_internal.claim_shards(shards bigint[]) RETURNS bigint[]
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'altius_claim_shards';
-- Whether no other transaction has statements with rows of the shard's table on several nodes.
CREATE FUNCTION altius_internal.finds_nobody(shard bigint) RETURNS boolean
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'altius_finds_nobody';
-- Locks shell tables before anything is done to shards.
CREATE FUNCTION altius_internal.lock_shells(names text[], mode integer) RETURNS void
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'altius_lock_shells';

-- Writes of a reference table's copies: what is changed on the leading copy is kept, taken, and done on another one.
CREATE FUNCTION altius_internal.lock_copy(shard bigint, lock integer) RETURNS void
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'altius_lock_copy';
CREATE FUNCTION altius_internal.keep_changes(shard bigint) RETURNS void
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'altius_keep_changes';
CREATE FUNCTION altius_internal.take_changes(shard bigint, OUT old_row text, OUT new_row text) RETURNS SETOF record
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'altius_take_changes';
CREATE FUNCTION altius_internal.replay_changes(shard bigint, old_rows text[], new_rows text[]) RETURNS void
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'altius_replay_changes';

-- Constraints over several rows are checked when the user's statement ends, not at the end of each of a node's.
CREATE FUNCTION altius_internal.keep_checks_back() RETURNS void
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'altius_keep_checks_back';
CREATE FUNCTION altius_internal.check_now() RETURNS void
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'altius_check_now';

-- A copy as a whole.
CREATE FUNCTION altius_internal.digest_of_copy(shard bigint) RETURNS text
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'altius_digest_of_copy';
CREATE FUNCTION altius_internal.rows_of_copy(shard bigint) RETURNS SETOF text
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'altius_rows_of_copy';
CREATE FUNCTION altius_internal.mend_copy(shard bigint, extra text[], missing text[]) RETURNS void
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'altius_mend_copy';

-- Shards are not for the eyes of ordinary clients.
CREATE FUNCTION pg_catalog.relation_is_a_known_shard(regclass) RETURNS boolean
  LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'relation_is_a_known_shard';
CREATE FUNCTION pg_catalog.citus_table_is_visible(oid) RETURNS boolean
  LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'citus_table_is_visible';
