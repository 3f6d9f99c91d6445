-- What was set on nodes is undone there with the transaction or savepoint in which it was sent: it is sent again.  A trigger, which
-- runs where the row lies, writes down what it sees, and a plain table has the same one.
\set VERBOSITY terse
\set SHOW_CONTEXT never
SET client_min_messages TO warning;
SET citus.shard_count TO 8;
CREATE SCHEMA remote_settings_undone;
SET search_path TO remote_settings_undone;
CREATE TABLE t (id int, zone text, tenant text, memory text);
CREATE TABLE plain (LIKE t);
CREATE FUNCTION seen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.zone := current_setting('timezone');
  NEW.tenant := current_setting('app.tenant', true);
  NEW.memory := current_setting('work_mem');
  RETURN NEW;
END $$;
CREATE TRIGGER seen BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION seen();
CREATE TRIGGER seen BEFORE INSERT ON plain FOR EACH ROW EXECUTE FUNCTION seen();
SELECT create_distributed_table('t', 'id', colocate_with => 'none');
CREATE FUNCTION insert_both(first int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO remote_settings_undone.t SELECT g FROM generate_series(first, first + 19) g;
  INSERT INTO remote_settings_undone.plain SELECT g FROM generate_series(first, first + 19) g;
END $$;
CREATE VIEW different AS (TABLE t EXCEPT ALL TABLE plain) UNION ALL (TABLE plain EXCEPT ALL TABLE t);
\pset format unaligned
\pset tuples_only on
SET timezone TO 'UTC';
SET app.tenant TO 'zero';
SET work_mem TO '4MB';

-- RESET in a transaction that is rolled back, or fails
SET session_replication_role TO replica;
SELECT insert_both(1);
RESET session_replication_role;
BEGIN;
SELECT count(*) FROM t;
ROLLBACK;
SELECT insert_both(21);
SET session_replication_role TO replica;
SELECT insert_both(41);
RESET session_replication_role;
BEGIN;
SELECT count(*) FROM t WHERE id / (id - id) = 1;
ROLLBACK;
SELECT insert_both(61);
TABLE different;
SET lock_timeout TO '5s';
SELECT count(*) FROM t;
SET lock_timeout TO 0;
BEGIN;
SELECT count(*) FROM t;
ROLLBACK;
SELECT DISTINCT result FROM run_command_on_workers('SHOW lock_timeout');
SET lock_timeout TO '5s';
SELECT count(*) FROM t;
SET lock_timeout TO 0;
SELECT count(*) FROM t WHERE id / (id - id) = 1;
SELECT DISTINCT result FROM run_command_on_workers('SHOW lock_timeout');

-- set in a savepoint
BEGIN;
SELECT count(*) FROM t;
SAVEPOINT a;
SET timezone TO 'Asia/Tokyo';
SET app.tenant TO 'one';
RESET work_mem;
SELECT insert_both(101);
ROLLBACK TO a;
SELECT insert_both(101);
SET timezone TO 'Asia/Tokyo';
SET app.tenant TO 'one';
SET work_mem TO '7MB';
SELECT insert_both(121);
SAVEPOINT b;
SET timezone TO 'Asia/Dhaka';
SELECT insert_both(141);
RELEASE b;
ROLLBACK TO a;
SET timezone TO 'Asia/Tokyo';
SET app.tenant TO 'one';
SET LOCAL work_mem TO '7MB';
SELECT insert_both(121);
COMMIT;
SELECT insert_both(161);
TABLE different;
SELECT tenant, zone, memory, count(*) FROM t WHERE id > 100 GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;

-- set before a savepoint, sent in it
BEGIN;
SET timezone TO 'Asia/Kolkata';
SET app.tenant TO 'two';
SET LOCAL work_mem TO '8MB';
SAVEPOINT a;
SELECT count(*) FROM t;
ROLLBACK TO a;
SELECT insert_both(201);
COMMIT;
SELECT insert_both(221);
DO $$ BEGIN
  SET timezone TO 'Europe/Berlin';
  SET app.tenant TO 'three';
  SET LOCAL work_mem TO '9MB';
  BEGIN
    PERFORM count(*) FROM remote_settings_undone.t;
    RAISE 'undone';
  EXCEPTION WHEN raise_exception THEN NULL;
  END;
  PERFORM remote_settings_undone.insert_both(241);
  BEGIN
    SET app.tenant TO 'four';
    PERFORM remote_settings_undone.insert_both(261);
    PERFORM count(*) FROM remote_settings_undone.t WHERE id / (id - id) = 1;
  EXCEPTION WHEN division_by_zero THEN NULL;
  END;
  PERFORM remote_settings_undone.insert_both(281);
END $$;
SELECT insert_both(301);
TABLE different;
SELECT tenant, zone, memory, count(*) FROM t WHERE id > 200 GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;

-- a transaction of several nodes that is committed, one that is not, one that fails at the end
BEGIN;
SET app.tenant TO 'five';
SELECT insert_both(401);
COMMIT;
SELECT insert_both(421);
BEGIN;
SET app.tenant TO 'six';
SELECT insert_both(441);
ROLLBACK;
SELECT insert_both(441);
ALTER TABLE t ADD CONSTRAINT unique_id UNIQUE (id) DEFERRABLE INITIALLY DEFERRED;
BEGIN;
SET app.tenant TO 'seven';
SELECT insert_both(441);
COMMIT;
SELECT insert_both(461);
TABLE different;
SELECT tenant, count(*) FROM t WHERE id > 400 GROUP BY 1 ORDER BY 1;
DROP SCHEMA remote_settings_undone CASCADE;
