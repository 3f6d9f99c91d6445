-- Errors of statements that carry a ticket show the user's own context, and neither arguments nor ticket, whatever the session's settings.
SET client_min_messages TO warning;
SET citus.shard_count TO 4;
CREATE ROLE rights_context_reader LOGIN;
ALTER ROLE rights_context_reader SET log_parameter_max_length_on_error TO -1;
CREATE SCHEMA rights_context;
GRANT ALL ON SCHEMA rights_context TO rights_context_reader;
SET search_path TO rights_context;
CREATE TABLE d (k int, v int);
CREATE TABLE plain_d (LIKE d);
SELECT create_distributed_table('d', 'k');
INSERT INTO plain_d SELECT g, g FROM generate_series(1, 10) g;
INSERT INTO d TABLE plain_d;
CREATE VIEW shown AS SELECT * FROM d;
CREATE VIEW plain_shown AS SELECT * FROM plain_d;
GRANT SELECT, UPDATE ON shown, plain_shown TO rights_context_reader;

\set user :USER
\c - rights_context_reader
SET search_path TO rights_context;
SET citus.shard_count TO 4;
CREATE FUNCTION inner_one(n int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN 1 / (n - 7); END $$;
CREATE FUNCTION outer_one(n int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN inner_one(n); END $$;
-- What it sees of its own context where it runs.
CREATE FUNCTION around(n int) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE context text; BEGIN PERFORM 1 / (n - 7); RETURN ''; EXCEPTION WHEN division_by_zero THEN GET STACKED DIAGNOSTICS context = PG_EXCEPTION_CONTEXT; RETURN context; END $$;
CREATE FUNCTION said(statement text, argument int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  context text;
BEGIN
  EXECUTE statement USING argument;
  RETURN 'nothing';
EXCEPTION WHEN others THEN
  GET STACKED DIAGNOSTICS context = PG_EXCEPTION_CONTEXT;
  -- up to this function, without the lines that say which node it was and what was executed here
  RETURN SQLERRM || E'\n' || regexp_replace(regexp_replace(context, '\n(node [^\n]*|SQL statement).*', ''), '^node .*|^SQL statement.*', '');
END $$;
SELECT said('SELECT outer_one(v + $1) FROM plain_shown WHERE k = 3', 4) AS on_one_server;
SELECT said('SELECT outer_one(v + $1) FROM shown WHERE k = 3', 4) = said('SELECT outer_one(v + $1) FROM plain_shown WHERE k = 3', 4) AS alike;
SELECT said('SELECT sum(outer_one(v + $1)) FROM shown', 4) = said('SELECT sum(outer_one(v + $1)) FROM plain_shown', 4) AS alike;
SELECT said('UPDATE shown SET v = outer_one(v + $1) WHERE k = 3', 4) = said('UPDATE plain_shown SET v = outer_one(v + $1) WHERE k = 3', 4) AS alike;
SELECT said('SELECT 1 / (v - $1) FROM shown WHERE k = 3', 3) = said('SELECT 1 / (v - $1) FROM plain_shown WHERE k = 3', 3) AS alike;
PREPARE around(int) AS SELECT around(v + $1) ~ 'PERFORM' AS its_own, around(v + $1) ~ '(parameters|[0-9a-f]{32})' AS arguments FROM shown WHERE k = 3;
EXECUTE around(4);

\c - :user
SET client_min_messages TO warning;
DROP SCHEMA rights_context CASCADE;
DROP ROLE rights_context_reader;
