-- What a session has set holds on the nodes: settings of users, which policies and functions ask for, and PostgreSQL's.
\set VERBOSITY terse
\set SHOW_CONTEXT never
SET client_min_messages TO warning;
SET citus.shard_count TO 8;
CREATE SCHEMA remote_settings;
SET search_path TO remote_settings;
CREATE ROLE remote_settings_user LOGIN;
GRANT USAGE ON SCHEMA remote_settings TO remote_settings_user;
CREATE TABLE t (id int, tenant text DEFAULT current_setting('app.tenant', true));
CREATE TABLE plain (LIKE t INCLUDING ALL);
SELECT create_distributed_table('t', 'id', colocate_with => 'none');
INSERT INTO t SELECT g, 't' || g % 4 FROM generate_series(1, 43) g;
INSERT INTO plain TABLE t;
ALTER TABLE t ENABLE ROW LEVEL SECURITY;
ALTER TABLE plain ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON t USING (tenant = current_setting('app.tenant', true));
CREATE POLICY own ON plain USING (tenant = current_setting('app.tenant', true));
GRANT ALL ON t, plain TO remote_settings_user;
CREATE FUNCTION is_mine(tenant text) RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS $$
BEGIN RETURN tenant = current_setting('app.tenant', true); END $$;
CREATE FUNCTION counted() RETURNS text LANGUAGE plpgsql AS $$
BEGIN RETURN concat_ws(' ', (SELECT count(*) FROM t), (SELECT count(*) FROM plain), (SELECT count(*) FROM t WHERE id = 7)); END $$;
CREATE FUNCTION counted_as_t2() RETURNS text LANGUAGE sql SET app.tenant TO 't2' AS 'SELECT remote_settings.counted()';
CREATE FUNCTION counted_each() RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
  FOR i IN 0..4 LOOP
    PERFORM set_config('app.tenant', 't' || i, true);
    RETURN NEXT counted();
  END LOOP;
END $$;
CREATE FUNCTION counted_undone() RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
  BEGIN
    SET LOCAL app.tenant TO 't3';
    RETURN NEXT counted();
    RAISE 'undone';
  EXCEPTION WHEN raise_exception THEN NULL;
  END;
  RETURN NEXT counted();
END $$;
\pset format unaligned
\pset tuples_only on
SET ROLE remote_settings_user;
SELECT counted();
SET app.tenant TO 't1';
SELECT counted();
SELECT counted_as_t2();
SELECT counted();
SELECT counted_each();
SELECT counted();
SELECT counted_undone();
BEGIN;
SET LOCAL app.tenant TO 't2';
SELECT counted();
SAVEPOINT a;
SELECT set_config('app.tenant', 't3', true);
SELECT counted();
INSERT INTO t VALUES (100, 't3');
INSERT INTO t VALUES (101), (102);
SELECT counted();
ROLLBACK TO a;
SELECT counted();
INSERT INTO t VALUES (100, 't3');
ROLLBACK;
SELECT counted();
BEGIN;
SET app.tenant TO 't0';
SELECT counted();
COMMIT;
SELECT counted();
PREPARE mine(int) AS SELECT count(*) FROM t WHERE id = $1;
EXECUTE mine(4);
EXECUTE mine(5);
SET app.tenant TO 't1';
EXECUTE mine(4);
EXECUTE mine(5);
SELECT count(*), (SELECT count(*) FROM plain WHERE is_mine(tenant)) FROM t WHERE is_mine(tenant);
RESET app.tenant;
SELECT counted();
-- One that was set once is empty from then on, on every node.
BEGIN;
SET LOCAL app.once TO 'x';
SELECT count(*) FROM t WHERE id = 1;
COMMIT;
SELECT DISTINCT result FROM run_command_on_workers('SELECT quote_literal(current_setting(''app.once''))');
-- An error on a node undoes what was set with the failed statement.
SET app.tenant TO 't2';
SELECT count(*) FROM t WHERE id / (id - id) = 1;
SELECT counted();
RESET ROLE;
SELECT count(*) FROM t WHERE is_mine(tenant);
COPY t FROM STDIN;
200	t2
\.

-- PostgreSQL's own.
CREATE TABLE parent (id int PRIMARY KEY);
CREATE TABLE child (id int REFERENCES parent, n int);
SELECT create_distributed_table('parent', 'id', colocate_with => 't');
SELECT create_distributed_table('child', 'id', colocate_with => 't');
INSERT INTO child VALUES (1, 1);
SET session_replication_role TO replica;
INSERT INTO child VALUES (1, 1), (2, 2), (3, 3);
RESET session_replication_role;
INSERT INTO child VALUES (4, 4), (5, 5);
SELECT count(*) FROM child;
SET work_mem TO '7MB';
SET enable_seqscan TO off;
SET synchronous_commit TO local;
SELECT DISTINCT result FROM run_command_on_workers(
  'SELECT concat_ws('' '', current_setting(''work_mem''), current_setting(''enable_seqscan''), current_setting(''synchronous_commit''))');
RESET work_mem;
RESET enable_seqscan;
RESET synchronous_commit;
SELECT DISTINCT result = (SELECT concat_ws(' ', boot_val, unit) FROM pg_settings WHERE name = 'work_mem') AS "as ever"
FROM run_command_on_workers('SELECT concat_ws('' '', setting, unit) FROM pg_settings WHERE name = ''work_mem''');
-- What only the asking session has a use for stays there.
SET statement_timeout TO '1h';
SET log_min_messages TO error;
SELECT DISTINCT result FROM run_command_on_workers('SHOW statement_timeout');
SELECT DISTINCT result FROM run_command_on_workers('SHOW log_min_messages');
DROP SCHEMA remote_settings CASCADE;
DROP ROLE remote_settings_user;
