-- Values travel as texts, which settings of the session and its search path must not change on the way.
\set VERBOSITY terse
\set SHOW_CONTEXT never
SET client_min_messages TO warning;
SET citus.shard_count TO 4;
CREATE SCHEMA ingest_read_alike;
SET search_path TO ingest_read_alike;
CREATE TABLE one (id int);
CREATE TABLE two (id int);
SELECT create_reference_table('one');
SELECT create_reference_table('two');
CREATE TYPE named AS (n int, r regclass);
CREATE DOMAIN a_table AS regclass;
CREATE TABLE t (id int, r regclass, rs regclass[], f regprocedure, d a_table, n named);
SELECT create_distributed_table('t', 'id');
CREATE FUNCTION add(a int, b int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT a + b';
\pset format unaligned
\pset tuples_only on
INSERT INTO t VALUES (1, 'one', '{one,two}', 'add(int,int)', 'two', ROW(1, 'one'));
INSERT INTO t VALUES (2, 'two', ARRAY['one'::regclass], 'abs(int)', 'pg_class', ROW(1, 'two')), (3, 'pg_class', NULL, NULL, NULL, NULL);
PREPARE new_row(int, regclass, regclass[]) AS INSERT INTO t VALUES ($1, $2, $3);
EXECUTE new_row(4, 'one', '{one,pg_class}');
INSERT INTO t SELECT g, CASE g % 2 WHEN 0 THEN 'one' ELSE 'two' END::regclass, ARRAY['one'::regclass], 'add(int,int)', 'one', ROW(g, 'two')::named
  FROM generate_series(5, 8) g;
COPY t FROM STDIN;
9	one	{one,two}	add(int,int)	two	(9,one)
10	two	\N	add(int,int)	\N	\N
\.
PREPARE by_table(regclass) AS SELECT count(*) FROM t WHERE r = $1;
EXECUTE by_table('one');
EXECUTE by_table('two');
PREPARE change(regclass) AS UPDATE t SET r = $1, d = $1 WHERE id = 4;
EXECUTE change('two');
SELECT count(*) FROM t WHERE r = ANY ('{one,two}'::regclass[]);
SELECT * FROM t ORDER BY id;
SELECT count(DISTINCT r), min(rs::text) FROM t;
-- array_nulls
CREATE TABLE a (id int, i int[], s text[], source text);
CREATE TABLE plain (LIKE a);
SELECT create_distributed_table('a', 'id');
SET array_nulls TO off;
INSERT INTO a VALUES (1, ARRAY[1, NULL], '{null,x}', '{null}');
INSERT INTO a VALUES (2, ARRAY[1, NULL], ARRAY['NULL', NULL], '{null}'), (3, ARRAY[NULL]::int[], '{NULL}', '{null}');
INSERT INTO a SELECT g, ARRAY[g, NULL], '{null}', '{null}' FROM generate_series(4, 6) g;
COPY a (id, s, source) FROM STDIN;
7	{null,y}	{null}
\.
SELECT * FROM a ORDER BY id;
SELECT count(*) FROM a WHERE i = ARRAY[1, NULL];
PREPARE with_nulls(int[], text[]) AS SELECT count(*) FROM a WHERE i = $1 OR s = $2;
EXECUTE with_nulls(ARRAY[1, NULL], '{null,y}');
INSERT INTO plain TABLE a;
SELECT count(*) FROM a WHERE (source::text[])[1] IS NULL;
SELECT count(*) FROM plain WHERE (source::text[])[1] IS NULL;
UPDATE a SET s = source::text[];
SELECT count(*) FROM a WHERE s[1] = 'null';
RESET array_nulls;
SELECT count(*) FROM a WHERE s[1] = 'null';
SELECT count(*) FROM a WHERE (source::text[])[1] IS NULL;
-- xmloption
CREATE TABLE x (id int, x xml, source text);
SELECT create_distributed_table('x', 'id');
SET xmloption TO document;
INSERT INTO x VALUES (1, XMLPARSE(CONTENT 'abc<x/>'), 'abc');
INSERT INTO x VALUES (2, XMLPARSE(CONTENT 'abc<x/>'), 'abc'), (3, '<a/>', '<a/>');
INSERT INTO x SELECT g, XMLPARSE(CONTENT 'abc<x/>'), 'abc' FROM generate_series(4, 6) g;
INSERT INTO x VALUES (7, 'abc', 'abc');
COPY x FROM STDIN;
8	<b/>	<b/>
\.
SELECT * FROM x ORDER BY id;
SELECT id, xmlconcat(x, x) FROM x WHERE id = 1;
SELECT count(source::xml) FROM x WHERE id = 1;
SELECT count(source::xml) FROM x WHERE id IN (3, 8);
SELECT count(*) FROM x WHERE xml_is_well_formed(source);
SET xmloption TO content;
SELECT count(source::xml) FROM x;
SELECT count(*) FROM x WHERE xml_is_well_formed(source);
DROP SCHEMA ingest_read_alike CASCADE;
