-- Policies may read columns that the user may not: PostgreSQL checks the user's rights for what the user has written.
\set VERBOSITY terse
\set SHOW_CONTEXT never
SET client_min_messages TO warning;
SET citus.shard_count TO 4;
CREATE SCHEMA rights_policies;
SET search_path TO rights_policies;
CREATE ROLE rights_policies_user LOGIN;
GRANT USAGE ON SCHEMA rights_policies TO rights_policies_user;
CREATE TYPE rights_policies.mood AS ENUM ('sad', 'glad');
CREATE TABLE t (id int, s text, secret text, owner text, m mood DEFAULT 'glad');
CREATE TABLE plain (LIKE t INCLUDING ALL);
SELECT create_distributed_table('t', 'id');
INSERT INTO t SELECT i, 's' || i, i % 3, CASE i % 2 WHEN 0 THEN 'rights_policies_user' ELSE 'x' END FROM generate_series(1, 20) i;
INSERT INTO plain TABLE t;
ALTER TABLE t ENABLE ROW LEVEL SECURITY;
ALTER TABLE plain ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON t USING (secret <> '0' AND owner = current_user);
CREATE POLICY p ON plain USING (secret <> '0' AND owner = current_user);
GRANT SELECT (id, s, m), UPDATE (s), INSERT (id, s), DELETE ON t, plain TO rights_policies_user;
CREATE FUNCTION leak(text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS $$
BEGIN RAISE WARNING 'seen %', $1; RETURN true; END $$;
GRANT EXECUTE ON FUNCTION leak TO rights_policies_user;
\pset format unaligned
\pset tuples_only on
SET ROLE rights_policies_user;
SELECT id, s FROM t ORDER BY id;
SELECT id, s FROM plain ORDER BY id;
SELECT id, s, m FROM t WHERE id = 4;
SELECT id, s FROM t WHERE id = 6;
SELECT count(*), max(s) FROM t;
SELECT count(*) FROM t a JOIN t b USING (id) JOIN plain p USING (id);
SELECT a.id, b.s FROM t a JOIN t b ON a.s = b.s WHERE b.m = 'glad' ORDER BY 1 LIMIT 2;
PREPARE p(int, mood) AS SELECT s FROM t WHERE id = $1 AND m = $2;
EXECUTE p(4, 'glad');
EXECUTE p(6, 'glad');
SELECT count(*) FROM t WHERE id = 3 AND leak(s);
SELECT count(*) FROM plain WHERE id = 3 AND leak(s);
-- rights for what the user writes
SELECT secret FROM t;
SELECT * FROM t;
SELECT id FROM t WHERE owner = 'x';
UPDATE t SET secret = 'x';
UPDATE t SET s = secret;
WITH u AS (UPDATE t SET s = 'new' WHERE id IN (1, 2, 4, 6) RETURNING id, s) SELECT * FROM u ORDER BY id;
WITH u AS (UPDATE plain SET s = 'new' WHERE id IN (1, 2, 4, 6) RETURNING id, s) SELECT * FROM u ORDER BY id;
DELETE FROM t WHERE id IN (1, 2, 6);
DELETE FROM plain WHERE id IN (1, 2, 6);
SELECT id, s FROM t EXCEPT SELECT id, s FROM plain;
RESET ROLE;
SELECT count(*) FROM t;
TABLE t EXCEPT TABLE plain;
-- Rows to change that are chosen elsewhere than where they are changed, and targets of a MERGE that does nothing: policies hold for
-- what reads them, with whomever's rights that runs.
CREATE FUNCTION peek(int) RETURNS boolean LANGUAGE plpgsql IMMUTABLE COST 0.0001 AS $$
BEGIN
  IF $1 % 2 = 1 OR $1 % 3 = 0 THEN RAISE EXCEPTION 'row % is hidden', $1; END IF;
  RETURN true;
END $$;
GRANT EXECUTE ON FUNCTION peek TO rights_policies_user;
CREATE TABLE near (id int);
CREATE TABLE far (x int);
SELECT create_distributed_table('near', 'id', colocate_with => 't'), create_distributed_table('far', 'x', colocate_with => 'none');
INSERT INTO near SELECT generate_series(1, 20);
INSERT INTO far SELECT generate_series(1, 20);
GRANT SELECT ON near, far TO rights_policies_user;
SET ROLE rights_policies_user;
MERGE INTO t USING near n ON t.id = n.id AND peek(t.id) WHEN MATCHED THEN DO NOTHING;
MERGE INTO t USING near n ON t.id = n.id AND peek(t.id) WHEN MATCHED AND t.id > 100 THEN DELETE;
MERGE INTO t USING (SELECT DISTINCT x FROM far) f ON t.id = x AND peek(t.id) WHEN MATCHED THEN DO NOTHING;
MERGE INTO t USING far ON t.id + 0 = x AND peek(t.id) WHEN MATCHED AND t.id > 100 THEN DELETE;
MERGE INTO t USING far ON t.id + 0 = x WHEN MATCHED AND peek(t.id) AND t.id > 100 THEN DELETE;
DELETE FROM t USING far WHERE t.id + 0 = x AND peek(t.id) AND t.id > 100;
UPDATE t SET s = 'far' FROM far WHERE t.id + 0 = x AND peek(t.id) AND t.id > 100;
-- What is read before is of the policies, too; the change by ctid then wants SELECT of the whole table.
WITH a AS (UPDATE t SET s = 'a' WHERE id = 100 RETURNING id),
  b AS (UPDATE t SET s = 'b' WHERE id IN (SELECT id FROM t WHERE peek(id)) AND peek(id) AND id > 100 RETURNING id) SELECT count(*) FROM a, b;
RESET ROLE;
GRANT SELECT, UPDATE, DELETE ON t TO rights_policies_user;
SET ROLE rights_policies_user;
MERGE INTO t USING far ON t.id + 0 = x AND peek(t.id) WHEN MATCHED AND t.id < 10 THEN UPDATE SET s = 'far';
UPDATE t SET s = s || x FROM far WHERE t.id + 0 = x AND peek(t.id) AND t.id < 10;
SELECT id, s FROM t WHERE id < 10 ORDER BY id;
RESET ROLE;
REVOKE SELECT, UPDATE, DELETE ON t FROM rights_policies_user;
-- UPDATE and DELETE without SELECT: the rows are found again by ctid, which the user has not asked for
CREATE TABLE blind (id int, s text, m mood DEFAULT 'glad');
CREATE TABLE other (x int);
SELECT create_distributed_table('blind', 'id');
SELECT create_distributed_table('other', 'x');
INSERT INTO blind SELECT i, 's' || i FROM generate_series(1, 6) i;
INSERT INTO other VALUES (5), (6);
GRANT UPDATE, DELETE ON blind TO rights_policies_user;
GRANT SELECT ON other TO rights_policies_user;
SET ROLE rights_policies_user;
UPDATE blind SET s = 'new', m = 'sad' FROM other WHERE other.x = 5;
PREPARE u(mood) AS UPDATE blind SET m = $1 FROM other WHERE other.x = 6;
EXECUTE u('sad');
UPDATE blind SET s = blind.s || 'x' FROM other;
UPDATE blind SET s = 'x' FROM other WHERE blind.id = other.x;
UPDATE blind SET s = 'x' FROM other WHERE other.x = 5 RETURNING blind.id;
SELECT id FROM blind FOR UPDATE;
RESET ROLE;
SELECT s, m, count(*) FROM blind GROUP BY s, m;
GRANT SELECT (id) ON blind TO rights_policies_user;
SET ROLE rights_policies_user;
UPDATE blind SET s = 'some' FROM other WHERE blind.id + 1 = other.x;
DELETE FROM blind USING other WHERE blind.id - 1 = other.x;
SELECT ctid FROM blind;
RESET ROLE;
SELECT id, s FROM blind ORDER BY id;
SET ROLE rights_policies_user;
DELETE FROM blind USING other WHERE other.x = 5;
RESET ROLE;
SELECT count(*) FROM blind;
-- Rows that are removed are locked before that, which takes no right to UPDATE.
CREATE TABLE removable (id int, s text);
SELECT create_distributed_table('removable', 'id');
INSERT INTO removable SELECT i, 's' || i FROM generate_series(1, 6) i;
GRANT SELECT, DELETE ON removable TO rights_policies_user;
SET ROLE rights_policies_user;
WITH gone AS (DELETE FROM removable USING other WHERE removable.id + 1 = other.x RETURNING id, x) SELECT * FROM gone ORDER BY id;
WITH gone AS (DELETE FROM removable WHERE id IN (SELECT x - 3 FROM other) AND random() >= 0 RETURNING id) SELECT * FROM gone ORDER BY id;
UPDATE removable SET s = 'x' FROM other WHERE removable.id + 1 = other.x;
SELECT id FROM removable FOR UPDATE;
RESET ROLE;
SELECT id FROM removable ORDER BY id;

-- A modification in WITH that runs as a statement of its own must not put the user's policies in the place of those that hold for the
-- owner of a view.
CREATE TABLE viewed (id int, v int);
SELECT create_distributed_table('viewed', 'id');
INSERT INTO viewed SELECT i, i FROM generate_series(1, 20) i;
ALTER TABLE viewed ENABLE ROW LEVEL SECURITY;
CREATE POLICY few ON viewed TO rights_policies_user USING (v < 6);
CREATE VIEW more AS SELECT * FROM viewed WHERE v < 12;
GRANT SELECT, UPDATE ON viewed, more TO rights_policies_user;
SET ROLE rights_policies_user;
WITH changed AS (UPDATE more SET v = v RETURNING id) SELECT count(*) FROM changed;
WITH moved AS (UPDATE more SET id = id + 100 RETURNING id) SELECT count(*) FROM moved;
UPDATE more SET id = id + 100;
RESET ROLE;
-- A superuser changes rows through a view as its owner.
CREATE POLICY limits ON viewed AS RESTRICTIVE TO rights_policies_user WITH CHECK (v < 6);
GRANT INSERT ON viewed TO rights_policies_user;
SET ROLE rights_policies_user;
CREATE TEMP VIEW mine AS SELECT * FROM viewed;
RESET ROLE;
UPDATE mine SET v = v;
UPDATE mine SET v = v + 10;
UPDATE mine SET id = id + 1, v = v + 10;
INSERT INTO mine VALUES (50, 50);
INSERT INTO mine SELECT 50 + i, 50 FROM generate_series(1, 4) i;
SELECT count(*), max(v) FROM viewed;
DROP SCHEMA rights_policies CASCADE;
DROP ROLE rights_policies_user;
