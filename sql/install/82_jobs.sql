-- Background jobs: what the catalog's tables do not hold, and the functions over jobs.

-- Jobs whose tasks do not start for now.
CREATE TABLE altius_internal.background_job_hold (
  job_id bigint NOT NULL PRIMARY KEY REFERENCES pg_catalog.pg_dist_background_job (job_id) ON DELETE CASCADE,
  since timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- How much work a task is, and when its last try ran.
CREATE TABLE altius_internal.background_task_work (
  task_id bigint NOT NULL PRIMARY KEY REFERENCES pg_catalog.pg_dist_background_task (task_id) ON DELETE CASCADE,
  bytes bigint NOT NULL DEFAULT 0,
  started_at timestamptz,
  finished_at timestamptz
);

-- Stores a job of the caller.  Each task is an object: command, and if need be nodes (ids whose budgets it uses), after
-- (indexes of earlier tasks that must be done before), bytes.
CREATE FUNCTION altius_internal.schedule_job(job_type name, description text, tasks jsonb) RETURNS bigint
  LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'altius_schedule_job';

CREATE FUNCTION pg_catalog.citus_job_wait(jobid bigint, desired_status pg_catalog.citus_job_status DEFAULT NULL) RETURNS void
  LANGUAGE C VOLATILE AS 'MODULE_PATHNAME', 'citus_job_wait';
COMMENT ON FUNCTION pg_catalog.citus_job_wait(bigint, pg_catalog.citus_job_status)
  IS 'waits until the job has ended, or has the desired state';

CREATE FUNCTION pg_catalog.citus_task_wait(taskid bigint, desired_status pg_catalog.citus_task_status DEFAULT NULL) RETURNS void
  LANGUAGE C VOLATILE AS 'MODULE_PATHNAME', 'citus_task_wait';
COMMENT ON FUNCTION pg_catalog.citus_task_wait(bigint, pg_catalog.citus_task_status)
  IS 'waits until the task has ended, or has the desired state';

CREATE FUNCTION pg_catalog.citus_job_cancel(jobid bigint) RETURNS void
  LANGUAGE C VOLATILE STRICT AS 'MODULE_PATHNAME', 'citus_job_cancel';
COMMENT ON FUNCTION pg_catalog.citus_job_cancel(bigint) IS 'ends a job: what runs is cancelled, the rest never starts';

CREATE FUNCTION pg_catalog.altius_job_pause(job_id bigint) RETURNS void
  LANGUAGE C VOLATILE STRICT AS 'MODULE_PATHNAME', 'altius_job_pause';
COMMENT ON FUNCTION pg_catalog.altius_job_pause(bigint) IS 'no further task of the job starts; what runs is finished';

CREATE FUNCTION pg_catalog.altius_job_resume(job_id bigint) RETURNS void
  LANGUAGE C VOLATILE STRICT AS 'MODULE_PATHNAME', 'altius_job_resume';
COMMENT ON FUNCTION pg_catalog.altius_job_resume(bigint) IS 'tasks of a paused job start again';

CREATE FUNCTION pg_catalog.citus_job_list(
  OUT job_id bigint, OUT state pg_catalog.citus_job_status, OUT job_type name, OUT description text, OUT started_at timestamptz,
  OUT finished_at timestamptz) RETURNS SETOF record LANGUAGE sql STABLE STRICT
  BEGIN ATOMIC SELECT job_id, state, job_type, description, started_at, finished_at FROM pg_catalog.pg_dist_background_job ORDER BY job_id; END;
COMMENT ON FUNCTION pg_catalog.citus_job_list() IS 'all background jobs';

-- How far a job is, and how long it will still take as far as its finished tasks tell; null while nothing is known.
CREATE FUNCTION altius_internal.job_estimate(job_id bigint, OUT percent numeric, OUT seconds_left double precision) RETURNS record
  LANGUAGE C VOLATILE STRICT AS 'MODULE_PATHNAME', 'altius_job_estimate';

-- Moves in flight, one row for each process that works on one.
CREATE FUNCTION altius_internal.moves_in_flight(
  OUT pid integer, OUT phase text, OUT source text, OUT target text, OUT source_size bigint, OUT target_size bigint,
  OUT source_lsn pg_lsn, OUT target_lsn pg_lsn) RETURNS SETOF record LANGUAGE plpgsql VOLATILE
  SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RETURN QUERY SELECT sessionid, max(status), max(sourcename || ':' || sourceport), max(targetname || ':' || targetport),
      sum(source_shard_size)::bigint, sum(target_shard_size)::bigint, max(p.source_lsn), max(p.target_lsn)
    FROM pg_catalog.get_rebalance_progress() p WHERE progress = 1 GROUP BY sessionid;
END $$;

CREATE FUNCTION altius_internal.bytes_shown(bytes bigint, raw boolean) RETURNS jsonb LANGUAGE sql IMMUTABLE
  BEGIN ATOMIC SELECT CASE WHEN raw THEN to_jsonb(bytes) ELSE to_jsonb(pg_size_pretty(bytes)) END; END;

-- What a task's error said may hold rows of its owner's tables.
CREATE VIEW altius_internal.background_task_message WITH (security_barrier) AS
  SELECT task_id, message FROM pg_catalog.pg_dist_background_task
  WHERE pg_has_role(owner, 'USAGE') OR pg_has_role('pg_monitor', 'USAGE');

CREATE FUNCTION altius_internal.job_details(job_id bigint, raw boolean) RETURNS jsonb LANGUAGE sql VOLATILE STRICT
BEGIN ATOMIC
  WITH task AS (
    SELECT t.task_id, t.pid, t.status, t.command, t.retry_count, said.message
    FROM pg_catalog.pg_dist_background_task t LEFT JOIN altius_internal.background_task_message said USING (task_id)
    WHERE t.job_id = $1
  ), shown AS (
    SELECT 1 AS rank, t.task_id, jsonb_build_object('state', t.status, 'retried', coalesce(t.retry_count, 0),
        'message', t.message, 'command', t.command, 'task_id', t.task_id)
      || CASE WHEN m.pid IS NULL THEN jsonb '{}' ELSE jsonb_build_object(
        'phase', m.phase,
        'hosts', jsonb_build_object('source', m.source, 'target', m.target),
        'size', jsonb_build_object('source', altius_internal.bytes_shown(m.source_size, $2),
                                   'target', altius_internal.bytes_shown(m.target_size, $2)),
        'LSN', jsonb_build_object('source', m.source_lsn, 'target', m.target_lsn,
                                  'lag', altius_internal.bytes_shown(greatest(m.source_lsn - m.target_lsn, 0)::bigint, $2))) END AS it
    FROM task t LEFT JOIN altius_internal.moves_in_flight() m ON m.pid = t.pid WHERE t.status IN ('running', 'cancelling')
    UNION ALL
    SELECT CASE status WHEN 'error' THEN 2 ELSE 3 END, task_id, jsonb_build_object('state', status,
      'retried', coalesce(retry_count, 0), 'message', message, 'command', command, 'task_id', task_id)
    FROM task WHERE status = 'error' OR (status = 'runnable' AND (coalesce(retry_count, 0) > 0 OR message <> ''))
  ), counted AS (
    SELECT jsonb_object_agg(status, number) AS counts FROM (SELECT status, count(*) AS number FROM task GROUP BY 1) each
  )
  SELECT jsonb_build_object('tasks', coalesce((SELECT jsonb_agg(it ORDER BY rank, task_id) FROM shown), '[]'),
      'task_state_counts', coalesce(counts, '{}'),
      'percent', estimate.percent)
    || CASE WHEN held THEN jsonb '{"paused": true}' ELSE jsonb '{}' END
    || CASE WHEN seconds_left IS NULL OR held THEN jsonb '{}' ELSE jsonb_build_object(
         'time_left', make_interval(secs => ceil(seconds_left)),
         'estimated_end', date_trunc('second', clock_timestamp() + make_interval(secs => ceil(seconds_left)))) END
  FROM counted, altius_internal.job_estimate($1) estimate,
    (SELECT EXISTS (SELECT FROM altius_internal.background_job_hold h WHERE h.job_id = $1)) hold (held);
END;

CREATE FUNCTION pg_catalog.citus_job_status(
  job_id bigint, raw boolean DEFAULT false, OUT job_id bigint, OUT state pg_catalog.citus_job_status, OUT job_type name,
  OUT description text, OUT started_at timestamptz, OUT finished_at timestamptz, OUT details jsonb) RETURNS SETOF record
  LANGUAGE sql VOLATILE STRICT
  BEGIN ATOMIC
    SELECT j.job_id, j.state, j.job_type, j.description, j.started_at, j.finished_at, altius_internal.job_details(j.job_id, $2)
    FROM pg_catalog.pg_dist_background_job j WHERE j.job_id = $1;
  END;
COMMENT ON FUNCTION pg_catalog.citus_job_status(bigint, boolean) IS 'a job, with the tasks that run or went wrong as JSON';
