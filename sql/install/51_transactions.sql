-- Transactions over nodes: those that run, and those that a crash has left.

-- What may be seen of a role's transactions, as in pg_stat_activity.
CREATE FUNCTION altius_internal.shows_role(role oid) RETURNS boolean LANGUAGE sql STABLE
BEGIN ATOMIC
  SELECT pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE') OR coalesce(pg_catalog.pg_has_role(role, 'USAGE'), false);
END;

-- Backends of this server that work for a transaction over nodes: its id, how the gids begin of what the backend itself has
-- others prepare, and how far the transaction has come where the backend began it.
CREATE FUNCTION altius_internal.local_transactions(
  OUT pid integer, OUT transaction_id text, OUT own_gids text, OUT state text) RETURNS SETOF record
  LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'altius_local_transactions';

-- What becomes of those prepared transactions that this server decides.
CREATE FUNCTION altius_internal.local_decisions(
  groups integer[], gids text[], OUT groupid integer, OUT gid text, OUT outcome text, OUT reason text) RETURNS SETOF record
  LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'altius_local_decisions';

CREATE FUNCTION altius_internal.local_prepared(
  OUT groupid integer, OUT gid text, OUT owner name, OUT since timestamptz) RETURNS SETOF record
  LANGUAGE sql VOLATILE
  BEGIN ATOMIC
    SELECT here.groupid, p.gid, p.owner, p.prepared
    FROM pg_catalog.pg_prepared_xacts p
    JOIN pg_catalog.pg_roles r ON r.rolname = p.owner
    CROSS JOIN pg_catalog.pg_dist_local_group here
    WHERE p.database = pg_catalog.current_database() AND pg_catalog.starts_with(p.gid, 'altius_')
    AND altius_internal.shows_role(r.oid);
  END;

-- The parts that transactions have on this node: of backends, and prepared ones (pid null).
CREATE FUNCTION altius_internal.local_parts(
  OUT nodeid integer, OUT pid integer, OUT transaction_id text, OUT gids text, OUT state text, OUT usename name,
  OUT started timestamptz, OUT waits_for text, OUT blocked_by text[]) RETURNS SETOF record
  LANGUAGE sql VOLATILE
  BEGIN ATOMIC
    WITH part AS MATERIALIZED (SELECT * FROM altius_internal.local_transactions())
    SELECT altius_internal.local_nodeid(), t.pid, t.transaction_id, t.own_gids, t.state, a.usename, a.xact_start,
           a.wait_event_type || ': ' || a.wait_event,
           CASE WHEN a.wait_event_type = 'Lock' THEN ARRAY(
             SELECT DISTINCT coalesce(b.transaction_id, x.gid, CASE blocker.pid WHEN 0 THEN 'prepared transaction' ELSE 'pid ' || blocker.pid END)
             FROM unnest(pg_blocking_pids(t.pid)) blocker (pid)
             LEFT JOIN part b ON b.pid = blocker.pid
             LEFT JOIN pg_catalog.pg_locks l ON blocker.pid = 0 AND l.pid = t.pid AND NOT l.granted
             LEFT JOIN pg_catalog.pg_prepared_xacts x ON x.transaction = l.transactionid) END
    FROM part t
    JOIN pg_catalog.pg_stat_activity a ON a.pid = t.pid
    WHERE altius_internal.shows_role(a.usesysid)
    UNION ALL
    SELECT altius_internal.local_nodeid(), NULL, NULL, p.gid, NULL, p.owner, p.since, NULL, NULL
    FROM altius_internal.local_prepared() p;
  END;

CREATE FUNCTION pg_catalog.altius_transactions(
  OUT transaction_id text, OUT nodeid integer, OUT pid integer, OUT global_pid bigint, OUT usename name, OUT state text,
  OUT started timestamptz, OUT age interval, OUT participants integer[], OUT waits jsonb) RETURNS SETOF record
  LANGUAGE sql VOLATILE
  BEGIN ATOMIC
    WITH part AS MATERIALIZED (
      SELECT it.*
      FROM altius_internal.ask_all_nodes('SELECT pg_catalog.json_agg(it) FROM altius_internal.local_parts() it', strict => false) asked
      CROSS JOIN LATERAL json_to_recordset(asked.result::json) AS it (
        nodeid integer, pid integer, transaction_id text, gids text, state text, usename name, started timestamptz,
        waits_for text, blocked_by text[])
    ), known AS (
      SELECT p.*, coalesce(p.transaction_id, b.transaction_id) AS whole
      FROM part p LEFT JOIN part b ON p.pid IS NULL AND b.pid IS NOT NULL AND starts_with(p.gids, b.gids)
    )
    SELECT whole, min(k.nodeid) FILTER (WHERE k.state IS NOT NULL), min(k.pid) FILTER (WHERE k.state IS NOT NULL),
           min(pg_catalog.citus_calculate_gpid(k.nodeid, k.pid)) FILTER (WHERE k.state IS NOT NULL),
           coalesce(min(k.usename::text) FILTER (WHERE k.state IS NOT NULL), min(k.usename::text))::name,
           coalesce(min(k.state), 'lost'), it.started, clock_timestamp() - it.started,
           coalesce(array_agg(DISTINCT k.nodeid ORDER BY k.nodeid) FILTER (WHERE k.state IS NULL), '{}'),
           jsonb_agg(jsonb_build_object('nodeid', k.nodeid, 'pid', k.pid, 'waits_for', k.waits_for, 'blocked_by', k.blocked_by)
                     ORDER BY k.nodeid, k.pid) FILTER (WHERE k.waits_for IS NOT NULL)
    FROM known k
    CROSS JOIN LATERAL (
      SELECT timestamptz '2000-01-01 00:00:00+00' + split_part(k.whole, ':', 4)::bigint * interval '1 microsecond') it (started)
    WHERE whole IS NOT NULL
    GROUP BY whole, it.started;
  END;
