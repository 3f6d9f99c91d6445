-- Owners, schemas, names, comments of objects that all nodes have: whatever way a command names them.
CREATE SCHEMA ddl_owner_schema;
CREATE SCHEMA ddl_owner_schema_other;
SET search_path TO ddl_owner_schema, ddl_owner_schema_other;
SET citus.shard_count TO 4;
SET client_min_messages TO warning;
\set SHOW_CONTEXT never
CREATE ROLE ddl_owner_schema_role;
GRANT ALL ON SCHEMA ddl_owner_schema, ddl_owner_schema_other TO ddl_owner_schema_role;

CREATE FUNCTION everywhere(query text) RETURNS SETOF text LANGUAGE sql AS $$
  SELECT DISTINCT result FROM run_command_on_all_nodes(query) $$;

-- Types and domains, which these commands name by a list where others have a type's name.
ALTER TYPE nope OWNER TO postgres;
ALTER TYPE nope SET SCHEMA ddl_owner_schema_other;
ALTER DOMAIN nope OWNER TO postgres;
ALTER DOMAIN nosuch.nope SET SCHEMA ddl_owner_schema_other;
CREATE TYPE mood AS ENUM ('a');
CREATE TYPE pair AS (a int, b mood);
CREATE TYPE span AS RANGE (SUBTYPE = int);
CREATE DOMAIN small AS int CONSTRAINT few CHECK (value < 10);
ALTER TYPE mood OWNER TO ddl_owner_schema_role;
ALTER TYPE pair OWNER TO ddl_owner_schema_role;
ALTER TYPE span SET SCHEMA ddl_owner_schema_other;
ALTER DOMAIN small OWNER TO ddl_owner_schema_role;
ALTER DOMAIN small SET SCHEMA ddl_owner_schema_other;
ALTER DOMAIN small RENAME CONSTRAINT few TO fewer;
COMMENT ON CONSTRAINT fewer ON DOMAIN small IS 'not many';
COMMENT ON COLUMN pair.b IS 'how';
COMMENT ON COLUMN b IS 'of what';
COMMENT ON TYPE mood IS 'how it is';
ALTER TYPE pair RENAME ATTRIBUTE a TO c;
SELECT everywhere($$ SELECT string_agg(concat_ws(' ', oid::regtype, typowner::regrole, obj_description(oid)), ', ' ORDER BY typname COLLATE "C")
  FROM pg_type WHERE typnamespace::regnamespace::text LIKE 'ddl_owner_schema%' AND typcategory <> 'A' AND typtype <> 'm'
    AND NOT EXISTS (SELECT FROM pg_class WHERE oid = typrelid AND relkind <> 'c') $$);
SELECT everywhere($$ SELECT conname || ' ' || obj_description(oid) FROM pg_constraint WHERE contypid = 'ddl_owner_schema_other.small'::regtype $$);
SELECT everywhere($$ SELECT string_agg(concat_ws(' ', attname, col_description(attrelid, attnum)), ', ' ORDER BY attnum)
  FROM pg_attribute WHERE attrelid = 'ddl_owner_schema.pair'::regclass $$);
\set VERBOSITY terse
DROP TYPE ddl_owner_schema.mood;
\set VERBOSITY default

-- Views and sequences by ALTER TABLE, too.
CREATE TABLE t (key int, v int);
SELECT create_distributed_table('t', 'key');
CREATE VIEW seen AS SELECT key, v FROM t;
CREATE SEQUENCE numbers;
ALTER TABLE seen RENAME TO looked_at;
ALTER TABLE looked_at RENAME COLUMN v TO w;
ALTER TABLE looked_at OWNER TO ddl_owner_schema_role;
ALTER TABLE numbers SET SCHEMA ddl_owner_schema_other;
COMMENT ON COLUMN looked_at.w IS 'of the view';
SELECT everywhere($$ SELECT concat_ws(' ', relowner::regrole, attname, col_description(attrelid, attnum))
  FROM pg_class c JOIN pg_attribute ON attrelid = c.oid AND attnum = 2 WHERE c.oid = 'ddl_owner_schema.looked_at'::regclass $$);
SELECT everywhere($$ SELECT to_regclass('ddl_owner_schema.numbers') IS NULL AND to_regclass('ddl_owner_schema_other.numbers') IS NOT NULL $$);

-- What depends on an extension.
CREATE EXTENSION hstore;
CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE INDEX t_v ON t (v);
CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
ALTER FUNCTION f() DEPENDS ON EXTENSION hstore;
ALTER INDEX t_v DEPENDS ON EXTENSION hstore;
SELECT everywhere($$ SELECT count(*) FROM pg_depend WHERE deptype = 'x' AND objid = 'ddl_owner_schema.f'::regproc $$);
SELECT result FROM run_command_on_workers($$ SELECT count(*) FROM pg_depend WHERE deptype = 'x' AND objid::regclass::text LIKE '%t\_v%' $$);
ALTER FUNCTION f() NO DEPENDS ON EXTENSION hstore;
DROP EXTENSION hstore;
SELECT everywhere($$ SELECT to_regproc('ddl_owner_schema.f') IS NOT NULL AND NOT EXISTS (SELECT FROM pg_class WHERE relname ~ '^t_v') $$);

-- Statistics belong to the table's owner on the shards, too.
ALTER TABLE t OWNER TO ddl_owner_schema_role;
CREATE TABLE owned (key int, v int, w int);
CREATE STATISTICS on_owned ON v, w FROM owned;
ALTER TABLE owned OWNER TO ddl_owner_schema_role;
ALTER STATISTICS on_owned OWNER TO ddl_owner_schema_role;
SELECT create_distributed_table('owned', 'key');
SELECT everywhere($$ SELECT string_agg(DISTINCT stxowner::regrole::text, ' ') FROM pg_statistic_ext WHERE stxname LIKE 'on\_owned%' $$);
SET ROLE ddl_owner_schema_role;
ALTER STATISTICS on_owned SET STATISTICS 50;
ALTER STATISTICS on_owned SET SCHEMA ddl_owner_schema_other;
RESET ROLE;
ALTER STATISTICS on_owned OWNER TO CURRENT_USER;
SELECT result FROM run_command_on_workers($$ SELECT concat_ws(' ', count(*), string_agg(DISTINCT concat_ws(' ', stxowner::regrole, stxnamespace::regnamespace), ', '))
  FROM pg_statistic_ext WHERE stxname LIKE 'on\_owned%' $$);
DROP STATISTICS on_owned;
SELECT everywhere($$ SELECT count(*) FROM pg_statistic_ext WHERE stxname LIKE 'on\_owned%' $$);

SET client_min_messages TO error;
DROP SCHEMA ddl_owner_schema, ddl_owner_schema_other CASCADE;
DROP ROLE ddl_owner_schema_role;
