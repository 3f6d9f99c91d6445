-- Partitioned tables: partitions follow their parent.
CREATE SCHEMA ddl_partition;
SET search_path TO ddl_partition;
SET citus.shard_count TO 4;
SET client_min_messages TO warning;
\set SHOW_CONTEXT never

CREATE TABLE log (k int CHECK (k > 0), day date, v text) PARTITION BY RANGE (day);
CREATE TABLE log_20 PARTITION OF log FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
CREATE TABLE log_21 PARTITION OF log FOR VALUES FROM ('2021-01-01') TO ('2022-01-01') PARTITION BY LIST (v);
CREATE TABLE log_21_a PARTITION OF log_21 FOR VALUES IN ('a');
CREATE INDEX ON log (v);
INSERT INTO log VALUES (1, '2020-02-02', 'x'), (2, '2020-03-03', 'y'), (3, '2021-01-01', 'a');
SELECT create_distributed_table('log', 'k');
SELECT * FROM log ORDER BY k;
CREATE TABLE log_22 PARTITION OF log FOR VALUES FROM ('2022-01-01') TO ('2023-01-01');
CREATE TABLE log_21_b PARTITION OF log_21 DEFAULT;
CREATE TABLE log_23 (k int, day date, v text, CONSTRAINT log_k_check CHECK (k > 0));
INSERT INTO log_23 VALUES (4, '2023-05-05', 'z');
ALTER TABLE log ATTACH PARTITION log_23 FOR VALUES FROM ('2023-01-01') TO ('2024-01-01');
INSERT INTO log VALUES (5, '2022-02-02', 'w'), (6, '2021-06-06', 'other');
INSERT INTO log VALUES (7, '1999-01-01', 'none');
INSERT INTO log VALUES (0, '2022-01-01', 'none');
SELECT * FROM log ORDER BY k;
SELECT count(*) FROM log_21;
SELECT logicalrelid FROM pg_dist_partition WHERE logicalrelid::text ~ '^log' ORDER BY logicalrelid::text;
CREATE INDEX later ON log (day, v);
ALTER TABLE log ADD COLUMN n int NOT NULL DEFAULT 3, ADD CHECK (n > 1);
ALTER TABLE log RENAME COLUMN v TO what;
SELECT * FROM testing.shape('log');
SELECT * FROM testing.shape('log_23');
ALTER TABLE log DETACH PARTITION log_20;
SELECT * FROM testing.shape('log_20');
SELECT count(*) FROM log;
SELECT count(*) FROM log_20;
ALTER TABLE log ATTACH PARTITION log_20 FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
SELECT count(*) FROM log;
TRUNCATE log_22;
DROP TABLE log_23;
SELECT * FROM log ORDER BY k;
CREATE TABLE elsewhere (k bigint, day date, what text, n int NOT NULL);
SELECT create_distributed_table('elsewhere', 'k');
ALTER TABLE log ATTACH PARTITION elsewhere FOR VALUES FROM ('2030-01-01') TO ('2031-01-01');
-- A local parent would read the distributed table's empty shell.
CREATE TABLE local_log (k bigint, day date, what text, n int) PARTITION BY RANGE (day);
ALTER TABLE local_log ATTACH PARTITION elsewhere FOR VALUES FROM ('2030-01-01') TO ('2031-01-01');
CREATE TABLE local_parent (k bigint, day date);
ALTER TABLE elsewhere INHERIT local_parent;
SELECT undistribute_table('log_20');
SELECT undistribute_table('log');
SELECT * FROM log ORDER BY k;
DROP TABLE log;
DROP TABLE local_log, local_parent;
SELECT DISTINCT result FROM run_command_on_all_nodes('SELECT count(*) FROM pg_class WHERE relname ~ ''^log_''');

DROP SCHEMA ddl_partition CASCADE;
