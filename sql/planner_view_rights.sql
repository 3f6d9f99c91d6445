-- A view lends its owner's rights: who may use the view needs no rights on the tables, nor on their schema, on any node.
\set SHOW_CONTEXT never
\set VERBOSITY terse
SET client_min_messages TO warning;
SET citus.shard_count TO 4;
CREATE ROLE view_rights_owner LOGIN;
CREATE ROLE view_rights_reader LOGIN;
CREATE ROLE view_rights_other LOGIN;
CREATE SCHEMA view_rights AUTHORIZATION view_rights_owner;         -- views of distributed tables
CREATE SCHEMA view_rights_tables AUTHORIZATION view_rights_owner;  -- and those
CREATE SCHEMA view_rights_plain AUTHORIZATION view_rights_owner;   -- views of plain tables
CREATE SCHEMA view_rights_plain_tables AUTHORIZATION view_rights_owner;
GRANT USAGE ON SCHEMA view_rights, view_rights_plain TO view_rights_reader, view_rights_other;
CREATE SCHEMA view_rights_test;
GRANT ALL ON SCHEMA view_rights_test TO view_rights_owner, view_rights_reader, view_rights_other;

-- The same in both pairs of schemas.
CREATE TYPE view_rights_tables.kind AS ENUM ('small', 'large');
GRANT ALL ON SCHEMA view_rights_tables TO view_rights_owner;
CREATE FUNCTION view_rights_test.make_tables(path text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('search_path', path, true);
  CREATE TABLE items (id int, k int, tenant text, kind view_rights_tables.kind, v numeric DEFAULT 20, PRIMARY KEY (id, k));
  CREATE TABLE names (id int PRIMARY KEY, name text);
  CREATE TABLE lines (item int, n int);
  CREATE TABLE secured (id int PRIMARY KEY, tenant text);
  ALTER TABLE secured ENABLE ROW LEVEL SECURITY;
  CREATE POLICY own ON secured USING (tenant = current_user);
END $$;
CREATE FUNCTION view_rights_test.make_views(path text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('search_path', path, true);
  CREATE VIEW all_items AS SELECT * FROM items;
  CREATE VIEW own_items AS SELECT id, k, v FROM items WHERE tenant = current_user;
  CREATE VIEW guarded WITH (security_barrier) AS SELECT id, k, tenant, v FROM items WHERE tenant = current_user;
  CREATE VIEW named AS SELECT i.id, k, name, n FROM items i JOIN names USING (id) LEFT JOIN lines ON item = i.id;
  CREATE VIEW totals AS SELECT tenant, count(*) AS items, sum(v) AS total FROM items GROUP BY tenant;
  CREATE VIEW changed AS SELECT id, k, tenant, v FROM items WHERE v < 1000 WITH CHECK OPTION;
  CREATE VIEW released AS SELECT * FROM secured;
  CREATE VIEW small_items AS SELECT id, k, kind FROM items WHERE kind = 'small';
  CREATE VIEW as_invoker WITH (security_invoker) AS SELECT * FROM items;
END $$;
SET ROLE view_rights_owner;
SELECT view_rights_test.make_tables('view_rights_tables');
SELECT view_rights_test.make_tables('view_rights_plain_tables');
SELECT create_distributed_table('view_rights_tables.items', 'id', colocate_with => 'none');
SELECT create_distributed_table('view_rights_tables.secured', 'id', colocate_with => 'view_rights_tables.items');
SELECT create_distributed_table('view_rights_tables.lines', 'n', colocate_with => 'none');
SELECT create_reference_table('view_rights_tables.names');
INSERT INTO view_rights_tables.items
  SELECT g % 7, g, CASE WHEN g % 3 = 0 THEN 'view_rights_reader' ELSE 'tenant ' || g % 3 END,
         (CASE WHEN g % 2 = 0 THEN 'small' ELSE 'large' END)::view_rights_tables.kind, g * 1.5 FROM generate_series(1, 40) g;
INSERT INTO view_rights_tables.names SELECT g, 'name ' || g FROM generate_series(0, 4) g;
INSERT INTO view_rights_tables.lines SELECT g % 5, g FROM generate_series(1, 9) g;
INSERT INTO view_rights_tables.secured
  SELECT g, CASE WHEN g % 3 = 0 THEN 'view_rights_reader' ELSE 'tenant' END FROM generate_series(1, 9) g;
INSERT INTO view_rights_plain_tables.items TABLE view_rights_tables.items;
INSERT INTO view_rights_plain_tables.names TABLE view_rights_tables.names;
INSERT INTO view_rights_plain_tables.lines TABLE view_rights_tables.lines;
INSERT INTO view_rights_plain_tables.secured TABLE view_rights_tables.secured;
SELECT view_rights_test.make_views('view_rights, view_rights_tables');
SELECT view_rights_test.make_views('view_rights_plain, view_rights_plain_tables');
GRANT SELECT ON ALL TABLES IN SCHEMA view_rights, view_rights_plain TO view_rights_reader;
GRANT INSERT, UPDATE, DELETE ON view_rights.changed, view_rights_plain.changed, view_rights.released, view_rights_plain.released
  TO view_rights_reader;
RESET ROLE;

CREATE FUNCTION view_rights_test.outcome(statement text, path text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  line record;
  result text[] := '{}';
BEGIN
  PERFORM set_config('search_path', path, true);
  IF statement !~ '^(SELECT|WITH|VALUES)|RETURNING' THEN statement := statement || ' RETURNING *'; END IF;
  FOR line IN EXECUTE statement LOOP result := result || line::text; END LOOP;
  RETURN (SELECT count(*) || ': ' || coalesce(string_agg(it, ' ' ORDER BY it COLLATE "C"), '') FROM unnest(result) it);
EXCEPTION WHEN OTHERS THEN
  RETURN SQLSTATE || ': ' || replace(SQLERRM, 'view_rights_plain', 'view_rights');
END $$;
CREATE FUNCTION view_rights_test.twin(statement text, OUT same boolean, OUT result text) LANGUAGE plpgsql AS $$
BEGIN
  result := view_rights_test.outcome(statement, 'view_rights');
  same := result = view_rights_test.outcome(statement, 'view_rights_plain');
  result := left(result, 100);
END $$;
CREATE FUNCTION view_rights_test.plan(statement text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
  line text;
BEGIN
  FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || statement LOOP
    RETURN NEXT regexp_replace(line, 'group \d.*?,|_\d{6,}', '#', 'g');
  END LOOP;
END $$;
\pset format unaligned
\pset tuples_only on

SET ROLE view_rights_reader;
SELECT * FROM view_rights_test.twin('SELECT * FROM all_items');
SELECT * FROM view_rights_test.twin('SELECT * FROM all_items WHERE id = 3');
SELECT * FROM view_rights_test.twin('SELECT * FROM own_items');
SELECT * FROM view_rights_test.twin('SELECT count(*), sum(v) FROM own_items WHERE id = 3');
SELECT * FROM view_rights_test.twin('SELECT FROM own_items WHERE id = 3');
SELECT * FROM view_rights_test.twin('SELECT FROM all_items LIMIT 5');
SELECT * FROM view_rights_test.twin('SELECT * FROM named');
SELECT * FROM view_rights_test.twin('SELECT * FROM totals');
SELECT * FROM view_rights_test.twin('SELECT kind, count(*) FROM all_items GROUP BY kind');
SELECT * FROM view_rights_test.twin('SELECT kind FROM all_items ORDER BY k LIMIT 4');
SELECT * FROM view_rights_test.twin('SELECT * FROM small_items WHERE id = 2');
SELECT * FROM view_rights_test.twin('SELECT a.id, b.k FROM all_items a JOIN guarded b USING (id) WHERE a.v < 12');
SELECT * FROM view_rights_test.twin('SELECT id FROM all_items WHERE EXISTS (SELECT FROM named WHERE named.k = all_items.k AND n > 3)');
SELECT * FROM view_rights_test.twin('WITH x AS MATERIALIZED (SELECT id, v FROM guarded) SELECT * FROM x JOIN totals ON totals.items > x.v');
SELECT * FROM view_rights_test.twin('SELECT array_agg(v ORDER BY v) FROM own_items GROUP BY id');
-- Not the tables, nor a view that lends nothing.
SELECT * FROM view_rights_test.twin('SELECT * FROM as_invoker');
SELECT * FROM view_rights_tables.items;
-- Locks and changes need those rights on the view.
SELECT * FROM view_rights_test.twin('SELECT id, k FROM changed WHERE id = 3 FOR UPDATE');
SELECT * FROM view_rights_test.twin('SELECT id, k FROM all_items WHERE id = 3 FOR UPDATE');
SELECT * FROM view_rights_test.twin('INSERT INTO changed VALUES (100, 1, ''new'', 5)');
SELECT * FROM view_rights_test.twin('INSERT INTO changed VALUES (101, 1, ''new'', 5), (102, 2, NULL, 7), (103, 3, ''new'', 8)');
SELECT * FROM view_rights_test.twin('INSERT INTO changed VALUES (104, 1, ''new'', 5000)');
SELECT * FROM view_rights_test.twin('INSERT INTO changed VALUES (100, 1, ''again'', 5) ON CONFLICT DO NOTHING');
SELECT * FROM view_rights_test.twin('INSERT INTO changed SELECT id + 200, k, tenant, v FROM guarded');
SELECT * FROM view_rights_test.twin('INSERT INTO all_items VALUES (100, 9, ''new'')');
SELECT * FROM view_rights_test.twin('UPDATE changed SET v = v + 1 WHERE id = 100');
SELECT * FROM view_rights_test.twin('UPDATE changed SET v = v + 1 WHERE id > 100');
SELECT * FROM view_rights_test.twin('UPDATE changed SET v = t.items FROM totals t WHERE t.tenant = changed.tenant AND id > 200');
SELECT * FROM view_rights_test.twin('WITH gone AS (DELETE FROM changed WHERE id > 200 RETURNING id, v) SELECT count(*), sum(v) FROM gone');
SELECT * FROM view_rights_test.twin('DELETE FROM changed WHERE id = 101');
SELECT * FROM view_rights_test.twin('DELETE FROM changed WHERE id >= 100');
UPDATE view_rights.changed SET v = v WHERE id = 3;
UPDATE view_rights.changed SET v = v;
-- Row security is that of the view's owner, here none.
SELECT * FROM view_rights_test.twin('SELECT * FROM released');
SELECT * FROM view_rights_test.twin('SELECT tenant, count(*) FROM released WHERE id < 8 GROUP BY tenant');
SELECT * FROM view_rights_test.twin('SELECT r.id, a.k FROM released r JOIN all_items a USING (id)');
SELECT * FROM view_rights_test.twin('INSERT INTO released VALUES (20, ''tenant''), (21, ''view_rights_reader''), (22, ''tenant'')');
SELECT * FROM view_rights_test.twin('UPDATE released SET tenant = ''moved'' WHERE id = 20');
SELECT * FROM view_rights_test.twin('DELETE FROM released WHERE id = 22');
RESET ROLE;
ALTER TABLE view_rights_tables.secured FORCE ROW LEVEL SECURITY;
ALTER TABLE view_rights_plain_tables.secured FORCE ROW LEVEL SECURITY;
SET ROLE view_rights_reader;
SELECT * FROM view_rights_test.twin('SELECT * FROM released');
SELECT * FROM view_rights_test.twin('SELECT r.id, a.k FROM released r JOIN all_items a USING (id)');
SELECT * FROM view_rights_test.twin('INSERT INTO released VALUES (30, ''tenant'')');
SELECT * FROM view_rights_test.twin('INSERT INTO released VALUES (31, ''tenant''), (32, ''view_rights_reader'')');
SELECT * FROM view_rights_test.twin('INSERT INTO released VALUES (33, ''view_rights_reader''), (34, ''view_rights_reader'')');
SELECT * FROM view_rights_test.twin('INSERT INTO released VALUES (35, ''view_rights_reader'')');
SELECT * FROM view_rights_test.twin('UPDATE released SET tenant = ''moved'' WHERE id = 33');
SELECT * FROM view_rights_test.twin('UPDATE released SET tenant = tenant');
SELECT * FROM view_rights_test.twin('UPDATE released r SET tenant = r.tenant FROM totals t WHERE t.tenant = ''tenant 2'' AND t.items > r.id');
SELECT * FROM view_rights_test.twin('DELETE FROM released WHERE id < 35');
RESET ROLE;
SELECT id, tenant FROM view_rights_tables.secured EXCEPT SELECT id, tenant FROM view_rights_plain_tables.secured;
SET ROLE view_rights_reader;

-- Prepared, often enough for a generic plan, across changes of the table; another user of the same session has other rights.
PREPARE of_item(int) AS SELECT count(*), max(v) FROM view_rights.own_items WHERE id = $1;
EXECUTE of_item(1);
EXECUTE of_item(2);
EXECUTE of_item(3);
EXECUTE of_item(4);
EXECUTE of_item(5);
EXECUTE of_item(6);
RESET ROLE;
CREATE INDEX ON view_rights_tables.items (tenant);
ANALYZE view_rights_tables.items;
SET ROLE view_rights_reader;
EXECUTE of_item(1);
EXECUTE of_item(3);
BEGIN;
UPDATE view_rights.changed SET v = 999 WHERE id = 3 AND k = 3;
EXECUTE of_item(3);
ROLLBACK;
SELECT view_rights_test.plan('SELECT k FROM view_rights.own_items WHERE id = 3');
SET ROLE view_rights_other;
EXECUTE of_item(1);
SELECT * FROM view_rights.own_items;
SET ROLE view_rights_reader;

-- From any node.
SELECT result FROM run_command_on_all_nodes('SELECT row_to_json(it) FROM (SELECT count(*), sum(v) FROM view_rights.own_items) it');

-- A function that tells what it sees gets to see no row that a security barrier hides.
RESET ROLE;
CREATE FUNCTION view_rights_test.sees(tenant text) RETURNS boolean IMMUTABLE COST 0.0000001 LANGUAGE plpgsql AS $$
BEGIN
  IF tenant <> 'view_rights_reader' THEN RAISE 'saw a row of %', tenant; END IF;
  RETURN true;
END $$;
SET ROLE view_rights_reader;
SELECT * FROM view_rights_test.twin('SELECT id, k FROM guarded WHERE view_rights_test.sees(tenant)');
SELECT * FROM view_rights_test.twin('SELECT id, k FROM guarded WHERE view_rights_test.sees(tenant) AND id = 3');
SELECT * FROM view_rights_test.twin('SELECT count(*) FROM guarded g JOIN totals t USING (tenant) WHERE view_rights_test.sees(g.tenant)');

-- Nor is code of users called with rights that are not theirs: checks of domains run as the user, wherever they run.
RESET ROLE;
CREATE FUNCTION view_rights_test.is_reader(value int) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  IF current_user <> 'view_rights_reader' THEN RAISE 'called as %', current_user; END IF;
  RETURN true;
END $$;
CREATE DOMAIN view_rights_test.watched AS int CHECK (view_rights_test.is_reader(VALUE));
CREATE TYPE view_rights_test.pair AS (one view_rights_test.watched, two int);
CREATE TABLE view_rights_test.pairs (id int, p view_rights_test.pair);
SELECT create_distributed_table('view_rights_test.pairs', 'id');
GRANT ALL ON view_rights_test.pairs TO view_rights_reader;
SET ROLE view_rights_reader;
SELECT count(*) FROM view_rights.own_items o WHERE k > ('(3,4)'::view_rights_test.pair).one;
SELECT count(*) FROM view_rights.own_items o WHERE id = 3 AND k = ANY (('{3,10,17}'::view_rights_test.watched[])::int[]);
SELECT count(*) FROM view_rights.own_items o WHERE k IN (SELECT k FROM view_rights.all_items WHERE k > ('(3,4)'::view_rights_test.pair).one);
SELECT count(*) FROM view_rights.own_items o LEFT JOIN view_rights_test.pairs p ON p.id = o.id AND p.p = '(3,4)'::view_rights_test.pair;

-- What a user has prepared in its sessions does not change what the view's text means: operators and types that hide
-- PostgreSQL's, and strings that would end elsewhere.
CREATE FUNCTION view_rights_test.always(text, name) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT true';
CREATE OPERATOR view_rights_test.= (FUNCTION = view_rights_test.always, LEFTARG = text, RIGHTARG = name);
SET search_path TO view_rights_test, pg_catalog;
SELECT count(*) FROM view_rights.own_items;
SELECT count(*) FROM view_rights.own_items WHERE id OPERATOR(pg_catalog.=) 3;
SELECT count(*) FROM view_rights.guarded WHERE tenant = 'anybody'::name;
BEGIN;
SELECT DISTINCT success FROM run_command_on_workers('SET standard_conforming_strings TO off');
SELECT DISTINCT success FROM run_command_on_workers('CREATE TEMP TABLE name (one view_rights_test.watched)');
SELECT count(*) FROM view_rights.own_items WHERE v::text || k OPERATOR(pg_catalog.=) '\'' OR true --';
SELECT count(*) FROM view_rights.guarded WHERE tenant || '\' OPERATOR(pg_catalog.=) '\' OR k OPERATOR(pg_catalog.=) 3;
SELECT count(*) FROM view_rights.own_items;
SELECT DISTINCT success FROM run_command_on_workers('RESET standard_conforming_strings');
SELECT DISTINCT success FROM run_command_on_workers('DROP TABLE pg_temp.name');
COMMIT;
RESET search_path;

RESET ROLE;
-- A function that runs as its owner keeps the search path that it sets, whatever the session's is and however it is called.
CREATE FUNCTION view_rights_test.calls() RETURNS text LANGUAGE plpgsql AS 'BEGIN RETURN helper(); END';
CREATE FUNCTION view_rights_test.trap() RETURNS text LANGUAGE sql AS $$ SELECT 'trapped ' || current_user $$;
CREATE PROCEDURE view_rights_test.as_owner(INOUT result text) SECURITY DEFINER SET search_path TO pg_catalog LANGUAGE plpgsql AS $$
BEGIN
  SELECT view_rights_test.calls() INTO result;
EXCEPTION WHEN undefined_function THEN result := 'safe';
END $$;
CREATE SCHEMA view_rights_trap;
CREATE FUNCTION view_rights_trap.helper() RETURNS text LANGUAGE sql AS $$ SELECT 'trapped as ' || current_user $$;
GRANT USAGE ON SCHEMA view_rights_trap TO view_rights_reader;
SET ROLE view_rights_reader;
SET search_path TO view_rights_trap;
SELECT DISTINCT result FROM run_command_on_workers('CALL view_rights_test.as_owner(NULL)');
RESET search_path;
RESET ROLE;

-- An error while the text is read with lent rights leaves the user as it was, here as on other nodes.
SELECT DISTINCT success FROM run_command_on_placements('view_rights_tables.names', 'ALTER TABLE %s RENAME COLUMN name TO gone');
CREATE FUNCTION view_rights_test.after_error(OUT state text, OUT who name, OUT reads text) LANGUAGE plpgsql AS $$
BEGIN
  BEGIN
    PERFORM count(name) FROM view_rights.named WHERE id = 3;
    PERFORM name FROM view_rights.only_names;
  EXCEPTION WHEN OTHERS THEN state := SQLSTATE;
  END;
  who := current_user;
  BEGIN
    SELECT count(*) INTO reads FROM pg_catalog.altius_cluster_secret;
  EXCEPTION WHEN OTHERS THEN reads := SQLSTATE;
  END;
END $$;
SET ROLE view_rights_owner;
CREATE VIEW view_rights.only_names AS SELECT * FROM view_rights_tables.names;
GRANT SELECT ON view_rights.only_names TO view_rights_reader;
SET ROLE view_rights_reader;
SELECT name FROM view_rights.only_names;
SELECT current_user;
SELECT * FROM view_rights_test.after_error();
RESET ROLE;
SELECT DISTINCT success FROM run_command_on_placements('view_rights_tables.names', 'ALTER TABLE %s RENAME COLUMN gone TO name');
SET ROLE view_rights_reader;
SELECT count(name) FROM view_rights.only_names;
RESET ROLE;
SET ROLE view_rights_reader;

-- Nobody but a node can ask for it.
TABLE pg_catalog.altius_cluster_secret;
SELECT * FROM altius_internal.run_with_lent_rights('SELECT id FROM view_rights_tables.items', false, '', false, '{}', '{}', '\x00') AS t(id int);
SELECT * FROM altius_internal.run_with_lent_rights('SELECT 1', false, '', false, '{}', '{}',
  '\x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f') AS t(id int);
SELECT altius_internal.run_with_lent_rights('SELECT 1', false, '', false, '{}', '{}', '\x00');
SELECT * FROM altius_internal.run_with_lent_rights('SELECT $1', false, '', false, '{}', '{1}', '\x00') AS t(id int);
SELECT DISTINCT success, result FROM run_command_on_workers($$
  SELECT * FROM altius_internal.run_with_lent_rights('SELECT 1', false, '', false, '{}', '{}', '\x00') AS t(id int) $$);
SELECT DISTINCT success, result FROM run_command_on_workers('TABLE pg_catalog.altius_cluster_secret');
RESET ROLE;
-- A node that has another secret says so, and what to do.
SELECT DISTINCT success FROM run_command_on_workers('SELECT altius_internal.new_secret()');
\c - view_rights_reader
\set VERBOSITY sqlstate
SELECT count(*) FROM view_rights.all_items;
\c - postgres
\set VERBOSITY terse
SELECT start_metadata_sync_to_node(nodename, nodeport) FROM pg_dist_node WHERE groupid > 0;
\c -
SET client_min_messages TO warning;
SELECT count(DISTINCT result) FROM run_command_on_all_nodes('SELECT max(generation) FROM pg_catalog.altius_cluster_secret');
SET ROLE view_rights_reader;
SELECT count(*) FROM view_rights.all_items;
RESET ROLE;

DROP SCHEMA view_rights, view_rights_tables, view_rights_plain, view_rights_plain_tables, view_rights_test, view_rights_trap CASCADE;
DROP ROLE view_rights_owner, view_rights_reader, view_rights_other;
