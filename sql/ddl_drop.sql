-- DROP and TRUNCATE leave nothing behind.
CREATE SCHEMA ddl_drop;
SET search_path TO ddl_drop;
SET citus.shard_count TO 4;
SET client_min_messages TO warning;
\set SHOW_CONTEXT never

CREATE FUNCTION leftovers() RETURNS SETOF text LANGUAGE sql AS $$
  SELECT DISTINCT result FROM run_command_on_all_nodes('
    SELECT (SELECT count(*) FROM pg_class WHERE relname ~ ''^gone_'' AND relkind IN (''r'', ''S'', ''i''))
      || '' '' || (SELECT count(*) FROM pg_dist_partition WHERE logicalrelid::text ~ ''gone_'')
      || '' '' || (SELECT count(*) FROM pg_dist_shard WHERE logicalrelid::text ~ ''gone_'')') $$;
CREATE TABLE gone_ref (id int PRIMARY KEY);
CREATE TABLE gone_a (k int PRIMARY KEY, r int REFERENCES gone_ref, s serial);
CREATE TABLE gone_b (k int, v int);
CREATE TABLE gone_local (v int);
SELECT create_reference_table('gone_ref');
SELECT create_distributed_table('gone_a', 'k', colocate_with => 'none');
SELECT create_distributed_table('gone_b', 'k', colocate_with => 'gone_a');
ALTER TABLE gone_b ADD FOREIGN KEY (k) REFERENCES gone_a;
INSERT INTO gone_ref VALUES (1), (2);
INSERT INTO gone_a SELECT i, 1 + i % 2 FROM generate_series(1, 20) i;
INSERT INTO gone_b SELECT i, i FROM generate_series(1, 20) i;
INSERT INTO gone_local VALUES (1);

TRUNCATE gone_a;
TRUNCATE gone_b, gone_local;
SELECT (SELECT count(*) FROM gone_a), (SELECT count(*) FROM gone_b), (SELECT count(*) FROM gone_local);
BEGIN;
TRUNCATE gone_ref CASCADE;
SELECT (SELECT count(*) FROM gone_a), (SELECT count(*) FROM gone_ref);
ROLLBACK;
SELECT (SELECT count(*) FROM gone_a), (SELECT count(*) FROM gone_ref);
TRUNCATE gone_a RESTART IDENTITY CASCADE;
INSERT INTO gone_a VALUES (1, 1) RETURNING *;
SELECT result FROM run_command_on_workers('TRUNCATE ddl_drop.gone_b');

DROP TABLE gone_ref;
BEGIN;
DROP TABLE gone_b, gone_local;
ROLLBACK;
SELECT count(*) FROM gone_b;
DROP TABLE gone_ref CASCADE;
INSERT INTO gone_a VALUES (2, 99);
SELECT * FROM testing.shape('gone_a');
DROP TABLE gone_b, gone_local;
DROP TABLE gone_a;
SELECT leftovers();

-- With the schema, and through the type of the key.
CREATE SCHEMA ddl_drop_inner;
CREATE TYPE ddl_drop_inner.code AS ENUM ('x', 'y');
CREATE TABLE ddl_drop_inner.gone_c (k int, c ddl_drop_inner.code);
CREATE TABLE gone_d (k int, c ddl_drop_inner.code);
SELECT create_distributed_table('ddl_drop_inner.gone_c', 'k');
SELECT create_distributed_table('gone_d', 'k');
DROP SCHEMA ddl_drop_inner;
DROP SCHEMA ddl_drop_inner CASCADE;
SELECT * FROM testing.shape('gone_d');
DROP TABLE gone_d;
SELECT leftovers();

-- The same names can be used again in the same transaction.
BEGIN;
CREATE TABLE gone_e (k int);
SELECT create_distributed_table('gone_e', 'k');
DROP TABLE gone_e;
CREATE TABLE gone_e (k text);
SELECT create_distributed_table('gone_e', 'k');
INSERT INTO gone_e VALUES ('a');
COMMIT;
SELECT * FROM gone_e;

-- A table of somebody else that has the name of a shard stays, whatever becomes of the distributed table.
SET client_min_messages TO warning;
CREATE ROLE ddl_drop_owner;
GRANT ALL ON SCHEMA ddl_drop TO ddl_drop_owner;
SET ROLE ddl_drop_owner;
CREATE TABLE aimed (k int);
SELECT create_distributed_table('aimed', 'k', shard_count => 4);
RESET ROLE;
CREATE TEMPORARY TABLE stranger AS SELECT format('ddl_drop.aimed_%s', min(shardid)) AS name FROM pg_dist_shard JOIN pg_dist_placement USING (shardid)
  WHERE logicalrelid = 'aimed'::regclass AND groupid <> 0;
DO $$ BEGIN EXECUTE (SELECT format('CREATE TABLE %s (secret int)', name) FROM stranger); END $$;
SET ROLE ddl_drop_owner;
SELECT undistribute_table('aimed');
SELECT undistribute_table('pg_catalog.pg_class');
SELECT create_distributed_table('pg_catalog.pg_class', 'oid');
RESET ROLE;
SELECT to_regclass(name) IS NOT NULL AS stays FROM stranger;

-- A type, or its schema, does not take a distribution column along.
CREATE SCHEMA ddl_drop_types;
CREATE DOMAIN ddl_drop_types.d AS int;
CREATE TYPE ddl_drop_types.c AS (a int, b int);
CREATE TABLE by_domain (k ddl_drop_types.d, v int);
CREATE TABLE by_row (k ddl_drop_types.c, v int);
CREATE TABLE beside (k int, v ddl_drop_types.d, w ddl_drop_types.c);
SELECT create_distributed_table('by_domain', 'k'), create_distributed_table('by_row', 'k'), create_distributed_table('beside', 'k');
DROP DOMAIN ddl_drop_types.d CASCADE;
DROP TYPE ddl_drop_types.c CASCADE;
DROP SCHEMA ddl_drop_types CASCADE;
INSERT INTO by_domain VALUES (1);
DROP TABLE by_domain, by_row;
DROP SCHEMA ddl_drop_types CASCADE;
INSERT INTO beside VALUES (1);
SELECT * FROM beside;
DROP TABLE beside;

-- A regclass outlives its table.
CREATE TABLE gone (k int);
SELECT create_distributed_table('gone', 'k');
CREATE TEMPORARY TABLE kept AS SELECT 'gone'::regclass AS number;
DROP TABLE gone;
RESET client_min_messages;
DO $$
DECLARE
  statement text;
BEGIN
  FOREACH statement IN ARRAY ARRAY['run_command_on_shards(%s, ''SELECT 1'')', 'get_shard_id_for_distribution_column(%s, 1)',
    'get_rebalance_table_shards_plan(%s)', 'isolate_tenant_to_new_shard(%s, 1)', 'undistribute_table(%s)', 'alter_distributed_table(%s, shard_count => 3)',
    'create_distributed_table(%s, ''k'')', 'create_reference_table(%s)', 'truncate_local_data_after_distributing_table(%s)', 'citus_table_size(%s)']
  LOOP
    BEGIN
      EXECUTE 'SELECT ' || format(statement, (SELECT number::oid::text FROM kept));
    EXCEPTION WHEN OTHERS THEN
      RAISE NOTICE '%: % %', split_part(statement, '(', 1), SQLSTATE, regexp_replace(sqlerrm, '\d+', 'N');
    END;
  END LOOP;
END $$;

SET client_min_messages TO warning;
DROP SCHEMA ddl_drop CASCADE;
DROP ROLE ddl_drop_owner;
