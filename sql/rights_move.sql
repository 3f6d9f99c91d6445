-- UPDATE of the distribution column: the rights that it takes, and what it shows, are those of an UPDATE.
\set SHOW_CONTEXT never
SET client_min_messages TO warning;
SET citus.shard_count TO 4;
CREATE SCHEMA rights_move;
SET search_path TO rights_move;
CREATE ROLE rights_move_user LOGIN;
GRANT USAGE ON SCHEMA rights_move TO rights_move_user;
CREATE TABLE t (k int CHECK (k < 1000), v int CHECK (v < 100), note text);
CREATE TABLE r (id int PRIMARY KEY, v int, note text);
SELECT create_distributed_table('t', 'k'), create_reference_table('r');
INSERT INTO t SELECT i, i, 'secret ' || i FROM generate_series(1, 10) i;
INSERT INTO r SELECT i, i, 'secret ' || i FROM generate_series(1, 10) i;
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no such row'; END $$;
CREATE TRIGGER refuse BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION refuse();
-- What an error tells of rows.
CREATE FUNCTION told(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  detail text;
  context text;
BEGIN
  EXECUTE statement;
  RETURN 'done';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, context = PG_EXCEPTION_CONTEXT;
  RETURN concat_ws(' / ', SQLERRM, nullif(detail, ''), CASE WHEN context LIKE '%secret%' THEN 'CONTEXT WITH ROWS' END);
END $$;
GRANT EXECUTE ON FUNCTION told TO rights_move_user;
-- Each of its sessions on nodes puts parameters into an error's context and shows plans.
ALTER ROLE rights_move_user SET log_parameter_max_length_on_error = -1;
SELECT count(*) FROM run_command_on_workers('ALTER ROLE rights_move_user SET log_parameter_max_length_on_error = -1');
SELECT count(*) FROM run_command_on_workers('ALTER ROLE rights_move_user SET debug_print_plan = on');

-- Neither DELETE nor INSERT.
GRANT SELECT, UPDATE (k) ON t TO rights_move_user;
SET SESSION AUTHORIZATION rights_move_user;
UPDATE t SET k = k + 100 WHERE k < 4;
UPDATE t SET v = v + 100;
DELETE FROM t WHERE k = 1;
SELECT k, v, note FROM t WHERE k > 100 ORDER BY k;
SELECT told('UPDATE t SET k = 5000 WHERE k = 101');
RESET SESSION AUTHORIZATION;

-- Columns that the user may not read are written, too, and not shown.
REVOKE SELECT ON t FROM rights_move_user;
GRANT SELECT (k), UPDATE (v) ON t TO rights_move_user;
SET SESSION AUTHORIZATION rights_move_user;
SELECT note FROM t;
UPDATE t SET k = k - 100 WHERE k > 100;
SELECT told(format('UPDATE t SET k = 5000 + %s WHERE k = %s', i, i)) FROM generate_series(1, 4) i;
SELECT told(format('UPDATE t SET k = abs(k), v = 500 WHERE k = %s', i)) FROM generate_series(1, 4) i;
SELECT told('UPDATE t SET v = 500 WHERE k = 1');
BEGIN;
SET LOCAL client_min_messages TO debug1;
UPDATE t SET k = k + 50 WHERE k < 4;
ROLLBACK;
RESET SESSION AUTHORIZATION;
SELECT k, v, note FROM t ORDER BY k LIMIT 3;

-- Rows of a reference table that are carried to its copies.
SELECT count(*) FROM run_command_on_workers('DELETE FROM rights_move.r_' || (SELECT shardid FROM pg_dist_shard WHERE logicalrelid = 'r'::regclass)
  || ' WHERE id = 3 AND (SELECT groupid FROM pg_dist_local_group) = (SELECT max(groupid) FROM pg_dist_node)');
GRANT SELECT (id), UPDATE (v) ON r TO rights_move_user;
SET SESSION AUTHORIZATION rights_move_user;
SELECT told('UPDATE r SET v = 10 * random() WHERE id = 3');
RESET SESSION AUTHORIZATION;

-- A user's own statement with the mark keeps no trigger still; who does not own the table may not write a shard at all.
SELECT DISTINCT result FROM run_command_on_shards('t', 'INSERT INTO %s VALUES (1, 1)');
SELECT DISTINCT result FROM run_command_on_shards('t', '/* altius moves rows */ INSERT INTO %s VALUES (1, 1)');
SELECT DISTINCT result FROM run_command_on_shards('t', 'DO $do$ BEGIN EXECUTE ''/* altius moves rows */ INSERT INTO %s VALUES (1, 1)''; END $do$');
GRANT INSERT ON t TO rights_move_user;
SET SESSION AUTHORIZATION rights_move_user;
SELECT DISTINCT regexp_replace(result, '\d+', 'N') AS result FROM run_command_on_shards('t', '/* altius moves rows */ INSERT INTO %s VALUES (1, 1)');
RESET SESSION AUTHORIZATION;

-- Nor what a rule on a shard makes of a part of a move.
CREATE TABLE mine (k int);
ALTER TABLE mine OWNER TO rights_move_user;
SELECT create_distributed_table('mine', 'k', colocate_with => 't');
SET SESSION AUTHORIZATION rights_move_user;
INSERT INTO mine SELECT generate_series(1, 8);
SELECT DISTINCT result FROM run_command_on_colocated_placements('mine', 't', 'CREATE RULE r AS ON INSERT TO %s DO INSTEAD INSERT INTO %s VALUES (1, 1)');
UPDATE mine SET k = k + 1;
RESET SESSION AUTHORIZATION;
SELECT count(*) FROM t;
DROP SCHEMA rights_move CASCADE;
DROP ROLE rights_move_user;
