-- One session on each node, whoever is at work: SET ROLE, SET SESSION AUTHORIZATION and functions that run as their owner see what the
-- transaction has done, wait for no lock of its own, and are on the nodes who they are here.  Each statement runs on a plain table, too.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE ROLE remote_acting_owner;
CREATE ROLE remote_acting_clerk;
CREATE ROLE remote_acting_user LOGIN IN ROLE remote_acting_clerk;
CREATE SCHEMA remote_acting;
GRANT USAGE, CREATE ON SCHEMA remote_acting TO remote_acting_owner;
GRANT USAGE ON SCHEMA remote_acting TO PUBLIC;
SET search_path = remote_acting;
SET statement_timeout = '20s';

CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.who := current_user || '/' || session_user;
  RETURN NEW;
END $$;
SET ROLE remote_acting_owner;
CREATE TABLE plain (id int PRIMARY KEY, n int, who text, at text);
CREATE TABLE dist (LIKE plain INCLUDING ALL);
SELECT create_distributed_table('dist', 'id', shard_count => 8);
CREATE TABLE log_plain (id int PRIMARY KEY, what text);
CREATE TABLE log_dist (LIKE log_plain INCLUDING ALL);
SELECT create_distributed_table('log_dist', 'id', shard_count => 8);
CREATE TRIGGER stamp BEFORE INSERT OR UPDATE ON plain FOR EACH ROW EXECUTE FUNCTION stamp();
CREATE TRIGGER stamp BEFORE INSERT OR UPDATE ON dist FOR EACH ROW EXECUTE FUNCTION stamp();
GRANT SELECT, INSERT, UPDATE, DELETE ON plain, dist TO remote_acting_clerk;
-- A private log, written by what the owner lends.
CREATE FUNCTION note(id int, what text) RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = remote_acting, pg_temp AS $$
DECLARE
  seen int[];
BEGIN
  INSERT INTO log_plain VALUES (note.id, note.what);
  INSERT INTO log_dist VALUES (note.id, note.what);
  UPDATE plain SET n = plain.n + 100 WHERE plain.id = note.id;
  UPDATE dist SET n = dist.n + 100 WHERE dist.id = note.id;
  seen := ARRAY[(SELECT count(*) FROM plain), (SELECT count(*) FROM dist), (SELECT sum(n) FROM plain), (SELECT sum(n) FROM dist)];
  RETURN current_user || ' ' || session_user || ' ' || seen::text;
END $$;
CREATE FUNCTION broken_note(id int) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = remote_acting, pg_temp AS $$
BEGIN
  UPDATE plain SET n = -1 WHERE plain.id = broken_note.id;
  UPDATE dist SET n = -1 WHERE dist.id = broken_note.id;
  INSERT INTO log_dist VALUES (broken_note.id, 'again');
END $$;
RESET ROLE;
CREATE VIEW differences AS
  SELECT id, p.n, p.who, d.n AS dist_n, d.who AS dist_who FROM plain p FULL JOIN dist d USING (id)
  WHERE (p.n, p.who, p.at) IS DISTINCT FROM (d.n, d.who, d.at);
GRANT SELECT ON differences TO PUBLIC;

\c - remote_acting_user
\set VERBOSITY terse
SET search_path = remote_acting;
SET statement_timeout = '20s';
-- A function that runs as its owner, in the middle of a transaction on several nodes.
BEGIN;
INSERT INTO plain SELECT i, i FROM generate_series(1, 20) i;
INSERT INTO dist SELECT i, i FROM generate_series(1, 20) i;
SELECT note(3, 'in a transaction');
SELECT note(4, 'and again');
UPDATE plain SET n = n + 1 WHERE id < 6;
UPDATE dist SET n = n + 1 WHERE id < 6;
SELECT id, n, who FROM plain WHERE id < 6 ORDER BY id;
SELECT id, n, who FROM dist WHERE id < 6 ORDER BY id;
SELECT count(*) FROM log_dist;
ROLLBACK;
SELECT count(*) FROM dist;
BEGIN;
INSERT INTO plain SELECT i, i FROM generate_series(1, 20) i;
INSERT INTO dist SELECT i, i FROM generate_series(1, 20) i;
SELECT note(3, 'kept');
COMMIT;
SELECT note(i, 'by itself') FROM generate_series(5, 7) i;
SELECT * FROM differences;

