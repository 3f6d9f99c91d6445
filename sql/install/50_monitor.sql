-- What the whole cluster does: sessions, locks and who waits for whom, from all nodes.

CREATE FUNCTION altius_internal.local_nodeid() RETURNS integer LANGUAGE sql STABLE
BEGIN ATOMIC
  SELECT coalesce((SELECT nodeid FROM pg_catalog.pg_dist_node JOIN pg_catalog.pg_dist_local_group USING (groupid)
                   WHERE noderole = 'primary'), 0);
END;

-- Sessions that serve another node, and the client session each works for.
CREATE FUNCTION altius_internal.session_origins(OUT pid integer, OUT origin bigint) RETURNS SETOF record
  LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'altius_session_origins';

CREATE FUNCTION altius_internal.local_activity(
  OUT global_pid bigint, OUT nodeid integer, OUT is_worker_query boolean, OUT datid oid, OUT datname name,
  OUT pid integer, OUT leader_pid integer, OUT usesysid oid, OUT usename name, OUT application_name text,
  OUT client_addr inet, OUT client_hostname text, OUT client_port integer, OUT backend_start timestamptz,
  OUT xact_start timestamptz, OUT query_start timestamptz, OUT state_change timestamptz, OUT wait_event_type text,
  OUT wait_event text, OUT state text, OUT backend_xid xid, OUT backend_xmin xid, OUT query_id bigint, OUT query text,
  OUT backend_type text) RETURNS SETOF record
  LANGUAGE sql STABLE
  BEGIN ATOMIC
    SELECT coalesce(o.origin, here.nodeid * 10000000000::bigint + coalesce(a.leader_pid, a.pid)), here.nodeid,
           o.origin IS NOT NULL, a.datid, a.datname, a.pid, a.leader_pid, a.usesysid, a.usename,
           a.application_name, a.client_addr, a.client_hostname, a.client_port, a.backend_start, a.xact_start,
           a.query_start, a.state_change, a.wait_event_type, a.wait_event, a.state, a.backend_xid, a.backend_xmin,
           a.query_id, a.query, a.backend_type
    FROM pg_catalog.pg_stat_activity a CROSS JOIN (SELECT altius_internal.local_nodeid()) here (nodeid)
    LEFT JOIN altius_internal.session_origins() o ON o.pid = coalesce(a.leader_pid, a.pid);
  END;

CREATE FUNCTION pg_catalog.citus_stat_activity(
  OUT global_pid bigint, OUT nodeid integer, OUT is_worker_query boolean, OUT datid oid, OUT datname name,
  OUT pid integer, OUT leader_pid integer, OUT usesysid oid, OUT usename name, OUT application_name text,
  OUT client_addr inet, OUT client_hostname text, OUT client_port integer, OUT backend_start timestamptz,
  OUT xact_start timestamptz, OUT query_start timestamptz, OUT state_change timestamptz, OUT wait_event_type text,
  OUT wait_event text, OUT state text, OUT backend_xid xid, OUT backend_xmin xid, OUT query_id bigint, OUT query text,
  OUT backend_type text) RETURNS SETOF record
  LANGUAGE sql VOLATILE STRICT
  BEGIN ATOMIC
    SELECT it.*
    FROM altius_internal.ask_all_nodes(
      'SELECT pg_catalog.json_agg(it) FROM altius_internal.local_activity() it', strict => false) asked
    CROSS JOIN LATERAL json_to_recordset(asked.result::json) AS it (
      global_pid bigint, nodeid integer, is_worker_query boolean, datid oid, datname name, pid integer,
      leader_pid integer, usesysid oid, usename name, application_name text, client_addr inet, client_hostname text,
      client_port integer, backend_start timestamptz, xact_start timestamptz, query_start timestamptz,
      state_change timestamptz, wait_event_type text, wait_event text, state text, backend_xid xid, backend_xmin xid,
      query_id bigint, query text, backend_type text);
  END;
COMMENT ON FUNCTION pg_catalog.citus_stat_activity() IS 'pg_stat_activity of all nodes';

CREATE VIEW citus.citus_stat_activity AS SELECT * FROM pg_catalog.citus_stat_activity();
CREATE VIEW citus.citus_dist_stat_activity AS
  SELECT * FROM pg_catalog.citus_stat_activity() WHERE NOT is_worker_query AND backend_type = 'client backend';

