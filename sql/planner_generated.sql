-- SET g = DEFAULT of a generated column, which the rewriter drops; a plain table has the same statements.
\set VERBOSITY terse
\set SHOW_CONTEXT never
SET client_min_messages TO warning;
SET citus.shard_count TO 4;
CREATE SCHEMA planner_generated;
SET search_path TO planner_generated;
CREATE TABLE t (id int PRIMARY KEY, v int, g int GENERATED ALWAYS AS (v * 2) STORED, h text GENERATED ALWAYS AS ('h' || v) STORED, n int DEFAULT 0);
CREATE TABLE plain (LIKE t INCLUDING ALL);
CREATE TABLE ref (LIKE t INCLUDING ALL);
CREATE FUNCTION fired() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.n := NEW.n + 1; RETURN NEW; END $$;
CREATE TRIGGER fired BEFORE UPDATE OF g ON t FOR EACH ROW EXECUTE FUNCTION fired();
CREATE TRIGGER fired BEFORE UPDATE OF g ON plain FOR EACH ROW EXECUTE FUNCTION fired();
CREATE TRIGGER fired BEFORE UPDATE OF g ON ref FOR EACH ROW EXECUTE FUNCTION fired();
SELECT create_distributed_table('t', 'id');
SELECT create_reference_table('ref');
\pset format unaligned
\pset tuples_only on
CREATE FUNCTION everywhere(statement text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
  relation text;
  affected bigint;
BEGIN
  FOREACH relation IN ARRAY ARRAY['t', 'plain', 'ref'] LOOP
    EXECUTE replace(statement, 'THIS', relation);
    GET DIAGNOSTICS affected = ROW_COUNT;
    RETURN NEXT concat_ws(' ', relation, affected);
  END LOOP;
END $$;
SELECT everywhere('INSERT INTO THIS (id, v) SELECT i, i FROM generate_series(1, 6) i');
SELECT everywhere('UPDATE THIS SET g = DEFAULT');
SELECT everywhere('UPDATE THIS SET g = DEFAULT, h = DEFAULT WHERE id = 1');
SELECT everywhere('UPDATE THIS SET h = DEFAULT WHERE id = 1');
SELECT everywhere('UPDATE THIS SET v = 7, g = DEFAULT WHERE id = 2');
SELECT everywhere('UPDATE THIS SET (g) = ROW(DEFAULT) WHERE id IN (2, 3)');
SELECT everywhere('UPDATE THIS SET g = DEFAULT FROM (VALUES (1), (2)) q(x) WHERE q.x = THIS.id');
SELECT everywhere('UPDATE THIS SET g = DEFAULT FROM plain p WHERE p.v = THIS.v AND p.id > 4');
SELECT everywhere('WITH a AS (UPDATE THIS SET g = DEFAULT WHERE id < 3 RETURNING *) SELECT count(*) FROM a');
SELECT everywhere('INSERT INTO THIS (id, v, g) VALUES (4, 9, DEFAULT) ON CONFLICT (id) DO UPDATE SET g = DEFAULT');
SELECT everywhere('INSERT INTO THIS (id, v, g) VALUES (4, 9, DEFAULT), (5, 9, DEFAULT) ON CONFLICT (id) DO UPDATE SET v = excluded.v, h = DEFAULT');
SELECT everywhere('INSERT INTO THIS (id, v) SELECT id, v + 1 FROM plain ON CONFLICT (id) DO UPDATE SET g = DEFAULT');
SELECT (SELECT string_agg(x::text, ' ' ORDER BY x) FROM t x) = (SELECT string_agg(x::text, ' ' ORDER BY x) FROM plain x) AS t,
  (SELECT string_agg(x::text, ' ' ORDER BY x) FROM ref x) = (SELECT string_agg(x::text, ' ' ORDER BY x) FROM plain x) AS ref;
TABLE plain ORDER BY id;
MERGE INTO t USING (VALUES (1), (8)) q(x) ON q.x = t.id WHEN MATCHED THEN UPDATE SET g = DEFAULT
  WHEN NOT MATCHED THEN INSERT (id, v, g) VALUES (x, 4, DEFAULT);
MERGE INTO plain USING (VALUES (1), (8)) q(x) ON q.x = plain.id WHEN MATCHED THEN UPDATE SET g = DEFAULT
  WHEN NOT MATCHED THEN INSERT (id, v, g) VALUES (x, 4, DEFAULT);
(TABLE t EXCEPT ALL TABLE plain) UNION ALL (TABLE plain EXCEPT ALL TABLE t);
SELECT n FROM t WHERE id = 1;
UPDATE t SET g = 1;
DROP SCHEMA planner_generated CASCADE;