-- What it does is undone with the savepoint, and the role with it.
BEGIN;
UPDATE plain SET n = 0 WHERE id = 3;
UPDATE dist SET n = 0 WHERE id = 3;
SAVEPOINT a;
SELECT broken_note(3);
ROLLBACK TO a;
SELECT n, who FROM plain WHERE id = 3;
SELECT n, who FROM dist WHERE id = 3;
SELECT count(*) FROM log_dist;
ROLLBACK TO a;
DO $$
BEGIN
  PERFORM remote_acting.broken_note(3);
EXCEPTION WHEN unique_violation THEN
  UPDATE remote_acting.plain SET n = n + 1 WHERE id = 3;
  UPDATE remote_acting.dist SET n = n + 1 WHERE id = 3;
END $$;
COMMIT;
SELECT * FROM differences;
SELECT n, who FROM dist WHERE id = 3;

-- SET ROLE, whole and for a transaction, a savepoint in between.
BEGIN;
UPDATE plain SET n = n + 1;
UPDATE dist SET n = n + 1;
SET LOCAL ROLE remote_acting_clerk;
UPDATE plain SET n = n + 1 WHERE id % 2 = 0;
UPDATE dist SET n = n + 1 WHERE id % 2 = 0;
SAVEPOINT a;
RESET ROLE;
UPDATE plain SET n = n + 1 WHERE id = 2;
UPDATE dist SET n = n + 1 WHERE id = 2;
ROLLBACK TO a;
UPDATE plain SET at = current_user WHERE id = 4;
UPDATE dist SET at = current_user WHERE id = 4;
DELETE FROM plain WHERE id = 20;
DELETE FROM dist WHERE id = 20;
COMMIT;
SELECT current_user;
SELECT * FROM differences;
SELECT who, count(*) FROM dist GROUP BY who ORDER BY who;
SET ROLE remote_acting_clerk;
SELECT count(*) FROM log_dist;
INSERT INTO plain VALUES (30, 30) RETURNING who;
INSERT INTO dist VALUES (30, 30) RETURNING who;
BEGIN;
COPY plain FROM stdin;
31	31	x	y
32	32	x	y
\.
COPY dist FROM stdin;
31	31	x	y
32	32	x	y
\.
RESET ROLE;
UPDATE plain SET n = n + 1 WHERE id = 32;
UPDATE dist SET n = n + 1 WHERE id = 32;
SET ROLE remote_acting_clerk;
DECLARE c CURSOR FOR SELECT id, who FROM dist WHERE id > 29 ORDER BY id;
FETCH c;
RESET ROLE;
DELETE FROM dist WHERE id = 31;
DELETE FROM plain WHERE id = 31;
FETCH ALL FROM c;
COMMIT;
SELECT * FROM differences;

-- Policies ask who it is, triggers at the end of the transaction run as who commits, and what is made is of who made it.
\c - postgres
\set VERBOSITY terse
SET client_min_messages = warning;
SET search_path = remote_acting;
CREATE TABLE secured (id int PRIMARY KEY, owner text DEFAULT current_user);
CREATE TABLE late (id int PRIMARY KEY, who text);
CREATE FUNCTION check_late() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'checked as % of %', current_user, session_user;
END $$;
SELECT create_distributed_table('secured', 'id', shard_count => 8);
SELECT create_distributed_table('late', 'id', shard_count => 8);
CREATE TABLE late_plain (LIKE late);
CREATE CONSTRAINT TRIGGER late AFTER INSERT ON late DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_late();
CREATE CONSTRAINT TRIGGER late AFTER INSERT ON late_plain DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_late();
ALTER TABLE secured ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON secured USING (owner = current_user);
GRANT ALL ON secured TO remote_acting_clerk, remote_acting_owner;
GRANT ALL ON late, late_plain TO remote_acting_owner;
CREATE FUNCTION owners(lowest int) RETURNS TABLE (id int, owner text) LANGUAGE sql SECURITY DEFINER AS $$
  INSERT INTO remote_acting.secured SELECT i FROM generate_series(lowest, lowest + 3) i;
  SELECT * FROM remote_acting.secured WHERE secured.id >= lowest ORDER BY 1;
