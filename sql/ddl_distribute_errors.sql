-- What can't be distributed, and what is said then.
CREATE SCHEMA ddl_distribute_errors;
SET search_path TO ddl_distribute_errors;
SET citus.shard_count TO 4;
SET client_min_messages TO warning;
\set SHOW_CONTEXT never

CREATE TABLE t (id int PRIMARY KEY, name text, spot point, twice int GENERATED ALWAYS AS (id * 2) STORED, other int UNIQUE);
SELECT create_distributed_table('t', 'nothing');
SELECT create_distributed_table('t', 'spot');
SELECT create_distributed_table('t', 'twice');
SELECT create_distributed_table('t', 'name');
ALTER TABLE t DROP CONSTRAINT t_other_key;
SELECT create_distributed_table('t', 'id', 'range');
SELECT create_distributed_table('t', 'id', shard_count => 0);
SELECT create_distributed_table('t', 'id', colocate_with => 'nobody');
SELECT create_distributed_table('t', 'id', NULL);
CREATE TABLE d (id int PRIMARY KEY, v int);
SELECT create_distributed_table('d', 'id');
SELECT create_distributed_table('d', 'id');
SELECT create_distributed_table('t', 'id', colocate_with => 'd', shard_count => 2);
CREATE TABLE w (id text);
SELECT create_distributed_table('w', 'id', colocate_with => 'd');
SELECT create_distributed_table('w', 'id', colocate_with => 't');

CREATE VIEW v AS SELECT 1 AS id;
SELECT create_distributed_table('v', 'id');
CREATE TEMPORARY TABLE temporary (id int);
SELECT create_distributed_table('temporary', 'id');
SELECT create_distributed_table('pg_catalog.pg_class', 'oid');
CREATE TABLE parent (id int); CREATE TABLE child () INHERITS (parent);
SELECT create_distributed_table('parent', 'id');
SELECT create_distributed_table('child', 'id');
CREATE TABLE parted (id int) PARTITION BY RANGE (id);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (1) TO (9);
SELECT create_distributed_table('parted_1', 'id');

-- Foreign keys must stay beside the rows.
CREATE TABLE f (id int, d_id int REFERENCES d, t_id int REFERENCES t);
SELECT create_distributed_table('f', 'id');
ALTER TABLE f DROP CONSTRAINT f_d_id_fkey;
SELECT create_distributed_table('f', 'id');
SELECT create_reference_table('t');
SELECT create_distributed_table('f', 'id', colocate_with => 'd');
ALTER TABLE f ADD FOREIGN KEY (d_id) REFERENCES d;
ALTER TABLE f ADD FOREIGN KEY (id) REFERENCES d ON DELETE SET NULL;
ALTER TABLE f ADD FOREIGN KEY (id) REFERENCES d ON DELETE CASCADE;
CREATE TABLE r (id int REFERENCES d);
SELECT create_reference_table('r');
-- Nothing would look into a local table when a referenced row goes.
INSERT INTO d VALUES (1, 1);
INSERT INTO r VALUES (1);
INSERT INTO r VALUES (NULL);
TRUNCATE r;
DELETE FROM d;
SELECT undistribute_table('d');
SELECT undistribute_table('w');

-- Whose table it is.
CREATE ROLE ddl_stranger;
GRANT USAGE ON SCHEMA ddl_distribute_errors TO ddl_stranger;
SET ROLE ddl_stranger;
SELECT create_distributed_table('w', 'id');
RESET ROLE;
REVOKE USAGE ON SCHEMA ddl_distribute_errors FROM ddl_stranger;
DROP ROLE ddl_stranger;

-- Schema changes start on the coordinator.
SELECT setting::int AS coordinator, setting::int + 1 AS worker FROM pg_settings WHERE name = 'port' \gset
\c - - - :worker
SET search_path TO ddl_distribute_errors;
\set VERBOSITY terse
ALTER TABLE d ADD x int;
CREATE INDEX ON d (v);
DROP TABLE d;
CREATE TYPE only_here AS ENUM ('a');
SELECT create_distributed_table('w', 'id');
CREATE TABLE only_here (a int);
CREATE INDEX ON only_here (a);
DROP TABLE only_here;
TRUNCATE d;
\set VERBOSITY default
\c - - - :coordinator
SET search_path TO ddl_distribute_errors;
SET client_min_messages TO warning;

-- The distribution column stays what it is; uniqueness needs it.
ALTER TABLE d DROP COLUMN id;
ALTER TABLE d ALTER COLUMN id TYPE bigint;
ALTER TABLE d ADD UNIQUE (v);
ALTER TABLE d ADD EXCLUDE USING btree (v WITH =);
CREATE UNIQUE INDEX ON d (v);
CREATE UNIQUE INDEX CONCURRENTLY u ON d (v);
CREATE UNIQUE INDEX ON d (v, id);
ALTER TABLE d INHERIT parent;
-- The rows of a local child would be left out of every query on its parent.
CREATE TABLE heir () INHERITS (d);
CREATE TABLE heir (LIKE d);
ALTER TABLE heir INHERIT d;

-- tableoid is that of a shard where a constraint or a generated column is computed.
CREATE TABLE named (id int, t regclass GENERATED ALWAYS AS (tableoid::regclass) STORED);
SELECT create_distributed_table('named', 'id');
SELECT create_reference_table('named');
CREATE TABLE named2 (id int CHECK (tableoid > 0));
SELECT create_distributed_table('named2', 'id');
ALTER TABLE d ADD CHECK (tableoid > 0);
ALTER TABLE d ADD t regclass GENERATED ALWAYS AS (tableoid::regclass) STORED;

DROP SCHEMA ddl_distribute_errors CASCADE;
