-- Triggers of distributed tables fire as on one table: for the table's name, with all rows, once for each statement.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA trigger_events;
SET search_path = trigger_events;
SET citus.shard_count = 4;
CREATE TABLE gone (x int, k int, y text, v int, g int GENERATED ALWAYS AS (v * 2) STORED);
CREATE TABLE par (k int PRIMARY KEY, v int);
CREATE TABLE chi (k int REFERENCES par ON DELETE CASCADE, n int, PRIMARY KEY (k, n));
CREATE TABLE pt (k int, v int, t text) PARTITION BY RANGE (v);
CREATE TABLE pt1 PARTITION OF pt FOR VALUES FROM (0) TO (10);
CREATE TABLE pt2 (t text, k int, v int);
ALTER TABLE pt ATTACH PARTITION pt2 FOR VALUES FROM (10) TO (20);
CREATE TABLE rf (k int PRIMARY KEY, v int);
CREATE TABLE elsewhere (n int, what text);
CREATE TABLE loc (id serial, what text);
ALTER TABLE gone DROP COLUMN x;
SELECT create_distributed_table('gone', 'k'), create_distributed_table('par', 'k');
SELECT create_distributed_table('chi', 'k'), create_distributed_table('pt', 'k'), create_distributed_table('elsewhere', 'n');
SELECT create_reference_table('rf');
ALTER TABLE gone DROP COLUMN y;
ALTER TABLE gone ADD COLUMN z text DEFAULT 'zz';
RESET client_min_messages;

CREATE FUNCTION say() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE NOTICE '% % % % %.% % old=% new=% args=%', TG_NAME, TG_WHEN, TG_LEVEL, TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME, TG_RELID::regclass,
    OLD, NEW, TG_ARGV;
  IF TG_LEVEL = 'STATEMENT' THEN RETURN NULL; END IF;
  RETURN coalesce(NEW, OLD);
END $$;
-- Writes to local, distributed and reference tables.
CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO loc (what) VALUES (format('%s %s %s %s %s', TG_NAME, TG_OP, TG_TABLE_NAME, OLD, NEW));
  INSERT INTO elsewhere VALUES ((SELECT count(*) FROM elsewhere), TG_OP);
  IF TG_TABLE_NAME <> 'rf' THEN INSERT INTO rf VALUES (-1, 1) ON CONFLICT (k) DO UPDATE SET v = rf.v + 1; END IF;
  RETURN NULL;
END $$;
CREATE FUNCTION seen() RETURNS text LANGUAGE sql VOLATILE AS $$
  WITH done AS (DELETE FROM loc RETURNING id, what) SELECT string_agg(what, E'\n' ORDER BY id) FROM done $$;

-- One row, one statement.
CREATE TRIGGER b BEFORE INSERT OR UPDATE OR DELETE ON gone FOR EACH ROW EXECUTE FUNCTION say('x', 'y');
CREATE TRIGGER a AFTER INSERT OR UPDATE OR DELETE ON gone FOR EACH ROW EXECUTE FUNCTION say();
CREATE TRIGGER aw AFTER UPDATE OF v ON gone FOR EACH ROW WHEN (NEW.v > 10) EXECUTE FUNCTION say();
CREATE TRIGGER sb BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON gone FOR EACH STATEMENT EXECUTE FUNCTION say();
CREATE TRIGGER sa AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON gone FOR EACH STATEMENT EXECUTE FUNCTION say();
CREATE TRIGGER sz AFTER UPDATE OF z ON gone EXECUTE FUNCTION say();
INSERT INTO gone VALUES (2, 3);
UPDATE gone SET v = 4, z = NULL;
UPDATE gone SET v = 12 WHERE k = 2;
UPDATE gone SET v = 1 WHERE k = 77;
DELETE FROM gone;
COPY gone (k, v) FROM stdin;
5	5
\.
MERGE INTO gone USING (VALUES (5, 6)) s (k, v) ON gone.k = s.k WHEN MATCHED THEN UPDATE SET v = s.v
  WHEN NOT MATCHED THEN INSERT (k, v) VALUES (s.k, s.v);
ALTER TABLE gone DISABLE TRIGGER sb;
ALTER TRIGGER sa ON gone RENAME TO saa;
DROP TRIGGER a ON gone;
UPDATE gone SET v = 7;
TRUNCATE gone;
DROP TRIGGER b ON gone;
DROP TRIGGER saa ON gone;

DROP TRIGGER aw ON gone;

-- All rows of all shards in one transition table.
CREATE FUNCTION tables() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  before text;
  after text;
BEGIN
  IF TG_OP <> 'INSERT' THEN SELECT string_agg(o::text, ' ' ORDER BY o.k, o.v) INTO before FROM o; END IF;
  IF TG_OP <> 'DELETE' THEN SELECT string_agg(n::text, ' ' ORDER BY n.k, n.v) INTO after FROM n; END IF;
  RAISE NOTICE '% % old: % new: %', TG_NAME, TG_OP, before, after;
  RETURN NULL;
