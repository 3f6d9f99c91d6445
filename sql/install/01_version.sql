-- Which version this is.
CREATE FUNCTION pg_catalog.citus_version() RETURNS text LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION pg_catalog.citus_version() IS 'the version of Altius';
