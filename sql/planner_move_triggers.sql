-- UPDATE of the distribution column, of a table with triggers: to them, and to RETURNING, the row is updated.
\getenv worker1_port WORKER1_PORT
\getenv coordinator_port COORDINATOR_PORT
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA move_triggers;
CREATE SCHEMA move_triggers_plain;
SET citus.shard_count = 4;
CREATE FUNCTION move_triggers.make(schema text) RETURNS void LANGUAGE plpgsql AS $make$
BEGIN
  PERFORM set_config('search_path', schema, true);
  CREATE TABLE t (k int, v int, gone text, w text DEFAULT 'w', twice int GENERATED ALWAYS AS (v * 2) STORED, n int GENERATED ALWAYS AS IDENTITY);
  ALTER TABLE t DROP COLUMN gone;
  CREATE TABLE u (k int, x int);
  CREATE TABLE log (line text);
  INSERT INTO t (k, v) SELECT i, i FROM generate_series(1, 8) i;
  INSERT INTO u SELECT i, i * 100 FROM generate_series(1, 5) i;
  CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    EXECUTE format('INSERT INTO %I.log VALUES ($1)', TG_TABLE_SCHEMA) USING concat_ws(' ', TG_NAME, TG_WHEN, TG_OP, TG_LEVEL, TG_TABLE_NAME, old::text, new::text);
    RETURN new;
  END $$;
  CREATE FUNCTION change() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    IF new.v = 3 THEN RETURN NULL; END IF;
    IF new.v = 4 THEN new.k := new.k + 1000; END IF;
    new.w := new.w || '+' || old.k || '>' || new.k || coalesce(new.twice::text, '-');
    RETURN new;
  END $$;
  CREATE FUNCTION all_rows() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    EXECUTE format('INSERT INTO %I.log VALUES ($1)', TG_TABLE_SCHEMA)
      USING TG_NAME || (SELECT ' ' || count(*) || ' ' || sum(k) || ' ' || sum(twice) FROM before) || (SELECT ' ' || count(*) || ' ' || sum(k) || ' ' || sum(twice) FROM after);
    RETURN NULL;
  END $$;
END $make$;
SELECT move_triggers.make('move_triggers_plain');
SELECT move_triggers.make('move_triggers');
SET search_path = move_triggers;
SELECT create_distributed_table('t', 'k'), create_distributed_table('u', 'k', colocate_with => 'none'), create_reference_table('log');

