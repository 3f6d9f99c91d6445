-- UPDATE of the distribution column under row security: the policies are those for UPDATE (and SELECT, where rows are read), whatever
-- the shards do with the rows.  As with a plain table.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE SCHEMA planner_move_policies;
SET search_path = planner_move_policies;
CREATE ROLE move_policies_owner;
CREATE ROLE move_policies_user;
CREATE ROLE move_policies_blind;
GRANT ALL ON SCHEMA planner_move_policies TO move_policies_owner, move_policies_user, move_policies_blind;
SET ROLE move_policies_owner;
CREATE TABLE plain (k int, owner name, v int, twice int GENERATED ALWAYS AS (v * 2) STORED, gone int, PRIMARY KEY (k));
ALTER TABLE plain DROP COLUMN gone;
CREATE TABLE sharded (LIKE plain INCLUDING ALL);
CREATE TABLE limits_plain (k int, most int);
CREATE TABLE limits_sharded (k int, most int);
SELECT create_distributed_table('sharded', 'k', shard_count => 6);
SELECT create_distributed_table('limits_sharded', 'k', shard_count => 3, colocate_with => 'none');
DO $$
DECLARE tables text;
BEGIN
  FOREACH tables IN ARRAY '{plain,sharded}'::text[] LOOP
    EXECUTE replace($t$
      INSERT INTO @ SELECT i, CASE WHEN i % 3 = 0 THEN 'move_policies_owner' WHEN i % 3 = 1 THEN 'move_policies_user' ELSE 'move_policies_blind' END, i
        FROM generate_series(1, 12) i;
      INSERT INTO limits_@ VALUES (1, 100), (2, 2000);
      ALTER TABLE @ ENABLE ROW LEVEL SECURITY;
      GRANT SELECT, INSERT, UPDATE, DELETE ON @ TO move_policies_user;
      GRANT SELECT (k), UPDATE (k, v) ON @ TO move_policies_blind;
      GRANT SELECT ON limits_@ TO PUBLIC;
      CREATE POLICY reads ON @ FOR SELECT USING (v < 12);
      CREATE POLICY changes ON @ FOR UPDATE USING (owner = current_user OR v = 3) WITH CHECK (k < 1000 AND v IS NOT NULL);
      CREATE POLICY limited ON @ AS RESTRICTIVE FOR UPDATE USING (true) WITH CHECK (EXISTS (SELECT FROM limits_@ l WHERE most > k));
      CREATE POLICY never_inserts ON @ FOR INSERT WITH CHECK (false);
      CREATE POLICY never_deletes ON @ FOR DELETE USING (false);
      CREATE FUNCTION lifts_@() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN new.k := new.k + 500; RETURN new; END';
      CREATE VIEW seen_@ AS SELECT k, v, twice FROM @ WHERE v <> 6;$t$, '@', tables);
  END LOOP;
END $$;
GRANT SELECT, UPDATE ON seen_plain, seen_sharded TO move_policies_user;
RESET ROLE;

