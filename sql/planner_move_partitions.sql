-- UPDATE of the distribution column of a partitioned table with triggers for rows: whether a row changes its shard makes no difference,
-- whether it changes its partition does, as with a plain table.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA move_partitions;
CREATE SCHEMA move_partitions_plain;
SET citus.shard_count = 4;
CREATE FUNCTION move_partitions.make(schema text) RETURNS void LANGUAGE plpgsql AS $make$
BEGIN
  PERFORM set_config('search_path', schema, true);
  CREATE TABLE t (k int, v int, gone text, w text DEFAULT 'w', twice int GENERATED ALWAYS AS (v * 2) STORED, d int) PARTITION BY RANGE (d);
  ALTER TABLE t DROP COLUMN gone;
  CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (10);
  CREATE TABLE t2 PARTITION OF t FOR VALUES FROM (10) TO (30) PARTITION BY LIST (d);
  CREATE TABLE t21 (d int, w text, k int, twice int GENERATED ALWAYS AS (v * 2) STORED, v int);
  ALTER TABLE t2 ATTACH PARTITION t21 FOR VALUES IN (10, 11, 12, 13, 14);
  CREATE TABLE t22 PARTITION OF t2 DEFAULT;
  CREATE TABLE log (line text);
  INSERT INTO t (k, v, d) SELECT i, i, i * 3 FROM generate_series(0, 9) i WHERE i * 3 < 30;
  CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    EXECUTE format('INSERT INTO %I.log VALUES ($1)', TG_TABLE_SCHEMA) USING concat_ws(' ', TG_NAME, TG_WHEN, TG_OP, TG_LEVEL, TG_TABLE_NAME, old::text, new::text);
    IF TG_OP = 'DELETE' THEN RETURN old; END IF;
    RETURN new;
  END $$;
  CREATE FUNCTION change() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    IF TG_OP = 'DELETE' THEN
      IF old.v = 2 THEN RETURN NULL; END IF;
      RETURN old;
    END IF;
    new.w := new.w || '+' || TG_OP || new.k || coalesce(new.twice::text, '-');
    IF TG_OP = 'UPDATE' AND new.v = 5 THEN RETURN NULL; END IF;
    IF TG_OP = 'UPDATE' AND new.v = 3 THEN new.d := 15; new.k := new.k + 100; END IF;
    IF TG_OP = 'INSERT' THEN new.k := new.k + 1000; END IF;
    RETURN new;
  END $$;
  CREATE FUNCTION keeps_out() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
  CREATE FUNCTION elsewhere() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN new.d := 3; RETURN new; END';
  CREATE FUNCTION all_rows() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    EXECUTE format('INSERT INTO %I.log VALUES ($1)', TG_TABLE_SCHEMA)
      USING TG_NAME || (SELECT ' ' || count(*) || ' ' || sum(k) || ' ' || sum(twice) FROM before) || (SELECT ' ' || count(*) || ' ' || sum(k) || ' ' || sum(twice) FROM after);
    RETURN NULL;
  END $$;
END $make$;
SELECT move_partitions.make('move_partitions_plain');
SELECT move_partitions.make('move_partitions');
SET search_path = move_partitions;
SELECT create_distributed_table('t', 'k'), create_reference_table('log');

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
    result := result || E'\n  t   ' || array_to_string(testing.rows_of('SELECT tableoid::regclass::text AS part, k, v, w, twice, d FROM t', path), '') ||
              E'\n  log ' || array_to_string(testing.rows_of('TABLE log', path), E'\n      ');
    RAISE EXCEPTION USING ERRCODE = 'ALTUN';
  EXCEPTION
    WHEN SQLSTATE 'ALTUN' THEN NULL;
    WHEN OTHERS THEN result := SQLSTATE || ' ' || SQLERRM;
  END;
  PERFORM set_config('search_path', 'move_partitions', true);
  RETURN result;
END $$;
CREATE FUNCTION twin(statement text) RETURNS text LANGUAGE sql AS $$
  SELECT CASE WHEN a = b THEN 'same: ' || a ELSE 'OTHER: ' || a || E'\n INSTEAD OF ' || b END
  FROM outcome($1, 'move_partitions') a, outcome($1, 'move_partitions_plain') b $$;
