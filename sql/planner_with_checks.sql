-- Foreign keys and deferrable unique constraints are checked when the user's statement ends, whatever statements of nodes it takes.  Each
-- statement does what it does to plain tables, which stay as it leaves them.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA with_checks;
CREATE SCHEMA with_checks_plain;
SET citus.shard_count = 4;
CREATE FUNCTION with_checks.make(schema text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('search_path', schema, true);
  CREATE TABLE parents (k int PRIMARY KEY, v int);
  CREATE TABLE children (k int REFERENCES parents, w int);
  CREATE TABLE late (k int REFERENCES parents DEFERRABLE, w int);
  CREATE TABLE heirs (k int, id int, PRIMARY KEY (k, id));
  CREATE TABLE dependents (k int, id int, FOREIGN KEY (k, id) REFERENCES heirs ON DELETE CASCADE ON UPDATE NO ACTION);
  CREATE TABLE tree (k int, id int, parent int, PRIMARY KEY (k, id), FOREIGN KEY (k, parent) REFERENCES tree (k, id));
  CREATE INDEX ON tree (k, parent);
  CREATE TABLE numbered (k int, n int, UNIQUE (k, n) DEFERRABLE);
  CREATE TABLE codes (x int PRIMARY KEY, y int);
  CREATE TABLE users (k int, x int REFERENCES codes);
  CREATE TABLE followers (k int, x int REFERENCES codes ON DELETE CASCADE ON UPDATE CASCADE);
  CREATE TABLE chain (x int PRIMARY KEY, next int REFERENCES chain);
  CREATE TABLE here (x int REFERENCES codes);
  CREATE TABLE parts (k int, ts int, w int, PRIMARY KEY (k, ts), FOREIGN KEY (k) REFERENCES parents) PARTITION BY RANGE (ts);
  CREATE TABLE parts1 PARTITION OF parts FOR VALUES FROM (0) TO (10);
  CREATE TABLE parts2 PARTITION OF parts FOR VALUES FROM (10) TO (20);
  CREATE TABLE of_parts (k int, ts int, FOREIGN KEY (k, ts) REFERENCES parts ON DELETE CASCADE);
  CREATE TABLE log (n serial, what text);
END $$;
SELECT with_checks.make('with_checks_plain');
SELECT with_checks.make('with_checks');
SET search_path = with_checks;
SELECT create_distributed_table('parents', 'k'), create_distributed_table('children', 'k'), create_distributed_table('late', 'k');
SELECT create_distributed_table('heirs', 'k'), create_distributed_table('dependents', 'k'), create_distributed_table('tree', 'k');
SELECT create_distributed_table('numbered', 'k'), create_reference_table('codes'), create_reference_table('chain');
SELECT create_distributed_table('users', 'k'), create_distributed_table('followers', 'k');
SELECT create_distributed_table('parts', 'k'), create_distributed_table('of_parts', 'k');
ALTER TABLE here ADD FOREIGN KEY (x) REFERENCES codes;

CREATE FUNCTION outcome(statement text, path text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  result text := '';
  line record;
  name text;
  detail text;
BEGIN
  PERFORM set_config('search_path', path || ', with_checks', true);
  BEGIN
    EXECUTE statement;
    GET DIAGNOSTICS result = ROW_COUNT;
  EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    result := sqlstate || ' ' || sqlerrm || ' ' || detail;
  END;
  FOREACH name IN ARRAY ARRAY['parents', 'children', 'late', 'heirs', 'dependents', 'tree', 'numbered', 'codes', 'users', 'followers',
                              'chain', 'here', 'parts', 'of_parts'] LOOP
    FOR line IN EXECUTE format('SELECT count(*), md5(string_agg(t::text, '','' ORDER BY t::text)) FROM %I.%I t', path, name) LOOP
      result := result || E'\t' || name || line::text;
    END LOOP;
  END LOOP;
  RETURN result;
END $$;
CREATE FUNCTION alike(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  plain text := outcome(statement, 'with_checks_plain');
  clustered text := outcome(statement, 'with_checks');
BEGIN
  RETURN CASE WHEN plain = clustered THEN 'same: ' || split_part(plain, E'\t', 1)
              ELSE format(E'plain: %s\nclustered: %s', plain, clustered) END;
END $$;
\pset format unaligned
\pset tuples_only on

SELECT alike('INSERT INTO parents SELECT i, i FROM generate_series(1, 20) i RETURNING k');
SELECT alike('INSERT INTO children SELECT i, i FROM generate_series(1, 10) i');
SELECT alike('INSERT INTO late SELECT i, i FROM generate_series(11, 12) i');
SELECT alike('INSERT INTO codes SELECT i, i FROM generate_series(1, 20) i');
SELECT alike('INSERT INTO users SELECT i, i FROM generate_series(1, 10) i');
SELECT alike('INSERT INTO followers SELECT i, 10 + i FROM generate_series(1, 10) i');
SELECT alike('INSERT INTO heirs SELECT i, i FROM generate_series(1, 6) i');
SELECT alike('INSERT INTO dependents SELECT i, i FROM generate_series(1, 4) i');
SELECT alike('INSERT INTO here VALUES (1), (18)');

-- A key that is handed on.
SELECT alike('WITH a AS (DELETE FROM parents WHERE k = 1 RETURNING *) INSERT INTO parents SELECT k, v + 100 FROM a RETURNING *');
SELECT alike('WITH a AS (DELETE FROM parents WHERE k < 5 RETURNING *) INSERT INTO parents SELECT k, v + 100 FROM a');
SELECT alike('WITH a AS (DELETE FROM parents WHERE k = 1 RETURNING k), b AS (INSERT INTO parents SELECT k, 7 FROM a RETURNING *) TABLE b');
SELECT alike('WITH a AS (DELETE FROM codes WHERE x = 1 RETURNING *) INSERT INTO codes SELECT x, y + 100 FROM a');
SELECT alike('WITH a AS (DELETE FROM parents WHERE k = 1 RETURNING *) INSERT INTO parents SELECT k + 1000, v FROM a');
-- What refers to it, and it, come and go together, in whatever order.
SELECT alike('WITH a AS (INSERT INTO parents VALUES (100)), b AS (INSERT INTO children VALUES (100)) SELECT 1');
SELECT alike('WITH b AS (INSERT INTO children VALUES (101)), a AS (INSERT INTO parents VALUES (101)) SELECT 1');
SELECT alike('WITH b AS (INSERT INTO children VALUES (102)) INSERT INTO parents VALUES (102)');
SELECT alike('WITH b AS (INSERT INTO children VALUES (103)) INSERT INTO parents VALUES (104)');
SELECT alike('WITH b AS (INSERT INTO children SELECT generate_series(200, 210) RETURNING k) INSERT INTO parents SELECT k FROM b');
SELECT alike('WITH b AS (INSERT INTO users VALUES (5, 101)) INSERT INTO codes VALUES (101)');
SELECT alike('WITH b AS (INSERT INTO users SELECT i, 200 + i FROM generate_series(1, 10) i RETURNING x) INSERT INTO codes SELECT x FROM b');
SELECT alike('WITH b AS (INSERT INTO users VALUES (5, 102)) INSERT INTO codes VALUES (103)');
SELECT alike('WITH b AS (INSERT INTO here VALUES (301) RETURNING x) INSERT INTO codes SELECT x FROM b');
SELECT alike('WITH b AS (DELETE FROM codes WHERE x = 3) DELETE FROM users WHERE x = 3');
SELECT alike('WITH b AS (DELETE FROM codes WHERE x = 301 RETURNING x) DELETE FROM here USING b WHERE here.x = b.x');
SELECT alike('WITH b AS (DELETE FROM codes WHERE x = 18) DELETE FROM users WHERE x = 18');
SELECT alike('WITH b AS (DELETE FROM parents WHERE k = 6) DELETE FROM children WHERE k = 6');
SELECT alike('WITH b AS (DELETE FROM parents WHERE k IN (7, 8) RETURNING k) DELETE FROM children USING b WHERE children.k = b.k');
SELECT alike('WITH b AS (DELETE FROM parents WHERE k = 9) DELETE FROM children WHERE k = 10');
SELECT alike('WITH b AS (UPDATE codes SET x = x + 500 WHERE x = 4) UPDATE users SET x = x + 500 WHERE x = 4');
-- Actions are done when all parts have run.
SELECT alike('WITH a AS (DELETE FROM heirs WHERE k = 1), b AS (INSERT INTO dependents VALUES (2, 2), (2, 2)) SELECT 1');
SELECT alike('WITH a AS (UPDATE codes SET x = 600 WHERE x = 12) INSERT INTO followers VALUES (7, 600)');
-- Rows that go to other shards.
SELECT alike('UPDATE parents SET k = k + 1 WHERE k = 20');
SELECT alike('UPDATE parents SET k = k + 1 WHERE k = 10');
SELECT alike('UPDATE heirs SET k = k + 10 WHERE k = 2');
SELECT alike('WITH a AS (UPDATE parents SET k = 300 WHERE k = 5) UPDATE children SET k = 300 WHERE k = 5');
SELECT alike('WITH a AS (UPDATE children SET k = 301 WHERE k = 300) UPDATE parents SET k = 301 WHERE k = 300');
-- Rows that come in several messages.
SELECT alike('INSERT INTO tree SELECT i % 3, i, CASE WHEN i < 3999 THEN i + 3 END FROM generate_series(1, 4000) i');
SELECT alike('INSERT INTO tree SELECT i % 3, i, CASE WHEN i < 3998 THEN i + 3 END FROM generate_series(1, 4000) i');
SELECT alike('UPDATE tree SET id = id + 1, parent = parent + 1 FROM (SELECT generate_series(0, 2) s) s WHERE k = s');
SELECT alike('DELETE FROM tree USING (SELECT generate_series(0, 2) s OFFSET 0) s WHERE k = s AND id < 3000');
SELECT alike('DELETE FROM tree USING (SELECT generate_series(0, 2) s OFFSET 0) s WHERE k = s AND id = 3500');
SELECT alike('INSERT INTO chain SELECT i, nullif(i + 1, 3001) FROM generate_series(1, 3000) i');
SELECT alike('UPDATE chain SET x = x + 10000, next = next + 10000');
SELECT alike('DELETE FROM chain WHERE x % 2 = 0');
SELECT alike('DELETE FROM chain');
SELECT alike('INSERT INTO numbered SELECT i % 3, i FROM generate_series(1, 4000) i');
SELECT alike('UPDATE numbered SET n = n + 3 FROM (SELECT generate_series(0, 2) s) s WHERE k = s');
SELECT alike('WITH a AS (UPDATE numbered SET n = n + 3 WHERE k = 0 AND n <= 30) UPDATE numbered SET n = n - 30 WHERE k = 0 AND n BETWEEN 31 AND 33');
SELECT alike('WITH a AS (UPDATE numbered SET n = n + 3 WHERE k = 0 AND n = 9) INSERT INTO numbered VALUES (0, 9)');
SELECT alike('WITH a AS (INSERT INTO numbered VALUES (0, 9)) INSERT INTO numbered VALUES (0, 9)');

-- Partitions.
SELECT alike('WITH b AS (INSERT INTO parts VALUES (500, 5), (500, 15)) INSERT INTO parents VALUES (500)');
SELECT alike('WITH b AS (INSERT INTO parts SELECT i, i % 20 FROM generate_series(510, 530) i RETURNING k) INSERT INTO parents SELECT k FROM b');
SELECT alike('WITH b AS (INSERT INTO parts VALUES (501, 5)) INSERT INTO parents VALUES (502)');
SELECT alike('WITH b AS (INSERT INTO of_parts VALUES (510, 3)) INSERT INTO parts VALUES (510, 3)');
SELECT alike('INSERT INTO of_parts VALUES (500, 5), (500, 15), (511, 11)');
SELECT alike('WITH b AS (DELETE FROM parents WHERE k = 530) DELETE FROM parts WHERE k = 530');
SELECT alike('WITH b AS (DELETE FROM parents WHERE k = 529) DELETE FROM parts WHERE k = 528');
SELECT alike('WITH b AS (DELETE FROM parts WHERE k = 500 RETURNING k) INSERT INTO parents SELECT k + 100 FROM b');
SELECT alike('WITH b AS (DELETE FROM parts WHERE k = 511 RETURNING *) INSERT INTO of_parts SELECT k, ts FROM b');
SELECT alike('UPDATE parts SET k = 528, ts = 19 - ts WHERE k = 527');
-- To the user an UPDATE: nothing is deleted.
SELECT outcome('UPDATE parts SET k = 529 WHERE k = 510 AND ts = 3', 'with_checks') ~ '^23503 update or delete on table "parts1" violates';

-- A function that one of them calls is a statement of its own, with an end of its own.
CREATE FUNCTION add_child(key int) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO children VALUES (key);
  RETURN key;
EXCEPTION WHEN foreign_key_violation THEN
  RETURN -key;
END $$;
CREATE FUNCTION add_children(key int) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
  WITH a AS (INSERT INTO children VALUES (key)) INSERT INTO children VALUES (key + 1);
  RETURN key;
EXCEPTION WHEN foreign_key_violation THEN
  RETURN -key;
END $$;
SELECT alike('WITH a AS (INSERT INTO parents SELECT i, add_child(100) FROM generate_series(402, 403) i RETURNING *), b AS (INSERT INTO children VALUES (403)) TABLE a');
SELECT alike('WITH a AS (INSERT INTO parents SELECT i, add_children(404) FROM generate_series(404, 405) i RETURNING *), b AS (INSERT INTO children VALUES (404)) TABLE a');
SELECT alike('WITH a AS (INSERT INTO parents SELECT i, add_children(100) FROM generate_series(406, 407) i RETURNING *), b AS (INSERT INTO children VALUES (407)) TABLE a');

-- One modification takes several statements, of one node or of several: what fails for a row comes before what is checked at the end.
CREATE FUNCTION with_checks.make_pairs(schema text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('search_path', schema, true);
  CREATE TABLE owners (k int, x int, PRIMARY KEY (k, x));
  CREATE TABLE goods (k int, x int, w int NOT NULL CHECK (w > 0), ts int, UNIQUE (k, w, ts), FOREIGN KEY (k, x) REFERENCES owners);
  CREATE TABLE parted (k int, x int, w int NOT NULL CHECK (w > 0), ts int, UNIQUE (k, w, ts), FOREIGN KEY (k, x) REFERENCES owners) PARTITION BY RANGE (ts);
  CREATE TABLE parted1 PARTITION OF parted FOR VALUES FROM (0) TO (10);
  CREATE TABLE parted2 PARTITION OF parted FOR VALUES FROM (10) TO (20);
  INSERT INTO owners SELECT i, i FROM generate_series(1, 12) i;
END $$;
SELECT with_checks.make_pairs('with_checks_plain');
SELECT with_checks.make_pairs('with_checks');
SELECT create_distributed_table('owners', 'k'), create_distributed_table('goods', 'k'), create_distributed_table('parted', 'k');
INSERT INTO goods SELECT i, i, i, i FROM generate_series(1, 8) i;
INSERT INTO parted SELECT i, i, i, i * 2 FROM generate_series(1, 8) i;
INSERT INTO with_checks_plain.goods SELECT i, i, i, i FROM generate_series(1, 8) i;
INSERT INTO with_checks_plain.parted SELECT i, i, i, i * 2 FROM generate_series(1, 8) i;
CREATE FUNCTION code(statement text, path text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('search_path', path || ', with_checks', true);
  EXECUTE statement;
  RAISE EXCEPTION USING ERRCODE = 'ALTUN';
EXCEPTION WHEN OTHERS THEN RETURN sqlstate;
END $$;
-- For each two keys: {a} breaks the foreign key, {b} something else.
CREATE FUNCTION codes_of(statement text) RETURNS text LANGUAGE sql AS $$
  SELECT string_agg(DISTINCT plain, ' ') || coalesce(' but ' || string_agg(DISTINCT clustered, ' ') FILTER (WHERE clustered <> plain), '')
  FROM generate_series(1, 8) a, generate_series(1, 8) b,
    LATERAL (SELECT replace(replace(statement, '{a}', a::text), '{b}', b::text) AS s) text,
    LATERAL (SELECT code(s, 'with_checks') AS clustered, code(s, 'with_checks_plain') AS plain) codes WHERE a <> b $$;
SELECT statement, codes_of(statement) FROM unnest(ARRAY[
  'INSERT INTO goods VALUES ({a}, 99, 1, 50), ({b}, {b}, 0, 50)',
  'INSERT INTO goods VALUES ({a}, 99, 1, 50), ({b}, {b}, NULL, 50)',
  'INSERT INTO goods VALUES ({a}, 99, 1, 50), ({b}, {b}, {b}, {b})',
  'INSERT INTO goods VALUES ({a}, 99, 1, 50), ({b}, {b}, 1, 50)',
  'INSERT INTO goods SELECT k, CASE WHEN k = {a} THEN 99 ELSE k END, CASE WHEN k = {b} THEN 0 ELSE 1 END, 60 FROM owners',
  'INSERT INTO goods SELECT * FROM (VALUES ({a}, 99, 1, 50), ({b}, {b}, 5, 50), ({b}, {b}, 5, 50)) v ON CONFLICT (k, w, ts) DO UPDATE SET x = 1',
  'UPDATE goods SET x = CASE WHEN k = {a} THEN 99 ELSE x END, w = CASE WHEN k = {b} THEN 0 ELSE w END',
  'UPDATE goods SET x = CASE WHEN k = {a} THEN 99 ELSE x END, w = 1 + abs(w / (k - {b}))',
  'UPDATE goods SET x = CASE WHEN goods.k = {a} THEN 99 ELSE goods.x END, w = 1 + abs(goods.w / (goods.k - {b})) FROM parted p WHERE p.w = goods.w',
  'DELETE FROM owners WHERE 1 / (k - {b}) <= 1',
  'MERGE INTO goods g USING owners o ON g.k = o.k WHEN MATCHED THEN UPDATE SET x = CASE WHEN g.k = {a} THEN 99 ELSE g.x END, w = CASE WHEN g.k = {b} THEN 0 ELSE g.w END',
  'INSERT INTO parted VALUES ({a}, 99, 1, 5), ({b}, {b}, 0, 15)',
  'UPDATE parted SET x = CASE WHEN k = {a} THEN 99 ELSE x END, w = CASE WHEN k = {b} THEN 0 ELSE w END',
  'MERGE INTO parted g USING owners o ON g.k = o.k WHEN MATCHED THEN UPDATE SET x = CASE WHEN g.k = {a} THEN 99 ELSE g.x END, w = CASE WHEN g.k = {b} THEN 0 ELSE g.w END'
]) WITH ORDINALITY s (statement, number) ORDER BY number;
-- Rows that stay in their partition are checked when the user's statement ends.
SELECT code(statement, 'with_checks') = code(statement, 'with_checks_plain'), code(statement, 'with_checks') FROM unnest(ARRAY[
  'WITH a AS (UPDATE parted SET x = 50 WHERE k = 3) INSERT INTO owners VALUES (3, 50)', 'WITH a AS (UPDATE parted SET x = 50 WHERE k = 3) INSERT INTO owners VALUES (3, 51)',
  'WITH a AS (DELETE FROM owners WHERE k = 12) UPDATE parted SET x = x WHERE k = 1', 'WITH a AS (UPDATE parted SET x = x + 50 WHERE k < 5 RETURNING k, x) INSERT INTO owners SELECT * FROM a'
]) WITH ORDINALITY s (statement, number) ORDER BY number;

-- COPY is one statement, however long.
SET search_path = with_checks;
DELETE FROM tree;
COPY tree FROM PROGRAM $$seq 30000 | awk '{ print 0, $1, $1 < 30000 ? $1 + 1 : "-" }'$$ (DELIMITER ' ', NULL '-');
COPY chain FROM PROGRAM $$seq 30000 | awk '{ print $1, $1 < 30000 ? $1 + 1 : "-" }'$$ (DELIMITER ' ', NULL '-');
SELECT count(*) FROM tree UNION ALL SELECT count(*) FROM chain;

-- In transactions, with savepoints, and constraints that wait.
BEGIN;
SET CONSTRAINTS ALL DEFERRED;
WITH a AS (DELETE FROM parents WHERE k = 11 RETURNING k) INSERT INTO late SELECT k FROM a;
SAVEPOINT s;
WITH a AS (DELETE FROM parents WHERE k = 9 RETURNING k) INSERT INTO late SELECT k FROM a;
ROLLBACK TO s;
SET CONSTRAINTS ALL IMMEDIATE;
ROLLBACK;
BEGIN;
SET CONSTRAINTS ALL DEFERRED;
WITH a AS (DELETE FROM parents WHERE k = 11 RETURNING k) INSERT INTO late SELECT k FROM a;
INSERT INTO parents VALUES (11);
COMMIT;
SELECT count(*) FROM late;
PREPARE hand_on (int) AS WITH a AS (DELETE FROM parents WHERE k = $1 RETURNING *) INSERT INTO parents SELECT k, v + 1000 FROM a;
EXECUTE hand_on (11);
EXECUTE hand_on (12);
SELECT k, v FROM parents WHERE k IN (11, 12) ORDER BY k;
DO $$ BEGIN EXECUTE 'EXPLAIN ANALYZE WITH a AS (DELETE FROM children WHERE k = 100) DELETE FROM parents WHERE k = 100'; END $$;
SELECT count(*) FROM parents WHERE k = 100;

-- Triggers of all parts fire when the statement ends; those of rows that an action has changed, too.
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO with_checks.log (what) VALUES (format('%s %s %s %s', TG_TABLE_NAME, TG_WHEN, TG_OP, TG_LEVEL) ||
    CASE WHEN TG_LEVEL = 'ROW' THEN ' ' || coalesce(OLD::text, '') || coalesce(NEW::text, '') ELSE '' END);
  RETURN NULL;
END $$;
CREATE TRIGGER rows AFTER INSERT OR DELETE OR UPDATE ON dependents FOR EACH ROW EXECUTE FUNCTION note();
CREATE TRIGGER statements AFTER INSERT OR DELETE OR UPDATE ON dependents FOR EACH STATEMENT EXECUTE FUNCTION note();
CREATE TRIGGER before BEFORE INSERT OR DELETE OR UPDATE ON heirs FOR EACH STATEMENT EXECUTE FUNCTION note();
CREATE TRIGGER rows AFTER INSERT OR DELETE OR UPDATE ON heirs FOR EACH ROW EXECUTE FUNCTION note();
WITH a AS (DELETE FROM heirs WHERE k = 3 RETURNING *), b AS (INSERT INTO heirs SELECT k + 30, id FROM a RETURNING *) SELECT count(*) FROM b;
SELECT what FROM log ORDER BY n;
TRUNCATE log;
CREATE FUNCTION quietly(what int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN INSERT INTO log (what) VALUES ('computed ' || what); RETURN what; END $$;
WITH a AS (INSERT INTO heirs SELECT i, i FROM generate_series(50, 50) i RETURNING k), b AS (INSERT INTO dependents SELECT quietly(k), k FROM a RETURNING k)
  SELECT count(*) FROM a, b;
SELECT what FROM log ORDER BY n;

DROP SCHEMA with_checks CASCADE;
DROP SCHEMA with_checks_plain CASCADE;
