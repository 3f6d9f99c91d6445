-- Transactions over several nodes: read your writes, savepoints, two-phase commit, errors on nodes.
\set VERBOSITY terse
CREATE SCHEMA txn_two_phase;
SET search_path = txn_two_phase;
CREATE TABLE account (id int PRIMARY KEY, balance bigint CHECK (balance >= 0));
SELECT create_distributed_table('account', 'id', shard_count => 4);
INSERT INTO account SELECT id, 100 FROM generate_series(1, 20) id;
SELECT count(DISTINCT nodeport) > 1 AS on_several_nodes FROM citus_shards
  WHERE table_name = 'account'::regclass;

-- Reads see what the transaction wrote, in any order of statements over one and many shards.
BEGIN;
UPDATE account SET balance = balance - 10 WHERE id = 1;
SELECT sum(balance) FROM account;
UPDATE account SET balance = balance + 10 WHERE id = 2;
SELECT id, balance FROM account WHERE id IN (1, 2) ORDER BY id;
UPDATE account SET balance = balance + 1;
SELECT balance FROM account WHERE id = 1;
DELETE FROM account WHERE id > 10;
SELECT count(*), sum(balance) FROM account;
ROLLBACK;
SELECT count(*), sum(balance) FROM account;

-- Committed on all nodes; the participants' records are kept until recovery has seen them finished.
BEGIN;
UPDATE account SET balance = balance - 10 WHERE id = 1;
UPDATE account SET balance = balance + 10 WHERE id BETWEEN 2 AND 11;
COMMIT;
SELECT sum(balance) FROM account;

-- Savepoints reach the nodes; an error inside one is recovered.
BEGIN;
UPDATE account SET balance = 1 WHERE id = 1;
SAVEPOINT a;
UPDATE account SET balance = 2;
SAVEPOINT b;
UPDATE account SET balance = 3 WHERE id = 7;
INSERT INTO account VALUES (5, 0);
ROLLBACK TO b;
SELECT DISTINCT balance FROM account;
RELEASE a;
SAVEPOINT c;
UPDATE account SET balance = -1 WHERE id = 9;
ROLLBACK TO c;
UPDATE account SET balance = 4 WHERE id = 9;
COMMIT;
SELECT balance, count(*) FROM account GROUP BY balance ORDER BY balance;

-- plpgsql's exception blocks are savepoints too, also while a cursor over all nodes is open.
DO $$
DECLARE
  it record;
  refused int := 0;
BEGIN
  FOR it IN SELECT id FROM account ORDER BY id LOOP
    BEGIN
      UPDATE account SET balance = balance + 10 WHERE id = it.id;
      IF it.id % 2 = 0 THEN INSERT INTO account VALUES (it.id, 0); END IF;
    EXCEPTION WHEN unique_violation THEN
      refused := refused + 1;
    END;
  END LOOP;
  RAISE NOTICE '% refused', refused;
END $$;
SELECT balance, count(*) FROM account GROUP BY balance ORDER BY balance;

-- Errors keep the node's SQLSTATE and fields; names are those the user knows.
\set VERBOSITY sqlstate
INSERT INTO account VALUES (1, 1);
UPDATE account SET balance = -1;
\set VERBOSITY terse
INSERT INTO account VALUES (1, 1);
DO $$
DECLARE
  the_table text;
  the_constraint text;
BEGIN
  INSERT INTO account VALUES (1, 1);
EXCEPTION WHEN unique_violation THEN
  GET STACKED DIAGNOSTICS the_table = TABLE_NAME, the_constraint = CONSTRAINT_NAME;
  RAISE NOTICE '% %', the_table, the_constraint;
END $$;

-- A failed statement in a block fails the block on all nodes.
BEGIN;
UPDATE account SET balance = 0;
SELECT 1 / (balance * 0) FROM account;
SELECT count(*) FROM account;
COMMIT;
SELECT min(balance) > 0 AS unchanged FROM account;