-- Rows, what is left in the table and errors; nothing stays changed.
CREATE FUNCTION outcome(role name, statement text, tables text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE result text; contents text; returned record; returns text[];
BEGIN
  EXECUTE 'SET LOCAL ROLE ' || role;
  IF statement ~ 'RETURNING' THEN
    FOR returned IN EXECUTE replace(statement, '@', tables) LOOP returns := returns || returned::text; END LOOP;
    SELECT string_agg(r, ' ' ORDER BY r) FROM unnest(returns) r INTO result;
  ELSE
    EXECUTE replace(statement, '@', tables);
    GET DIAGNOSTICS result = ROW_COUNT;
  END IF;
  RESET ROLE;
  EXECUTE replace('SELECT string_agg(k || '':'' || v, '' '' ORDER BY k), count(DISTINCT k) FROM @', '@', tables) INTO contents;
  RAISE EXCEPTION 'done %', concat_ws(' | ', result, contents);
EXCEPTION WHEN OTHERS THEN RETURN replace(SQLSTATE || ' ' || SQLERRM, tables, '@');
END $$;
CREATE TABLE statements (number serial, role name DEFAULT 'move_policies_user', statement text);
INSERT INTO statements (statement) VALUES
  ('UPDATE @ SET k = k + 100'), ('UPDATE @ SET k = k + 100 WHERE v > 5 RETURNING k, v, twice'),
  ('UPDATE @ SET k = k + 100, v = v + 1 WHERE v < 5 RETURNING *'), ('UPDATE @ SET k = k + 990'), ('UPDATE @ SET k = k + 100, v = 12 WHERE v = 1'),
  ('UPDATE @ SET k = k + 100, v = 11 WHERE v = 3'), ('UPDATE @ SET k = k + 100, v = NULL'), ('UPDATE @ SET k = v + 1999 WHERE v = 1'),
  ('UPDATE @ SET k = t.k + l.most, v = 0 FROM limits_@ l, @ t WHERE l.k = 1 AND t.k = @.k RETURNING @.k, most'),
  ('UPDATE @ SET k = k + (SELECT max(most) FROM limits_@) / 4, owner = ''nobody'' RETURNING owner, (SELECT count(*) FROM limits_@ l WHERE l.most > @.k)'),
  ('WITH moved AS (UPDATE @ SET k = k + 20 RETURNING *) SELECT count(*), sum(k) FROM moved'),
  ('UPDATE seen_@ SET k = k + 100 RETURNING k, v'), ('UPDATE seen_@ SET k = k + 990 WHERE v > 9'), ('UPDATE seen_@ SET v = 12, k = k + 1000');
INSERT INTO statements (role, statement)
  SELECT 'move_policies_blind', s FROM unnest(ARRAY['UPDATE @ SET k = k + 100', 'UPDATE @ SET k = 50, v = 12 WHERE k = 2', 'UPDATE @ SET k = 50, v = 14',
    'UPDATE @ SET k = k + 990', 'UPDATE @ SET k = v + 100', 'UPDATE @ SET k = 77 WHERE k = 5 RETURNING k']) s
  UNION ALL SELECT 'move_policies_owner', s FROM unnest(ARRAY['UPDATE @ SET k = k + 100', 'UPDATE @ SET k = k + 990', 'UPDATE seen_@ SET k = k + 200']) s
  UNION ALL SELECT 'postgres', 'UPDATE @ SET k = k + 5000';
CREATE VIEW compared AS
  SELECT number, role, statement, outcome(role, statement, 'sharded') AS sharded, outcome(role, statement, 'plain') AS plain FROM statements;
\pset format unaligned
SELECT number, sharded = plain AS same, statement, sharded FROM compared ORDER BY 1;
SELECT number, plain FROM compared WHERE sharded <> plain ORDER BY 1;
-- Also for the owner.
ALTER TABLE plain FORCE ROW LEVEL SECURITY;
ALTER TABLE sharded FORCE ROW LEVEL SECURITY;
SELECT number, sharded = plain AS same, sharded FROM compared WHERE role = 'move_policies_owner' ORDER BY 1;
-- The row is that which the triggers leave.
CREATE TRIGGER lifts BEFORE UPDATE ON plain FOR EACH ROW EXECUTE FUNCTION lifts_plain();
CREATE TRIGGER lifts BEFORE UPDATE ON sharded FOR EACH ROW EXECUTE FUNCTION lifts_sharded();
SELECT number, sharded = plain AS same, sharded FROM compared ORDER BY 1;
SET row_security = off;
SELECT outcome('move_policies_user', 'UPDATE @ SET k = k + 1', 'sharded');
RESET row_security;
DROP SCHEMA planner_move_policies CASCADE;
DROP ROLE move_policies_owner, move_policies_user, move_policies_blind;
