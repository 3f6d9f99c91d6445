-- create_distributed_table, create_reference_table, undistribute_table.
CREATE SCHEMA ddl_distribute;
SET search_path TO ddl_distribute;
SET citus.shard_count TO 4;
SET client_min_messages TO warning;
\set SHOW_CONTEXT never

-- A table with rows: they move into the shards; the shell keeps none.
CREATE TABLE events (id bigint PRIMARY KEY, kind text NOT NULL DEFAULT 'x' CHECK (kind <> ''), weight numeric(8,2),
                     doubled numeric GENERATED ALWAYS AS (weight * 2) STORED, n serial);
CREATE INDEX ON events (kind);
INSERT INTO events (id, kind, weight) SELECT i, 'k' || i % 3, i / 4.0 FROM generate_series(1, 100) i;
CREATE TABLE events_twin AS SELECT * FROM events;
SELECT create_distributed_table('events', 'id');
SELECT * FROM testing.shape('events');
SELECT count(*) FROM ((TABLE events EXCEPT ALL TABLE events_twin) UNION ALL (TABLE events_twin EXCEPT ALL TABLE events)) AS differing;
SELECT result FROM run_command_on_all_nodes('SELECT count(*) FROM pg_dist_shard WHERE logicalrelid = ''ddl_distribute.events''::regclass');
SELECT count(DISTINCT nodeport) AS nodes, count(*) AS shards FROM citus_shards WHERE table_name = 'events'::regclass;

-- Equal type and shard count: the same group; 'none', another count or another type: an own one.
CREATE TABLE beside (id bigint); SELECT create_distributed_table('beside', 'id');
CREATE TABLE apart (id bigint); SELECT create_distributed_table('apart', 'id', colocate_with => 'none');
CREATE TABLE fewer (id bigint); SELECT create_distributed_table('fewer', 'id', shard_count => 2);
CREATE TABLE asked (id bigint); SELECT create_distributed_table('asked', 'id', colocate_with => 'fewer');
CREATE TABLE words (id text); SELECT create_distributed_table('words', 'id');
SELECT a.table_name, string_agg(b.table_name::text, ',' ORDER BY b.table_name::text) AS together, min(a.shard_count) AS shards
FROM citus_tables a JOIN citus_tables b USING (colocation_id)
WHERE a.table_name::text IN ('beside', 'apart', 'fewer', 'asked', 'words')
  AND b.table_name::text IN ('events', 'beside', 'apart', 'fewer', 'asked', 'words')
GROUP BY 1 ORDER BY a.table_name::text;

-- Reference tables and single-shard tables.
CREATE TABLE kinds (kind text PRIMARY KEY, label text);
INSERT INTO kinds VALUES ('a', 'first'), ('b', 'second');
SELECT create_reference_table('kinds');
SELECT nodeport - min(nodeport) OVER () AS node, result FROM run_command_on_placements('kinds', 'SELECT count(*) FROM %s') ORDER BY 1;
CREATE TABLE alone (id int, v text);
INSERT INTO alone VALUES (1, 'one');
SELECT create_distributed_table('alone', NULL);
SELECT * FROM alone;
SELECT table_name, citus_table_type, distribution_column, shard_count FROM citus_tables
WHERE table_name::text IN ('events', 'kinds', 'alone') ORDER BY table_name::text;

-- Types, functions, sequences and collations that a table needs come along.
CREATE TYPE mood AS ENUM ('sad', 'glad');
CREATE TYPE place AS (x int, y int);
CREATE DOMAIN positive AS int CHECK (value > 0);
CREATE COLLATION plain FROM "C";
CREATE FUNCTION is_good(mood) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1 IS NOT NULL';
CREATE SEQUENCE numbers INCREMENT 10;
CREATE TABLE needy (id positive, m mood CHECK (is_good(m)), p place, t text COLLATE plain, n int DEFAULT nextval('numbers'));
SELECT create_distributed_table('needy', 'id');
INSERT INTO needy VALUES (1, 'sad', (1, 2), 'a'), (2, 'glad', (3, 4), 'b');
INSERT INTO needy VALUES (0, 'sad');
SELECT * FROM needy ORDER BY id;

-- Any node answers.
SELECT DISTINCT result FROM run_command_on_all_nodes('SELECT count(*) || '' '' || sum(n) FROM ddl_distribute.needy');

-- Back to a local table: rows, view and constraints stay.
CREATE VIEW glad AS SELECT id FROM needy WHERE m = 'glad';
SELECT undistribute_table('needy');
SELECT * FROM needy ORDER BY id;
SELECT * FROM glad;
SELECT result FROM run_command_on_workers('SELECT to_regclass(''ddl_distribute.needy'') IS NULL');
SELECT count(*) FROM citus_tables WHERE table_name = 'needy'::regclass;
SELECT create_distributed_table('needy', 'id');
SELECT * FROM glad;
SELECT undistribute_table('kinds');
TABLE kinds ORDER BY kind;

-- A view made before the table was distributed reaches all nodes then.
SELECT DISTINCT result FROM run_command_on_all_nodes('SELECT id FROM ddl_distribute.glad');

-- Another column, another number of shards.
SELECT alter_distributed_table('events', shard_count => 3);
SELECT count(*), sum(weight) FROM events;
ALTER TABLE events DROP CONSTRAINT events_pkey;
SELECT alter_distributed_table('events', distribution_column => 'kind');
SELECT distribution_column, shard_count FROM citus_tables WHERE table_name = 'events'::regclass;
SELECT count(*), sum(weight) FROM events WHERE kind = 'k1';
SELECT alter_distributed_table('events', distribution_column => 'id', colocate_with => 'fewer');
SELECT alter_distributed_table('events');
SELECT alter_distributed_table('kinds', shard_count => 3);

-- A group of its own is joined by name alone.
CREATE TABLE own_group (mac macaddr);
CREATE TABLE default_group (mac macaddr);
CREATE TABLE beside_own (mac macaddr);
SELECT create_distributed_table('own_group', 'mac', colocate_with => 'none');
SELECT create_distributed_table('default_group', 'mac');
SELECT create_distributed_table('beside_own', 'mac', colocate_with => 'own_group');
SELECT a.colocation_id = d.colocation_id AS default_joins, a.colocation_id = b.colocation_id AS named_joins
  FROM citus_tables a, citus_tables b, citus_tables d
  WHERE a.table_name = 'own_group'::regclass AND b.table_name = 'beside_own'::regclass AND d.table_name = 'default_group'::regclass;
DROP TABLE own_group, beside_own;
SELECT count(*) FROM altius_own_colocation WHERE colocationid NOT IN (SELECT colocationid FROM pg_dist_colocation);

-- In a transaction that is rolled back nothing stays.
BEGIN;
CREATE TABLE gone (id int);
SELECT create_distributed_table('gone', 'id');
INSERT INTO gone VALUES (1), (2);
ROLLBACK;
SELECT DISTINCT result FROM run_command_on_all_nodes('SELECT count(*) FROM pg_class WHERE relname ~ ''^gone''');

DROP SCHEMA ddl_distribute CASCADE;
