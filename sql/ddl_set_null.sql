-- ON DELETE SET NULL and SET DEFAULT with a list of columns: only those change.
\set VERBOSITY terse
\set SHOW_CONTEXT never
SET client_min_messages TO warning;
SET citus.shard_count TO 4;
CREATE SCHEMA ddl_set_null;
SET search_path TO ddl_set_null;
CREATE TABLE parent (tenant int, id int, PRIMARY KEY (tenant, id));
CREATE TABLE child (tenant int, id int, parent int, other int DEFAULT 1);
SELECT create_distributed_table('parent', 'tenant');
SELECT create_distributed_table('child', 'tenant');
ALTER TABLE child ADD CONSTRAINT null_parent FOREIGN KEY (tenant, parent) REFERENCES parent (tenant, id) ON DELETE SET NULL (parent);
ALTER TABLE child ADD CONSTRAINT default_other FOREIGN KEY (tenant, other) REFERENCES parent (tenant, id) ON DELETE SET DEFAULT (other);
INSERT INTO parent SELECT t, i FROM generate_series(1, 5) t, generate_series(1, 3) i;
INSERT INTO child SELECT t, i, i, i FROM generate_series(1, 5) t, generate_series(1, 3) i;
DELETE FROM parent WHERE id = 2;
DELETE FROM parent WHERE tenant = 3 AND id = 3;
SELECT tenant, id, parent, other FROM child WHERE tenant IN (1, 3) ORDER BY 1, 2;
ALTER TABLE child ADD CONSTRAINT null_tenant FOREIGN KEY (tenant, parent) REFERENCES parent ON DELETE SET NULL (tenant);
ALTER TABLE child ADD CONSTRAINT null_both FOREIGN KEY (tenant, parent) REFERENCES parent ON DELETE SET NULL (parent, tenant);
ALTER TABLE child ADD CONSTRAINT null_all FOREIGN KEY (tenant, parent) REFERENCES parent ON DELETE SET NULL;
ALTER TABLE child ADD CONSTRAINT update_null FOREIGN KEY (tenant, parent) REFERENCES parent ON UPDATE SET NULL ON DELETE SET NULL (parent);
-- to a reference table, there before the table is distributed
CREATE TABLE ref (tenant int, id int, PRIMARY KEY (tenant, id));
SELECT create_reference_table('ref');
CREATE TABLE to_ref (tenant int, id int, FOREIGN KEY (tenant, id) REFERENCES ref ON DELETE SET NULL (id));
SELECT create_distributed_table('to_ref', 'tenant');
INSERT INTO ref VALUES (1, 1);
INSERT INTO to_ref VALUES (1, 1);
DELETE FROM ref;
TABLE to_ref;
DROP SCHEMA ddl_set_null CASCADE;
