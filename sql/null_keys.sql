-- Rows whose distribution column is null lie together in one shard and are found like all others.
CREATE SCHEMA null_keys;
SET search_path TO null_keys;
SET citus.shard_count TO 4;

CREATE TABLE t (k int, v text);
INSERT INTO t VALUES (NULL, 'before'), (1, 'before');
SELECT create_distributed_table('t', 'k', colocate_with => 'none');  -- other tests' tables go while it is split
CREATE TABLE o (k int, w int);
SELECT create_distributed_table('o', 'k', colocate_with => 't');

-- Every way in.
INSERT INTO t VALUES (NULL, 'one row');
INSERT INTO t (v) VALUES ('no column');
INSERT INTO t (v) VALUES ('no column, two rows'), ('second');
INSERT INTO t VALUES (2, 'two'), (NULL, 'of two rows');
INSERT INTO t SELECT nullif(g, 2), 'selected' FROM generate_series(2, 3) g;
INSERT INTO t SELECT k, 'copied' FROM t WHERE v = 'one row';
COPY t FROM stdin;
\N	by COPY
4	by COPY
\.
PREPARE put(int, text) AS INSERT INTO t VALUES ($1, $2) RETURNING *;
EXECUTE put(NULL, 'prepared');
EXECUTE put(5, 'prepared');
INSERT INTO t VALUES (6, 'becomes null');
UPDATE t SET k = NULL WHERE k = 6;
WITH put AS (INSERT INTO t (v) VALUES ('in WITH') RETURNING k, v) SELECT * FROM put;
MERGE INTO t USING (VALUES (NULL::int, 'merged'), (1, 'merged')) s(k, v) ON t.k = s.k
  WHEN MATCHED THEN UPDATE SET v = s.v WHEN NOT MATCHED THEN INSERT VALUES (s.k, s.v);
SELECT * FROM t ORDER BY k, v;

-- They lie in one shard, which is that of other tables of the colocation group, too.
INSERT INTO o VALUES (NULL, 1), (NULL, 2), (1, 3), (7, 4);
SELECT count(*) FROM (SELECT DISTINCT result FROM run_command_on_shards('t', 'SELECT count(*) FROM %s WHERE k IS NULL')) s;
SELECT count(*) FROM run_command_on_shards('t', 'SELECT count(*) FROM %s WHERE k IS NULL') WHERE result <> '0';

-- Grouped, joined, compared.
SELECT k, count(*) FROM t GROUP BY k ORDER BY k;
SELECT count(*), count(k), count(DISTINCT k) FROM t;
SELECT DISTINCT k FROM t ORDER BY k;
SELECT k, row_number() OVER (PARTITION BY k ORDER BY v) FROM t WHERE v LIKE 'no%' ORDER BY 2;
SELECT count(*) FROM t JOIN o USING (k);
SELECT count(*) FROM t LEFT JOIN o ON t.k = o.k;
SELECT count(*) FROM t FULL JOIN o ON t.k = o.k;
SELECT count(*) FROM t JOIN o ON t.k IS NOT DISTINCT FROM o.k;
SELECT k FROM t UNION SELECT k FROM o ORDER BY 1;
SELECT k FROM t INTERSECT SELECT k FROM o ORDER BY 1;
SELECT k FROM o EXCEPT SELECT k FROM t ORDER BY 1;
SELECT count(*) FROM t WHERE k = NULL;
SELECT count(*) FROM t WHERE k IS NULL AND v = 'one row';
PREPARE get(int) AS SELECT count(*) FROM t WHERE k = $1;
EXECUTE get(NULL);
EXECUTE get(1);

-- IN: null is neither yes nor no, and one null makes it so for every row.
SELECT count(*) FROM t WHERE k IN (SELECT k FROM o);
SELECT count(*) FROM t WHERE k NOT IN (SELECT k FROM o);
SELECT count(*) FROM t WHERE NOT (k = ANY (SELECT k FROM o WHERE w = 2));
SELECT DISTINCT k, k IN (SELECT k FROM o) FROM t ORDER BY k;
SELECT count(*) FROM t WHERE (k IN (SELECT k FROM o)) IS NULL;
SELECT count(*) FROM t WHERE NOT EXISTS (SELECT FROM o WHERE o.k = t.k);
DELETE FROM t WHERE k NOT IN (SELECT k FROM o);
UPDATE t SET v = 'found' WHERE k IS NULL AND v = 'one row';
DELETE FROM t WHERE k IS NULL AND v <> 'found';
SELECT * FROM t WHERE k IS NULL;
UPDATE t SET k = 8 WHERE k IS NULL;
SELECT * FROM t WHERE k = 8;

-- Constraints: NOT NULL and domains are PostgreSQL's, nulls are not equal.
CREATE DOMAIN filled AS int NOT NULL;
CREATE TABLE strict (k int NOT NULL, v int UNIQUE DEFERRABLE);
CREATE TABLE domained (k filled, v int);
CREATE TABLE uniquely (k int UNIQUE, v int);
SELECT create_distributed_table('domained', 'k');
SELECT create_distributed_table('uniquely', 'k');
ALTER TABLE strict DROP CONSTRAINT strict_v_key;
SELECT create_distributed_table('strict', 'k');
\set SHOW_CONTEXT never
INSERT INTO strict (v) VALUES (1);
INSERT INTO domained (v) VALUES (1);
INSERT INTO uniquely VALUES (NULL, 1), (NULL, 2), (1, 3);
INSERT INTO uniquely VALUES (NULL, 3), (1, 4) ON CONFLICT (k) DO UPDATE SET v = excluded.v;
SELECT * FROM uniquely ORDER BY k, v;

-- A trigger changes the row, not its place.
CREATE FUNCTION mark() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.v := coalesce(NEW.v, 0) + 1000; RETURN NEW; END $$;
CREATE TRIGGER mark BEFORE INSERT ON uniquely FOR EACH ROW EXECUTE FUNCTION mark();
INSERT INTO uniquely (v) VALUES (5);
SELECT v FROM uniquely WHERE k IS NULL AND v > 1000;

-- They move with their shard, and go to one of its parts when it is split.
INSERT INTO o SELECT NULL, g FROM generate_series(11, 20) g;
SELECT citus_split_shard_by_split_points(s.shardid, ARRAY[shardminvalue::int + 100000, shardminvalue::int + 200000]::text[],
    ARRAY[p.nodeid, p.nodeid, p.nodeid], 'block_writes') IS NOT NULL
  FROM pg_dist_shard s JOIN (SELECT shardid, nodeid FROM pg_dist_placement JOIN pg_dist_node USING (groupid)) p USING (shardid)
  WHERE logicalrelid = 'o'::regclass AND 0 BETWEEN shardminvalue::int AND shardmaxvalue::int;
SELECT count(*), count(k) FROM o;
SELECT count(*) FROM run_command_on_shards('o', 'SELECT count(*) FROM %s WHERE k IS NULL') WHERE result <> '0';
INSERT INTO o VALUES (NULL, 21);
SELECT count(*) FROM o WHERE k IS NULL;
SELECT k, count(*) FROM o GROUP BY k ORDER BY k;
SET client_min_messages TO warning;
CALL citus_cleanup_orphaned_resources();
RESET client_min_messages;
SELECT undistribute_table('o');
SELECT count(*) FROM o WHERE k IS NULL;

DROP SCHEMA null_keys CASCADE;
