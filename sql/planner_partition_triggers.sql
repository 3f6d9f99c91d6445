-- Row triggers that a partition has for itself count as the table's: what is decided before a row is written can't know what they
-- make of it.  The statements run on a plain table, too.
CREATE SCHEMA planner_partition_triggers;
SET client_min_messages TO warning;
SET search_path = planner_partition_triggers;
CREATE FUNCTION cap() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.v := 1000; RETURN NEW; END $$;
CREATE FUNCTION roll() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.v := (random() * 1e9)::int; RETURN NEW; END $$;
CREATE TABLE t (k int, d int, v int) PARTITION BY RANGE (d);
CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (10);
CREATE TABLE t2 PARTITION OF t FOR VALUES FROM (10) TO (30) PARTITION BY RANGE (d);
CREATE TABLE t21 PARTITION OF t2 FOR VALUES FROM (10) TO (20);
CREATE TABLE plain (k int, d int, v int) PARTITION BY RANGE (d);
CREATE TABLE plain1 PARTITION OF plain FOR VALUES FROM (0) TO (10);
CREATE TABLE plain2 PARTITION OF plain FOR VALUES FROM (10) TO (30) PARTITION BY RANGE (d);
CREATE TABLE plain21 PARTITION OF plain2 FOR VALUES FROM (10) TO (20);
SELECT create_distributed_table('t', 'k');
CREATE VIEW small AS SELECT * FROM t WHERE v < 100 WITH CHECK OPTION;
CREATE VIEW plain_small AS SELECT * FROM plain WHERE v < 100 WITH CHECK OPTION;

-- Without triggers RETURNING's subqueries are computed before the rows are changed, of a partitioned table, too.
INSERT INTO t SELECT i, i, i % 3 FROM generate_series(0, 19) i;
INSERT INTO plain SELECT i, i, i % 3 FROM generate_series(0, 19) i;
WITH c AS (UPDATE t SET v = v + 1 WHERE d < 12 RETURNING k, v, (SELECT count(*) FROM t o WHERE o.v = t.v) AS n) SELECT * FROM c ORDER BY k;
WITH c AS (UPDATE plain SET v = v + 1 WHERE d < 12 RETURNING k, v, (SELECT count(*) FROM plain o WHERE o.v = plain.v) AS n)
SELECT * FROM c ORDER BY k;
WITH c AS (INSERT INTO t VALUES (20, 5, 1) RETURNING (SELECT count(*) FROM t o WHERE o.v = t.v) AS n) SELECT * FROM c;
WITH c AS (INSERT INTO plain VALUES (20, 5, 1) RETURNING (SELECT count(*) FROM plain o WHERE o.v = plain.v) AS n) SELECT * FROM c;

-- A view's check is about the row that the trigger has left: refused, also by a plan that was there before the trigger.
SET plan_cache_mode = force_generic_plan;
PREPARE add(int) AS INSERT INTO small VALUES (30, $1, 3);
PREPARE plain_add(int) AS INSERT INTO plain_small VALUES (30, $1, 3);
EXECUTE add(12);
EXECUTE plain_add(12);
CREATE TRIGGER cap BEFORE INSERT OR UPDATE ON t21 FOR EACH ROW EXECUTE FUNCTION cap();
CREATE TRIGGER cap BEFORE INSERT OR UPDATE ON plain21 FOR EACH ROW EXECUTE FUNCTION cap();
EXECUTE add(12);
EXECUTE plain_add(12);
INSERT INTO small VALUES (31, 15, 5);
INSERT INTO plain_small VALUES (31, 15, 5);
UPDATE small SET v = 7 WHERE k = 15;
UPDATE plain_small SET v = 7 WHERE k = 15;
WITH c AS (UPDATE t SET v = 1 WHERE d = 14 RETURNING (SELECT count(*) FROM t o WHERE o.v = t.v) AS n) SELECT * FROM c;
ALTER TABLE t21 DISABLE TRIGGER cap;
ALTER TABLE plain21 DISABLE TRIGGER cap;
EXECUTE add(12);
EXECUTE plain_add(12);
ALTER TABLE t21 ENABLE TRIGGER cap;
EXECUTE add(12);
DROP TRIGGER cap ON t21;
DROP TRIGGER cap ON plain21;
EXECUTE add(12);
EXECUTE plain_add(12);
SELECT count(*) FROM (TABLE t EXCEPT ALL TABLE plain) a;
SELECT count(*) FROM (TABLE plain EXCEPT ALL TABLE t) b;

