-- Distributing tables, and what nodes ask of one another for it.

CREATE FUNCTION pg_catalog.create_distributed_table(
  table_name regclass, distribution_column text, distribution_type citus.distribution_type DEFAULT 'hash',
  colocate_with text DEFAULT 'default', shard_count integer DEFAULT NULL) RETURNS void
  LANGUAGE c AS 'MODULE_PATHNAME', 'create_distributed_table';
COMMENT ON FUNCTION pg_catalog.create_distributed_table(regclass, text, citus.distribution_type, text, integer)
  IS 'cuts a table into shards by the hash of a column and spreads them over the nodes';

CREATE FUNCTION pg_catalog.create_reference_table(table_name regclass) RETURNS void
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'create_reference_table';
COMMENT ON FUNCTION pg_catalog.create_reference_table(regclass) IS 'keeps a copy of the table on every node';

CREATE FUNCTION pg_catalog.alter_distributed_table(
  table_name regclass, distribution_column text DEFAULT NULL, shard_count integer DEFAULT NULL,
  colocate_with text DEFAULT NULL, cascade_to_colocated boolean DEFAULT NULL) RETURNS void
  LANGUAGE c AS 'MODULE_PATHNAME', 'alter_distributed_table';
COMMENT ON FUNCTION pg_catalog.alter_distributed_table(regclass, text, integer, text, boolean)
  IS 'distributes a table anew: by another column, with another number of shards, beside another table';

CREATE FUNCTION pg_catalog.undistribute_table(table_name regclass, cascade_via_foreign_keys boolean DEFAULT false)
  RETURNS void LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'undistribute_table';
COMMENT ON FUNCTION pg_catalog.undistribute_table(regclass, boolean)
  IS 'makes a distributed or reference table a local one again';

CREATE FUNCTION pg_catalog.truncate_local_data_after_distributing_table(function_name regclass) RETURNS void
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'truncate_local_data_after_distributing_table';
COMMENT ON FUNCTION pg_catalog.truncate_local_data_after_distributing_table(regclass)
  IS 'removes rows left in the local storage of a distributed table';

CREATE FUNCTION altius_internal.run_commands(commands text[]) RETURNS void
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'altius_run_commands';
CREATE FUNCTION altius_internal.apply_command(command text, settings text[]) RETURNS void
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'altius_apply_command';
CREATE FUNCTION altius_internal.apply_command(command text, settings text[], password text) RETURNS void
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'altius_apply_command';
CREATE FUNCTION altius_internal.be_quiet(quiet boolean) RETURNS void
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'altius_be_quiet';
CREATE FUNCTION altius_internal.invalidate_index(index text) RETURNS void
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'altius_invalidate_index';
CREATE FUNCTION altius_internal.create_shards(relation regclass, parts integer) RETURNS void
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'altius_create_shards';
CREATE FUNCTION altius_internal.create_shard(shard_id bigint, parts integer) RETURNS void
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'altius_create_shard';
CREATE FUNCTION altius_internal.count_shard_rows(shard_id bigint) RETURNS bigint
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'altius_count_shard_rows';
CREATE FUNCTION altius_internal.number_shard_rows(shard_id bigint, column_name text, first bigint, step bigint) RETURNS void
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'altius_number_shard_rows';
-- Privileges as a catalog holds them, null for the default. For owners and superusers.
CREATE FUNCTION altius_internal.set_privileges(classid oid, objid oid, objsubid integer, privileges aclitem[]) RETURNS void
  LANGUAGE c AS 'MODULE_PATHNAME', 'altius_set_privileges';
-- In front of what makes an object for a role: what is there already is another role's.
CREATE FUNCTION altius_internal.refuse_taken(object text, owner text) RETURNS void
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'altius_refuse_taken';
CREATE FUNCTION altius_internal.nextval_on_coordinator(sequence regclass) RETURNS bigint
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'altius_nextval_on_coordinator';

-- Work of a superuser on what users defined: as their owner.
-- A role as another node has it, its password as it is stored.
CREATE FUNCTION altius_internal.make_role(name text, password text, replaces boolean) RETURNS void
  LANGUAGE c AS 'MODULE_PATHNAME', 'altius_make_role';
CREATE FUNCTION altius_internal.make_as_owner(schema text, owner text, condition text, commands text[]) RETURNS void
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'altius_make_as_owner';
CREATE FUNCTION altius_internal.fill_shard(shard_id bigint, columns text[], lines text) RETURNS void
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'altius_fill_shard';
CREATE FUNCTION altius_internal.shard_lines(shard_id bigint) RETURNS SETOF text
  LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'altius_shard_lines';

-- pg_trigger_depth() in conditions of triggers on shards.
CREATE FUNCTION altius_internal.trigger_depth() RETURNS integer
  LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'altius_trigger_depth';

-- The function of all triggers on shards: it runs, or tells of, the trigger of the table.
CREATE FUNCTION altius_internal.trigger_on_shard() RETURNS trigger
  LANGUAGE c AS 'MODULE_PATHNAME', 'altius_trigger_on_shard';

-- Dropping a shell table, in whatever way, takes its shards and metadata on the same node with it.
CREATE FUNCTION altius_internal.on_drop() RETURNS event_trigger
  LANGUAGE c AS 'MODULE_PATHNAME', 'altius_on_drop';
CREATE EVENT TRIGGER altius_drop ON sql_drop EXECUTE FUNCTION altius_internal.on_drop();
ALTER EVENT TRIGGER altius_drop ENABLE ALWAYS;

-- What ANALYZE found of the shards on this node, merged: first a row for the table, then one for each column.
CREATE FUNCTION altius_internal.shard_statistics(
  relation regclass, OUT attname text, OUT tuples text, OUT pages text, OUT null_frac text, OUT width text, OUT n_distinct text,
  OUT correlation text, OUT most_common text, OUT frequencies text, OUT bounds text) RETURNS SETOF record
  LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'altius_shard_statistics';
CREATE FUNCTION altius_internal.keep_statistics(
  relation regclass, attname text, tuples text, pages text, null_frac text, width text, n_distinct text, correlation text,
  most_common text, frequencies text, bounds text) RETURNS void
  LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'altius_keep_statistics';