CREATE FUNCTION altius_internal.local_locks(
  OUT global_pid bigint, OUT nodeid integer, OUT locktype text, OUT database oid, OUT relation oid,
  OUT relation_name text, OUT page integer, OUT tuple smallint, OUT virtualxid text, OUT transactionid xid,
  OUT classid oid, OUT objid oid, OUT objsubid smallint, OUT virtualtransaction text, OUT pid integer, OUT mode text,
  OUT granted boolean, OUT fastpath boolean, OUT waitstart timestamptz) RETURNS SETOF record
  LANGUAGE sql STABLE
  BEGIN ATOMIC
    SELECT a.global_pid, altius_internal.local_nodeid(), l.locktype, l.database, l.relation,
           CASE WHEN l.database = d.oid THEN l.relation::regclass::text END, l.page, l.tuple, l.virtualxid,
           l.transactionid, l.classid, l.objid, l.objsubid, l.virtualtransaction, l.pid, l.mode, l.granted, l.fastpath,
           l.waitstart
    FROM pg_catalog.pg_locks l
    LEFT JOIN altius_internal.local_activity() a ON a.pid = l.pid
    LEFT JOIN pg_catalog.pg_database d ON d.datname = current_database();
  END;

CREATE FUNCTION pg_catalog.citus_locks(
  OUT global_pid bigint, OUT nodeid integer, OUT locktype text, OUT database oid, OUT relation oid,
  OUT relation_name text, OUT page integer, OUT tuple smallint, OUT virtualxid text, OUT transactionid xid,
  OUT classid oid, OUT objid oid, OUT objsubid smallint, OUT virtualtransaction text, OUT pid integer, OUT mode text,
  OUT granted boolean, OUT fastpath boolean, OUT waitstart timestamptz) RETURNS SETOF record
  LANGUAGE sql VOLATILE STRICT
  BEGIN ATOMIC
    SELECT it.*
    FROM altius_internal.ask_all_nodes('SELECT pg_catalog.json_agg(it) FROM altius_internal.local_locks() it', strict => false) asked
    CROSS JOIN LATERAL json_to_recordset(asked.result::json) AS it (
      global_pid bigint, nodeid integer, locktype text, database oid, relation oid, relation_name text, page integer,
      tuple smallint, virtualxid text, transactionid xid, classid oid, objid oid, objsubid smallint,
      virtualtransaction text, pid integer, mode text, granted boolean, fastpath boolean, waitstart timestamptz);
  END;
COMMENT ON FUNCTION pg_catalog.citus_locks() IS 'pg_locks of all nodes';

CREATE VIEW citus.citus_locks AS SELECT * FROM pg_catalog.citus_locks();

-- Pairs (waiting, blocking) on this node; blocking is null for a prepared transaction.
CREATE FUNCTION altius_internal.local_lock_waits(OUT waiting bigint, OUT blocking bigint) RETURNS SETOF record
  LANGUAGE sql STABLE
  BEGIN ATOMIC
    WITH activity AS MATERIALIZED (SELECT * FROM altius_internal.local_activity())
    SELECT DISTINCT w.global_pid, b.global_pid
    FROM activity w
    CROSS JOIN LATERAL unnest(pg_blocking_pids(w.pid)) blocker (pid)
    LEFT JOIN activity b ON b.pid = blocker.pid
    WHERE w.wait_event_type = 'Lock';
  END;

CREATE VIEW citus.citus_lock_waits AS
  WITH activity AS MATERIALIZED (
    SELECT global_pid, query FROM pg_catalog.citus_stat_activity() WHERE NOT is_worker_query AND leader_pid IS NULL
  ), waits AS (
    SELECT DISTINCT it.waiting, it.blocking
    FROM altius_internal.ask_all_nodes('SELECT pg_catalog.json_agg(it) FROM altius_internal.local_lock_waits() it', strict => false) asked
    CROSS JOIN LATERAL json_to_recordset(asked.result::json) AS it (waiting bigint, blocking bigint)
    WHERE it.waiting IS DISTINCT FROM it.blocking
  )
  SELECT w.waiting AS waiting_gpid, w.blocking AS blocking_gpid, a.query AS blocked_statement,
         b.query AS current_statement_in_blocking_process,
         pg_catalog.citus_nodeid_for_gpid(w.waiting) AS waiting_nodeid,
         pg_catalog.citus_nodeid_for_gpid(w.blocking) AS blocking_nodeid
  FROM waits w
  LEFT JOIN activity a ON a.global_pid = w.waiting
  LEFT JOIN activity b ON b.global_pid = w.blocking;

-- Sessions can be cancelled from any node by their global pid.  PostgreSQL's own function, called there in the caller's
-- name, says whether the caller may.
CREATE FUNCTION altius_internal.signal_session(global_pid bigint, terminate boolean, timeout bigint DEFAULT 0)
  RETURNS boolean LANGUAGE plpgsql STRICT SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  target integer := pg_catalog.citus_nodeid_for_gpid(global_pid);
  session integer := pg_catalog.citus_pid_for_gpid(global_pid);
  call text;
  answer record;
