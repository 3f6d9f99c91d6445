-- ALTER TABLE in its common forms, side by side with a plain table.
CREATE SCHEMA ddl_alter;
SET search_path TO ddl_alter;
SET citus.shard_count TO 4;
SET client_min_messages TO warning;
\set SHOW_CONTEXT never

CREATE TABLE items (id int PRIMARY KEY, name text, price int);
CREATE TABLE plain (LIKE items INCLUDING ALL);
CREATE TABLE groups (id int PRIMARY KEY);
INSERT INTO items SELECT i, 'n' || i, i % 7 FROM generate_series(1, 50) i;
INSERT INTO plain SELECT * FROM items;
INSERT INTO groups VALUES (1), (2), (3);
SELECT create_reference_table('groups');
SELECT create_distributed_table('items', 'id');

-- Runs the command on either table; false: they differ afterwards.
CREATE FUNCTION twin(command text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE differing bigint;
BEGIN
  EXECUTE format(command, 'items');
  EXECUTE format(command, 'plain');
  EXECUTE 'SELECT count(*) FROM ((TABLE items EXCEPT ALL TABLE plain) UNION ALL (TABLE plain EXCEPT ALL TABLE items)) x' INTO differing;
  RETURN differing = 0;
END $$;

SELECT twin('ALTER TABLE %s ADD COLUMN a int');
SELECT twin('ALTER TABLE %s ADD COLUMN b int NOT NULL DEFAULT 5 CHECK (b > 1), ADD COLUMN c text DEFAULT upper(''c'')');
SELECT twin('ALTER TABLE %s ADD COLUMN g int REFERENCES groups DEFAULT 1');
SELECT twin('ALTER TABLE %s ADD CONSTRAINT named CHECK (price >= 0), ADD UNIQUE (id, name)');
SELECT twin('INSERT INTO %s (id, name) VALUES (100, ''new'')');
SELECT twin('ALTER TABLE %s ALTER COLUMN price SET DEFAULT 9, ALTER COLUMN b DROP DEFAULT, ALTER COLUMN name SET NOT NULL');
SELECT twin('INSERT INTO %s (id, name, b) VALUES (101, ''newer'', 8)');
SELECT * FROM testing.shape('items');
INSERT INTO items (id, name, b) VALUES (1, 'again', 2);
INSERT INTO items (id, name, b) VALUES (200, 'low', 0);
INSERT INTO items (id, name, b, price) VALUES (200, 'low', 2, -1);
INSERT INTO items (id, name, b, g) VALUES (200, 'low', 2, 77);
INSERT INTO items (id, name) VALUES (200, NULL);
SELECT twin('ALTER TABLE %s ALTER COLUMN price TYPE numeric(10, 2) USING price / 2.0, ALTER COLUMN name DROP NOT NULL');
SELECT twin('ALTER TABLE %s RENAME COLUMN name TO title');
SELECT twin('ALTER TABLE %s RENAME CONSTRAINT named TO renamed');
SELECT twin('ALTER TABLE %s DROP CONSTRAINT renamed, DROP COLUMN a, DROP COLUMN c');
SELECT twin('ALTER TABLE %s ADD CONSTRAINT late CHECK (price < 1000) NOT VALID');
SELECT twin('ALTER TABLE %s VALIDATE CONSTRAINT late');
SELECT twin('ALTER TABLE %s SET (fillfactor = 70), ALTER COLUMN title SET STATISTICS 50');
SELECT * FROM testing.shape('items');

-- Columns fed by a sequence, on a table with rows.
ALTER TABLE items ADD COLUMN s serial, ADD COLUMN i int GENERATED ALWAYS AS IDENTITY;
SELECT count(*), count(DISTINCT s), min(s), max(s), count(DISTINCT i), max(i) FROM items;
INSERT INTO items (id, title, b) VALUES (300, 'last', 3) RETURNING s, i;
ALTER TABLE items DROP COLUMN s, DROP COLUMN i;

-- Foreign keys between colocated tables.
CREATE TABLE parts (item int, no int, PRIMARY KEY (item, no));
SELECT create_distributed_table('parts', 'item', colocate_with => 'items');
ALTER TABLE parts ADD CONSTRAINT of_item FOREIGN KEY (item) REFERENCES items ON DELETE CASCADE;
INSERT INTO parts VALUES (1, 1), (1, 2), (2, 1);
INSERT INTO parts VALUES (999, 1);
DELETE FROM items WHERE id = 1;
SELECT * FROM parts;
SELECT * FROM testing.shape('parts');
ALTER TABLE parts ADD CHECK (no > 1);
ALTER TABLE parts DROP CONSTRAINT of_item;
SELECT * FROM testing.shape('parts');

-- Names, owners, grants, policies, comments.
CREATE ROLE ddl_alter_owner;
GRANT USAGE, CREATE ON SCHEMA ddl_alter TO ddl_alter_owner;
ALTER TABLE parts RENAME TO pieces;
ALTER TABLE pieces OWNER TO ddl_alter_owner;
GRANT SELECT ON pieces TO PUBLIC;
REVOKE SELECT ON pieces FROM PUBLIC;
GRANT SELECT (no) ON pieces TO ddl_alter_owner;
COMMENT ON TABLE pieces IS 'what items are made of';
ALTER TABLE pieces ENABLE ROW LEVEL SECURITY;
CREATE POLICY low ON pieces USING (no < 2);
ALTER POLICY low ON pieces RENAME TO lower;
CREATE STATISTICS related ON item, no FROM pieces;
SELECT * FROM testing.shape('pieces');
SELECT DISTINCT result FROM run_command_on_workers('SELECT obj_description(''ddl_alter.pieces''::regclass, ''pg_class'')');
SELECT DISTINCT result FROM run_command_on_shards('pieces', 'SELECT relowner::regrole || '' '' || relrowsecurity FROM pg_class WHERE oid = ''%s''::regclass');
DROP POLICY lower ON pieces;
DROP STATISTICS related;
CREATE SCHEMA ddl_alter_other;
ALTER TABLE pieces SET SCHEMA ddl_alter_other;
SELECT count(*) FROM ddl_alter_other.pieces;
SELECT * FROM testing.shape('ddl_alter_other.pieces');
DROP SCHEMA ddl_alter_other CASCADE;

-- Row triggers run where the row is.
CREATE FUNCTION mark() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.title := NEW.title || '!'; RETURN NEW; END $$;
CREATE TRIGGER marked BEFORE INSERT ON items FOR EACH ROW EXECUTE FUNCTION mark();
INSERT INTO items (id, title, b) VALUES (400, 'loud', 3) RETURNING title;
ALTER TABLE items DISABLE TRIGGER marked;
INSERT INTO items (id, title, b) VALUES (401, 'quiet', 3) RETURNING title;
DROP TRIGGER marked ON items;
CREATE TRIGGER whole AFTER INSERT ON items EXECUTE FUNCTION mark();
DROP TRIGGER whole ON items;
CREATE RULE silent AS ON INSERT TO items DO INSTEAD NOTHING;

-- One transaction, also with rows, and back.
BEGIN;
ALTER TABLE items ADD COLUMN z int DEFAULT 4;
UPDATE items SET z = id WHERE id < 10;
SAVEPOINT a;
ALTER TABLE items DROP COLUMN z;
ROLLBACK TO a;
SELECT sum(z) FROM items WHERE id < 20;
ROLLBACK;
SELECT count(*) FROM information_schema.columns WHERE table_schema = 'ddl_alter' AND table_name = 'items' AND column_name = 'z';
DO $$ BEGIN ALTER TABLE items ADD COLUMN y int; EXECUTE 'ALTER TABLE items ADD COLUMN x int'; END $$;
SELECT * FROM testing.shape('items');
DROP OWNED BY ddl_alter_owner;
DROP ROLE ddl_alter_owner;

DROP SCHEMA ddl_alter CASCADE;