-- What is returned, how many rows are said to be changed, the table and what triggers have seen; undone.
CREATE FUNCTION outcome(statement text, path text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  result text := '';
  line record;
  changed bigint;
  step text;
BEGIN
  PERFORM set_config('search_path', path, true);
  BEGIN
    FOREACH step IN ARRAY string_to_array(statement, '; ') LOOP
      IF step ~ 'RETURNING|SELECT 1$' THEN
        result := result || array_to_string(testing.rows_of(step, path), '');
      ELSE
        EXECUTE step;
        GET DIAGNOSTICS changed = ROW_COUNT;
        result := result || changed;
      END IF;
    END LOOP;
    result := result || ' t' || array_to_string(testing.rows_of('SELECT k, v, w, twice, n FROM t', path), '') ||
              E'\n  log ' || array_to_string(testing.rows_of('TABLE log', path), E'\n      ');
    RAISE EXCEPTION USING ERRCODE = 'ALTUN';
  EXCEPTION
    WHEN SQLSTATE 'ALTUN' THEN NULL;
    WHEN OTHERS THEN result := SQLSTATE || ' ' || SQLERRM;
  END;
  PERFORM set_config('search_path', 'move_triggers', true);
  RETURN result;
END $$;
CREATE FUNCTION twin(statement text) RETURNS text LANGUAGE sql AS $$
  SELECT CASE WHEN a = b THEN 'same: ' || a ELSE 'OTHER: ' || a || E'\n INSTEAD OF ' || b END
  FROM outcome($1, 'move_triggers') a, outcome($1, 'move_triggers_plain') b $$;
CREATE FUNCTION on_both(command text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  path text;
BEGIN
  FOREACH path IN ARRAY ARRAY['move_triggers', 'move_triggers_plain'] LOOP
    PERFORM set_config('search_path', path, true);
    EXECUTE command;
  END LOOP;
  PERFORM set_config('search_path', 'move_triggers', true);
END $$;
\pset format unaligned
\pset tuples_only on

-- No triggers: columns of other tables, several columns at once, WITH, a row that several of the sources match.
SELECT twin('UPDATE t SET k = t.k + u.x, v = u.k FROM u WHERE u.k = t.k AND u.x > 200 RETURNING t.*, u.x, u.x + t.twice, (SELECT count(*) FROM u WHERE u.x > t.k)');
SELECT twin('UPDATE t SET (k, v) = (SELECT x + t.k, u.k * 7 FROM u WHERE u.k = t.v) WHERE k < 4 RETURNING k, v, twice');
SELECT twin('WITH q AS MATERIALIZED (SELECT max(x) AS m FROM u) UPDATE t SET k = k + m FROM q WHERE k > (SELECT m FROM q) / 100 RETURNING k, (SELECT m FROM q), m');
SELECT twin('UPDATE t SET k = t.k + 10 FROM u WHERE t.k = 2');
SELECT twin('UPDATE t SET k = k + 10 WHERE k = 2 RETURNING t, t.k = 12');
SELECT twin('UPDATE t SET k = NULL WHERE k = 2 RETURNING *');
SELECT twin('UPDATE t SET k = k + 20; UPDATE t SET k = k - 20, v = v + 1; UPDATE t SET k = k WHERE k = 1');
SELECT twin('WITH a AS (UPDATE t SET k = k + 100 WHERE v < 4 RETURNING *), b AS (INSERT INTO u SELECT k, v FROM a RETURNING x) SELECT sum(k), sum(v), (SELECT sum(x) FROM b) FROM a HAVING count(*) > 0 -- RETURNING');

-- AFTER triggers, with conditions and columns.
SELECT on_both('CREATE TRIGGER after_row AFTER UPDATE ON t FOR EACH ROW EXECUTE FUNCTION note()');
SELECT on_both('CREATE TRIGGER after_even AFTER UPDATE OF v ON t FOR EACH ROW WHEN (new.twice > old.v AND old.k % 2 = 0) EXECUTE FUNCTION note()');
SELECT on_both('CREATE TRIGGER on_delete AFTER DELETE OR INSERT ON t FOR EACH ROW EXECUTE FUNCTION note()');
SELECT on_both('CREATE TRIGGER before_insert BEFORE INSERT OR DELETE ON t FOR EACH ROW EXECUTE FUNCTION note()');
SELECT twin('UPDATE t SET k = k + 10 WHERE k < 4');
SELECT twin('UPDATE t SET k = k + 10, v = v + 5 WHERE k < 5');
SELECT twin('UPDATE t SET k = k % 2 + 1, v = 0 WHERE k < 5 RETURNING k, twice');

-- Statement triggers, and transition tables.
SELECT on_both('CREATE TRIGGER before_all BEFORE UPDATE ON t FOR EACH STATEMENT EXECUTE FUNCTION note()');
SELECT on_both('CREATE TRIGGER after_all AFTER UPDATE ON t REFERENCING OLD TABLE AS before NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION all_rows()');
SELECT on_both('CREATE TRIGGER after_each AFTER UPDATE ON t REFERENCING OLD TABLE AS before NEW TABLE AS after FOR EACH ROW EXECUTE FUNCTION all_rows()');
SELECT twin('UPDATE t SET k = k + 10, v = -v WHERE k IN (2, 5)');
SELECT twin('UPDATE t SET k = k + 10 WHERE k > 100');
SELECT on_both('CREATE TRIGGER after_some AFTER UPDATE ON t REFERENCING OLD TABLE AS before NEW TABLE AS after FOR EACH ROW WHEN (new.k = 12) EXECUTE FUNCTION all_rows()');
SELECT twin('UPDATE t SET k = k + 10 WHERE k IN (2, 5)');
SELECT on_both('DROP TRIGGER after_some ON t');
SELECT on_both('DROP TRIGGER after_each ON t');
SELECT on_both('DROP TRIGGER after_row ON t');

-- BEFORE triggers change the row, its key too, or want no update.
SELECT on_both('CREATE TRIGGER before_row BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION change()');
SELECT on_both('CREATE TRIGGER before_row_seen BEFORE UPDATE OF k ON t FOR EACH ROW WHEN (new.k > 1000 OR old.k = 1) EXECUTE FUNCTION note()');
SELECT twin('UPDATE t SET k = k + 10 WHERE k < 6 RETURNING k, v, w, twice');
SELECT twin('UPDATE t SET k = t.k + 10 FROM u WHERE t.k < 6 AND u.x < 300');

-- One that changes the row itself: nothing is lost without a word.
SELECT on_both($$CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN UPDATE t SET v = v + 1 WHERE n = old.n; RETURN new; END'$$);
SELECT on_both('CREATE TRIGGER meddles BEFORE UPDATE OF k ON t FOR EACH ROW EXECUTE FUNCTION meddle()');
SELECT twin('UPDATE t SET k = k + 10 WHERE k < 3');
SELECT on_both('DROP TRIGGER meddles ON t');

-- Constraint triggers wait for the end of the transaction.
CREATE CONSTRAINT TRIGGER late AFTER UPDATE ON t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION note();
BEGIN;
UPDATE t SET k = k + 10 WHERE k = 7;
SELECT count(*) FROM log WHERE line LIKE 'late%';
SET CONSTRAINTS ALL IMMEDIATE;
SELECT line FROM log WHERE line LIKE 'late%';
ROLLBACK;

-- From a worker, prepared; the row is found by its new key.
\c - - - :worker1_port
SET search_path = move_triggers;
PREPARE move (int, int) AS UPDATE t SET k = $2 WHERE k = $1 RETURNING k, w;
EXECUTE move(1, 101); EXECUTE move(101, 102); EXECUTE move(102, 103); EXECUTE move(103, 104); EXECUTE move(104, 105); EXECUTE move(105, 106); EXECUTE move(106, 1);
SELECT k, w FROM t WHERE k = 1;
SELECT count(*) FROM log;
\c - - - :coordinator_port
SET search_path = move_triggers;
SET client_min_messages = warning;

-- Not for SQL.
SELECT altius_internal.update_row('t'::regclass, 1, '(0,1)', t, t) FROM t WHERE k = 2;
SELECT altius_internal.update_row('t'::regclass, 1, '(0,1)', 'a' COLLATE "C", 'b'::text);
-- The final function of an aggregate is given the collation of what is sorted.
CREATE FUNCTION last_table(oid, text) RETURNS oid LANGUAGE sql AS 'SELECT $2::regclass::oid';
CREATE AGGREGATE forge (bigint, tid, t, t ORDER BY text) (sfunc = last_table, stype = oid, finalfunc = altius_internal.update_row);
SELECT forge(1, '(0,1)', old, old) WITHIN GROUP (ORDER BY name) FROM (VALUES ('t')) v (name), (SELECT t AS old FROM t LIMIT 1) w GROUP BY old;
-- A BEFORE trigger that leaves the row as it is, and AFTER triggers with conditions.
CREATE TABLE switch (on_off boolean);
SELECT create_distributed_table('switch', 'on_off');
CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE NOTICE '% % % -> %', TG_NAME, TG_WHEN, OLD, NEW; RETURN NEW; END $$;
CREATE TRIGGER before_it BEFORE UPDATE ON switch FOR EACH ROW EXECUTE FUNCTION tell();
CREATE TRIGGER turned_on AFTER UPDATE ON switch FOR EACH ROW WHEN (NOT OLD.on_off AND NEW.on_off) EXECUTE FUNCTION tell();
CREATE TRIGGER is_off AFTER UPDATE ON switch FOR EACH ROW WHEN (NOT NEW.on_off) EXECUTE FUNCTION tell();
INSERT INTO switch VALUES (true);
SET client_min_messages TO notice;
UPDATE switch SET on_off = true;
UPDATE switch SET on_off = false;
UPDATE switch SET on_off = true;
-- One that asks which columns are set.
CREATE TABLE searched (t text, lexemes tsvector, v int);
SELECT create_distributed_table('searched', 't');
CREATE TRIGGER lexemes BEFORE INSERT OR UPDATE ON searched
  FOR EACH ROW EXECUTE FUNCTION tsvector_update_trigger(lexemes, 'pg_catalog.simple', t);
INSERT INTO searched VALUES ('one two');
UPDATE searched SET t = 'three', v = 1 RETURNING *;
UPDATE searched SET t = NULL RETURNING *;
UPDATE searched SET v = 2 RETURNING *;
SET client_min_messages = warning;

DROP SCHEMA move_triggers, move_triggers_plain CASCADE;
