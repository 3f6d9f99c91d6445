-- Splits of shard groups: ranges and places, what arrives with the parts, and queries that have the rows of plain tables.
\set SHOW_CONTEXT never
CREATE SCHEMA rebalance_split;
CREATE SCHEMA rebalance_split_plain;
SET search_path = rebalance_split;
SET citus.shard_count = 2;
CREATE TABLE kinds (id int PRIMARY KEY, name text);
INSERT INTO kinds SELECT g, 'kind' || g FROM generate_series(0, 4) g;
SELECT create_reference_table('kinds');
CREATE TABLE t (id int PRIMARY KEY CHECK (id > 0), kind int REFERENCES kinds, v text, doubled int GENERATED ALWAYS AS (id * 2) STORED);
SELECT create_distributed_table('t', 'id', colocate_with => 'none');
CREATE TABLE lines (id int REFERENCES t ON DELETE CASCADE, line int, amount numeric, PRIMARY KEY (id, line));
SELECT create_distributed_table('lines', 'id', colocate_with => 't');
CREATE TABLE events (id bigint, at date, what text CHECK (what <> ''), UNIQUE (id, at)) PARTITION BY RANGE (at);
CREATE TABLE events_old PARTITION OF events FOR VALUES FROM ('2000-01-01') TO ('2020-01-01');
CREATE TABLE events_new PARTITION OF events FOR VALUES FROM ('2020-01-01') TO ('2040-01-01');
-- another type, so another group
SELECT create_distributed_table('events', 'id', colocate_with => 'none');
CREATE INDEX t_v ON t (v) WHERE v <> '';
GRANT SELECT (id, v) ON t TO PUBLIC;
CREATE STATISTICS t_s ON kind, v FROM t;
COMMENT ON COLUMN t.v IS 'a comment';
INSERT INTO t SELECT g, g % 5, 'v' || g % 17 FROM generate_series(1, 300) g;
INSERT INTO lines SELECT g % 300 + 1, g, g / 4.0 FROM generate_series(1, 900) g;
INSERT INTO events SELECT g % 100, date '2010-01-01' + g * 20, 'e' || g FROM generate_series(1, 400) g;
CREATE TABLE rebalance_split_plain.t AS TABLE t;
CREATE TABLE rebalance_split_plain.lines AS TABLE lines;
CREATE TABLE rebalance_split_plain.events AS TABLE events;
CREATE TABLE rebalance_split_plain.kinds AS TABLE kinds;

CREATE FUNCTION node(groupid int) RETURNS text LANGUAGE sql AS $$
  SELECT CASE WHEN $1 = 0 THEN 'coordinator' ELSE 'worker' || rank() OVER (ORDER BY n.groupid) END FROM pg_dist_node n
  WHERE n.groupid > 0 ORDER BY n.groupid = $1 DESC LIMIT 1 $$;
CREATE FUNCTION node_id(name text) RETURNS int LANGUAGE sql AS $$
  SELECT nodeid FROM pg_dist_node WHERE rebalance_split.node(groupid) = name AND noderole = 'primary' $$;
CREATE VIEW ranges AS
  SELECT logicalrelid AS "table", shardminvalue::int AS min, shardmaxvalue::int AS max, rebalance_split.node(groupid) AS node
  FROM pg_dist_shard JOIN pg_dist_placement USING (shardid)
  WHERE logicalrelid IN (SELECT logicalrelid FROM pg_dist_partition) AND shardminvalue IS NOT NULL;
CREATE FUNCTION shard(relation regclass, hash int) RETURNS bigint LANGUAGE sql AS $$
  SELECT shardid FROM pg_dist_shard WHERE logicalrelid = relation AND hash BETWEEN shardminvalue::int AND shardmaxvalue::int $$;