-- Deferred constraints may fail as late as at COMMIT: then nothing is committed anywhere.
CREATE TABLE parent (id int PRIMARY KEY);
CREATE TABLE child (id int REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED);
SELECT create_distributed_table('parent', 'id', colocate_with => 'account');
SELECT create_distributed_table('child', 'id', colocate_with => 'account');
BEGIN;
INSERT INTO parent SELECT generate_series(1, 19);
INSERT INTO child SELECT generate_series(1, 20);
COMMIT;
INSERT INTO child VALUES (1);
SELECT (SELECT count(*) FROM parent) AS parents, (SELECT count(*) FROM child) AS children;

-- Isolation level and access mode hold on the nodes.
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT count(*) FROM parent;
SHOW transaction_isolation;
COMMIT;
BEGIN READ ONLY;
UPDATE account SET balance = 0 WHERE id = 1;
ROLLBACK;

-- The client's own two-phase commit can't span nodes.
BEGIN;
UPDATE account SET balance = 5;
PREPARE TRANSACTION 'mine';
SELECT count(*) FROM account WHERE balance = 5;

-- Nor can a BEFORE trigger, which runs where the row lies, write elsewhere while several nodes change; beside its row it can.
CREATE TABLE change (id int, what text);
CREATE TABLE far (k int PRIMARY KEY);
SELECT create_distributed_table('change', 'id', colocate_with => 'account');
SELECT create_distributed_table('far', 'k', colocate_with => 'none');
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO change VALUES (NEW.id, TG_OP || ' ' || altius_internal.table_of(TG_RELID));
  IF NEW.balance = 0 THEN INSERT INTO far SELECT NEW.id + 1000 * g FROM generate_series(1, 8) g; END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER note BEFORE UPDATE ON account FOR EACH ROW EXECUTE FUNCTION note();
UPDATE account SET balance = balance;
SELECT what, count(*), count(DISTINCT id) FROM change GROUP BY what;
UPDATE account SET balance = 0 WHERE id = 2;
SELECT count(*) FROM far;
UPDATE account SET balance = 0 WHERE id > 2;
SELECT count(*) FROM far;
SELECT count(*) FROM account WHERE balance = 0;
DROP TRIGGER note ON account;

-- Settings that change the meaning of a statement hold on the nodes.
CREATE TABLE moment (id int, at timestamptz);
SELECT create_distributed_table('moment', 'id', colocate_with => 'account');
SET timezone = 'Asia/Tokyo';
INSERT INTO moment SELECT id, '2024-01-01 00:30' FROM generate_series(1, 4) id;
SELECT DISTINCT at::date FROM moment;
SET timezone = 'UTC';
SELECT DISTINCT at::date FROM moment;
BEGIN;
SET LOCAL timezone = 'Asia/Tokyo';
SELECT count(*) FROM moment WHERE extract(hour FROM at) = 0;
ROLLBACK;
SELECT count(*) FROM moment WHERE extract(hour FROM at) = 0;

-- Recovery leaves nothing behind: records of finished transactions go.
SELECT recover_prepared_transactions() >= 0 AS recovered;
SELECT check_distributed_deadlocks();

-- Names of its parts are the cluster's own: others would be in the way of somebody's commit.
CREATE ROLE txn_two_phase_user;
SET ROLE txn_two_phase_user;
BEGIN;
PREPARE TRANSACTION 'altius_0_1_1_1';
ROLLBACK;
SELECT DISTINCT success FROM run_command_on_workers('BEGIN');
SELECT DISTINCT success, result FROM run_command_on_workers($$PREPARE TRANSACTION 'altius_0_1_1_1'$$);
BEGIN;
PREPARE TRANSACTION 'txn_two_phase';
ROLLBACK PREPARED 'txn_two_phase';
BEGIN;
SELECT 1 / 0;
PREPARE TRANSACTION 'altius_0_1_1_1';
RESET ROLE;
DROP ROLE txn_two_phase_user;

SET client_min_messages = warning;
DROP SCHEMA txn_two_phase CASCADE;