END $$;
CREATE TRIGGER ti AFTER INSERT ON gone REFERENCING NEW TABLE n EXECUTE FUNCTION tables();
CREATE TRIGGER tu AFTER UPDATE ON gone REFERENCING OLD TABLE o NEW TABLE n EXECUTE FUNCTION tables();
CREATE TRIGGER td AFTER DELETE ON gone REFERENCING OLD TABLE o EXECUTE FUNCTION tables();
INSERT INTO gone SELECT i, i FROM generate_series(1, 6) i;
UPDATE gone SET v = v + 100 WHERE k % 2 = 0;
DELETE FROM gone WHERE k > 1000;
CREATE FUNCTION with_rows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO loc (what) SELECT format('%s of %s', NEW, (SELECT count(*) FROM n));
  RETURN NULL;
END $$;
CREATE TRIGGER rt AFTER INSERT ON gone REFERENCING NEW TABLE n FOR EACH ROW EXECUTE FUNCTION with_rows();
INSERT INTO gone (k, v) VALUES (21, 1), (22, 2), (23, 3), (24, 4);
SELECT count(*), count(DISTINCT what), bool_and(what LIKE '% of 4') FROM loc;
SELECT seen() IS NOT NULL;

-- More than memory holds.
CREATE TABLE many (k int, v text);
SELECT create_distributed_table('many', 'k');
CREATE FUNCTION how_many() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE NOTICE '% rows, % keys', (SELECT count(*) FROM n), (SELECT count(DISTINCT k) FROM n);
  RETURN NULL;
END $$;
CREATE TRIGGER how_many AFTER INSERT ON many REFERENCING NEW TABLE n EXECUTE FUNCTION how_many();
SET work_mem = '64kB';
INSERT INTO many SELECT i, repeat('x', 100) FROM generate_series(1, 3000) i;
RESET work_mem;

-- A trigger returns NULL, conflicts, foreign keys that cascade.
CREATE FUNCTION skip() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF coalesce(NEW.v, OLD.v) % 2 = 0 THEN RETURN NULL; END IF;
  RETURN coalesce(NEW, OLD);
END $$;
CREATE TRIGGER skip BEFORE INSERT OR UPDATE OR DELETE ON par FOR EACH ROW EXECUTE FUNCTION skip();
CREATE TRIGGER kept AFTER INSERT OR UPDATE OR DELETE ON par FOR EACH ROW EXECUTE FUNCTION keep();
CREATE TRIGGER kept AFTER INSERT OR UPDATE OR DELETE ON chi FOR EACH ROW EXECUTE FUNCTION keep();
CREATE TRIGGER once AFTER INSERT OR UPDATE OR DELETE ON chi FOR EACH STATEMENT EXECUTE FUNCTION keep();
INSERT INTO par VALUES (1, 1);
INSERT INTO par VALUES (2, 2);
INSERT INTO par VALUES (3, 3);
INSERT INTO chi VALUES (1, 1), (1, 2);
INSERT INTO par VALUES (1, 11) ON CONFLICT (k) DO UPDATE SET v = excluded.v + 2 RETURNING *;
INSERT INTO par VALUES (1, 13) ON CONFLICT (k) DO NOTHING;
UPDATE par SET v = 8 WHERE k = 3;
DELETE FROM par WHERE k = 1;
SELECT seen();
-- Undone with the statement, and with the subtransaction.
BEGIN;
SAVEPOINT a;
INSERT INTO par VALUES (7, 7);
SELECT count(*) FROM loc;
ROLLBACK TO a;
SELECT count(*) FROM loc;
INSERT INTO par VALUES (9, 9);
COMMIT;
SELECT seen();
SELECT count(*), count(DISTINCT n) FROM elsewhere;
SELECT * FROM rf;

-- Partitions.
CREATE TRIGGER kept AFTER INSERT OR UPDATE OR DELETE ON pt FOR EACH ROW EXECUTE FUNCTION keep();
CREATE TRIGGER once AFTER INSERT OR UPDATE OR DELETE ON pt FOR EACH STATEMENT EXECUTE FUNCTION keep();
CREATE TRIGGER part AFTER UPDATE ON pt1 FOR EACH ROW WHEN (OLD.v <> NEW.v) EXECUTE FUNCTION keep();
INSERT INTO pt VALUES (1, 1, 't');
INSERT INTO pt VALUES (15, 15, 't');
UPDATE pt SET t = 'u' WHERE k = 1;
UPDATE pt SET v = 9 WHERE k = 1;
UPDATE pt SET v = 12 WHERE k = 1;
DELETE FROM pt2 WHERE k = 15;
SELECT seen();

