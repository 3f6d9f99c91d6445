-- What the metadata says about distributed tables, on every node, and that changes of it take effect at once.
CREATE SCHEMA catalog_metadata;
SET search_path = catalog_metadata;
SET client_min_messages = warning;
SET citus.shard_count = 4;

CREATE TABLE orders (dropped int, id bigint PRIMARY KEY, note text);
ALTER TABLE orders DROP COLUMN dropped;
SELECT create_distributed_table('orders', 'id');
CREATE TABLE items (order_id bigint REFERENCES orders, item int, PRIMARY KEY (order_id, item));
SELECT create_distributed_table('items', 'order_id', colocate_with => 'orders');
CREATE TABLE kinds (kind int PRIMARY KEY);
SELECT create_reference_table('kinds');
CREATE TABLE plain (a int);

-- partmethod, repmodel and the key, by name: its number may differ between nodes
SELECT logicalrelid, partmethod, repmodel, column_to_column_name(logicalrelid, partkey) AS key, colocationid > 0 AS colocated
FROM pg_dist_partition WHERE logicalrelid::text IN ('orders', 'items', 'kinds') ORDER BY logicalrelid::text;
SELECT count(DISTINCT colocationid) FROM pg_dist_partition WHERE logicalrelid IN ('orders'::regclass, 'items'::regclass);

-- hash ranges: four, of equal size, without a gap
SELECT shardminvalue, shardmaxvalue, shardstorage FROM pg_dist_shard
WHERE logicalrelid = 'orders'::regclass ORDER BY shardminvalue::int;
SELECT shardminvalue, shardmaxvalue FROM pg_dist_shard WHERE logicalrelid = 'kinds'::regclass;

-- one placement for each shard, on workers; a reference table is everywhere; shard groups lie together
SELECT logicalrelid, count(*) AS placements, count(DISTINCT groupid) AS groups, bool_or(groupid = 0) AS on_coordinator
FROM pg_dist_shard JOIN pg_dist_placement USING (shardid)
WHERE logicalrelid::text IN ('orders', 'items', 'kinds') GROUP BY 1 ORDER BY logicalrelid::text;
SELECT count(*) AS together FROM pg_dist_shard a JOIN pg_dist_placement pa USING (shardid)
JOIN pg_dist_shard b ON b.shardminvalue = a.shardminvalue JOIN pg_dist_placement pb ON pb.shardid = b.shardid
WHERE a.logicalrelid = 'orders'::regclass AND b.logicalrelid = 'items'::regclass AND pa.groupid = pb.groupid;

-- every node knows the same
CREATE TEMP TABLE prints AS SELECT * FROM run_command_on_all_nodes($$
  SELECT md5(string_agg(row, ';' ORDER BY row)) FROM (
    SELECT concat_ws(',', logicalrelid::text, partmethod, repmodel, colocationid, column_to_column_name(logicalrelid, partkey),
                     shardid, shardminvalue, shardmaxvalue, placementid, groupid) AS row
    FROM pg_dist_partition JOIN pg_dist_shard USING (logicalrelid) JOIN pg_dist_placement USING (shardid)
    WHERE logicalrelid::text IN ('orders', 'items', 'kinds')) it $$);
SELECT count(*) AS nodes, count(DISTINCT result) AS different, bool_and(success) FROM prints;

-- which shard holds a value: the argument may have another type
SELECT get_shard_id_for_distribution_column('orders', 7) = get_shard_id_for_distribution_column('orders', '7') AS same,
       get_shard_id_for_distribution_column('orders', 7::bigint) = get_shard_id_for_distribution_column('orders', 7::numeric) AS same;
SELECT get_shard_id_for_distribution_column('kinds') = (SELECT shardid FROM pg_dist_shard WHERE logicalrelid = 'kinds'::regclass);
SELECT get_shard_id_for_distribution_column('orders', NULL::int);
SELECT get_shard_id_for_distribution_column('orders', 'seven');
SELECT get_shard_id_for_distribution_column('plain', 1);

-- an enum is cut by its labels: their numbers differ between nodes
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TABLE people (mood mood PRIMARY KEY);
SELECT create_distributed_table('people', 'mood');
SELECT count(*) AS nodes, count(DISTINCT result) AS different FROM run_command_on_all_nodes($$
  SELECT string_agg(get_shard_id_for_distribution_column('people', label)::text, ',')
  FROM unnest('{sad,ok,happy}'::text[]) label $$);

-- a change by plain SQL is seen by the next statement, also when it is rolled back
SELECT shardid AS one FROM pg_dist_shard WHERE logicalrelid = 'orders'::regclass ORDER BY shardminvalue::int LIMIT 1 \gset
BEGIN;
SELECT count(DISTINCT get_shard_id_for_distribution_column('orders', i)) FROM generate_series(1, 100) i;
DELETE FROM pg_dist_shard WHERE shardid = :one;
DO $$
BEGIN
  PERFORM get_shard_id_for_distribution_column('orders', i) FROM generate_series(1, 100) i;
EXCEPTION WHEN data_corrupted THEN
  RAISE WARNING '%', regexp_replace(SQLERRM, '-?\d+', 'N');
END $$;
ROLLBACK;
SELECT count(DISTINCT get_shard_id_for_distribution_column('orders', i)) FROM generate_series(1, 100) i;

-- renaming a table changes the names of its shards as they are told
ALTER TABLE kinds RENAME TO sorts;
SELECT shard_name('sorts', 1), shard_name('plain', 1);

-- the metadata is for all to read and for superusers to write
CREATE ROLE catalog_metadata_user;
SELECT bool_and(has_table_privilege('catalog_metadata_user', oid, 'SELECT')) AS readable,
       bool_or(has_table_privilege('catalog_metadata_user', oid, 'INSERT, UPDATE, DELETE, TRUNCATE')) AS writable
FROM pg_class WHERE relname IN ('pg_dist_node', 'pg_dist_partition', 'pg_dist_shard', 'pg_dist_placement', 'pg_dist_colocation',
  'pg_dist_object', 'pg_dist_transaction', 'citus_tables', 'citus_shards', 'citus_nodes', 'pg_dist_rebalance_strategy');
GRANT USAGE ON SCHEMA catalog_metadata TO catalog_metadata_user;
SET ROLE catalog_metadata_user;
SELECT count(*) FROM pg_dist_authinfo;
SELECT altius_internal.delete_table('orders');
SELECT altius_internal.insert_partition('plain', 'h', 'a', 1, 's');
SELECT altius_internal.insert_placements('{1}', ARRAY[:one]::bigint[], '{0}');
SELECT altius_internal.reset_node();
RESET ROLE;
REVOKE ALL ON SCHEMA catalog_metadata FROM catalog_metadata_user;
DROP ROLE catalog_metadata_user;

-- after a drop nothing is left, on any node
DROP SCHEMA catalog_metadata CASCADE;
SELECT bool_and(result = '0') FROM run_command_on_all_nodes($$
  SELECT count(*) FROM pg_dist_partition p WHERE NOT EXISTS (SELECT FROM pg_class WHERE oid = logicalrelid) $$);
SELECT bool_and(result = '0') FROM run_command_on_all_nodes(format($$
  SELECT count(*) FROM pg_dist_shard FULL JOIN pg_dist_placement USING (shardid) WHERE shardid = %s $$, :one));
