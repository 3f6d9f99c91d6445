-- For the tests of the bridge between C++ and PostgreSQL: an error of each kind, the memory many of them leave, and the
-- number of C++ objects whose destructors were skipped.
CREATE FUNCTION altius_internal.bridge_fail(kind text) RETURNS void LANGUAGE c STRICT
  AS 'MODULE_PATHNAME', 'altius_bridge_fail';
CREATE FUNCTION altius_internal.bridge_leak(kind text, rounds int) RETURNS bigint LANGUAGE c STRICT
  AS 'MODULE_PATHNAME', 'altius_bridge_leak';
CREATE FUNCTION altius_internal.bridge_live() RETURNS int LANGUAGE c
  AS 'MODULE_PATHNAME', 'altius_bridge_live';