-- A reference table has copies, but one statement.
TRUNCATE rf;
CREATE TRIGGER kept AFTER INSERT OR UPDATE OR DELETE ON rf FOR EACH ROW EXECUTE FUNCTION keep();
INSERT INTO rf VALUES (1, 1);
UPDATE rf SET v = v + 1;
SELECT seen();
DROP TRIGGER kept ON rf;

-- Constraint triggers, deferred.
CREATE FUNCTION little() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE NOTICE '% % % %, sum %', TG_NAME, TG_TABLE_NAME, OLD, NEW, (SELECT sum(v) FROM par);
  IF (SELECT sum(v) FROM par) > 100 THEN RAISE EXCEPTION 'too much'; END IF;
  RETURN NULL;
END $$;
TRUNCATE par CASCADE;
CREATE CONSTRAINT TRIGGER def AFTER INSERT OR UPDATE ON par DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION little();
CREATE CONSTRAINT TRIGGER imm AFTER UPDATE ON par DEFERRABLE INITIALLY IMMEDIATE FOR EACH ROW EXECUTE FUNCTION little();
BEGIN;
INSERT INTO par VALUES (1, 99);
UPDATE par SET v = 77;
UPDATE par SET v = 3;
COMMIT;
INSERT INTO par VALUES (2, 99);
SELECT * FROM par;
BEGIN;
INSERT INTO par VALUES (3, 5);
SAVEPOINT a;
INSERT INTO par VALUES (4, 99);
ROLLBACK TO a;
SET CONSTRAINTS ALL IMMEDIATE;
INSERT INTO par VALUES (5, 5);
COMMIT;
BEGIN;
SET CONSTRAINTS imm DEFERRED;
UPDATE par SET v = 13 WHERE k = 5;
SAVEPOINT b;
SET CONSTRAINTS imm IMMEDIATE;
ROLLBACK TO b;
COMMIT;
DROP TRIGGER def ON par;
DROP TRIGGER imm ON par;

-- How deep a trigger is.
CREATE FUNCTION again() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE NOTICE 'depth %', pg_trigger_depth();
  UPDATE par SET v = v + 2 WHERE k = NEW.k;
  RETURN NULL;
END $$;
CREATE TRIGGER again AFTER UPDATE ON par FOR EACH ROW WHEN (pg_trigger_depth() < 1) EXECUTE FUNCTION again();
UPDATE par SET v = 17 WHERE k = 1;
UPDATE par SET v = 17 WHERE k = 3;
UPDATE par SET v = 17 WHERE k = 5;
SELECT * FROM par ORDER BY k;
DROP TRIGGER again ON par;

-- The distribution column stays what it was when the row found its shard.
CREATE FUNCTION other_key() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.k := NEW.k + NEW.v;
  RETURN NEW;
END $$;
CREATE TRIGGER zz BEFORE INSERT OR UPDATE ON par FOR EACH ROW EXECUTE FUNCTION other_key();
INSERT INTO par VALUES (101, 99);
UPDATE par SET v = 33 WHERE k = 1;
DROP TRIGGER zz ON par;

-- Notifications of triggers are those of the session.
CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('trigger_events', TG_OP);
  RETURN NULL;
END $$;
CREATE TRIGGER told AFTER DELETE ON par FOR EACH ROW EXECUTE FUNCTION tell();
LISTEN trigger_events;
INSERT INTO par VALUES (501, 51);
\o | sed 's/PID [0-9]*/PID N/'
DELETE FROM par WHERE k = 501;
\o
UNLISTEN trigger_events;

-- Transition tables of row triggers are read once, not for each row.
CREATE TABLE crowd (k int, v int);
SELECT create_distributed_table('crowd', 'k');
CREATE FUNCTION sees_all() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF new.k = 5000 THEN RAISE NOTICE '% rows', (SELECT count(*) FROM made); END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER crowd AFTER INSERT ON crowd REFERENCING NEW TABLE AS made FOR EACH ROW EXECUTE FUNCTION sees_all();
SET statement_timeout TO '60s';
INSERT INTO crowd SELECT g, g FROM generate_series(1, 5000) g;
RESET statement_timeout;

-- Triggers that are off stay so on shards that are made anew.
CREATE TABLE off (k int);
SELECT create_distributed_table('off', 'k');
CREATE TRIGGER a AFTER INSERT ON off FOR EACH ROW EXECUTE FUNCTION say();
CREATE TRIGGER b BEFORE INSERT ON off FOR EACH ROW EXECUTE FUNCTION say();
CREATE TRIGGER c AFTER INSERT ON off FOR EACH STATEMENT EXECUTE FUNCTION say();
ALTER TABLE off DISABLE TRIGGER USER;
ALTER TABLE off ENABLE REPLICA TRIGGER b;
SELECT alter_distributed_table('off', shard_count => 2);
SELECT tgname, tgenabled FROM pg_trigger WHERE tgrelid = 'off'::regclass ORDER BY 1;
INSERT INTO off VALUES (1);
SET session_replication_role = replica;
INSERT INTO off VALUES (2);
RESET session_replication_role;

