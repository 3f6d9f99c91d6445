-- What MERGE can do from PostgreSQL 17 on: WHEN NOT MATCHED BY SOURCE, RETURNING, views.  Each statement does the same to distributed tables
-- as to plain ones; on older servers it is the same error in both, which is why nothing but the comparison is shown.
\set SHOW_CONTEXT never
SET client_min_messages TO warning;
CREATE SCHEMA merge_17;
CREATE SCHEMA merge_17_plain;
SET citus.shard_count TO 4;
CREATE FUNCTION merge_17.make(schema text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('search_path', schema, true);
  CREATE TABLE t (id int PRIMARY KEY, v int CHECK (v < 1000), note text DEFAULT 'none', twice int GENERATED ALWAYS AS (v * 2) STORED);
  CREATE TABLE u (k int, v int, word text);
  CREATE TABLE other (a int, k int, word text);
  CREATE TABLE copies (id int PRIMARY KEY, name text);
  CREATE TABLE here (x int, y int);
  CREATE TABLE single (a int, b text);
  CREATE TABLE p (id int, d date, v int, PRIMARY KEY (id, d)) PARTITION BY RANGE (d);
  CREATE TABLE p_old PARTITION OF p FOR VALUES FROM (MINVALUE) TO ('2020-01-01');
  CREATE TABLE p_new PARTITION OF p FOR VALUES FROM ('2020-01-01') TO (MAXVALUE);
  INSERT INTO t (id, v) SELECT g, g % 5 FROM generate_series(1, 12) g;
  INSERT INTO u SELECT g, g + 1, 'w' || g FROM generate_series(1, 6) g;
  INSERT INTO u VALUES (20, 20, 'more'), (21, NULL, NULL);
  INSERT INTO other SELECT g, 1 + g * 2, 'o' || g FROM generate_series(1, 6) g;
  INSERT INTO copies SELECT g, 'c' || g FROM generate_series(1, 6) g;
  INSERT INTO here SELECT g, g * 3 FROM generate_series(1, 8) g;
  INSERT INTO single SELECT g, 's' || g FROM generate_series(1, 4) g;
  INSERT INTO p SELECT g, '2019-12-01'::date + g * 10, g FROM generate_series(1, 6) g;
END $$;
SELECT merge_17.make('merge_17_plain');
SELECT merge_17.make('merge_17');
SET search_path TO merge_17;
SELECT create_distributed_table('t', 'id', colocate_with => 'none');
SELECT create_distributed_table('u', 'k', colocate_with => 't');
SELECT create_distributed_table('other', 'a', shard_count => 3, colocate_with => 'none');
SELECT create_reference_table('copies');
SELECT create_distributed_table('single', NULL);
SELECT create_distributed_table('p', 'id', colocate_with => 't');
DO $$
BEGIN
  FOR i IN 1..2 LOOP
    PERFORM set_config('search_path', CASE i WHEN 1 THEN 'merge_17_plain' ELSE 'merge_17' END, false);
    CREATE VIEW low AS SELECT id, v, note FROM t WHERE v < 4 WITH CHECK OPTION;
    CREATE VIEW walled WITH (security_barrier) AS SELECT id, v, note FROM t WHERE v < 4;
    CREATE VIEW named AS SELECT id AS number, note AS name FROM t;
    CREATE VIEW pairs AS SELECT t.id, t.v, u.word FROM t JOIN u ON t.id = u.k;
  END LOOP;
END $$;

-- The rows that the statement returns, how many it says to have changed, and the tables afterwards; undone.  Or the error.
CREATE FUNCTION outcome(statement text, path text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  line record;
  lines text[] := '{}';
  changed bigint;
  result text;
BEGIN
  PERFORM set_config('search_path', path, true);
  BEGIN
    IF statement ~ 'RETURNING' THEN
      FOR line IN EXECUTE statement LOOP lines := lines || line::text; END LOOP;
      result := array_to_string(ARRAY(SELECT unnest(lines) COLLATE "C" ORDER BY 1), ' ');
    ELSE
      EXECUTE statement;
      GET DIAGNOSTICS changed = ROW_COUNT;
      result := changed;
    END IF;
    SELECT concat_ws(E'\n', result, (SELECT string_agg(t::text, ' ' ORDER BY id) FROM t), (SELECT string_agg(u::text, ' ' ORDER BY u) FROM u),
                     (SELECT string_agg(c::text, ' ' ORDER BY id) FROM copies c), (SELECT string_agg(s::text, ' ' ORDER BY s) FROM single s),
                     (SELECT string_agg(p::text, ' ' ORDER BY id, d) FROM p), (SELECT string_agg(h::text, ' ' ORDER BY h) FROM here h)) INTO result;
    RAISE EXCEPTION USING ERRCODE = 'ALTUN';
  EXCEPTION
    WHEN SQLSTATE 'ALTUN' THEN NULL;
    WHEN OTHERS THEN result := SQLSTATE || ' ' || regexp_replace(SQLERRM, '_\d+"', '"');
  END;
  PERFORM set_config('search_path', 'merge_17', true);
  RETURN result;
END $$;
-- `error`: the SQLSTATE it ends with.
CREATE FUNCTION twin(statement text, error text DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  result text := outcome(statement, 'merge_17');
  expected text := outcome(statement, 'merge_17_plain');
BEGIN
  IF result <> expected THEN RETURN concat_ws(E'\n', statement, 'gives', result, 'instead of', expected); END IF;
  IF current_setting('server_version_num')::int >= 170000 AND substring(expected FROM '^[0-9A-Z]{5} ') IS DISTINCT FROM error || ' ' THEN
    RETURN 'fails: ' || expected;
  END IF;
  RETURN 'same';
END $$;
CREATE FUNCTION refused(statement text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE statement;
  RETURN false;
EXCEPTION
  WHEN feature_not_supported THEN RETURN true;
  WHEN syntax_error THEN RETURN current_setting('server_version_num')::int < 170000;
END $$;
\pset format unaligned
\pset tuples_only on

-- Rows that no row of the source matches, from sources of all kinds.
SELECT twin('MERGE INTO t USING u ON t.id = u.k WHEN NOT MATCHED BY SOURCE THEN DELETE');
SELECT twin($$MERGE INTO t USING u ON t.id = u.k WHEN MATCHED THEN UPDATE SET note = u.word WHEN NOT MATCHED BY TARGET THEN INSERT (id, v) VALUES (u.k, u.v)
  WHEN NOT MATCHED BY SOURCE THEN UPDATE SET note = 'gone', v = t.v + 100$$);
SELECT twin($$MERGE INTO t USING u ON t.id = u.k WHEN NOT MATCHED BY SOURCE AND t.v = 3 THEN DO NOTHING WHEN NOT MATCHED BY SOURCE AND t.id % 2 = 0 THEN DELETE
  WHEN NOT MATCHED BY SOURCE THEN UPDATE SET note = note || id$$);
SELECT twin('MERGE INTO t USING other o ON t.id = o.k WHEN NOT MATCHED BY SOURCE THEN DELETE WHEN MATCHED THEN UPDATE SET note = o.word WHEN NOT MATCHED THEN INSERT (id) VALUES (o.k)');
SELECT twin('MERGE INTO t USING copies c ON t.id = c.id + 2 WHEN NOT MATCHED BY SOURCE THEN UPDATE SET v = DEFAULT, note = DEFAULT WHEN MATCHED AND t.v > 2 THEN DELETE');
SELECT twin('MERGE INTO t USING here h ON t.id = h.y WHEN NOT MATCHED BY SOURCE THEN DELETE WHEN NOT MATCHED THEN INSERT (id, v) VALUES (h.y, h.x) WHEN MATCHED THEN DO NOTHING');
SELECT twin($$MERGE INTO t USING (VALUES (1, 'a'), (30, 'b')) s(id, note) ON t.id = s.id WHEN MATCHED THEN UPDATE SET note = s.note
  WHEN NOT MATCHED THEN INSERT (id, note) VALUES (s.id, s.note) WHEN NOT MATCHED BY SOURCE AND id > 6 THEN DELETE$$);
SELECT twin('MERGE INTO t USING (SELECT k FROM u WHERE false) s ON t.id = s.k WHEN NOT MATCHED BY SOURCE THEN UPDATE SET v = -1');
SELECT twin('MERGE INTO t USING t s ON t.id = s.id + 3 WHEN NOT MATCHED BY SOURCE THEN DELETE WHEN NOT MATCHED THEN INSERT (id, v) VALUES (s.id + 3, s.v) WHEN MATCHED THEN UPDATE SET v = s.id');
SELECT twin($$WITH c AS MATERIALIZED (SELECT k, word FROM u WHERE v > 3) MERGE INTO t USING (SELECT k, (SELECT count(*) FROM c) AS n FROM c) s ON t.id = s.k
  WHEN MATCHED THEN UPDATE SET v = n WHEN NOT MATCHED BY SOURCE AND EXISTS (SELECT FROM c WHERE c.k = t.id + 3) THEN UPDATE SET note = (SELECT min(word) FROM c)$$);
SELECT twin('MERGE INTO u USING t ON u.k = t.id AND t.v > 2 WHEN NOT MATCHED BY SOURCE THEN DELETE');
-- Conditions on other columns, of all kinds, on none.
SELECT twin('MERGE INTO t USING u ON t.v = u.k WHEN NOT MATCHED BY SOURCE THEN UPDATE SET v = 50 WHEN MATCHED AND u.k = 2 THEN DELETE WHEN NOT MATCHED THEN INSERT (id) VALUES (u.k + 60)');
SELECT twin('MERGE INTO t USING u ON false WHEN NOT MATCHED BY SOURCE THEN DELETE WHEN NOT MATCHED THEN INSERT (id, v) VALUES (u.k + 40, u.v)');
SELECT twin('MERGE INTO t USING (VALUES (1)) s(x) ON true WHEN NOT MATCHED BY SOURCE THEN DELETE WHEN MATCHED THEN UPDATE SET v = s.x');
SELECT twin('MERGE INTO t USING u ON t.id = u.k AND t.v > 2 AND u.v > 3 WHEN NOT MATCHED BY SOURCE THEN UPDATE SET v = t.v + 10 WHEN NOT MATCHED THEN DO NOTHING');
SELECT twin('MERGE INTO t USING here h ON t.v > h.x AND h.x > 3 WHEN MATCHED THEN DELETE WHEN NOT MATCHED BY SOURCE AND (SELECT count(*) FROM other o WHERE o.k > t.id) > 2 THEN UPDATE SET v = (SELECT max(k) FROM u WHERE k < t.id)');
SELECT twin('MERGE INTO t USING u ON t.id = u.k AND EXISTS (SELECT FROM other o WHERE o.k = t.id) WHEN NOT MATCHED BY SOURCE THEN DELETE WHEN NOT MATCHED THEN INSERT (id) VALUES (u.k + 30)');
SELECT twin('MERGE INTO t USING u ON t.id = u.k WHEN NOT MATCHED BY SOURCE THEN UPDATE SET v = t.v + (random() * 0)::int + 7, note = t::text');
-- Reference tables, tables of one shard, partitions, tables of the asking node.
SELECT twin('MERGE INTO copies c USING u ON c.id = u.v WHEN NOT MATCHED BY SOURCE THEN DELETE WHEN MATCHED THEN UPDATE SET name = word WHEN NOT MATCHED AND u.v IS NOT NULL THEN INSERT VALUES (u.v, u.word)');
SELECT twin($$MERGE INTO copies c USING here h ON c.id = h.x + 2 WHEN NOT MATCHED BY SOURCE AND c.id > 1 THEN DELETE WHEN NOT MATCHED BY SOURCE THEN UPDATE SET name = 'left'$$);
SELECT twin('MERGE INTO single s USING u ON s.a = u.v WHEN NOT MATCHED BY SOURCE THEN DELETE WHEN MATCHED THEN UPDATE SET b = u.word WHEN NOT MATCHED THEN INSERT VALUES (u.k + 10, u.word)');
SELECT twin('MERGE INTO single s USING single o ON s.a = o.a + 1 WHEN NOT MATCHED BY SOURCE THEN DELETE');
SELECT twin($$MERGE INTO p USING u ON p.id = u.k AND u.k < 4 WHEN NOT MATCHED BY SOURCE AND id = 6 THEN DELETE WHEN NOT MATCHED BY SOURCE THEN UPDATE SET d = p.d - 40, v = 0
  WHEN NOT MATCHED THEN INSERT VALUES (u.k, '2020-02-02', u.v)$$);
SELECT twin('MERGE INTO here h USING u ON h.x = u.k WHEN NOT MATCHED BY SOURCE THEN DELETE WHEN MATCHED THEN UPDATE SET y = u.v WHEN NOT MATCHED THEN INSERT VALUES (u.k, u.v)');
SELECT twin('MERGE INTO here h USING (SELECT k, count(*) AS n FROM other GROUP BY k) o ON h.x = o.k WHEN NOT MATCHED BY SOURCE AND h.x > 2 THEN UPDATE SET y = -h.y WHEN MATCHED THEN DELETE');
SELECT twin('MERGE INTO t USING (u JOIN other o USING (k)) ON t.id = k AND t.v < k WHEN NOT MATCHED BY SOURCE THEN DELETE WHEN MATCHED THEN UPDATE SET v = k, note = o.word || u.word');
-- Errors.
SELECT twin('MERGE INTO t USING u ON t.id = u.k WHEN NOT MATCHED BY SOURCE THEN UPDATE SET v = 1000 + t.id', '23514');
SELECT twin('MERGE INTO t USING u ON t.id = u.k WHEN NOT MATCHED BY SOURCE THEN UPDATE SET v = u.v', '42P01');
SELECT twin('MERGE INTO t USING u ON t.id = u.k WHEN NOT MATCHED BY SOURCE THEN UPDATE SET v = 1 / (t.id - 9)', '22012');

-- RETURNING: what was done, the rows of both sides, expressions, in WITH.
SELECT twin('MERGE INTO t USING u ON t.id = u.k WHEN MATCHED AND u.k = 2 THEN DELETE WHEN MATCHED THEN UPDATE SET v = u.v WHEN NOT MATCHED THEN INSERT (id, v) VALUES (u.k, u.v)
  RETURNING merge_action(), t.*, u.word, u');
SELECT twin('MERGE INTO t USING u ON t.id = u.k WHEN MATCHED THEN UPDATE SET note = u.word RETURNING *');
SELECT twin('MERGE INTO t USING u ON t.id = u.k WHEN MATCHED THEN DO NOTHING WHEN NOT MATCHED THEN INSERT (id) VALUES (u.k) RETURNING lower(merge_action()) || t.id AS what, (t)::text');
SELECT twin('MERGE INTO t USING u ON t.id = u.k WHEN MATCHED THEN UPDATE SET v = 7 WHEN NOT MATCHED THEN INSERT (id) VALUES (u.k) WHEN NOT MATCHED BY SOURCE THEN DELETE
  RETURNING merge_action() AS action, t.id, t.twice, u.k, u.word, u IS NULL, u');
SELECT twin('MERGE INTO t USING u ON t.v = u.k WHEN MATCHED THEN UPDATE SET v = u.v * 10 WHEN NOT MATCHED THEN INSERT (id, v) VALUES (u.k + 100, u.v) RETURNING merge_action(), t, u.v');
SELECT twin('MERGE INTO t USING other o ON t.id = o.k WHEN MATCHED THEN DELETE RETURNING merge_action(), o.*, t.note');
SELECT twin('MERGE INTO t USING u ON t.id = u.k WHEN MATCHED THEN UPDATE SET v = 1 RETURNING t.id, (SELECT count(*) FROM other o WHERE o.k > u.k), (SELECT max(x) FROM here)');
SELECT twin($$MERGE INTO t USING u ON t.id = u.k WHEN MATCHED THEN UPDATE SET v = 1 WHEN NOT MATCHED THEN INSERT (id) VALUES (u.k)
  RETURNING CASE merge_action() WHEN 'INSERT' THEN 'new' ELSE 'old' END, id, (SELECT merge_action() || word)$$);
SELECT twin('MERGE INTO t USING here h ON t.v = h.x WHEN NOT MATCHED BY SOURCE THEN DELETE WHEN NOT MATCHED THEN INSERT (id) VALUES (h.y + 30) RETURNING merge_action(), h.x, t.id, t.tableoid = ''t''::regclass');
SELECT twin('MERGE INTO copies c USING u ON c.id = u.v WHEN NOT MATCHED BY SOURCE THEN DELETE WHEN MATCHED THEN UPDATE SET name = word RETURNING merge_action(), c.*, u.k');
SELECT twin('MERGE INTO copies c USING here h ON c.id = h.x WHEN NOT MATCHED THEN INSERT VALUES (x, y) WHEN MATCHED THEN DELETE RETURNING merge_action(), c, h');
SELECT twin('MERGE INTO single s USING u ON s.a = u.v WHEN NOT MATCHED BY SOURCE THEN DELETE WHEN MATCHED THEN UPDATE SET b = u.word RETURNING merge_action(), s.*, u.*');
SELECT twin($$MERGE INTO p USING u ON p.id = u.k WHEN MATCHED THEN UPDATE SET d = p.d - 40 WHEN NOT MATCHED THEN INSERT VALUES (u.k, '2020-02-02', u.v) RETURNING merge_action(), p.*$$);
SELECT twin('MERGE INTO here h USING u ON h.x = u.k WHEN NOT MATCHED BY SOURCE THEN DELETE WHEN MATCHED THEN UPDATE SET y = u.v WHEN NOT MATCHED THEN INSERT VALUES (u.k, u.v) RETURNING merge_action(), h.*, u.*');
SELECT twin('WITH m AS (MERGE INTO t USING u ON t.id = u.k WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT (id) VALUES (u.k) RETURNING merge_action() AS a, t.id, u.word)
  SELECT a, count(*), max(id), min(word) FROM m GROUP BY a');
SELECT twin('WITH m AS (MERGE INTO t USING here h ON t.v = h.x WHEN NOT MATCHED BY SOURCE THEN DELETE RETURNING t.id, merge_action() AS a) INSERT INTO u SELECT id, 0, a FROM m RETURNING *');
SELECT twin('WITH m AS (MERGE INTO here h USING u ON h.x = u.k WHEN MATCHED THEN DELETE RETURNING h.x) UPDATE t SET v = -1 FROM m WHERE t.id = m.x RETURNING t.*, m.x');
SELECT twin('WITH m AS (MERGE INTO t USING u ON t.id = u.k WHEN MATCHED THEN UPDATE SET v = 0 RETURNING t.id) MERGE INTO copies c USING m ON c.id = m.id
  WHEN MATCHED THEN UPDATE SET name = ''from m'' WHEN NOT MATCHED BY SOURCE THEN DELETE RETURNING merge_action(), c.*, m.*');

-- RETURNING with what no shard can compute.
SELECT twin('MERGE INTO t USING u ON t.id = u.k WHEN MATCHED THEN UPDATE SET v = 1 WHEN NOT MATCHED THEN INSERT (id) VALUES (u.k)
  RETURNING merge_action() || (random() * 0), t.id + (random() * 0), u.word');
SELECT twin('MERGE INTO t USING u ON t.id = u.k WHEN MATCHED THEN UPDATE SET v = 1 WHEN NOT MATCHED BY SOURCE THEN DELETE
  RETURNING merge_action(), t.id, (SELECT count(*) FROM other o WHERE o.k > u.k), (SELECT y FROM here WHERE x = u.k), (SELECT max(x) FROM here), merge_action() || (SELECT min(k) FROM other)');
SELECT twin('MERGE INTO here h USING u ON h.x = u.k WHEN NOT MATCHED BY SOURCE THEN DELETE WHEN MATCHED THEN UPDATE SET y = 1
  RETURNING merge_action(), h.x, (SELECT count(*) FROM other o WHERE o.k > h.x), u IS NULL, u IS NOT NULL, u');
-- Such a subquery can't depend on the changed row.
SELECT refused('MERGE INTO t USING u ON t.id = u.k WHEN MATCHED THEN DELETE RETURNING (SELECT count(*) FROM other o WHERE o.k > t.id)');
SELECT refused('MERGE INTO t USING u ON t.id = u.k WHEN MATCHED THEN DELETE RETURNING (SELECT y FROM here WHERE x = t.id)');
-- Rows that move to other shards.
SELECT twin('MERGE INTO t USING u ON t.id = u.k WHEN NOT MATCHED BY SOURCE THEN UPDATE SET id = t.id + 100');

-- Views that can be changed.
SELECT twin('MERGE INTO low USING u ON low.id = u.k WHEN MATCHED THEN UPDATE SET note = u.word WHEN NOT MATCHED THEN INSERT (id, v) VALUES (u.k + 60, 1) WHEN NOT MATCHED BY SOURCE THEN DELETE RETURNING merge_action(), low.*, u.*');
SELECT twin('MERGE INTO low USING u ON low.id = u.k WHEN MATCHED THEN UPDATE SET v = 10', '44000');
SELECT twin('MERGE INTO named n USING other o ON n.number = o.k WHEN MATCHED THEN DELETE WHEN NOT MATCHED BY SOURCE THEN UPDATE SET name = n.number || ''!'' RETURNING n.*');
SELECT twin('MERGE INTO pairs USING u ON pairs.id = u.k WHEN MATCHED THEN DELETE', '55000');

SELECT twin('MERGE INTO low USING u ON low.id = u.k WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN DO NOTHING');
SELECT twin('MERGE INTO low USING u ON low.id = u.k WHEN NOT MATCHED THEN INSERT (id, v) VALUES (u.k, 1)', '23505');
SELECT twin('MERGE INTO low USING u ON low.v = u.k WHEN NOT MATCHED THEN INSERT (id, v) VALUES (u.k + 90, 1) WHEN MATCHED THEN UPDATE SET note = u.word');
SELECT twin('MERGE INTO walled USING u ON walled.id = u.k AND walled.v >= 0 WHEN NOT MATCHED BY SOURCE THEN UPDATE SET note = ''left'' WHEN MATCHED AND walled.v > 1 THEN DELETE RETURNING merge_action(), walled.*');
SELECT twin('MERGE INTO walled USING u ON walled.id = u.k AND 10 / (walled.v - 4) < 100 WHEN MATCHED THEN DELETE');
SELECT twin('MERGE INTO walled USING u ON walled.v = u.k AND 10 / (walled.v - 4) < 100 WHEN MATCHED THEN DELETE WHEN NOT MATCHED BY SOURCE AND 10 / (walled.v - 4) > 100 THEN DELETE');

-- Triggers, for rows and for statements.
DO $do$
BEGIN
  FOR i IN 1..2 LOOP
    PERFORM set_config('search_path', CASE i WHEN 1 THEN 'merge_17_plain' ELSE 'merge_17' END, false);
    CREATE FUNCTION noted() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF TG_LEVEL = 'ROW' THEN INSERT INTO here VALUES (coalesce(NEW.id, OLD.id), length(TG_OP)); RETURN NULL; END IF;
      INSERT INTO here VALUES (1000, length(TG_OP));
      RETURN NULL;
    END $$;
    CREATE TRIGGER noted_rows AFTER INSERT OR UPDATE OR DELETE ON t FOR EACH ROW EXECUTE FUNCTION noted();
    CREATE TRIGGER noted_statements AFTER INSERT OR UPDATE OR DELETE ON t FOR EACH STATEMENT EXECUTE FUNCTION noted();
  END LOOP;
END $do$;
SELECT twin('MERGE INTO t USING u ON t.id = u.k WHEN MATCHED THEN UPDATE SET v = 0 WHEN NOT MATCHED BY SOURCE AND t.id > 8 THEN DELETE WHEN NOT MATCHED BY SOURCE THEN UPDATE SET v = 1 RETURNING merge_action(), t.*');
\pset format aligned
\pset tuples_only off
DROP SCHEMA merge_17, merge_17_plain CASCADE;
