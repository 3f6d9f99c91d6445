-- Who reads a table calls nothing of its owner's: PostgreSQL does not check values again that are stored as a domain's, wherever the
-- domain stands in them.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE ROLE rights_reading_mallory LOGIN;
CREATE SCHEMA rights_reading AUTHORIZATION rights_reading_mallory;
SET search_path = rights_reading;
SET SESSION AUTHORIZATION rights_reading_mallory;
CREATE FUNCTION passes(v text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN true; END $$;
CREATE DOMAIN number AS int CHECK (passes(value::text));
CREATE DOMAIN short AS varchar(8) CHECK (passes(value));
CREATE DOMAIN list AS int[] CHECK (passes(value::text));
CREATE TYPE inner_row AS (a number, b short, c text);
CREATE DOMAIN checked_row AS inner_row CHECK (passes((value).c));
CREATE TYPE outer_row AS (i inner_row, l number[], r checked_row[]);
CREATE TYPE span AS RANGE (subtype = number);
CREATE TYPE row_span AS RANGE (subtype = short, collation = "C");
CREATE TABLE plain (id int, n number, s short, ns number[], ls list[], i inner_row, c checked_row, o outer_row, os outer_row[], g span,
  gs span[], m span_multirange, w row_span);
INSERT INTO plain SELECT v, v, 'a' || v, ARRAY[[v, NULL], [v + 1, 7]], ('{"{' || v || ',1}",NULL}')::list[],
    ('(' || v || ',"x,""y",)')::inner_row, ('(' || v || ',"",NULL)')::checked_row,
    format('("(%s,""(),\\\\"",e)",{%s},"{""(%s,q,r)"",NULL}")', v, v, v)::outer_row, NULL, span(v, v + 5), ARRAY[span(NULL, v), 'empty', NULL],
    span_multirange(span(v, v + 1), span(v + 7, NULL)), row_span('a,"' || v, 'b ]')
  FROM generate_series(1, 8) v;
UPDATE plain SET os = ARRAY[o, NULL, '(,,)'::outer_row], ns = ns || ARRAY[[9, 9]];
UPDATE plain SET n = NULL, s = NULL, ns = '[3:4]={1,2}', i = NULL, g = 'empty', m = '{}', w = '(,)', os = '{}' WHERE id = 8;
CREATE TABLE spread (LIKE plain);
SELECT create_distributed_table('spread', 'id', shard_count => 4, colocate_with => 'none');
INSERT INTO spread SELECT * FROM plain;
CREATE TABLE copied (LIKE plain);
SELECT create_reference_table('copied');
INSERT INTO copied SELECT * FROM plain;
CREATE OR REPLACE FUNCTION passes(v text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
  BEGIN RAISE EXCEPTION 'called as %', current_user; END $$;
SELECT '3'::number;
RESET SESSION AUTHORIZATION;

SELECT count(*) FROM spread a JOIN plain b ON a::text = b::text;
SELECT count(*) FROM copied a JOIN plain b ON a::text = b::text;
SELECT * FROM spread WHERE id = 3;
SELECT a FROM spread a WHERE id = 8;
SELECT array_agg(n ORDER BY n), array_agg(i ORDER BY id) FILTER (WHERE id < 3), max(s) FROM spread;
SELECT ROW(n, i) FROM spread WHERE id = 4;
SELECT (x.r).f2.b FROM (SELECT ROW(n, i) AS r, id FROM spread OFFSET 0) x(r, id) JOIN generate_series(4, 5) g ON g = id ORDER BY id;
SELECT count(*) FROM spread a JOIN spread b ON a.n = b.n AND a.i::text = b.i::text;
COPY (SELECT o, m FROM spread ORDER BY id LIMIT 2) TO STDOUT;
\copy spread TO '/dev/null'
BEGIN;
DECLARE c CURSOR FOR SELECT i, g FROM spread ORDER BY id;
FETCH 2 FROM c;
COMMIT;
ANALYZE spread;
-- Rows that are older than the constraint.
SET SESSION AUTHORIZATION rights_reading_mallory;
CREATE OR REPLACE FUNCTION passes(v text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN true; END $$;
ALTER DOMAIN number ADD CHECK (value > 100) NOT VALID;
SELECT i, ns FROM spread WHERE id = 2;
DELETE FROM copied WHERE id = 2 RETURNING i;
UPDATE copied SET s = 'new' WHERE id = 3 RETURNING s;
RESET SESSION AUTHORIZATION;
DROP SCHEMA rights_reading CASCADE;
DROP ROLE rights_reading_mallory;
