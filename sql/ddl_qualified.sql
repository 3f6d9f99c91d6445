-- Commands whose expressions name columns with their table, and types whose names are like those of others.
\set VERBOSITY terse
\set SHOW_CONTEXT never
SET client_min_messages TO warning;
SET citus.shard_count TO 4;
CREATE SCHEMA ddl_qualified;
SET search_path TO ddl_qualified;
CREATE ROLE ddl_qualified_user LOGIN;
CREATE TABLE t (id int, v int, owner text, CHECK (t.v > 0));
SELECT create_distributed_table('t', 'id');
CREATE TABLE ref (id int, owner text);
SELECT create_reference_table('ref');
ALTER TABLE t ADD CONSTRAINT below CHECK (ddl_qualified.t.v < 100 AND t.id > 0);
ALTER TABLE t ADD COLUMN w int DEFAULT 1 CHECK (t.w > 0);
ALTER TABLE t ALTER v TYPE bigint USING t.v::bigint + 1;
CREATE INDEX ON t ((t.v + 1)) WHERE t.v > 1;
CREATE STATISTICS s ON (t.v + 1), id FROM t;
\pset format unaligned
\pset tuples_only on
INSERT INTO t VALUES (1, 200);
INSERT INTO t VALUES (1, 20, 'ddl_qualified_user'), (2, 30, 'x'), (3, 30, 'ddl_qualified_user');
INSERT INTO ref VALUES (1, 'ddl_qualified_user'), (2, 'ddl_qualified_user'), (4, 'ddl_qualified_user');
ALTER TABLE t ENABLE ROW LEVEL SECURITY;
CREATE POLICY reading ON t FOR SELECT USING (EXISTS (SELECT FROM ref WHERE ref.id = t.id AND ref.owner = ddl_qualified.t.owner));
CREATE POLICY adding ON t FOR INSERT WITH CHECK (EXISTS (SELECT FROM ref t WHERE t.id = 4) AND t.owner = current_user);
CREATE POLICY changing ON t FOR UPDATE USING (t.owner = current_user);
ALTER POLICY changing ON t USING (t.owner = current_user AND t.v > 1) WITH CHECK (t.v < 50);
GRANT USAGE ON SCHEMA ddl_qualified TO ddl_qualified_user;
GRANT ALL ON t, ref TO ddl_qualified_user;
SET ROLE ddl_qualified_user;
SELECT id, v FROM t ORDER BY id;
INSERT INTO t VALUES (4, 1, 'x');
INSERT INTO t VALUES (4, 1, 'ddl_qualified_user');
UPDATE t SET v = 60 WHERE id = 1;
WITH u AS (UPDATE t SET v = 40 RETURNING id) SELECT count(*) FROM u;
RESET ROLE;
SELECT id, v, w FROM t ORDER BY id;
-- shards that are made later have them, too
SELECT alter_distributed_table('t', shard_count => 6);
SET ROLE ddl_qualified_user;
SELECT id, v FROM t ORDER BY id;
INSERT INTO t VALUES (4, 1, 'x');
RESET ROLE;
-- _name is the name that the array type of "name" would have
CREATE TYPE name_like AS (a int, b text);
CREATE TYPE _name_like AS ENUM ('x', 'y');
CREATE TABLE types (id int, c name_like, e _name_like, cs name_like[], es _name_like[]);
SELECT create_distributed_table('types', 'id');
INSERT INTO types VALUES (1, ROW(1, 'b'), 'x', ARRAY[ROW(2, 'c')::name_like], ARRAY['y'::_name_like]);
INSERT INTO types SELECT g, ROW(g, 'b')::name_like, 'x', ARRAY[ROW(g, 'c')::name_like], '{x,y}' FROM generate_series(2, 5) g;
SELECT * FROM types ORDER BY id;
SELECT id FROM types WHERE c = ROW(1, 'b')::name_like;
SELECT count(*), min(e), max(es::text) FROM types;
-- a row type that other nodes do not have
CREATE TABLE of_local (a int, b text);
CREATE TABLE has_row (id int, r of_local);
CREATE TABLE has_rows (id int, r of_local[]);
\set VERBOSITY default
SELECT create_distributed_table('has_row', 'id');
SELECT create_distributed_table('has_rows', 'id');
\set VERBOSITY terse
SELECT create_reference_table('of_local');
SELECT create_distributed_table('has_row', 'id');
INSERT INTO has_row VALUES (1, ROW(1, 'b'));
SELECT * FROM has_row;
-- a key of several columns, compared with rows of other types
CREATE TABLE by_row (k name_like, v int);
CREATE TABLE plain (k name_like, v int);
SET citus.shard_count TO 32;
SELECT create_distributed_table('by_row', 'k', colocate_with => 'none');
INSERT INTO by_row VALUES (ROW(1, 'a'), 1), (ROW(2, 'b'), 2);
INSERT INTO plain TABLE by_row;
CREATE FUNCTION both_ways(condition text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE answer text;
BEGIN
  FOR relation IN 0..1 LOOP
    BEGIN
      EXECUTE format('SELECT count(*) FROM %s WHERE %s', (ARRAY['plain', 'by_row'])[relation + 1], condition) INTO answer;
    EXCEPTION WHEN OTHERS THEN answer := sqlerrm;
    END;
    RETURN NEXT answer;
  END LOOP;
END $$;
SELECT both_ways('k = ROW(1, ''a''::text)');
SELECT both_ways('k = ROW(1, ''a'')');
SELECT both_ways('k = ROW(1, ''a'')::name_like');
SELECT both_ways('k = ROW(9::bigint, ''a''::text)');
SELECT both_ways('k = ROW(10::bigint, ''a''::text)');
SELECT both_ways('k IN (ROW(11::bigint, ''a''::text), ROW(12::bigint, ''a''::text))');
SELECT both_ways('k = ANY (ARRAY[ROW(11::bigint, ''a''::text), ROW(12::bigint, ''a''::text)])');
SELECT both_ways('k = ANY (ARRAY[ROW(1, ''a''::text), ROW(2, ''b''::text)])');
SELECT both_ways('k = ROW(1, ''a''::text, 3)');
PREPARE with_row(bigint) AS SELECT count(*) FROM by_row WHERE k = ROW($1, 'a'::text);
EXECUTE with_row(9);
EXECUTE with_row(10);
DROP SCHEMA ddl_qualified CASCADE;
DROP ROLE ddl_qualified_user;
