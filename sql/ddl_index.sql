-- Indexes.
CREATE SCHEMA ddl_index;
SET search_path TO ddl_index;
SET citus.shard_count TO 4;
SET client_min_messages TO warning;
\set SHOW_CONTEXT never

CREATE TABLE t (k int PRIMARY KEY, a int, b text);
SELECT create_distributed_table('t', 'k');
INSERT INTO t SELECT i, i % 10, 'b' || i FROM generate_series(1, 200) i;
CREATE INDEX ON t (a);
CREATE INDEX named ON t USING btree (b text_pattern_ops DESC, (a + 1)) INCLUDE (k) WHERE a > 2;
CREATE UNIQUE INDEX ON t (k, a);
CREATE INDEX IF NOT EXISTS named ON t (b);
CREATE INDEX an_index_with_a_name_that_is_so_long_that_no_id_fits_behind_it1 ON t (a);
CREATE INDEX CONCURRENTLY later ON t (lower(b));
SELECT shards, regexp_replace(shape, 'no_id_[^ ]+', 'no_id_..') AS shape FROM testing.shape('t');
SELECT DISTINCT result FROM run_command_on_workers($$SELECT string_agg(relname, ', ' ORDER BY relname)
  FROM pg_index JOIN pg_class c ON c.oid = indexrelid WHERE indrelid = 'ddl_index.t'::regclass$$);
ALTER INDEX named RENAME TO renamed;
ALTER INDEX renamed SET (fillfactor = 60);
ALTER TABLE t ADD CONSTRAINT t_uq UNIQUE USING INDEX t_k_a_idx;
DROP INDEX an_index_with_a_name_that_is_so_long_that_no_id_fits_behind_it1, t_a_idx;
DROP INDEX CONCURRENTLY later;
SELECT * FROM testing.shape('t');
REINDEX TABLE t;
REINDEX INDEX CONCURRENTLY renamed;
CLUSTER t USING t_pkey;
VACUUM t;
VACUUM (ANALYZE) t (a);
ANALYZE t;
SELECT count(*), sum(a) FROM t;
SELECT DISTINCT result FROM run_command_on_shards('t', 'SELECT reltuples > 0 FROM pg_class WHERE oid = ''%s''::regclass');
BEGIN;
CREATE INDEX CONCURRENTLY ON t (b);
ROLLBACK;
BEGIN;
CREATE INDEX undone ON t (b);
ROLLBACK;
SELECT DISTINCT result FROM run_command_on_all_nodes('SELECT count(*) FROM pg_class WHERE relname ~ ''^undone''');
CREATE TABLE doubles (k int, a int);
SELECT create_distributed_table('doubles', 'k');
INSERT INTO doubles VALUES (1, 1), (1, 1);
DO $$ BEGIN CREATE UNIQUE INDEX doubled ON doubles (k, a); EXCEPTION WHEN unique_violation THEN RAISE WARNING 'refused'; END $$;
DROP INDEX IF EXISTS doubled;

-- One that failed in a shard is invalid on all nodes, until it is built anew.
CREATE VIEW validity AS SELECT result FROM run_command_on_all_nodes(
  $$SELECT string_agg(DISTINCT CASE WHEN indisvalid THEN 'valid' ELSE 'invalid' END, ' ') FROM pg_index
    WHERE indexrelid = (SELECT oid FROM pg_class WHERE relname = 'doubled')$$);
CREATE UNIQUE INDEX CONCURRENTLY doubled ON doubles (k, a);
SELECT DISTINCT * FROM validity;
REINDEX INDEX doubled;
\set VERBOSITY sqlstate
REINDEX INDEX CONCURRENTLY doubled;
\set VERBOSITY default
SELECT DISTINCT * FROM validity;
DELETE FROM doubles;
REINDEX INDEX doubled;
SELECT DISTINCT * FROM validity;
INSERT INTO doubles VALUES (2, 2) ON CONFLICT (k, a) DO NOTHING;
DROP INDEX doubled;
INSERT INTO doubles VALUES (2, 2);
CREATE UNIQUE INDEX CONCURRENTLY doubled ON doubles (k, a);
DELETE FROM doubles;
REINDEX INDEX CONCURRENTLY doubled;
SELECT DISTINCT * FROM validity;

-- One shard lies on this node: the session must not hold up what it waits for.
SET statement_timeout TO '20s';
CREATE TABLE everywhere (k int PRIMARY KEY, a int);
SELECT create_reference_table('everywhere');
CREATE INDEX CONCURRENTLY everywhere_a ON everywhere (a);
REINDEX INDEX CONCURRENTLY everywhere_a;
REINDEX TABLE CONCURRENTLY everywhere;
VACUUM everywhere;
DROP INDEX CONCURRENTLY everywhere_a;

DROP SCHEMA ddl_index CASCADE;
