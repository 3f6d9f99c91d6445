
--- Transactions over several nodes ---------------------------------------------------------------------------------------

-- Runs a statement on a group's primary in the current distributed transaction; the first column of its rows, one a line.
CREATE FUNCTION altius_internal.execute_on_group(groupid integer, command text, access text DEFAULT 'write')
  RETURNS text LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'altius_execute_on_group';

-- Sets what another node's session has set, with the rights of the role that did, and resets what it has not any more (null).
CREATE FUNCTION altius_internal.follow_settings(names text[], settings text[], roles text[], ticket text) RETURNS void
  LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'altius_follow_settings';

-- Until the end of the transaction this session works as the role that is at work in another node's.
CREATE FUNCTION altius_internal.act_as(session_user_name text, role text, shown text, tracked text[], ticket text) RETURNS void
  LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'altius_act_as';

CREATE FUNCTION altius_internal.current_transaction() RETURNS text
  LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'altius_current_transaction';

CREATE FUNCTION altius_internal.release_stop_points() RETURNS void
  LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'altius_release_stop_points';

-- A random text of this server's start, by which it finds out whether an address leads to it.
CREATE FUNCTION altius_internal.start_nonce() RETURNS text
  LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'altius_start_nonce';

-- Whether what is committed here, or prepared no more, is so on whoever leads this server's group next.  Waits for standbys a little.
CREATE FUNCTION altius_internal.is_lasting() RETURNS boolean
  LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'altius_is_lasting';

-- Until the end of the transaction, which removes the group's node, nothing that the group begins is prepared here.
CREATE FUNCTION altius_internal.stop_prepares(groupid integer) RETURNS void
  LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'altius_stop_prepares';

CREATE FUNCTION pg_catalog.citus_backend_gpid() RETURNS bigint
  LANGUAGE C STABLE STRICT PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'citus_backend_gpid';
COMMENT ON FUNCTION pg_catalog.citus_backend_gpid() IS 'global pid of this session: node id * 10^10 + pid';

CREATE FUNCTION pg_catalog.citus_calculate_gpid(nodeid integer, pid integer) RETURNS bigint
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'citus_calculate_gpid';

CREATE FUNCTION pg_catalog.citus_nodeid_for_gpid(global_pid bigint) RETURNS integer
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'citus_nodeid_for_gpid';

CREATE FUNCTION pg_catalog.citus_pid_for_gpid(global_pid bigint) RETURNS integer
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'citus_pid_for_gpid';

-- Waits on this node that last longer than deadlock_timeout, by distributed transaction: for locks, and (choice: for one of several)
-- for connections to other nodes.
CREATE FUNCTION altius_internal.local_wait_edges(OUT waiting text, OUT blocking text, OUT choice boolean) RETURNS SETOF record
  LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'altius_local_wait_edges';

CREATE FUNCTION pg_catalog.recover_prepared_transactions() RETURNS integer
  LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'recover_prepared_transactions';
COMMENT ON FUNCTION pg_catalog.recover_prepared_transactions()
  IS 'finishes prepared transactions of this node that a crash left anywhere in the cluster';

CREATE FUNCTION pg_catalog.check_distributed_deadlocks() RETURNS boolean
  LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'check_distributed_deadlocks';
COMMENT ON FUNCTION pg_catalog.check_distributed_deadlocks()
  IS 'looks for deadlocks over several nodes and cancels victims that began here';

-- Transactions over nodes that backends of this server work for.
CREATE FUNCTION pg_catalog.get_all_active_transactions(
  OUT datid oid, OUT process_id integer, OUT initiator_node_identifier integer, OUT worker_query boolean,
  OUT transaction_number bigint, OUT transaction_stamp timestamptz, OUT global_pid bigint) RETURNS SETOF record
  LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'get_all_active_transactions';
COMMENT ON FUNCTION pg_catalog.get_all_active_transactions() IS 'distributed transactions that run on this node';

-- Nodes that pg_dist_node does not list and that may hold a part of a transaction: those being added (gids: how the gids of
-- the transaction begin) and those that were removed (gids: null; altius_ for one that could not be reached, and may go on).
-- Recovery asks them too.
CREATE TABLE altius_internal.unlisted_node (
  groupid integer NOT NULL,
  nodename text NOT NULL,
  nodeport integer NOT NULL,
  gids text,
  since timestamptz NOT NULL DEFAULT now()
);
