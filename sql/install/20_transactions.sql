
--- Transactions over several nodes ---------------------------------------------------------------------------------------

-- Runs a statement on a group's primary in the current distributed transaction; the first column of its rows, one a line.
CREATE FUNCTION altius_internal.execute_on_group(groupid integer, command text, access text DEFAULT 'write')
  RETURNS text LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'altius_execute_on_group';
REVOKE ALL ON FUNCTION altius_internal.execute_on_group(integer, text, text) FROM public;

CREATE FUNCTION altius_internal.current_transaction() RETURNS text
  LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'altius_current_transaction';

CREATE FUNCTION altius_internal.release_stop_points() RETURNS void
  LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'altius_release_stop_points';
REVOKE ALL ON FUNCTION altius_internal.release_stop_points() FROM public;

CREATE FUNCTION pg_catalog.citus_backend_gpid() RETURNS bigint
  LANGUAGE C STABLE STRICT PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'citus_backend_gpid';
COMMENT ON FUNCTION pg_catalog.citus_backend_gpid() IS 'global pid of this session: node id * 10^10 + pid';

CREATE FUNCTION pg_catalog.citus_calculate_gpid(nodeid integer, pid integer) RETURNS bigint
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'citus_calculate_gpid';

CREATE FUNCTION pg_catalog.citus_nodeid_for_gpid(global_pid bigint) RETURNS integer
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'citus_nodeid_for_gpid';

CREATE FUNCTION pg_catalog.citus_pid_for_gpid(global_pid bigint) RETURNS integer
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'citus_pid_for_gpid';
