-- Changes of rows that other rows choose, by users who have rights on some columns alone, under row security: as on one table. The rows
-- are found by ctid on their nodes, which takes more rights than the user needs.
\set SHOW_CONTEXT never
\set VERBOSITY terse
SET client_min_messages TO warning;
SET citus.shard_count TO 4;
CREATE ROLE rights_columns_user LOGIN;   -- reads some columns
CREATE ROLE rights_columns_blind LOGIN;  -- reads none
CREATE ROLE rights_columns_all LOGIN;
CREATE SCHEMA rights_columns;
SET search_path TO rights_columns;
GRANT USAGE ON SCHEMA rights_columns TO public;

CREATE TABLE d (k int, v int, w int, who name, secret text);
CREATE TABLE f (k int, v int);
CREATE TABLE plain_d (LIKE d);
CREATE TABLE plain_f (LIKE f);
SELECT create_distributed_table('d', 'k'), create_distributed_table('f', 'k');
INSERT INTO plain_d SELECT g, g, g, CASE WHEN g % 2 = 0 THEN 'rights_columns_user' ELSE 'x' END, 's' FROM generate_series(1, 20) g;
INSERT INTO plain_f SELECT g, g FROM generate_series(1, 20) g;
INSERT INTO d TABLE plain_d;
INSERT INTO f TABLE plain_f;
GRANT SELECT ON f, plain_f TO public;
GRANT SELECT (k, v, who), UPDATE (v, w), DELETE ON d, plain_d TO rights_columns_user;
GRANT UPDATE (w) ON d, plain_d TO rights_columns_blind;
GRANT ALL ON d, plain_d TO rights_columns_all;

-- The statement as the user on both pairs of tables; nothing stays.
CREATE FUNCTION did(statement text, as_user name) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  counted bigint;
  said text;
BEGIN
  EXECUTE format('SET LOCAL ROLE %I', as_user);
  BEGIN
    EXECUTE statement;
    GET DIAGNOSTICS counted = ROW_COUNT;
    RAISE EXCEPTION USING ERRCODE = 'U0001', MESSAGE = counted;
  EXCEPTION WHEN others THEN
    said := CASE SQLSTATE WHEN 'U0001' THEN SQLERRM || ' rows' ELSE SQLSTATE || ' ' || replace(SQLERRM, 'plain_', '') END;
  END;
  RESET ROLE;
  RETURN said;
END $$;
CREATE FUNCTION alike(statement text, VARIADIC users name[] = '{rights_columns_user}')
  RETURNS TABLE (as_user text, alike boolean, said text) LANGUAGE plpgsql AS $$
DECLARE
  name name;
BEGIN
  FOREACH name IN ARRAY users LOOP
    as_user := substr(name, 16);
    said := rights_columns.did(statement, name);
    alike := said = rights_columns.did(regexp_replace(statement, '\m(d|f)\M', 'plain_\1', 'g'), name);
    RETURN NEXT;
  END LOOP;
END $$;

ALTER TABLE d ENABLE ROW LEVEL SECURITY;
ALTER TABLE plain_d ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON d USING (who = current_user);
CREATE POLICY own ON plain_d USING (who = current_user);
SELECT * FROM alike($$UPDATE d SET v = f.v + 1 FROM f WHERE f.v = d.v$$);
SELECT * FROM alike($$UPDATE d SET w = f.v + 1 FROM f WHERE f.v = d.v RETURNING d.k$$);
SELECT * FROM alike($$UPDATE d SET (v, w) = (SELECT f.v, f.k FROM f WHERE f.v = d.v)$$);
SELECT * FROM alike($$UPDATE d SET v = d.v FROM d AS o WHERE o.v = d.v$$);
SELECT * FROM alike($$UPDATE d SET v = v + 1 WHERE v IN (SELECT v FROM f WHERE k > 3)$$);
SELECT * FROM alike($$DELETE FROM d USING f WHERE f.v = d.v AND d.k < 5$$);
SELECT * FROM alike($$DELETE FROM d WHERE v IN (SELECT v FROM f ORDER BY v LIMIT 3)$$);
SELECT * FROM alike($$MERGE INTO d USING f ON d.v = f.v WHEN MATCHED AND d.k > 3 THEN DELETE WHEN MATCHED THEN UPDATE SET v = d.v + 1$$);
-- What the user may not do stays refused.
SELECT * FROM alike($$UPDATE d SET v = f.v FROM f WHERE f.v = d.v AND d.secret = 's'$$);
SELECT * FROM alike($$UPDATE d SET secret = 'x' FROM f WHERE f.v = d.v$$);
SELECT * FROM alike($$UPDATE d SET w = f.v FROM f WHERE f.v = d.v$$, 'rights_columns_blind');
SELECT * FROM alike($$DELETE FROM d USING f WHERE f.v = 3$$, 'rights_columns_blind');

-- Policies for one command each. Those for SELECT count where the statement reads the table, and only there.
DROP POLICY own ON d;
DROP POLICY own ON plain_d;
CREATE POLICY reads ON d FOR SELECT USING (who = current_user);
CREATE POLICY reads ON plain_d FOR SELECT USING (who = current_user);
CREATE POLICY changes ON d FOR UPDATE USING (secret = 's') WITH CHECK (v < 100);
CREATE POLICY changes ON plain_d FOR UPDATE USING (secret = 's') WITH CHECK (v < 100);
CREATE POLICY deletes ON d FOR DELETE USING (k > 4);
CREATE POLICY deletes ON plain_d FOR DELETE USING (k > 4);
SELECT * FROM alike($$UPDATE d SET v = f.v + 1 FROM f WHERE f.v = d.v$$, 'rights_columns_user', 'rights_columns_all');
SELECT * FROM alike($$UPDATE d SET v = f.v + 90 FROM f WHERE f.v = d.v$$, 'rights_columns_user', 'rights_columns_all');
SELECT * FROM alike($$UPDATE d SET w = f.v FROM f WHERE f.v = 3$$, 'rights_columns_user', 'rights_columns_all', 'rights_columns_blind');
SELECT * FROM alike($$UPDATE d SET v = f.v * 50 FROM f WHERE f.v = 3$$, 'rights_columns_user', 'rights_columns_all', 'rights_columns_blind');
SELECT * FROM alike($$DELETE FROM d USING f WHERE f.v = d.v$$, 'rights_columns_user', 'rights_columns_all');
SELECT * FROM alike($$DELETE FROM d USING f WHERE f.v = 3$$, 'rights_columns_user', 'rights_columns_all');
SELECT * FROM alike($$MERGE INTO d USING f ON d.v = f.v WHEN MATCHED THEN UPDATE SET v = f.k + 50$$, 'rights_columns_user', 'rights_columns_all');

DROP SCHEMA rights_columns CASCADE;
DROP ROLE rights_columns_user, rights_columns_blind, rights_columns_all;
