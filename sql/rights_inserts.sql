-- INSERT, MERGE and COPY by roles that may write some columns: the defaults of the others are PostgreSQL's to write.  As on one table.
\set SHOW_CONTEXT never
SET client_min_messages TO warning;
SET citus.shard_count TO 4;
CREATE ROLE rights_inserts_some LOGIN;   -- writes k and w, reads nothing
CREATE ROLE rights_inserts_reads LOGIN;  -- reads k, too
CREATE ROLE rights_inserts_all LOGIN;
CREATE SCHEMA rights_inserts;
SET search_path TO rights_inserts;
GRANT USAGE ON SCHEMA rights_inserts TO public;
CREATE TABLE plain (k int, id int GENERATED ALWAYS AS IDENTITY, v int NOT NULL DEFAULT 3, w int CHECK (w < 100), g int GENERATED ALWAYS AS (w + 1) STORED,
  UNIQUE (k, w));
CREATE TABLE d (LIKE plain INCLUDING ALL);
CREATE TABLE r (LIKE plain INCLUDING ALL);
SELECT create_distributed_table('d', 'k'), create_reference_table('r');
GRANT INSERT (k, w) ON plain, d, r TO rights_inserts_some, rights_inserts_reads;
GRANT SELECT (k), UPDATE (w) ON plain, d, r TO rights_inserts_reads;
GRANT ALL ON plain, d, r TO rights_inserts_all;

-- What the statement, with the table's name for %I, does as the user: on a plain table, a distributed and a reference table.
CREATE FUNCTION did(statement text, as_user name) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  counted bigint;
  said text;
  detail text;
BEGIN
  EXECUTE format('SET LOCAL ROLE %I', as_user);
  BEGIN
    EXECUTE statement;
    GET DIAGNOSTICS counted = ROW_COUNT;
    said := counted || ' rows';
    RAISE EXCEPTION USING ERRCODE = 'U0001', MESSAGE = said;
  EXCEPTION WHEN others THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    said := CASE SQLSTATE WHEN 'U0001' THEN SQLERRM ELSE SQLSTATE || ' ' || SQLERRM END;
    -- with columns that the user may not read
    IF detail LIKE 'Failing row contains (%, 3, %' THEN said := said || ', and the row'; END IF;
  END;
  RESET ROLE;
  RETURN said;
END $$;
CREATE FUNCTION alike(statement text, VARIADIC users name[] = '{rights_inserts_some,rights_inserts_reads,rights_inserts_all}')
  RETURNS TABLE (as_user text, alike text, said text) LANGUAGE plpgsql AS $$
DECLARE
  name name;
  target text;
  here text;
BEGIN
  FOREACH name IN ARRAY users LOOP
    as_user := substr(name, 16);
    alike := '';
    FOREACH target IN ARRAY '{plain,d,r}'::text[] LOOP
      here := regexp_replace(rights_inserts.did(format(statement, target), name), '\m' || target || '(_k_w_key)?\M', 'plain\1', 'g');
      IF target = 'plain' THEN
        said := here;
      ELSE
        alike := alike || CASE WHEN here = said THEN 'yes ' ELSE here END;
      END IF;
    END LOOP;
    RETURN NEXT;
  END LOOP;
END $$;

SELECT * FROM alike('INSERT INTO %I (k, w) VALUES (1, 1)');
SELECT * FROM alike('INSERT INTO %I (k, w) VALUES (1, 1), (2, 2)');
SELECT * FROM alike('INSERT INTO %I (k, w) SELECT i, i FROM generate_series(1, 5) i');
SELECT * FROM alike('INSERT INTO %I (w) VALUES (1)');
SELECT * FROM alike('INSERT INTO %I (k, v) VALUES (1, 1)');
SELECT * FROM alike('INSERT INTO %I VALUES (1, DEFAULT, 1, 1)');
SELECT * FROM alike('INSERT INTO %I (k, w) VALUES (1, 100)');
SELECT * FROM alike('INSERT INTO %I (k, w) VALUES (5, 1), (1, 200)');
SELECT * FROM alike('INSERT INTO %I (k, w) VALUES (1, 1), (1, 1)');
SELECT * FROM alike('INSERT INTO %I (k, w) VALUES (1, 1) ON CONFLICT DO NOTHING');
SELECT * FROM alike('INSERT INTO %I (k, w) VALUES (1, 1), (1, 1) ON CONFLICT (k, w) DO NOTHING');
SELECT * FROM alike('INSERT INTO %I (k, w) VALUES (1, 1) RETURNING k');
SELECT * FROM alike('INSERT INTO %I (k, w) VALUES (1, 1) RETURNING v');
SELECT * FROM alike('MERGE INTO %I t USING (VALUES (1), (2)) s(a) ON t.k = s.a WHEN NOT MATCHED THEN INSERT (k, w) VALUES (s.a, 7)');
-- under row security
ALTER TABLE plain ENABLE ROW LEVEL SECURITY;
ALTER TABLE d ENABLE ROW LEVEL SECURITY;
ALTER TABLE r ENABLE ROW LEVEL SECURITY;
CREATE POLICY adds ON plain FOR INSERT WITH CHECK (w < 50 AND v = 3);
CREATE POLICY adds ON d FOR INSERT WITH CHECK (w < 50 AND v = 3);
CREATE POLICY adds ON r FOR INSERT WITH CHECK (w < 50 AND v = 3);
SELECT * FROM alike('INSERT INTO %I (k, w) VALUES (1, 1)');
SELECT * FROM alike('INSERT INTO %I (k, w) VALUES (1, 60)');
SELECT * FROM alike('INSERT INTO %I (k, w) SELECT i, i * 20 FROM generate_series(1, 2) i');
SELECT * FROM alike('INSERT INTO %I (k, w) SELECT i, i * 20 FROM generate_series(1, 3) i');
ALTER TABLE plain DISABLE ROW LEVEL SECURITY;
ALTER TABLE d DISABLE ROW LEVEL SECURITY;
ALTER TABLE r DISABLE ROW LEVEL SECURITY;

-- COPY
SET ROLE rights_inserts_some;
COPY plain (k, w) FROM STDIN;
1	1
2	2
\.
COPY d (k, w) FROM STDIN;
1	1
2	2
\.
COPY r (k, w) FROM STDIN;
1	1
2	2
\.
COPY d (k, w) FROM STDIN;
3	100
\.
COPY d (k, v) FROM STDIN;
\.
RESET ROLE;
SELECT k, v, w, g FROM plain ORDER BY k;
SELECT k, v, w, g FROM d ORDER BY k;
SELECT k, v, w, g FROM r ORDER BY k;
DROP SCHEMA rights_inserts CASCADE;
DROP ROLE rights_inserts_some, rights_inserts_reads, rights_inserts_all;
