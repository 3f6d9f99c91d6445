-- EXPLAIN of fragments in all formats.
CREATE SCHEMA executor_explain;
SET search_path TO executor_explain;
CREATE TABLE t (k int PRIMARY KEY, v text);
SELECT create_distributed_table('t', 'k', shard_count => 4, colocate_with => 'none');
INSERT INTO t SELECT g, 'v' || g FROM generate_series(1, 40) g;

-- Lines without what differs from cluster to cluster.
CREATE FUNCTION plan(options text, statement text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE line text;
BEGIN
  FOR line IN EXECUTE format('EXPLAIN (%s) %s', options, statement) LOOP
    line := regexp_replace(line, '_\d{6,}', '_<id>', 'g');
    line := regexp_replace(line, 'group \d+', 'group <id>', 'g');
    CONTINUE WHEN line ~ 'Heap Fetches|Buffers|Memory|Sort Method';
    RETURN NEXT regexp_replace(line, 'Bytes Received: \d+', 'Bytes Received: <bytes>');
  END LOOP;
END $$;
CREATE FUNCTION document(options text, statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE document text;
BEGIN
  EXECUTE format('EXPLAIN (%s) %s', options, statement) INTO document;
  RETURN document;
END $$;

SELECT plan('costs off', 'SELECT v FROM t WHERE k = 1');
SELECT plan('costs off', 'SELECT count(*) FROM t');
SELECT plan('costs off, analyze, timing off, summary off', 'SELECT v FROM t WHERE k = 1');
SELECT plan('costs off, analyze, timing off, summary off', 'UPDATE t SET v = ''x'' WHERE k = 1');
SELECT v FROM t WHERE k = 1;
SELECT plan('costs off', 'DELETE FROM t WHERE k = 1');
SELECT count(*) FROM t;
SET citus.explain_all_tasks TO on;
SELECT count(*) FROM plan('costs off', 'SELECT count(*) FROM t') line WHERE line ~ 'Task on';
RESET citus.explain_all_tasks;

-- The documents are valid, and the node's plan is a part of them.
SELECT document('costs off, format json', 'SELECT v FROM t WHERE k = 1')::jsonb
  #>> '{0,Plan,Tasks,0,Remote Plan,0,Plan,Node Type}' AS remote_node;
SELECT document('analyze, verbose, buffers, format json', 'SELECT count(*) FROM t')::jsonb IS NOT NULL AS valid;
SELECT document('costs off, format yaml', 'SELECT v FROM t WHERE k = 1') LIKE '%Remote Plan:%' AS yaml;
SELECT document('costs off, format xml', 'SELECT v FROM t WHERE k = 1') LIKE '%<Remote-Plan><explain %' AS xml;

-- What is known only while the statement runs is not evaluated.
CREATE SEQUENCE s;
CREATE TABLE u (k bigint DEFAULT nextval('s'), v text);
SELECT create_distributed_table('u', 'k', shard_count => 4, colocate_with => 'none');
SELECT count(*) > 0 AS explained FROM plan('costs off', 'INSERT INTO u (v) VALUES (''x'')');
SELECT is_called FROM s;
PREPARE p(int) AS SELECT v FROM t WHERE k = $1;
SELECT plan('costs off', 'EXECUTE p(2)');

SET client_min_messages TO error;
DROP SCHEMA executor_explain CASCADE;