-- Whether a query has the same rows on the distributed tables and on the plain ones.
CREATE FUNCTION same(query text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  result text[] := '{}';
  rows text;
BEGIN
  FOR i IN 1 .. 2 LOOP
    PERFORM set_config('search_path', (ARRAY['rebalance_split', 'rebalance_split_plain, rebalance_split'])[i], true);
    EXECUTE format('SELECT count(*) || md5(string_agg(q::text, chr(10) ORDER BY q::text)) FROM (%s) q', query) INTO rows;
    result := result || rows;
  END LOOP;
  RETURN result[1] = result[2];
END $$;
CREATE TABLE queries (query text);
INSERT INTO queries VALUES
  ('SELECT * FROM t'), ('SELECT * FROM lines'), ('SELECT * FROM events'),
  ('SELECT count(*), sum(id), min(v), max(doubled) FROM t'),
  ('SELECT * FROM t WHERE id = 42'), ('SELECT * FROM t WHERE id IN (1, 7, 299)'),
  ('SELECT t.id, sum(amount) FROM t JOIN lines USING (id) GROUP BY t.id'),
  ('SELECT t.*, l.* FROM t JOIN lines l USING (id) WHERE id = 13'),
  ('SELECT name, count(*) FROM t JOIN kinds ON kinds.id = kind GROUP BY name'),
  ('SELECT t.id, e.what FROM t LEFT JOIN events e ON e.id = t.id AND e.at > date ''2020-02-02'''),
  ('SELECT v, count(DISTINCT id), array_agg(id ORDER BY id) FROM t GROUP BY v'),
  ('SELECT id FROM t WHERE NOT EXISTS (SELECT FROM lines l WHERE l.id = t.id AND line > 700)'),
  ('SELECT id, row_number() OVER (ORDER BY id) FROM t WHERE kind = 3'),
  ('SELECT (SELECT count(*) FROM lines l WHERE l.id = t.id) FROM t'),
  ('SELECT avg(amount) FROM lines WHERE id = -5'),
  ('SELECT id FROM t UNION SELECT id FROM events EXCEPT SELECT id FROM lines WHERE line < 100');
CREATE FUNCTION differing() RETURNS SETOF text LANGUAGE sql AS $$
  SELECT query FROM rebalance_split.queries WHERE NOT rebalance_split.same(query) $$;
-- Writes of all kinds, to both.
CREATE PROCEDURE write(step int) LANGUAGE plpgsql AS $$
DECLARE
  command text;
BEGIN
  FOREACH command IN ARRAY ARRAY[
    'INSERT INTO %1$s.t (id, kind, v) VALUES (%2$s, 1, ''one'')',
    'INSERT INTO %1$s.t (id, kind, v) SELECT %2$s + g, g %% 5, ''many'' FROM generate_series(1, 50) g',
    'INSERT INTO %1$s.t (id, kind, v) VALUES (%2$s + 60, 2, ''a''), (%2$s + 61, 3, ''b''), (%2$s + 62, 3, ''c''), (%2$s + 63, 4, ''d'')',
    'INSERT INTO %1$s.lines SELECT id, 1, 1 FROM %1$s.t WHERE id >= %2$s',
    'UPDATE %1$s.t SET v = v || ''!'' WHERE id %% 7 = 0',
    'UPDATE %1$s.t SET v = v || ''?'' WHERE id = %2$s + 61',
    'DELETE FROM %1$s.lines WHERE id %% 11 = 3',
    'UPDATE %1$s.events SET what = what || v FROM %1$s.t WHERE t.id = events.id',
    'DELETE FROM %1$s.events WHERE id = %2$s %% 97']
  LOOP
    EXECUTE format(command, 'rebalance_split', step);
    EXECUTE replace(format(command, 'rebalance_split_plain', step), '.t (id', '.t (id');
  END LOOP;
  UPDATE rebalance_split_plain.t SET doubled = id * 2;
END $$;
PREPARE prepared(int) AS SELECT t.id, t.v, count(line) FROM t LEFT JOIN lines USING (id) WHERE t.id = $1 GROUP BY t.id, t.v;
EXECUTE prepared(5);
EXECUTE prepared(5);
EXECUTE prepared(5);
EXECUTE prepared(5);
EXECUTE prepared(5);
EXECUTE prepared(5);
SELECT * FROM differing();

-- What can't be split, and why.
SELECT citus_split_shard_by_split_points(1, '{0}', ARRAY[node_id('worker1'), node_id('worker2')]);
\set VERBOSITY terse
SELECT citus_split_shard_by_split_points(shard('t', -5), '{}', ARRAY[node_id('worker1')]);
SELECT citus_split_shard_by_split_points(shard('t', -5), '{-1000}', ARRAY[node_id('worker1')]);
SELECT citus_split_shard_by_split_points(shard('t', -5), '{-1000}', ARRAY[node_id('worker1'), 99999]);
SELECT citus_split_shard_by_split_points(shard('t', -5), '{-1000}', ARRAY[node_id('worker1'), NULL]);
SELECT citus_split_shard_by_split_points(shard('t', -5), '{-1000,-2000}', ARRAY[node_id('worker1'), node_id('worker1'), node_id('worker1')]);
SELECT citus_split_shard_by_split_points(shard('t', -5), '{-1000,-1000}', ARRAY[node_id('worker1'), node_id('worker1'), node_id('worker1')]);
SELECT citus_split_shard_by_split_points(shard('t', -5), '{nonsense}', ARRAY[node_id('worker1'), node_id('worker1')]);
SELECT citus_split_shard_by_split_points(shard('t', -5), '{99999999999}', ARRAY[node_id('worker1'), node_id('worker1')]);
SELECT citus_split_shard_by_split_points(shard('t', -5), ARRAY[NULL], ARRAY[node_id('worker1'), node_id('worker1')]);
CREATE FUNCTION message(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  detail text;
BEGIN
  EXECUTE command;
  RETURN 'done';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
  RETURN SQLSTATE || ' ' || regexp_replace(SQLERRM || ' - ' || detail, '[0-9]{6}', 'N', 'g');
END $$;
SELECT message($$SELECT citus_split_shard_by_split_points(shardid, '{5}', ARRAY[1, 1]) FROM pg_dist_shard WHERE logicalrelid = 'kinds'::regclass$$);
SELECT message($$SELECT citus_split_shard_by_split_points(shard('t', -5), '{-1}', ARRAY[node_id('worker1'), node_id('worker1')])$$);
SELECT message($$SELECT citus_split_shard_by_split_points(shard('t', -5), '{0}', ARRAY[node_id('worker1'), node_id('worker1')])$$);
SELECT message($$SELECT citus_split_shard_by_split_points(shard('t', 5), '{-7}', ARRAY[node_id('worker1'), node_id('worker1')])$$);
BEGIN;
INSERT INTO t VALUES (1000, 1, 'x');
SELECT citus_split_shard_by_split_points(shard('t', -5), '{-1000}', ARRAY[node_id('worker1'), node_id('worker1')], 'block_writes');
ROLLBACK;
-- A block that is rolled back would undo nothing.
SELECT count(*) AS shards FROM pg_dist_shard \gset
BEGIN;
SELECT isolate_tenant_to_new_shard('t', 5, 'CASCADE', 'block_writes');
ROLLBACK;
BEGIN;
SELECT citus_split_shard_by_split_points(shard('t', -5), '{-1000}', ARRAY[node_id('worker1'), node_id('worker1')], 'block_writes');
ROLLBACK;
BEGIN;
SELECT citus_move_shard_placement(shard('t', -5), node_id('worker1'), node_id('worker2'), 'block_writes');
ROLLBACK;
BEGIN;
SELECT rebalance_table_shards();
ROLLBACK;
BEGIN;
SELECT citus_drain_node('127.0.0.1', 1);
ROLLBACK;
SELECT count(*) = :shards AS "as before" FROM pg_dist_shard;
CREATE ROLE split_nobody LOGIN;
GRANT USAGE ON SCHEMA rebalance_split TO split_nobody;
SET ROLE split_nobody;
SELECT citus_split_shard_by_split_points(shard('t', -5), '{-1000}', ARRAY[node_id('worker1'), node_id('worker1')], 'block_writes');
SELECT isolate_tenant_to_new_shard('t', 5, 'CASCADE', 'block_writes');
RESET ROLE;
SELECT isolate_tenant_to_new_shard('kinds', 1);
SELECT isolate_tenant_to_new_shard('queries', 1);
SELECT isolate_tenant_to_new_shard('t', NULL::int);
SELECT isolate_tenant_to_new_shard('t', 5);
SELECT isolate_tenant_to_new_shard('t', 5, 'perhaps');
SELECT isolate_tenant_to_new_shard('t', 'five'::text, 'CASCADE');
\set VERBOSITY default
SELECT * FROM ranges WHERE "table" IN ('t'::regclass, 'lines'::regclass) ORDER BY 1, 2;

-- In three, on both nodes.
SELECT citus_split_shard_by_split_points(shard('t', -5), '{-1500000000,-1000}',
  ARRAY[node_id('worker1'), node_id('worker2'), node_id('worker1')], 'block_writes');
SELECT * FROM ranges WHERE "table" IN ('t'::regclass, 'lines'::regclass) ORDER BY 1, 2;
SELECT shardcount FROM pg_dist_colocation JOIN pg_dist_partition USING (colocationid) WHERE logicalrelid = 't'::regclass;
SELECT * FROM differing();
CALL write(1000);
SELECT * FROM differing();
EXECUTE prepared(5);
-- Every node says the same.
SELECT count(DISTINCT result) FROM run_command_on_all_nodes($$
  SELECT string_agg(concat_ws(' ', logicalrelid, shardid, shardminvalue, shardmaxvalue, groupid), ', ' ORDER BY shardid, groupid)
  FROM pg_dist_shard JOIN pg_dist_placement USING (shardid) $$);
-- What is on a part is what is on a shard that was not split.
CREATE VIEW on_shards AS
  SELECT 'constraints' AS what, shardid, result FROM run_command_on_shards('t', $$
    SELECT string_agg(contype::text || ' ' || regexp_replace(conname || pg_get_constraintdef(oid), '_[0-9]{6,}', '', 'g'), '; ' ORDER BY conname)
    FROM pg_constraint WHERE conrelid = '%s'::regclass $$)
  UNION ALL SELECT 'indexes', shardid, result FROM run_command_on_shards('t', $$
    SELECT string_agg(regexp_replace(pg_get_indexdef(indexrelid), '_[0-9]{6,}', '', 'g'), '; ' ORDER BY indexrelid) FROM pg_index WHERE indrelid = '%s'::regclass $$)
  UNION ALL SELECT 'rights', shardid, result FROM run_command_on_shards('t', $$
    SELECT string_agg(attname || attacl::text, '; ' ORDER BY attname) FROM pg_attribute WHERE attrelid = '%s'::regclass AND attacl IS NOT NULL $$)
  UNION ALL SELECT 'statistics', shardid, result FROM run_command_on_shards('t', $$
    SELECT count(*) FROM pg_statistic_ext WHERE stxrelid = '%s'::regclass $$)
  UNION ALL SELECT 'lines', shardid, result FROM run_command_on_shards('lines', $$
    SELECT string_agg(contype::text || ' ' || regexp_replace(conname || pg_get_constraintdef(oid), '_[0-9]{6,}', '', 'g'), '; ' ORDER BY conname)
    FROM pg_constraint WHERE conrelid = '%s'::regclass $$);
SELECT what, result, count(*) FROM on_shards GROUP BY 1, 2 ORDER BY 1, 2;
-- Foreign keys hold.
INSERT INTO lines VALUES (100000, 1, 1);
INSERT INTO t VALUES (100000, 77, 'x');
-- New tables join the group as it is, and partitions arrive as partitions.
CREATE TABLE late (id int, w text);
SELECT create_distributed_table('late', 'id', colocate_with => 't');
INSERT INTO late SELECT id, v FROM t;
SELECT count(*) FROM t JOIN late USING (id) WHERE v = w;
SELECT (SELECT count(*) FROM ranges WHERE "table" = 'late'::regclass) AS shards,
       (SELECT count(*) FROM (SELECT min, max, node FROM ranges WHERE "table" = 'late'::regclass
                              EXCEPT SELECT min, max, node FROM ranges WHERE "table" = 't'::regclass) d) AS differing;
SELECT citus_split_shard_by_split_points(shard('events', 5), '{1000000000}', ARRAY[node_id('worker1'), node_id('worker1')], 'block_writes');
SELECT * FROM differing();
CALL write(2000);
SELECT * FROM differing();
SELECT DISTINCT result FROM run_command_on_shards('events', $$SELECT count(*) FROM pg_inherits WHERE inhparent = '%s'::regclass$$);
-- DDL reaches the parts.
ALTER TABLE t ADD COLUMN more int DEFAULT 7;
ALTER TABLE rebalance_split_plain.t ADD COLUMN more int DEFAULT 7;
CREATE TABLE events_future PARTITION OF events FOR VALUES FROM ('2040-01-01') TO ('2060-01-01');
INSERT INTO events VALUES (1, '2050-01-01', 'future'), (2, '2050-01-01', 'future'), (3, '2050-01-01', 'future');
INSERT INTO rebalance_split_plain.events VALUES (1, '2050-01-01', 'future'), (2, '2050-01-01', 'future'), (3, '2050-01-01', 'future');
SELECT * FROM differing();

-- A tenant of its own.
SELECT isolate_tenant_to_new_shard('lines', 5, cascade_option => 'CASCADE', shard_transfer_mode => 'block_writes') AS tenant \gset
SELECT logicalrelid, shardmaxvalue::int - shardminvalue::int AS width,
       get_shard_id_for_distribution_column('lines', 5) = shardid AS has_it FROM pg_dist_shard WHERE shardid = :tenant;
SELECT DISTINCT id FROM lines WHERE get_shard_id_for_distribution_column('lines', id) = :tenant;
SELECT "table", count(*), count(DISTINCT node) FROM ranges GROUP BY 1 ORDER BY "table"::text;
SELECT message($$SELECT isolate_tenant_to_new_shard('t', 5, 'cascade')$$);
SELECT * FROM differing();
CALL write(3000);
SELECT * FROM differing();
EXECUTE prepared(5);
-- A part is moved, and split again, before what the move has left behind is cleaned up.
ALTER SYSTEM SET citus.defer_shard_delete_interval = -1;
SELECT pg_reload_conf();
SELECT pg_sleep(0.5);
SELECT citus_move_shard_placement(shard('t', -5), node_id('worker1'), node_id('worker2'), 'block_writes');
SELECT citus_split_shard_by_split_points(shard('t', -5), '{-500,-400}',
  ARRAY[node_id('worker2'), node_id('worker2'), node_id('worker1')], 'block_writes');
ALTER SYSTEM RESET citus.defer_shard_delete_interval;
SELECT pg_reload_conf();
SELECT * FROM differing();
COPY t (id, kind, v) FROM stdin;
9001	1	copied
9002	2	copied
9003	3	copied
\.
SELECT count(*) FROM t WHERE v = 'copied';
-- The group's other statements: a strategy by count sees all parts.
SELECT count(*) > 0 AS moves FROM get_rebalance_table_shards_plan('t', rebalance_strategy => 'by_shard_count', threshold => 0);

-- Nothing is left behind.
SET client_min_messages = warning;  -- the maintenance worker may have done it already
CALL citus_cleanup_orphaned_resources();
SELECT count(*) FROM pg_dist_cleanup;
SELECT DISTINCT result FROM run_command_on_all_nodes('SELECT count(*) FROM altius_stray_shard');
SELECT DISTINCT result FROM run_command_on_all_nodes($$
  SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
  WHERE nspname = 'rebalance_split' AND relkind IN ('r', 'p') AND relname ~ '_[0-9]{6,}$'
    AND NOT EXISTS (SELECT FROM pg_dist_shard s JOIN pg_dist_placement p USING (shardid) JOIN pg_dist_local_group USING (groupid)
                    WHERE c.relname ~ ('_' || s.shardid || '$'))$$);
DROP SCHEMA rebalance_split, rebalance_split_plain CASCADE;
DROP ROLE split_nobody;