$$;
CREATE FUNCTION insert_late(plain bool) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  IF plain THEN INSERT INTO remote_acting.late_plain VALUES (1); ELSE INSERT INTO remote_acting.late VALUES (1); END IF;
END $$;
ALTER FUNCTION owners(int) OWNER TO remote_acting_owner;
ALTER FUNCTION insert_late(bool) OWNER TO remote_acting_owner;
\c - remote_acting_user
\set VERBOSITY terse
SET search_path = remote_acting;
BEGIN;
INSERT INTO secured VALUES (1), (2), (3);
SELECT * FROM owners(10);
SELECT * FROM secured ORDER BY id;
SET LOCAL ROLE remote_acting_clerk;
INSERT INTO secured VALUES (4) RETURNING *;
SELECT * FROM secured ORDER BY id;
INSERT INTO secured VALUES (5, 'remote_acting_user');
ROLLBACK;
BEGIN;
SELECT insert_late(true);
COMMIT;
BEGIN;
SELECT insert_late(false);
COMMIT;
BEGIN;
SELECT insert_late(false);
INSERT INTO dist SELECT i FROM generate_series(100, 110) i;
SELECT insert_late(true);
SET CONSTRAINTS ALL IMMEDIATE;
ROLLBACK;

-- The session itself becomes somebody else.
\c - postgres
\set VERBOSITY terse
SET client_min_messages = warning;
SET search_path = remote_acting;
SET statement_timeout = '20s';
BEGIN;
UPDATE plain SET n = 1;
UPDATE dist SET n = 1;
SET SESSION AUTHORIZATION remote_acting_user;
UPDATE plain SET n = n + 1 WHERE id < 10;
UPDATE dist SET n = n + 1 WHERE id < 10;
SET ROLE remote_acting_clerk;
UPDATE plain SET n = n + 1 WHERE id < 3;
UPDATE dist SET n = n + 1 WHERE id < 3;
SELECT n, who, count(*) FROM dist GROUP BY 1, 2 ORDER BY 1;
RESET SESSION AUTHORIZATION;
SELECT count(*) FROM log_dist;
COMMIT;
SELECT * FROM differences;
SET ROLE remote_acting_owner;
BEGIN;
UPDATE plain SET n = n + 1;
UPDATE dist SET n = n + 1;
CREATE TABLE made (id int);
SELECT create_distributed_table('made', 'id', shard_count => 4);
INSERT INTO made SELECT i FROM generate_series(1, 10) i;
RESET ROLE;
SELECT count(*) FROM made;
COMMIT;
SELECT DISTINCT result FROM run_command_on_shards('made', $$SELECT relowner::regrole FROM pg_class WHERE oid = '%s'::regclass$$);

-- A setting of the function's owner holds there, with the owner's rights, and ends with the function.
CREATE FUNCTION as_replica() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET session_replication_role = replica AS $$
BEGIN
  INSERT INTO remote_acting.plain VALUES (200, 200, 'untouched');
  INSERT INTO remote_acting.dist VALUES (200, 200, 'untouched');
END $$;
\c - remote_acting_user
\set VERBOSITY terse
SET search_path = remote_acting;
BEGIN;
INSERT INTO plain VALUES (201, 201, 'touched');
INSERT INTO dist VALUES (201, 201, 'touched');
SELECT as_replica();
INSERT INTO plain VALUES (202, 202, 'touched');
INSERT INTO dist VALUES (202, 202, 'touched');
COMMIT;
SELECT * FROM differences;
SELECT id, who FROM dist WHERE id >= 200 ORDER BY id;

\c - postgres
SET client_min_messages = warning;
DROP SCHEMA remote_acting CASCADE;
DROP OWNED BY remote_acting_owner, remote_acting_clerk, remote_acting_user;
DROP ROLE remote_acting_owner, remote_acting_clerk, remote_acting_user;
