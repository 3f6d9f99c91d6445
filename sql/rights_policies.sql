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
DROP SCHEMA rights_policies CASCADE;
DROP ROLE rights_policies_user;
