-- SET CONSTRAINTS holds on all nodes that a transaction uses, whether they take part already or come later.
\set VERBOSITY terse
\set SHOW_CONTEXT never
SET client_min_messages TO warning;
SET citus.shard_count TO 8;
CREATE SCHEMA txn_constraints;
SET search_path TO txn_constraints;
CREATE TABLE parent (k int PRIMARY KEY);
CREATE TABLE child (k int, n int, UNIQUE (k, n) DEFERRABLE, CONSTRAINT to_parent FOREIGN KEY (k) REFERENCES parent DEFERRABLE INITIALLY DEFERRED);
SELECT create_distributed_table('parent', 'k', colocate_with => 'none');
SELECT create_distributed_table('child', 'k', colocate_with => 'parent');
INSERT INTO parent SELECT generate_series(1, 20);
INSERT INTO child SELECT g, 1 FROM generate_series(1, 20) g;
CREATE FUNCTION outcome(VARIADIC statements text[]) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  FOR i IN 1 .. array_length(statements, 1) LOOP
    BEGIN
      EXECUTE statements[i];
    EXCEPTION WHEN integrity_constraint_violation THEN RETURN i || ': ' || SQLERRM;
    END;
  END LOOP;
  RETURN 'none';
END $$;
\pset format unaligned
\pset tuples_only on

-- Checked at the end, unless they are to be checked now.
BEGIN;
SELECT outcome('INSERT INTO child VALUES (100, 1)', 'INSERT INTO parent VALUES (100)');
COMMIT;
BEGIN;
INSERT INTO child VALUES (101, 1), (102, 1), (103, 1), (104, 1), (105, 1), (106, 1);
COMMIT;
BEGIN;
SET CONSTRAINTS ALL IMMEDIATE;
SELECT outcome('INSERT INTO parent VALUES (107)', 'INSERT INTO child VALUES (107, 1)', 'INSERT INTO child VALUES (108, 1)');
ROLLBACK;
BEGIN;
SELECT outcome('INSERT INTO child VALUES (101, 1), (102, 1), (103, 1), (104, 1), (105, 1), (106, 1)', 'SET CONSTRAINTS ALL IMMEDIATE');
ROLLBACK;
BEGIN;
SELECT outcome('INSERT INTO child VALUES (109, 1)', 'SET CONSTRAINTS to_parent IMMEDIATE');
ROLLBACK;
BEGIN;
SELECT outcome('SET CONSTRAINTS txn_constraints.to_parent IMMEDIATE', 'INSERT INTO child SELECT g, 1 FROM generate_series(121, 129) g');
ROLLBACK;
-- Deferred on demand, with other statements of the transaction before and after.
BEGIN;
SELECT outcome('UPDATE child SET n = 2 WHERE k = 3', 'INSERT INTO child VALUES (4, 1)');
ROLLBACK;
BEGIN;
SET CONSTRAINTS ALL DEFERRED;
SELECT outcome('INSERT INTO child VALUES (4, 1)', 'INSERT INTO child SELECT g, 1 FROM generate_series(1, 9) g', 'UPDATE child SET n = 2 WHERE n = 1');
SELECT outcome('SET CONSTRAINTS ALL IMMEDIATE');
ROLLBACK;
BEGIN;
SELECT count(*) FROM child WHERE k = 4;
SET CONSTRAINTS child_k_n_key DEFERRED;
INSERT INTO child SELECT g, 1 FROM generate_series(1, 9) g;
DELETE FROM child WHERE k < 10;
INSERT INTO child SELECT g, 1 FROM generate_series(1, 9) g;
SELECT count(*) FROM child WHERE k < 10;
ROLLBACK;
BEGIN;
SET CONSTRAINTS child_k_n_key DEFERRED;
INSERT INTO child VALUES (5, 1), (6, 1), (7, 1);
DELETE FROM child WHERE k IN (5, 6, 7);
INSERT INTO child SELECT k, n FROM unnest('{5, 6, 7}'::int[]) k, unnest('{1, 3}'::int[]) n;
COMMIT;
SELECT count(*) FROM child WHERE k IN (5, 6, 7);
-- What a subtransaction sets goes with it.
BEGIN;
SET CONSTRAINTS ALL IMMEDIATE;
SAVEPOINT a;
SET CONSTRAINTS ALL DEFERRED;
ROLLBACK TO a;
SELECT outcome('INSERT INTO child VALUES (110, 1)');
ROLLBACK;
-- A name that is nobody's, and one outside of a transaction.
BEGIN;
SET CONSTRAINTS nobody IMMEDIATE;
ROLLBACK;
RESET client_min_messages;
SET CONSTRAINTS to_parent IMMEDIATE;
SET client_min_messages TO warning;
SELECT count(*), max(k) FROM child;
DROP SCHEMA txn_constraints CASCADE;
