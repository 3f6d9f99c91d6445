-- Commands that call columns by the table's name, and objects that need what stays on this node.
CREATE SCHEMA ddl_references;
SET search_path TO ddl_references;
SET citus.shard_count TO 4;
\set SHOW_CONTEXT never
CREATE FUNCTION everywhere(command text) RETURNS SETOF text LANGUAGE sql AS
  'SELECT DISTINCT result FROM run_command_on_all_nodes($1)';

CREATE TABLE t (k int, v text, n int);
SELECT create_distributed_table('t', 'k');
INSERT INTO t SELECT g, 'v' || g, g FROM generate_series(1, 20) g;
CREATE INDEX part ON t (lower(t.v), (ddl_references.t.n + 1)) WHERE t.n > 5 AND ddl_references.t.k > 0;
ALTER TABLE t ADD CHECK (t.n > 0), ADD CONSTRAINT small CHECK (ddl_references.t.n < 100);
ALTER TABLE t ADD COLUMN w int CHECK (t.w <> t.n), ALTER COLUMN n TYPE bigint USING t.n * 2;
CREATE STATISTICS st ON (t.n % 3), (t.k % 5) FROM t;
CREATE POLICY p ON t USING (t.n > 3 AND t.k IN (SELECT o.k FROM t o WHERE o.n > t.n - 1));
ALTER POLICY p ON t USING (t.n > 4 AND EXISTS (SELECT 1 WHERE t.k > 0)) WITH CHECK (ddl_references.t.n < 50);
INSERT INTO t VALUES (21, 'v', -1);
INSERT INTO t VALUES (21, 'v', 100);
INSERT INTO t VALUES (21, 'v', 5, 5);
SELECT count(*), sum(n) FROM t WHERE n > 5 AND lower(v) = 'v7';
CREATE ROLE ddl_references_reader;
GRANT USAGE ON SCHEMA ddl_references TO ddl_references_reader;
GRANT SELECT, INSERT ON t TO ddl_references_reader;
ALTER TABLE t ENABLE ROW LEVEL SECURITY;
SET ROLE ddl_references_reader;
SELECT count(*) FROM t;
INSERT INTO t VALUES (22, 'v', 60);
RESET ROLE;

-- Options that are numbers.
VACUUM (PARALLEL 0, INDEX_CLEANUP FALSE) t;
VACUUM (PARALLEL 2, ANALYZE) t;

-- Aggregates of every kind exist on all nodes.
CREATE AGGREGATE counted(*) (SFUNC = int8inc, STYPE = int8, INITCOND = '0', PARALLEL = safe);
CREATE AGGREGATE disc(float8 ORDER BY anyelement) (SFUNC = ordered_set_transition, STYPE = internal,
  FINALFUNC = percentile_disc_final, FINALFUNC_EXTRA = true, FINALFUNC_MODIFY = read_write);
CREATE AGGREGATE ranked(VARIADIC "any" ORDER BY VARIADIC "any") (SFUNC = ordered_set_transition_multi, STYPE = internal,
  FINALFUNC = rank_final, FINALFUNC_EXTRA = true, HYPOTHETICAL);
CREATE AGGREGATE summed(int) (SFUNC = int4pl, STYPE = int, INITCOND = '0', MSFUNC = int4pl, MINVFUNC = int4mi, MSTYPE = int,
  MINITCOND = '0', SSPACE = 128);
SELECT counted(*), disc(0.5) WITHIN GROUP (ORDER BY n), ranked(7) WITHIN GROUP (ORDER BY k), summed(k) FROM t;
SELECT everywhere('SELECT string_agg(concat_ws('' '', aggfnoid::regprocedure, aggkind, agginitval, aggmtransfn, aggminitval, aggtransspace,
  aggfinalmodify), ''; '' ORDER BY aggfnoid::regprocedure::text COLLATE "C") FROM pg_aggregate
  WHERE aggfnoid IN (SELECT oid FROM pg_proc WHERE pronamespace = ''ddl_references''::regnamespace)');
ALTER AGGREGATE disc(float8 ORDER BY anyelement) RENAME TO discrete;
DROP AGGREGATE counted(*), discrete(float8 ORDER BY anyelement);
SELECT everywhere('SELECT count(*) FROM pg_proc WHERE pronamespace = ''ddl_references''::regnamespace AND prokind = ''a''');

-- Operators stay here, and so does what needs them.
CREATE OPERATOR <<< (PROCEDURE = int4lt, LEFTARG = int, RIGHTARG = int);
CREATE VIEW below AS SELECT * FROM t WHERE k <<< 5;
SELECT count(*) FROM below;
CREATE FUNCTION is_below(int) RETURNS bool RETURN $1 <<< 5;
SELECT count(*) FROM t WHERE is_below(k);
CREATE TYPE husk;
CREATE FUNCTION husk_in(cstring) RETURNS husk LANGUAGE internal IMMUTABLE STRICT AS 'textin';
CREATE FUNCTION husk_out(husk) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout';
CREATE TYPE husk (INTERNALLENGTH = variable, INPUT = husk_in, OUTPUT = husk_out, STORAGE = extended, LIKE = text);
CREATE FUNCTION husked(husk) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE DOMAIN husk_domain AS husk;
CREATE TYPE husk_row AS (f husk);
CREATE FUNCTION equal(husk_domain, husk_domain) RETURNS bool LANGUAGE plpgsql AS 'BEGIN RETURN $1::text = $2::text; END';
SELECT husked('x'::husk), ('x'::husk_domain)::text, equal('a', 'a');
SELECT everywhere('SELECT count(*) FROM pg_class WHERE relname = ''below'' AND relnamespace = ''ddl_references''::regnamespace') ORDER BY 1;

-- What there is to say is said once, and of the table.
SET ROLE ddl_references_reader;
\set VERBOSITY sqlstate
VACUUM t;
ANALYZE t;
\set VERBOSITY default
GRANT ALL ON t TO PUBLIC;
RESET ROLE;

-- PostgreSQL gives the array type another name.
CREATE TYPE pair AS (x int, y int);
CREATE TYPE _pair AS ENUM ('one');
SELECT everywhere('SELECT string_agg(concat(t.typname, t.typtype, (SELECT '' + array'' FROM pg_type a WHERE a.oid = t.typarray)), '', '' ORDER BY t.typname)
  FROM pg_type t WHERE t.typname ~ ''pair'' AND t.typelem = 0 AND t.typnamespace = ''ddl_references''::regnamespace');

SET client_min_messages TO warning;
DROP SCHEMA ddl_references CASCADE;
DROP ROLE ddl_references_reader;
