-- COPY TO writes what lies on the shards.
CREATE SCHEMA copy_to;
SET search_path TO copy_to;
CREATE TABLE t (k int PRIMARY KEY, dropped int, v text, twice int GENERATED ALWAYS AS (k * 2) STORED);
SELECT create_distributed_table('t', 'k', shard_count => 4, colocate_with => 'none');
ALTER TABLE t DROP COLUMN dropped;
INSERT INTO t (k, v) VALUES (1, E'a\tb');
COPY t TO STDOUT;
COPY t (twice) TO STDOUT;
COPY t (v, k) TO STDOUT WITH (FORMAT csv, HEADER);
COPY t TO STDOUT WITH (FORMAT csv, FORCE_QUOTE (v));
INSERT INTO t (k, v) SELECT g, 'v' || g FROM generate_series(2, 1000) g;
COPY (SELECT k, v FROM t WHERE k < 4 ORDER BY k) TO STDOUT;
COPY (DELETE FROM t WHERE k > 998 RETURNING k > 0) TO STDOUT;
SELECT current_setting('data_directory') || '/altius_copy_to' AS file \gset
COPY t TO :'file';
CREATE TABLE back (k int, v text);
COPY back FROM :'file';
SELECT count(*), sum(k), count(DISTINCT v) FROM back;

-- From another format, over to a reference table and back.
CREATE TABLE r (id int PRIMARY KEY, v text);
SELECT create_reference_table('r');
COPY t (k, v) TO :'file' WITH (FORMAT binary);
COPY r FROM :'file' WITH (FORMAT binary);
SELECT count(*), sum(id) FROM r;
COPY (SELECT id FROM r ORDER BY id LIMIT 3) TO STDOUT;

SET client_min_messages TO error;
DROP SCHEMA copy_to CASCADE;
