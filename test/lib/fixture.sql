-- What regression tests share: made once on the coordinator when the cluster has started.
CREATE SCHEMA testing;

-- What a table's shards look like: ids are replaced by #, so equal shards make one row.
CREATE FUNCTION testing.shape(regclass) RETURNS TABLE (shards bigint, shape text) LANGUAGE sql AS $$
  SELECT count(*), regexp_replace(result, '_\d{6,}', '_#', 'g') FROM run_command_on_shards($1, $command$
    SELECT string_agg(line, E'\n' ORDER BY kind, line) FROM (
      SELECT 1 AS kind, concat_ws(' ', attname, format_type(atttypid, atttypmod), CASE WHEN attnotnull THEN 'not null' END,
        'default ' || pg_get_expr(adbin, adrelid)) AS line
      FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
      WHERE attrelid = '%s'::regclass AND attnum > 0 AND NOT attisdropped
      UNION ALL
      SELECT 2, conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
      WHERE conrelid = '%s'::regclass AND contype <> 'n'
      UNION ALL
      SELECT 3, relname || ' ' || substring(pg_get_indexdef(indexrelid) FROM ' USING .*')
        || CASE WHEN NOT indisvalid THEN ' INVALID' ELSE '' END
      FROM pg_index JOIN pg_class c ON c.oid = indexrelid WHERE indrelid = '%s'::regclass
      UNION ALL
      SELECT 4, stxname || ' statistics' FROM pg_statistic_ext WHERE stxrelid = '%s'::regclass
      UNION ALL
      SELECT 5, 'policy ' || polname FROM pg_policy WHERE polrelid = '%s'::regclass
      UNION ALL
      SELECT 6, 'trigger ' || tgname FROM pg_trigger WHERE tgrelid = '%s'::regclass AND NOT tgisinternal
    ) AS lines $command$)
  GROUP BY 2 ORDER BY 2 $$;

-- The rows that a statement gives with that search_path, as texts; sorted, unless it ends with an ORDER BY of its own.
CREATE FUNCTION testing.rows_of(statement text, path text) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
  line record;
  result text[] := '{}';
  before text := current_setting('search_path');
BEGIN
  PERFORM set_config('search_path', path, true);
  FOR line IN EXECUTE statement LOOP result := result || line::text; END LOOP;
  PERFORM set_config('search_path', before, true);
  IF statement ~* 'ORDER BY [^()]*$' THEN RETURN result; END IF;
  RETURN ARRAY(SELECT unnest(result) COLLATE "C" ORDER BY 1);
END $$;

-- The rows from the tables in one schema, and whether the tables of the same names in another give the same.
CREATE FUNCTION testing.twin(statement text, path text, plain text, OUT same boolean, OUT result text) LANGUAGE plpgsql AS $$
DECLARE
  found text[] := testing.rows_of(statement, path);
BEGIN
  same := found = testing.rows_of(statement, plain);
  result := array_to_string(found, ' ');
END $$;

-- The same for a statement of any kind, whose effects are undone; what an error says in their place.
CREATE FUNCTION testing.result_of(statement text, path text) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
  result text[];
BEGIN
  BEGIN
    result := testing.rows_of(statement, path);
    RAISE EXCEPTION USING ERRCODE = 'ALTUN';
  EXCEPTION
    WHEN SQLSTATE 'ALTUN' THEN RETURN result;
    WHEN OTHERS THEN RETURN ARRAY[SQLSTATE || ' ' || SQLERRM];
  END;
END $$;

-- Whether a statement does the same with either search path, and what it gives.
CREATE FUNCTION testing.compare(statement text, one text, other text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  result text[] := testing.result_of(statement, one);
  expected text[] := testing.result_of(statement, other);
BEGIN
  IF result = expected THEN RETURN 'same: ' || array_to_string(result, ' ', 'null'); END IF;
  RETURN 'other: ' || array_to_string(result, ' ', 'null') || ' instead of: ' || array_to_string(expected, ' ', 'null');
END $$;

-- The schema and its twin "<schema>_plain" with the same five tables: d and e lie together, f apart, r is a reference table, l local;
-- and twin(), which compares what a statement does with either.
CREATE FUNCTION testing.five_tables(schema text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  side text;
BEGIN
  FOREACH side IN ARRAY ARRAY[schema, schema || '_plain'] LOOP
    EXECUTE format('CREATE SCHEMA %I', side);
    PERFORM set_config('search_path', quote_ident(side), false);
    CREATE TABLE d (k int, v int);
    CREATE TABLE e (k int, v int);
    CREATE TABLE f (k int, v int);
    CREATE TABLE r (x int PRIMARY KEY, y int);
    CREATE TABLE l (x int, y int);
    IF side = schema THEN
      PERFORM pg_catalog.create_distributed_table('d', 'k', shard_count => 4, colocate_with => 'none');
      PERFORM pg_catalog.create_distributed_table('e', 'k', colocate_with => 'd');
      PERFORM pg_catalog.create_distributed_table('f', 'k', shard_count => 4, colocate_with => 'none');
      PERFORM pg_catalog.create_reference_table('r');
    END IF;
    INSERT INTO d VALUES (1, 1), (2, 2), (5, 0), (7, 3);
    INSERT INTO e VALUES (1, 9), (2, 9), (5, 9), (7, 9);
    INSERT INTO f VALUES (1, 1), (2, 2), (5, 5);
    INSERT INTO r VALUES (1, 1), (2, 2), (5, 5), (7, 7);
    INSERT INTO l VALUES (1, 1), (2, 2), (5, 5), (7, 7);
  END LOOP;
  PERFORM set_config('search_path', quote_ident(schema), false);
  EXECUTE format('CREATE FUNCTION twin(statement text) RETURNS text LANGUAGE sql AS $twin$ SELECT testing.compare($1, %L, %L) $twin$',
                 schema, schema || '_plain');
END $$;