CREATE FUNCTION on_both(command text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  path text;
BEGIN
  FOREACH path IN ARRAY ARRAY['move_partitions', 'move_partitions_plain'] LOOP
    PERFORM set_config('search_path', path, true);
    EXECUTE command;
  END LOOP;
  PERFORM set_config('search_path', 'move_partitions', true);
END $$;
\pset format unaligned
\pset tuples_only on

-- AFTER triggers, of the table and of single partitions.
SELECT on_both('CREATE TRIGGER after_row AFTER UPDATE OR INSERT OR DELETE ON t FOR EACH ROW EXECUTE FUNCTION note()');
SELECT twin('UPDATE t SET k = k + 10');
SELECT twin('UPDATE t SET k = k + 10, d = (d + 3) % 30 RETURNING *');
SELECT on_both('CREATE TRIGGER only_w AFTER UPDATE OF w ON t21 FOR EACH ROW EXECUTE FUNCTION note()');
SELECT on_both('CREATE TRIGGER only_k AFTER UPDATE OF k ON t21 FOR EACH ROW WHEN (new.twice > 6) EXECUTE FUNCTION note()');
SELECT on_both('CREATE TRIGGER arrives AFTER INSERT ON t21 FOR EACH ROW WHEN (new.twice < 8) EXECUTE FUNCTION note()');
SELECT twin('UPDATE t SET k = k + 10');
SELECT twin('UPDATE t SET k = k + 10, d = 14 WHERE v BETWEEN 2 AND 6');
-- Statement triggers, and transition tables.
SELECT on_both('CREATE TRIGGER before_all BEFORE UPDATE OR INSERT OR DELETE ON t FOR EACH STATEMENT EXECUTE FUNCTION note()');
SELECT on_both('CREATE TRIGGER after_all AFTER UPDATE ON t REFERENCING OLD TABLE AS before NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION all_rows()');
SELECT on_both('CREATE TRIGGER after_leaf AFTER UPDATE ON t1 REFERENCING OLD TABLE AS before NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION all_rows()');
SELECT twin('UPDATE t SET k = k + 10, d = (d * 2) % 30 WHERE v IN (1, 4, 5, 6)');
SELECT twin('UPDATE t1 SET k = k + 10, d = d / 2');
SELECT twin('UPDATE t1 SET k = k + 10, d = d + 10');
SELECT twin('UPDATE t21 SET k = k + 10, v = v + 1');
-- BEFORE triggers change the row, its key and its partition, or want no change.
SELECT on_both('CREATE TRIGGER change BEFORE UPDATE OR INSERT OR DELETE ON t FOR EACH ROW EXECUTE FUNCTION change()');
SELECT on_both('DROP TRIGGER before_all ON t');
SELECT on_both('DROP TRIGGER after_leaf ON t1');
SELECT twin('UPDATE t SET k = k + 10 WHERE v < 7 RETURNING *');
SELECT twin('UPDATE t SET k = k + 10, d = (d + 6) % 30 WHERE v < 7 RETURNING *');
SELECT twin('UPDATE t SET k = k + 10, d = 100 WHERE v = 1');
SELECT on_both('DROP TRIGGER change ON t');
SELECT on_both('CREATE TRIGGER elsewhere BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION elsewhere()');
SELECT twin('UPDATE t SET k = k + 10, d = 13 WHERE v = 1');
SELECT twin('UPDATE t SET k = k + 10, d = 3 WHERE v = 4');
SELECT on_both('DROP TRIGGER elsewhere ON t');
SELECT on_both('CREATE TRIGGER elsewhere BEFORE INSERT ON t22 FOR EACH ROW EXECUTE FUNCTION elsewhere()');
SELECT twin('UPDATE t SET k = k + 10, d = 25 WHERE v = 1');
SELECT on_both('DROP TRIGGER elsewhere ON t22');
-- A plain table deletes the row, and says that none was updated: refused.
SELECT on_both('CREATE TRIGGER keeps_out BEFORE INSERT ON t22 FOR EACH ROW EXECUTE FUNCTION keeps_out()');
SELECT twin('UPDATE t SET k = k + 10, d = 25 WHERE v = 1');
\set VERBOSITY default
UPDATE t SET k = k + 10, d = 25 WHERE v = 1;
DROP SCHEMA move_partitions, move_partitions_plain CASCADE;