COMMENT ON FUNCTION pg_catalog.altius_transactions() IS 'transactions over nodes that run now';

CREATE VIEW citus.altius_transactions AS SELECT * FROM pg_catalog.altius_transactions();

-- Each look is a question to all nodes: what is prepared, what becomes of it, and whether it is still there.
CREATE FUNCTION pg_catalog.altius_in_doubt(
  OUT gid text, OUT nodeid integer, OUT owner name, OUT since timestamptz, OUT origin_nodeid integer, OUT outcome text,
  OUT reason text) RETURNS SETOF record
  LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  listing constant text := 'SELECT pg_catalog.json_agg(it) FROM altius_internal.local_prepared() it';
  answered integer[];
  seen json;
  decisions json;
BEGIN
  SELECT array_agg(asked.nodeid), json_agg(json_build_object('groupid', it.groupid, 'gid', it.gid)) FILTER (WHERE it.gid IS NOT NULL)
  INTO answered, seen
  FROM altius_internal.ask_all_nodes(listing, strict => false) asked
  LEFT JOIN LATERAL json_to_recordset(asked.result::json) AS it (groupid integer, gid text) ON true;
  decisions := (SELECT json_agg(it) FROM altius_internal.ask_all_nodes((
      SELECT format('SELECT pg_catalog.json_agg(it) FROM altius_internal.local_decisions(%L, %L) it', array_agg(groupid), array_agg(gid))
      FROM json_to_recordset(seen) AS s (groupid integer, gid text) HAVING count(*) > 0), strict => false) asked
    CROSS JOIN LATERAL json_to_recordset(asked.result::json) AS it (groupid integer, gid text, outcome text, reason text));
  RETURN QUERY
    SELECT p.gid, n.nodeid, p.owner, p.since, o.nodeid, coalesce(d.outcome, 'wait'),
           coalesce(d.reason, CASE WHEN o.nodeid IS NULL THEN 'the node that began it was removed: whoever knows the outcome ends it by hand'
                                   WHEN NOT o.isactive THEN format('node %s:%s, which decides, is disabled', o.nodename, o.nodeport)
                                   ELSE format('node %s:%s, which decides, does not answer', o.nodename, o.nodeport) END)
    FROM altius_internal.ask_all_nodes(CASE WHEN seen IS NOT NULL THEN listing END, strict => false) asked
    CROSS JOIN LATERAL json_to_recordset(asked.result::json) AS p (groupid integer, gid text, owner name, since timestamptz)
    JOIN json_to_recordset(seen) AS s (groupid integer, gid text) ON s.groupid = p.groupid AND s.gid = p.gid
    LEFT JOIN json_to_recordset(decisions) AS d (groupid integer, gid text, outcome text, reason text)
      ON d.groupid = p.groupid AND d.gid = p.gid
    LEFT JOIN pg_dist_node n ON n.groupid = p.groupid AND n.noderole = 'primary'
    LEFT JOIN pg_dist_node o ON o.groupid = split_part(p.gid, '_', 2)::integer AND o.noderole = 'primary'
    WHERE d.outcome IS DISTINCT FROM 'wait'
    UNION ALL
    -- Nodes that are not asked, or do not answer: what was committed here and not forgotten may be prepared there.
    SELECT t.gid, n.nodeid, NULL, NULL, o.nodeid, 'commit',
           format('node %s:%s, where it may be prepared, %s', n.nodename, n.nodeport,
                  CASE WHEN n.isactive THEN 'does not answer' ELSE 'is disabled (recovery asks it all the same)' END)
    FROM pg_dist_transaction t
    JOIN pg_dist_node n ON n.groupid = t.groupid AND n.noderole = 'primary' AND NOT (n.isactive AND n.nodeid = ANY (answered))
    LEFT JOIN pg_dist_node o ON o.groupid = split_part(t.gid, '_', 2)::integer AND o.noderole = 'primary'
    WHERE pg_has_role('pg_read_all_stats', 'USAGE');
END $$;
COMMENT ON FUNCTION pg_catalog.altius_in_doubt() IS 'prepared transactions that no session ends, and what will be done with them';

CREATE VIEW citus.altius_in_doubt AS SELECT * FROM pg_catalog.altius_in_doubt();

ALTER VIEW citus.altius_transactions SET SCHEMA pg_catalog;
ALTER VIEW citus.altius_in_doubt SET SCHEMA pg_catalog;
