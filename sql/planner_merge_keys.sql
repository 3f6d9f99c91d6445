-- MERGE where the source's values are converted to become keys: what is not inserted raises no error, and a key that the conversion
-- changes goes to its own shard.
\set SHOW_CONTEXT never
SET client_min_messages TO warning;
CREATE SCHEMA planner_merge_keys;
CREATE SCHEMA planner_merge_keys_plain;
CREATE DOMAIN public.merge_positive AS int CHECK (value > 0);
CREATE FUNCTION pg_temp.make() RETURNS void LANGUAGE sql AS $$
  CREATE TABLE short (k varchar(3), v int);
  CREATE TABLE cents (k numeric(5, 2), v int);
  CREATE TABLE positive (k public.merge_positive, v int);
  CREATE TABLE wide (k bigint, v int);
  CREATE TABLE names (k name, v int);
$$;
SET search_path TO planner_merge_keys_plain;
SELECT pg_temp.make();
SET search_path TO planner_merge_keys;
SELECT pg_temp.make();
SELECT count(create_distributed_table(t, 'k', shard_count => 8)) FROM unnest('{short,cents,positive,wide,names}'::regclass[]) t;
-- What the statement leaves in the table of either kind; undone.
CREATE FUNCTION twin(statement text, tab text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  side text;
  results text[];
  result text;
BEGIN
  FOREACH side IN ARRAY '{planner_merge_keys,planner_merge_keys_plain}'::text[] LOOP
    PERFORM set_config('search_path', side, true);
    BEGIN
      EXECUTE format('INSERT INTO %I VALUES (1, 1), (2, 2), (3, 3)', tab);
      EXECUTE statement;
      -- By key: a row in another shard than its own is not found.
      EXECUTE format('SELECT string_agg(%1$s::text, '' '' ORDER BY k::text, v) FROM %1$I WHERE (SELECT count(*) FROM %1$I s WHERE s.k = %1$I.k) > 0', tab)
        INTO result;
      RAISE EXCEPTION USING ERRCODE = 'ALTUN';
    EXCEPTION
      WHEN SQLSTATE 'ALTUN' THEN NULL;
      WHEN OTHERS THEN result := SQLSTATE || ' ' || SQLERRM;
    END;
    results := results || coalesce(result, 'none');
  END LOOP;
  RETURN CASE WHEN results[1] = results[2] THEN 'same: ' || results[1] ELSE 'other: ' || results[1] || ' instead of: ' || results[2] END;
END $$;
\pset tuples_only on
\pset format unaligned
SELECT twin($$MERGE INTO short t USING (VALUES ('1', true), ('abcd', false), ('x', true)) s(x, b) ON t.k = s.x
  WHEN MATCHED THEN UPDATE SET v = 10 WHEN NOT MATCHED AND s.b THEN INSERT VALUES (s.x, 20)$$, 'short');
SELECT twin($$MERGE INTO short t USING (VALUES ('1'), ('abcd')) s(x) ON t.k = s.x WHEN NOT MATCHED THEN INSERT VALUES (s.x, 20)$$, 'short');
SELECT twin($$MERGE INTO short t USING (VALUES ('1'), ('y    ')) s(x) ON t.k = s.x WHEN NOT MATCHED THEN INSERT VALUES (s.x, 20)$$, 'short');
SELECT twin($$MERGE INTO cents t USING (VALUES (1.0, 1), (2.004, 2), (12345.6, 3)) s(x, y) ON t.k = s.x
  WHEN MATCHED THEN UPDATE SET k = s.x, v = 10 WHEN NOT MATCHED AND s.y < 3 THEN INSERT VALUES (s.x, 20)$$, 'cents');
SELECT twin($$MERGE INTO cents t USING (VALUES (1.0), (12345.6)) s(x) ON t.k = s.x WHEN MATCHED THEN DELETE$$, 'cents');
SELECT twin($$MERGE INTO cents t USING generate_series(4.001, 4.2, 0.01) s(x) ON t.k = s.x WHEN NOT MATCHED THEN INSERT VALUES (s.x, 20)$$, 'cents');
SELECT twin($$MERGE INTO positive t USING (VALUES (1, true), (-1, false), (4, true)) s(x, b) ON t.k = s.x
  WHEN MATCHED THEN UPDATE SET v = 10 WHEN NOT MATCHED AND s.b THEN INSERT VALUES (s.x, 20)$$, 'positive');
SELECT twin($$MERGE INTO positive t USING (VALUES (1), (-1)) s(x) ON t.k = s.x WHEN MATCHED THEN DELETE$$, 'positive');
SELECT twin($$MERGE INTO positive t USING (VALUES (1), (-1)) s(x) ON t.k = s.x WHEN NOT MATCHED THEN INSERT VALUES (s.x, 20)$$, 'positive');
SELECT twin($$MERGE INTO wide t USING (VALUES (1), (4)) s(x) ON t.k = s.x
  WHEN MATCHED THEN UPDATE SET k = s.x, v = 10 WHEN NOT MATCHED THEN INSERT VALUES (s.x, 20)$$, 'wide');
SELECT twin($$MERGE INTO names t USING (VALUES ('1'), (repeat('n', 70))) s(x) ON t.k = s.x
  WHEN MATCHED THEN UPDATE SET v = 10 WHEN NOT MATCHED THEN INSERT VALUES (s.x, 20)$$, 'names');
-- Two comparisons: the row that is inserted has the one key, what ON compares first is the other.
SELECT twin($$MERGE INTO wide t USING (VALUES (1, 1), (2, 5)) s(x, y) ON t.k = s.x AND t.k = s.y
  WHEN MATCHED THEN UPDATE SET v = 10 WHEN NOT MATCHED THEN INSERT VALUES (s.y, 20)$$, 'wide');
SELECT twin($$MERGE INTO wide t USING (VALUES (1, 1), (7, 5)) s(x, y) ON t.k = s.x AND t.k = s.y
  WHEN NOT MATCHED AND s.x > 6 THEN INSERT VALUES (s.x, 20) WHEN NOT MATCHED THEN INSERT VALUES (s.y, 30)$$, 'wide');
DROP SCHEMA planner_merge_keys, planner_merge_keys_plain CASCADE;
DROP DOMAIN public.merge_positive;
