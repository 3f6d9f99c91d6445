-- Modifications in one WITH that change the same rows, or read what each other change: all see the state before the statement, and of
-- two changes of one row the first one counts.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA with_apart;
CREATE SCHEMA with_apart_plain;
SET citus.shard_count = 4;
CREATE FUNCTION with_apart.make(schema text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('search_path', schema, true);
  CREATE TABLE d (k int, v int, a int[]);
  CREATE TABLE f (k int, w int);
  CREATE TABLE e (j int, x int);
  CREATE TABLE r (x int PRIMARY KEY, y int);
  CREATE TABLE p (k int, v int) PARTITION BY RANGE (v);
  CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (5);
  CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (5) TO (200);
  INSERT INTO d SELECT i % 6, i, ARRAY[i] FROM generate_series(1, 12) i;
  INSERT INTO f SELECT i, i FROM generate_series(0, 5) i;
  INSERT INTO e SELECT i, i FROM generate_series(0, 9) i;
  INSERT INTO r SELECT i, i FROM generate_series(1, 4) i;
  INSERT INTO p SELECT i, i FROM generate_series(0, 9) i;
END $$;
SELECT with_apart.make('with_apart_plain');
SELECT with_apart.make('with_apart');
SET search_path = with_apart;
SELECT create_distributed_table('d', 'k'), create_distributed_table('f', 'k'), create_distributed_table('p', 'k');
SELECT create_distributed_table('e', 'j', colocate_with => 'none'), create_reference_table('r');

-- What the statement returns, and the tables afterwards; undone.
CREATE FUNCTION outcome(statement text, path text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  result text := '';
  line record;
  name text;
BEGIN
  PERFORM set_config('search_path', path, true);
  BEGIN
    FOR line IN EXECUTE statement LOOP result := result || line::text; END LOOP;
    FOREACH name IN ARRAY ARRAY['d', 'f', 'e', 'r', 'p'] LOOP
      result := result || ' ' || name || array_to_string(testing.rows_of(format('TABLE %I', name), path), '');
    END LOOP;
    RAISE EXCEPTION USING ERRCODE = 'ALTUN';
  EXCEPTION
    WHEN SQLSTATE 'ALTUN' THEN NULL;
    WHEN OTHERS THEN result := SQLSTATE || ' ' || SQLERRM;
  END;
  PERFORM set_config('search_path', 'with_apart', true);
  RETURN result;
END $$;
-- What differs is shown, and what there was before.
CREATE FUNCTION twin(statement text) RETURNS text LANGUAGE sql AS $$
  SELECT CASE WHEN a = b THEN 'same: ' || (SELECT string_agg(part, ' ' ORDER BY n) FROM regexp_split_to_table(a, ' (?=[a-z]\()') WITH ORDINALITY q(part, n)
                                            WHERE part <> ALL (regexp_split_to_array(outcome('SELECT', 'with_apart'), ' (?=[a-z]\()')))
              ELSE 'OTHER: ' || a || ' INSTEAD OF ' || b END
  FROM outcome($1, 'with_apart') a, outcome($1, 'with_apart_plain') b $$;
\pset format unaligned
\pset tuples_only on

SELECT twin($$WITH a AS (UPDATE d SET v = 100 WHERE k = 1), b AS (UPDATE d SET v = 200 WHERE v = 100 OR k = 2) SELECT$$);
SELECT twin($$WITH a AS (UPDATE d SET v = v + 100 RETURNING v), b AS (UPDATE d SET v = v + 1000 RETURNING v) SELECT count(*) FROM a$$);
SELECT twin($$WITH a AS (UPDATE d SET v = 100 WHERE k = 1) UPDATE d SET v = 200 WHERE v = 100 OR k = 2 RETURNING k$$);
SELECT twin($$WITH a AS (INSERT INTO d VALUES (9, 9)) UPDATE d SET v = 200 WHERE k > 4 RETURNING k$$);
SELECT twin($$WITH a AS (DELETE FROM d WHERE k < 3 RETURNING *), b AS (INSERT INTO f SELECT k, v FROM a), c AS (INSERT INTO e SELECT k, v FROM a) SELECT count(*) FROM a$$);
SELECT twin($$WITH a AS (DELETE FROM d WHERE k < 3 RETURNING *), b AS (INSERT INTO f SELECT a[1], v FROM a), c AS (INSERT INTO e SELECT k, a[1] FROM a) SELECT count(*) FROM a$$);
SELECT twin($$WITH a AS (UPDATE d SET v = (SELECT count(*) FROM f) RETURNING k), b AS (UPDATE f SET w = (SELECT count(*) FROM d WHERE v < 5) RETURNING k) SELECT count(*) FROM a$$);
SELECT twin($$WITH a AS (DELETE FROM d USING f WHERE f.k = d.k AND f.w > 3 RETURNING d.k), b AS (DELETE FROM f USING d WHERE f.w = d.v RETURNING f.k) SELECT (SELECT count(*) FROM a), (SELECT count(*) FROM b)$$);
SELECT twin($$WITH a AS (DELETE FROM d WHERE v > 6 RETURNING k, v), b AS (UPDATE f SET w = a.v FROM a, d WHERE a.k = f.k AND d.v = a.v RETURNING f.k) SELECT count(*) FROM b, a$$);
SELECT twin($$WITH a AS (DELETE FROM d WHERE v > 6 RETURNING k, v), b AS (UPDATE f SET w = a.v FROM a, d WHERE a.k = f.k AND d.v = a.v RETURNING f.k) SELECT count(*) FROM b$$);
SELECT twin($$WITH a AS (INSERT INTO d SELECT k + 10, w FROM f RETURNING k), b AS (UPDATE d SET v = 0 WHERE v > 2 RETURNING k), c AS (INSERT INTO f SELECT k, v FROM d) SELECT count(*) FROM b$$);
SELECT twin($$WITH a AS (UPDATE d SET v = v + 1 WHERE k = 1 RETURNING v), b AS (UPDATE d SET v = v + 10 WHERE k = 2 RETURNING v), c AS (UPDATE d SET v = v + 100 WHERE k IN (1, 2, 3) RETURNING v)
  SELECT (SELECT count(*) FROM a), (SELECT count(*) FROM b), (SELECT count(*) FROM c)$$);
SELECT twin($$WITH a AS (UPDATE r SET y = y + 1 WHERE x < 3 RETURNING x), b AS (UPDATE r SET y = y * 100 WHERE x > 1 RETURNING x) SELECT (SELECT count(*) FROM a), (SELECT count(*) FROM b)$$);
SELECT twin($$WITH a AS (UPDATE p SET v = v + 100 WHERE k < 4 RETURNING k), b AS (UPDATE p SET v = 150 WHERE k > 2 RETURNING k) SELECT (SELECT count(*) FROM a), (SELECT count(*) FROM b)$$);
SELECT twin($$WITH s AS (SELECT k, v FROM d), a AS (UPDATE d SET v = w FROM f WHERE d.k = f.k RETURNING d.k), b AS (UPDATE f SET w = s.v FROM s WHERE s.k = f.k AND s.v > 6 RETURNING f.w)
  SELECT (SELECT count(*) FROM a), (SELECT sum(w) FROM b)$$);
SELECT twin($$WITH a AS (UPDATE d SET v = 0 RETURNING *), b AS (DELETE FROM f USING d, a WHERE f.k = d.k AND a.k = d.k AND EXISTS (SELECT FROM d x WHERE x.v = f.w AND x.v > 2)) SELECT count(*) FROM a$$);
SELECT twin($$WITH a AS (DELETE FROM d RETURNING k), b AS (INSERT INTO f SELECT k, v FROM d WHERE k IN (SELECT k FROM f) RETURNING k), c AS (DELETE FROM f WHERE w IN (SELECT v FROM d)) SELECT (SELECT count(*) FROM a), (SELECT count(*) FROM b)$$);
-- One that needs the rows which another one inserts does not change these; circles beside others.
SELECT twin($$WITH a AS (INSERT INTO d VALUES (1, 50), (2, 51) RETURNING k), b AS (UPDATE d SET v = v + 100 FROM a WHERE d.k = a.k RETURNING d.v), c AS (INSERT INTO f SELECT k, k FROM a)
  SELECT (SELECT sum(v) FROM b), (SELECT count(*) FROM a)$$);
SELECT twin($$WITH a AS (UPDATE d SET v = w FROM f WHERE d.k = f.k RETURNING d.k), b AS (UPDATE f SET w = (SELECT sum(v) FROM d) RETURNING w), c AS (INSERT INTO e SELECT k, w FROM f RETURNING j),
  g AS (INSERT INTO r SELECT 100 + count(*), 0 FROM e RETURNING x) SELECT (SELECT count(*) FROM a), (SELECT sum(w) FROM b), (SELECT count(*) FROM c), (SELECT x FROM g)$$);
-- A read that is not the same twice is read once.
BEGIN;
WITH q AS MATERIALIZED (SELECT j, (random() * 1000000)::int AS n FROM e), a AS (INSERT INTO d SELECT j, n FROM q RETURNING k, v),
     b AS (INSERT INTO f SELECT j, n FROM q RETURNING k, w)
SELECT count(*) FROM a JOIN b ON a.k = b.k AND a.v = b.w;
ROLLBACK;
-- Two UPDATEs that name different rows by the key need nothing more.
SELECT count(*) FROM testing.rows_of('EXPLAIN WITH a AS (UPDATE d SET v = v - 1 WHERE k = 1), b AS (UPDATE d SET v = v + 1 WHERE k = 2) SELECT', 'with_apart') line, unnest(line) l WHERE l ~ 'altius_read';
SELECT count(*) > 0 FROM testing.rows_of('EXPLAIN WITH a AS (UPDATE d SET v = v - 1 WHERE k = 1), b AS (UPDATE d SET v = v + 1 WHERE v = 2) SELECT', 'with_apart') line, unnest(line) l WHERE l ~ 'altius_read';
-- Rows as a whole, also of an outer join; but not their places.
SELECT twin($$WITH a AS (UPDATE d SET v = w FROM f WHERE d.k = f.k), b AS (UPDATE f SET w = length(d::text) FROM d WHERE d.k = f.k AND d.v > 6) SELECT 1$$);
SELECT twin($$WITH a AS (UPDATE d SET v = w FROM f WHERE d.k = f.k RETURNING d.k), b AS (UPDATE f SET w = (d IS NULL)::int + coalesce((d).v, 50) FROM e LEFT JOIN d ON d.v = e.x WHERE e.j = f.k) SELECT count(*) FROM a$$);
SELECT twin($$WITH a AS (DELETE FROM f WHERE k < 3 RETURNING f, k), b AS (INSERT INTO d SELECT k, (f).w FROM a), c AS (INSERT INTO e SELECT k, length(f::text) FROM a) SELECT count(*) FROM a$$);
WITH a AS (UPDATE d SET v = w FROM f WHERE d.k = f.k), b AS (UPDATE f SET w = (d.ctid IS NULL)::int FROM d WHERE d.k = f.k) SELECT;
WITH a AS (DELETE FROM d RETURNING ROW(k, v) AS q), b AS (INSERT INTO f SELECT count(q) FROM a), c AS (INSERT INTO e SELECT count(q) FROM a) SELECT;
DROP SCHEMA with_apart, with_apart_plain CASCADE;