-- Rules are for one node.
CREATE RULE r AS ON INSERT TO par DO ALSO SELECT 1;
CREATE TABLE ruled (k int);
CREATE RULE r AS ON INSERT TO ruled DO ALSO SELECT 1;
SELECT create_distributed_table('ruled', 'k');
SELECT create_reference_table('ruled');

-- Only shards have it.
CREATE TABLE mine (k int);
CREATE TRIGGER t AFTER INSERT ON mine FOR EACH ROW EXECUTE FUNCTION altius_internal.trigger_on_shard();
INSERT INTO mine VALUES (1);

-- The columns that were changed have the table's numbers.
CREATE TABLE texts (k int, gone int, v tsvector, t text);
ALTER TABLE texts DROP COLUMN gone;
SELECT create_distributed_table('texts', 'k');
CREATE TRIGGER texts BEFORE INSERT OR UPDATE ON texts FOR EACH ROW EXECUTE FUNCTION tsvector_update_trigger(v, 'pg_catalog.english', t);
INSERT INTO texts VALUES (1, NULL, 'dog');
UPDATE texts SET t = 'bird' WHERE k = 1;
SELECT v FROM texts;
-- Arrays of theirs are read as they were written.
CREATE FUNCTION has_null() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE '%', new.a[1] IS NULL; RETURN NULL; END $$;
CREATE TABLE arrays (k int, a text[]);
SELECT create_distributed_table('arrays', 'k');
CREATE TRIGGER arrays AFTER INSERT ON arrays FOR EACH ROW EXECUTE FUNCTION has_null();
SET array_nulls = off;
INSERT INTO arrays VALUES (1, ARRAY[NULL, 'x']);
RESET array_nulls;

-- What a function in a statement does to a shard itself counts as the statement's; what it undoes does not.
CREATE TABLE held (k int PRIMARY KEY);
CREATE TABLE others (k int PRIMARY KEY);
SELECT create_reference_table('held'), create_reference_table('others');
CREATE FUNCTION saw() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO seen_rows VALUES (TG_RELNAME, new.k); RETURN NULL; END $$;
CREATE TABLE seen_rows (relation text, k int);
CREATE TRIGGER saw AFTER INSERT ON held FOR EACH ROW EXECUTE FUNCTION saw();
CREATE TRIGGER saw AFTER INSERT ON others FOR EACH ROW EXECUTE FUNCTION saw();
CREATE FUNCTION shard_of_held() RETURNS text LANGUAGE sql AS $$
  SELECT shard_name(logicalrelid, shardid) FROM pg_dist_shard WHERE logicalrelid = 'trigger_events.held'::regclass $$;
DO $do$ BEGIN EXECUTE format($$CREATE FUNCTION write(k int, fails int, depth int DEFAULT 0) RETURNS int LANGUAGE plpgsql AS $f$
BEGIN
  BEGIN
    INSERT INTO %s VALUES (k + depth * 1000);
    IF depth < 2 THEN PERFORM trigger_events.write(k, fails, depth + 1); END IF;
    IF depth = fails THEN RAISE 'no'; END IF;
  EXCEPTION WHEN raise_exception THEN NULL;
  END;
  RETURN k;
END $f$ $$, shard_of_held()); END $do$;
INSERT INTO others SELECT write(g, g) FROM generate_series(0, 3) g;
SELECT relation, array_agg(k ORDER BY k) FROM seen_rows GROUP BY 1 ORDER BY 1;
SELECT array_agg(k ORDER BY k) FROM held;
-- more than is kept in memory
TRUNCATE seen_rows, held, others;
SET work_mem = '64kB';
DO $do$ BEGIN EXECUTE format($$CREATE FUNCTION write_many(k int) RETURNS int LANGUAGE plpgsql AS $f$
BEGIN
  FOR part IN 1..4 LOOP
    BEGIN
      INSERT INTO %s SELECT part * 10000 + n FROM generate_series(1, 2000) n;
      IF part %% 2 = 0 THEN RAISE 'no'; END IF;
    EXCEPTION WHEN raise_exception THEN NULL;
    END;
  END LOOP;
  RETURN k;
END $f$ $$, shard_of_held()); END $do$;
INSERT INTO others SELECT write_many(1) FROM generate_series(1, 1);
RESET work_mem;
SELECT relation, k / 10000 AS part, count(*), count(DISTINCT k) FROM seen_rows GROUP BY 1, 2 ORDER BY 1, 2;

SET client_min_messages = warning;
DROP SCHEMA trigger_events CASCADE;
