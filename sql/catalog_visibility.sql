-- Shards are hidden from the catalog queries of clients.
CREATE SCHEMA catalog_visibility;
SET search_path = catalog_visibility;
SET citus.shard_count = 2;
CREATE TABLE books (id int PRIMARY KEY, title text);
SELECT create_reference_table('books');
CREATE TABLE books_1 (a int);
CREATE INDEX ON books (title);

-- the coordinator holds a copy of the reference table, but it is not shown
SELECT relname, relkind FROM pg_class WHERE relnamespace = 'catalog_visibility'::regnamespace ORDER BY 1;
\d
SELECT table_name FROM information_schema.tables WHERE table_schema = 'catalog_visibility' ORDER BY 1;
-- below an outer join, in a subquery, in a CTE, in a set operation
SELECT n, relname FROM generate_series(1, 1) n LEFT JOIN pg_class ON relname LIKE 'books\_1\_____';
SELECT (SELECT count(*) FROM pg_class WHERE relnamespace = 'catalog_visibility'::regnamespace AND relkind = 'r') AS tables;
WITH c AS MATERIALIZED (SELECT relname FROM pg_class WHERE relnamespace = 'catalog_visibility'::regnamespace)
SELECT count(*) FROM c;
SELECT relname FROM pg_class WHERE oid = 'books'::regclass UNION ALL SELECT relname FROM pg_class WHERE relname ~ 'books_\d{5,}$';

-- a shard can be named all the same
SELECT shard_name('books', shardid) AS shard FROM pg_dist_shard WHERE logicalrelid = 'books'::regclass \gset
SELECT relation_is_a_known_shard(:'shard'), citus_table_is_visible(:'shard'::regclass), pg_table_is_visible(:'shard'::regclass);
SELECT relation_is_a_known_shard('books'), citus_table_is_visible('books'::regclass), relation_is_a_known_shard('books_1');
SELECT count(*) FROM :shard;

-- chosen clients see them
SET citus.show_shards_for_app_name_prefixes = 'pgadmin, pg_regress';
SELECT count(*) FROM pg_class WHERE relnamespace = 'catalog_visibility'::regnamespace AND relkind = 'r';
SET citus.show_shards_for_app_name_prefixes = 'pgadmin';
SELECT count(*) FROM pg_class WHERE relnamespace = 'catalog_visibility'::regnamespace AND relkind = 'r';
SET citus.show_shards_for_app_name_prefixes = '*';
SELECT count(*) FROM pg_class WHERE relnamespace = 'catalog_visibility'::regnamespace AND relkind = 'r';
RESET citus.show_shards_for_app_name_prefixes;
SET citus.override_table_visibility = off;
SELECT count(*) FROM pg_class WHERE relnamespace = 'catalog_visibility'::regnamespace AND relkind = 'r';
RESET citus.override_table_visibility;
-- and there are views that are about nothing else
SELECT count(*) FROM citus_shards_on_worker WHERE "Schema" = 'catalog_visibility';
SELECT count(*) FROM citus_shard_indexes_on_worker WHERE "Schema" = 'catalog_visibility';
SET client_min_messages = warning;
DROP SCHEMA catalog_visibility CASCADE;
