-- Background jobs: order, errors, retries, cancelling, pausing, rights; what the status says.
CREATE SCHEMA rebalance_jobs;
SET search_path = rebalance_jobs;
CREATE TABLE log (number serial, what text, by name DEFAULT current_user);
-- schedules a job whose tasks are the commands; dependencies as in '{"2": [0, 1]}'
CREATE FUNCTION schedule(commands text[], dependencies jsonb DEFAULT '{}', nodes jsonb DEFAULT '{}') RETURNS bigint LANGUAGE sql AS $$
  SELECT altius_internal.schedule_job('test', 'a test', jsonb_agg(jsonb_strip_nulls(jsonb_build_object('command', command,
    'after', dependencies->(number - 1)::text, 'nodes', nodes->(number - 1)::text)) ORDER BY number))
  FROM unnest(commands) WITH ORDINALITY each (command, number) $$;
CREATE FUNCTION tell(what text) RETURNS void LANGUAGE sql AS $$ INSERT INTO rebalance_jobs.log (what) VALUES (what) $$;
-- what the status says, without what differs from run to run
CREATE FUNCTION details(job bigint) RETURNS text LANGUAGE sql AS $$
  SELECT state || ' ' || jsonb_pretty((details - 'estimated_end' - 'time_left') || jsonb_build_object('tasks',
    (SELECT coalesce(jsonb_agg(task - 'task_id' ORDER BY task->>'task_id'), '[]') FROM jsonb_array_elements(details->'tasks') task)))
  FROM citus_job_status(job) $$;
CREATE FUNCTION tasks_of(job bigint, OUT number bigint, OUT status citus_task_status, OUT tries int, OUT message text)
  RETURNS SETOF record LANGUAGE sql AS $$
  SELECT row_number() OVER (ORDER BY task_id) - 1, status, retry_count, said.message
  FROM pg_dist_background_task LEFT JOIN altius_internal.background_task_message said USING (task_id) WHERE job_id = job $$;

-- dependencies: a diamond
SELECT schedule(ARRAY['SELECT rebalance_jobs.tell(''first''), pg_sleep(0.1)', 'SELECT rebalance_jobs.tell(''left''), pg_sleep(0.1)',
  'SELECT rebalance_jobs.tell(''right'')', 'SELECT rebalance_jobs.tell(''last'')'],
  '{"1": [0], "2": [0], "3": [1, 2]}') AS job \gset
SELECT citus_job_wait(:job);
SELECT string_agg(what, ' ' ORDER BY number) IN ('first left right last', 'first right left last') AS in_order FROM log;
SELECT details(:job);
SELECT job_type, description, started_at < finished_at AS took_time FROM citus_job_list() WHERE job_id = :job;

-- many statements in a task, and a job without tasks
TRUNCATE log;
SELECT schedule(ARRAY['SELECT rebalance_jobs.tell(''one''); SELECT rebalance_jobs.tell(''two'')']) AS job \gset
SELECT citus_job_wait(:job, 'finished');
SELECT what FROM log ORDER BY number;
SELECT altius_internal.schedule_job('test', 'nothing', '[]') AS job \gset
SELECT citus_job_wait(:job, 'finished');

-- tasks that share a node wait for each other, others do not
SELECT schedule(array_fill('SELECT pg_sleep(0.3)'::text, ARRAY[4]), nodes => '{"0": [1, 2], "1": [1, 3], "2": [2, 3], "3": [4]}') AS job \gset
SELECT citus_job_wait(:job);
CREATE VIEW side_by_side AS
  SELECT one.job_id, count(*) FILTER (WHERE one.nodes_involved && other.nodes_involved) AS sharing,
    count(*) FILTER (WHERE NOT one.nodes_involved && other.nodes_involved) AS apart
  FROM (pg_dist_background_task JOIN altius_internal.background_task_work USING (task_id)) one
  JOIN (pg_dist_background_task JOIN altius_internal.background_task_work USING (task_id)) other
    ON one.job_id = other.job_id AND one.task_id < other.task_id
    AND one.started_at < other.finished_at AND other.started_at < one.finished_at GROUP BY 1;
