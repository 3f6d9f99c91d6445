-- The bridge: errors keep all their fields both ways, destructors run, nothing leaks, the session goes on.
\set VERBOSITY verbose
CREATE FUNCTION pg_temp.fields(kind text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  message text; state text; detail text; hint text;
BEGIN
  PERFORM altius_internal.bridge_fail(kind);
  RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, state = RETURNED_SQLSTATE, detail = PG_EXCEPTION_DETAIL,
    hint = PG_EXCEPTION_HINT;
  RETURN concat_ws(' | ', state, message, detail, hint);
END $$;
SELECT kind, pg_temp.fields(kind) FROM unnest(ARRAY['postgres', 'nested', 'altius', 'bad_alloc', 'palloc', 'standard', 'unknown',
  'callback', 'none']) kind;
SELECT altius_internal.bridge_live() AS objects_left;
SELECT kind, altius_internal.bridge_leak(kind, 100000) < 65536 AS nothing_leaks
  FROM unnest(ARRAY['postgres', 'nested', 'altius', 'callback']) kind;
SELECT altius_internal.bridge_live() AS objects_left;
SELECT 1 AS still_here;
