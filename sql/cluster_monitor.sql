-- Sessions and locks of the whole cluster.
SELECT citus_backend_gpid() / 10000000000 = citus_coordinator_nodeid() AS mine,
       citus_pid_for_gpid(citus_backend_gpid()) = pg_backend_pid() AS pid,
       citus_calculate_gpid(2, 17), citus_nodeid_for_gpid(20000000017), citus_pid_for_gpid(20000000017);
-- this session, and those that serve it on the workers, have one global pid
SELECT is_worker_query, count(*), count(DISTINCT nodeid) AS nodes FROM citus_stat_activity
WHERE global_pid = citus_backend_gpid() AND state = 'active' AND leader_pid IS NULL GROUP BY 1 ORDER BY 1;
SELECT count(*) FROM citus_dist_stat_activity WHERE global_pid = citus_backend_gpid();
SELECT query LIKE '%who am I%' FROM citus_dist_stat_activity WHERE global_pid = citus_backend_gpid() /* who am I */;
BEGIN;
LOCK TABLE pg_dist_cleanup IN SHARE MODE;
SELECT nodeid = citus_coordinator_nodeid() AS here, relation_name, mode, granted FROM citus_locks
WHERE global_pid = citus_backend_gpid() AND relation_name = 'pg_dist_cleanup';
COMMIT;
SELECT count(DISTINCT nodeid) FROM citus_locks;
SELECT count(*) FROM citus_lock_waits WHERE waiting_gpid = citus_backend_gpid();
SELECT pg_cancel_backend(99990000000001);
\set VERBOSITY terse
SELECT pg_cancel_backend(citus_backend_gpid());