SELECT sharing, apart > 0 AS apart FROM side_by_side WHERE job_id = :job;

-- an error that waiting does not mend: dependants never run, others do
TRUNCATE log;
SELECT schedule(ARRAY['SELECT rebalance_jobs.tell(''undone''), 1/0', 'SELECT rebalance_jobs.tell(''after'')',
  'SELECT rebalance_jobs.tell(''after that'')', 'SELECT rebalance_jobs.tell(''beside'')'], '{"1": [0], "2": [1]}') AS job \gset
SELECT regexp_replace(details, 'job \d+', 'job N') FROM (SELECT citus_job_wait(:job, 'failed'), details(:job)) it;
SELECT what FROM log;
SELECT * FROM tasks_of(:job);

-- errors that may go away: the task is tried again, and what it did before is undone
ALTER SYSTEM SET altius.background_task_retry_delay = '20ms';
ALTER SYSTEM SET altius.background_task_tries = 4;
SELECT pg_reload_conf() FROM pg_sleep(0.1);
SELECT pg_sleep(0.3);
TRUNCATE log;
CREATE SEQUENCE tries;
CREATE FUNCTION fail_until(try int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM rebalance_jobs.tell('try');
  IF nextval('rebalance_jobs.tries') < try THEN
    RAISE EXCEPTION 'not yet' USING DETAIL = 'It is too early.', HINT = 'Try again.';
  END IF;
END $$;
SELECT schedule(ARRAY['SELECT rebalance_jobs.fail_until(3)']) AS job \gset
SELECT citus_job_wait(:job);
SELECT * FROM tasks_of(:job);
SELECT count(*), (SELECT last_value FROM tries) FROM log;
SELECT schedule(ARRAY['SELECT rebalance_jobs.fail_until(1000)']) AS job \gset
SELECT citus_job_wait(:job, 'failed');
SELECT number, status, tries, split_part(message, 'CONTEXT', 1) AS message FROM tasks_of(:job);
SELECT last_value FROM tries;
ALTER SYSTEM SET altius.background_task_retry_delay = '1h';
SELECT pg_reload_conf() FROM pg_sleep(0.1);
SELECT pg_sleep(0.3);
SELECT schedule(ARRAY['SELECT rebalance_jobs.fail_until(1000)']) AS job \gset
SELECT task_id AS task FROM pg_dist_background_task WHERE job_id = :job \gset
DO $$ BEGIN
  FOR i IN 1..600 LOOP
    EXIT WHEN EXISTS (SELECT FROM pg_dist_background_task WHERE status = 'runnable' AND retry_count = 1);
    PERFORM pg_sleep(0.05);
  END LOOP;
END $$;
SELECT not_before - clock_timestamp() BETWEEN interval '50 min' AND interval '1 h' AS later FROM pg_dist_background_task WHERE task_id = :task;
SELECT regexp_replace(details(:job), 'CONTEXT[^"]*', '...');
SELECT citus_job_cancel(:job);
SELECT citus_task_wait(:task, 'cancelled');
ALTER SYSTEM RESET altius.background_task_retry_delay;
ALTER SYSTEM RESET altius.background_task_tries;
SELECT pg_reload_conf() FROM pg_sleep(0.1);
SELECT pg_sleep(0.3);

-- cancelling
TRUNCATE log;
SELECT schedule(ARRAY['SELECT rebalance_jobs.tell(''undone''), pg_sleep(100)', 'SELECT rebalance_jobs.tell(''never'')'], '{"1": [0]}') AS job \gset
SELECT citus_job_wait(:job, 'running');
SELECT min(task_id) AS task FROM pg_dist_background_task WHERE job_id = :job \gset
SELECT citus_task_wait(:task, 'running');
BEGIN;
SELECT citus_job_cancel(:job);
ROLLBACK;
SELECT state FROM citus_job_status(:job);
SELECT citus_job_cancel(:job);
SELECT citus_job_wait(:job, 'cancelled');
SELECT number, status, tries FROM tasks_of(:job);
SELECT count(*) FROM log;
SELECT regexp_replace(details(:job), 'job \d+', 'job N');

-- pausing: what runs is finished, nothing new starts
SELECT schedule(ARRAY['SELECT rebalance_jobs.tell(''first''), pg_sleep(1.5)', 'SELECT rebalance_jobs.tell(''second'')'], '{"1": [0]}') AS job \gset
SELECT min(task_id) AS task FROM pg_dist_background_task WHERE job_id = :job \gset
SELECT citus_task_wait(:task, 'running');
SELECT altius_job_pause(:job);
SELECT citus_task_wait(:task, 'done');
SELECT pg_sleep(0.3);
SELECT what FROM log ORDER BY number;
SELECT details(:job);
SELECT altius_job_resume(:job);
SELECT citus_job_wait(:job, 'finished');
SELECT what FROM log ORDER BY number;

-- a paused job can be cancelled
BEGIN;
SELECT schedule(ARRAY['SELECT rebalance_jobs.tell(''never'')']) AS job \gset
SELECT altius_job_pause(:job);
COMMIT;
SELECT citus_job_cancel(:job);
SELECT citus_job_wait(:job, 'cancelled');

-- a transaction that is rolled back leaves no job
SELECT count(*) AS jobs FROM pg_dist_background_job \gset
BEGIN;
SELECT schedule(ARRAY['SELECT 1']) > 0 AS scheduled;
ROLLBACK;
SELECT count(*) = :jobs AS same FROM pg_dist_background_job;

-- tasks run as their owner, with the owner's rights
CREATE ROLE rebalance_jobs_user LOGIN;
CREATE ROLE rebalance_jobs_other LOGIN;
CREATE ROLE rebalance_jobs_nologin;
GRANT USAGE ON SCHEMA rebalance_jobs TO rebalance_jobs_user, rebalance_jobs_other, rebalance_jobs_nologin;
GRANT INSERT, SELECT ON log TO rebalance_jobs_user;
GRANT USAGE ON SEQUENCE log_number_seq TO rebalance_jobs_user;
GRANT EXECUTE ON FUNCTION altius_internal.schedule_job(name, text, jsonb) TO rebalance_jobs_user, rebalance_jobs_nologin;
TRUNCATE log;
SET ROLE rebalance_jobs_user;
SELECT schedule(ARRAY['SELECT rebalance_jobs.tell(''mine'')', 'DELETE FROM rebalance_jobs.log']) AS job \gset
SELECT citus_job_wait(:job, 'failed');
SELECT status, message FROM tasks_of(:job);
SELECT what, by FROM log;
SELECT schedule(ARRAY['SELECT pg_sleep(100)']) AS job \gset
UPDATE pg_dist_background_task SET owner = 10;
SET ROLE rebalance_jobs_other;
DO $$ BEGIN PERFORM citus_job_cancel(max(job_id)) FROM pg_dist_background_job; EXCEPTION WHEN insufficient_privilege THEN
  RAISE NOTICE '%', regexp_replace(sqlerrm, '\d+', 'N'); END $$;
SELECT altius_internal.schedule_job('test', 'mine', '[]');
SET ROLE rebalance_jobs_user;
SELECT citus_job_cancel(:job);
SELECT citus_job_wait(:job, 'cancelled');
SET ROLE rebalance_jobs_nologin;
SELECT schedule(ARRAY['SELECT 1']) AS job \gset
SELECT citus_job_wait(:job, 'failed');
SELECT status, message FROM tasks_of(:job);
RESET ROLE;

-- What a task's error says may show rows of its owner's: others see that it failed.  Who watches sees it.
SET ROLE rebalance_jobs_user;
SELECT schedule(ARRAY['SELECT ''a secret''::int']) AS job \gset
SELECT citus_job_wait(:job, 'failed');
SELECT details(:job) ~ 'integer: .*a secret' AS in_details, (SELECT message ~ 'a secret' FROM altius_internal.background_task_message JOIN
  (SELECT task_id FROM pg_dist_background_task WHERE job_id = :job) it USING (task_id)) AS told;
SET ROLE rebalance_jobs_other;
SELECT regexp_replace(details(:job), 'a secret''', 'the command''');
SELECT message FROM pg_dist_background_task;
SELECT count(*) FROM altius_internal.background_task_message;
RESET ROLE;
GRANT pg_monitor TO rebalance_jobs_other;
SET ROLE rebalance_jobs_other;
SELECT split_part(message, E'\n', 1) AS message FROM altius_internal.background_task_message JOIN
  (SELECT task_id FROM pg_dist_background_task WHERE job_id = :job) it USING (task_id);
RESET ROLE;

-- Who may end sessions of others may not end a superuser's job, as no superuser's session.
GRANT pg_signal_backend TO rebalance_jobs_other;
SELECT schedule(ARRAY['SELECT pg_sleep(100)']) AS job \gset
SET ROLE rebalance_jobs_other;
DO $$ BEGIN PERFORM citus_job_cancel(max(job_id)) FROM pg_dist_background_job; EXCEPTION WHEN insufficient_privilege THEN
  RAISE NOTICE '%', regexp_replace(sqlerrm, '\d+', 'N'); END $$;
RESET ROLE;
SELECT citus_job_cancel(:job);
SELECT citus_job_wait(:job, 'cancelled');
SET ROLE rebalance_jobs_user;
SELECT schedule(ARRAY['SELECT pg_sleep(100)']) AS job \gset
SET ROLE rebalance_jobs_other;
SELECT citus_job_cancel(:job);
SELECT citus_job_wait(:job, 'cancelled');
RESET ROLE;

-- a task on distributed tables: all of it or nothing, on all nodes
CREATE TABLE spread (id int PRIMARY KEY);
SELECT create_distributed_table('spread', 'id', shard_count => 4);
SELECT schedule(ARRAY['INSERT INTO rebalance_jobs.spread SELECT generate_series(1, 100)',
  'INSERT INTO rebalance_jobs.spread SELECT 1000 / (50 - g) FROM generate_series(1, 100) g']) AS job \gset
SELECT citus_job_wait(:job, 'failed');
SELECT count(*) FROM spread;

-- what can't be asked
SELECT citus_job_wait(-1);
SELECT citus_task_wait(-1);
SELECT citus_job_cancel(-1);
SELECT altius_job_pause(-1);
SELECT count(*) FROM citus_job_status(-1);
SELECT altius_internal.schedule_job('test', 'backwards', '[{"command": "SELECT 1", "after": [0]}]');
DO $$
DECLARE
  job bigint := (SELECT max(job_id) FROM pg_dist_background_job WHERE state = 'finished');
  statement text;
BEGIN
  FOREACH statement IN ARRAY ARRAY['citus_job_cancel(%s)', 'altius_job_pause(%s)', 'altius_job_resume(%s)', 'citus_job_wait(%s, ''failed'')'] LOOP
    BEGIN
      EXECUTE 'SELECT ' || format(statement, job);
    EXCEPTION WHEN OTHERS THEN
      RAISE NOTICE '% %', SQLSTATE, regexp_replace(sqlerrm, '\d+', 'N');
    END;
  END LOOP;
END $$;
SELECT DISTINCT result FROM run_command_on_workers('SELECT citus_job_wait(1)');
-- when all jobs have ended, nobody works on them
DO $$ BEGIN
  FOR i IN 1..600 LOOP
    EXIT WHEN NOT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type IN ('altius job monitor', 'altius task executor'));
    PERFORM pg_sleep(0.05);
    PERFORM pg_stat_clear_snapshot();
  END LOOP;
END $$;
SELECT count(*) FROM pg_stat_activity WHERE backend_type IN ('altius job monitor', 'altius task executor');
SET client_min_messages = warning;
DROP SCHEMA rebalance_jobs CASCADE;
DELETE FROM pg_dist_background_job WHERE job_type = 'test';
DROP OWNED BY rebalance_jobs_user, rebalance_jobs_other, rebalance_jobs_nologin;
DROP ROLE rebalance_jobs_user, rebalance_jobs_other, rebalance_jobs_nologin;