BEGIN
  IF target IN (0, altius_internal.local_nodeid()) THEN
    IF terminate THEN RETURN pg_catalog.pg_terminate_backend(session, timeout); END IF;
    RETURN pg_catalog.pg_cancel_backend(session);
  END IF;
  call := CASE WHEN terminate THEN format('pg_catalog.pg_terminate_backend(%s::integer, %s::bigint)', session, timeout)
               ELSE format('pg_catalog.pg_cancel_backend(%s::integer)', session) END;
  SELECT * INTO answer FROM pg_catalog.run_command_on_all_nodes(format(
    'SELECT CASE WHEN altius_internal.local_nodeid() OPERATOR(pg_catalog.=) %s THEN %s END', target, call))
  WHERE nodeid = target;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'node % of global pid % does not exist', target, global_pid USING ERRCODE = 'undefined_object';
  ELSIF NOT answer.success THEN
    RAISE EXCEPTION '%', answer.result;
  END IF;
  RETURN answer.result::boolean;
END $$;

CREATE FUNCTION pg_catalog.pg_cancel_backend(global_pid bigint) RETURNS boolean LANGUAGE sql VOLATILE STRICT
  BEGIN ATOMIC SELECT altius_internal.signal_session($1, false); END;
COMMENT ON FUNCTION pg_catalog.pg_cancel_backend(bigint) IS 'cancel the statement of a session of any node';

CREATE FUNCTION pg_catalog.pg_terminate_backend(global_pid bigint, timeout bigint DEFAULT 0) RETURNS boolean
  LANGUAGE sql VOLATILE STRICT
  BEGIN ATOMIC SELECT altius_internal.signal_session($1, true, $2); END;
COMMENT ON FUNCTION pg_catalog.pg_terminate_backend(bigint, bigint) IS 'end a session of any node';

-- Distributed schemas, and the shards that lie on this node.
CREATE VIEW citus.citus_schemas AS
  SELECT s.schemaid::regnamespace AS schema_name, s.colocationid AS colocation_id,
         pg_catalog.pg_size_pretty(coalesce(sizes.size, 0)) AS schema_size,
         pg_catalog.pg_get_userbyid(n.nspowner) AS schema_owner
  FROM pg_catalog.pg_dist_schema s
  JOIN pg_catalog.pg_namespace n ON n.oid = s.schemaid
  LEFT JOIN (
    SELECT t.colocationid, sum(it.total)::bigint AS size
    FROM altius_internal.shard_sizes(strict => false) it
    JOIN pg_catalog.pg_dist_shard d USING (shardid)
    JOIN pg_catalog.pg_dist_partition t USING (logicalrelid)
    GROUP BY t.colocationid
  ) sizes ON sizes.colocationid = s.colocationid;

CREATE FUNCTION pg_catalog.citus_shards_on_worker(
  OUT schema_name name, OUT shard_name name, OUT table_type text, OUT owner_name name) RETURNS SETOF record
  LANGUAGE sql STABLE STRICT SET citus.override_table_visibility = off
  BEGIN ATOMIC
    SELECT n.nspname, c.relname,
           CASE c.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'partitioned table' WHEN 'f' THEN 'foreign table' END,
           pg_catalog.pg_get_userbyid(c.relowner)
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'f') AND pg_catalog.relation_is_a_known_shard(c.oid);
  END;
CREATE VIEW citus.citus_shards_on_worker AS
  SELECT schema_name AS "Schema", shard_name AS "Name", table_type AS "Type", owner_name AS "Owner"
  FROM pg_catalog.citus_shards_on_worker();

CREATE FUNCTION pg_catalog.citus_shard_indexes_on_worker(
  OUT schema_name name, OUT index_name name, OUT table_type text, OUT owner_name name, OUT shard_name name)
  RETURNS SETOF record LANGUAGE sql STABLE STRICT SET citus.override_table_visibility = off
  BEGIN ATOMIC
    SELECT n.nspname, c.relname, CASE c.relkind WHEN 'i' THEN 'index' ELSE 'partitioned index' END,
           pg_catalog.pg_get_userbyid(c.relowner), t.relname
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
    JOIN pg_catalog.pg_class t ON t.oid = i.indrelid
    WHERE c.relkind IN ('i', 'I') AND pg_catalog.relation_is_a_known_shard(t.oid);
  END;
CREATE VIEW citus.citus_shard_indexes_on_worker AS
  SELECT schema_name AS "Schema", index_name AS "Name", table_type AS "Type", owner_name AS "Owner",
         shard_name AS "Table"
  FROM pg_catalog.citus_shard_indexes_on_worker();

DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['citus_stat_activity', 'citus_dist_stat_activity', 'citus_locks', 'citus_lock_waits',
                              'citus_schemas', 'citus_shards_on_worker', 'citus_shard_indexes_on_worker']
  LOOP
    EXECUTE format('ALTER VIEW citus.%I SET SCHEMA pg_catalog', name);
  END LOOP;
END $$;