-- Writers of a partitioned reference table have all copies for themselves; what its copies can't each compute is refused.
CREATE TABLE r (k int, d int, v int) PARTITION BY RANGE (d);
CREATE TABLE r1 PARTITION OF r FOR VALUES FROM (0) TO (10);
CREATE TABLE r2 PARTITION OF r FOR VALUES FROM (10) TO (20);
CREATE TABLE plain_r (k int, d int, v int);
SELECT create_reference_table('r');
CREATE FUNCTION same(name text) RETURNS TABLE (copies bigint, different bigint) LANGUAGE sql AS $$
SELECT count(*), count(DISTINCT result)
FROM run_command_on_all_nodes(format('SELECT array_agg(t ORDER BY t) FROM planner_partition_triggers.%I t', name)) WHERE result <> '' $$;
INSERT INTO r SELECT i, i, i % 4 FROM generate_series(0, 9) i;
INSERT INTO plain_r SELECT i, i, i % 4 FROM generate_series(0, 9) i;
UPDATE r SET d = d + 10, v = v + 1 WHERE v < 2;
UPDATE plain_r SET d = d + 10, v = v + 1 WHERE v < 2;
UPDATE r SET v = (SELECT max(k) FROM r) WHERE d = 12;
UPDATE plain_r SET v = (SELECT max(k) FROM plain_r) WHERE d = 12;
DELETE FROM r WHERE v = 3;
DELETE FROM plain_r WHERE v = 3;
COPY r FROM STDIN;
7	7	7
\.
COPY plain_r FROM STDIN;
7	7	7
\.
(TABLE r EXCEPT ALL TABLE plain_r) UNION ALL (TABLE plain_r EXCEPT ALL TABLE r);
SELECT * FROM same('r');
BEGIN ISOLATION LEVEL REPEATABLE READ;
UPDATE r SET v = 1;
ROLLBACK;
CREATE TRIGGER roll BEFORE INSERT OR UPDATE ON r1 FOR EACH ROW EXECUTE FUNCTION roll();
INSERT INTO r VALUES (8, 8, 8);
UPDATE r SET v = 1;
COPY r FROM STDIN;
8	8	8
\.
DROP TRIGGER roll ON r1;
INSERT INTO r VALUES (8, 8, 8);
SELECT * FROM same('r');

-- What a trigger or a generated column makes of a line of COPY is made once, too.
CREATE TABLE c (k int GENERATED ALWAYS AS IDENTITY, v int, w int DEFAULT 7, gone int, g int GENERATED ALWAYS AS (v % 10) STORED);
ALTER TABLE c DROP COLUMN gone;
CREATE TRIGGER roll BEFORE INSERT ON c FOR EACH ROW EXECUTE FUNCTION roll();
CREATE TABLE log (event text, n bigint);
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN INSERT INTO log SELECT TG_OP || ' ' || TG_LEVEL, count(*) FROM fresh; RETURN NULL; END $$;
CREATE TRIGGER note AFTER INSERT ON c REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION note();
SELECT create_reference_table('c');
COPY c (k, v) FROM STDIN WHERE k < 30;
10	1
20	2
30	3
\.
COPY c (v, w) FROM STDIN;
4	8
5	9
\.
SELECT k, v BETWEEN 0 AND 1000000000 AS rolled, w, g = v % 10 AS right FROM c ORDER BY k;
SELECT * FROM same('c');
SELECT * FROM log;
CREATE ROLE planner_partition_triggers_writer;
GRANT USAGE ON SCHEMA planner_partition_triggers TO planner_partition_triggers_writer;
GRANT INSERT (v, w) ON c TO planner_partition_triggers_writer;
GRANT INSERT ON log TO planner_partition_triggers_writer;
SET ROLE planner_partition_triggers_writer;
COPY c (v) FROM STDIN;
6
\.
COPY c FROM STDIN;
\.
RESET ROLE;
SELECT count(*) FROM c;
SELECT * FROM same('c');
COPY c (v) FROM STDIN;
x
\.
SELECT count(*) FROM c;
DROP SCHEMA planner_partition_triggers CASCADE;
DROP ROLE planner_partition_triggers_writer;
