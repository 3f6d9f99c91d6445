-- What a plain role has set, or made in its temporary schema, gets to nothing that runs with a superuser's rights.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE ROLE rights_sessions_mallory LOGIN;
CREATE SCHEMA rights_sessions AUTHORIZATION rights_sessions_mallory;
GRANT USAGE ON SCHEMA altius_internal TO rights_sessions_mallory;
GRANT EXECUTE ON FUNCTION altius_internal.shard_file_sizes(bigint[]) TO rights_sessions_mallory;
SET SESSION AUTHORIZATION rights_sessions_mallory;
SET search_path = rights_sessions;
CREATE TABLE things (id int PRIMARY KEY, path text DEFAULT current_setting('search_path'));
SELECT create_distributed_table('things', 'id', shard_count => 4);
INSERT INTO things SELECT generate_series(1, 10);

-- A view in the place of the catalog's table.
CREATE TEMP TABLE seen (who text);
CREATE FUNCTION pg_temp.note() RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO seen VALUES (current_user);
  RETURN 1;
END $$;
CREATE TEMP VIEW pg_dist_shard AS SELECT 'pg_class'::regclass AS logicalrelid, pg_temp.note() AS shardid;
CREATE TEMP VIEW pg_class AS SELECT c.* FROM pg_catalog.pg_class c WHERE pg_temp.note() > 0;
CREATE TEMP VIEW pg_index AS SELECT i.* FROM pg_catalog.pg_index i WHERE pg_temp.note() > 0;
SELECT count(*) FROM altius_internal.shard_file_sizes('{1}');
SELECT count(*) FROM altius_internal.shard_file_sizes((SELECT array_agg(shardid) FROM pg_catalog.pg_dist_shard WHERE logicalrelid = 'things'::regclass));
SELECT count(*) FROM get_rebalance_progress();
SELECT * FROM seen;
DROP VIEW pg_dist_shard, pg_class, pg_index;

-- White space in a setting ends no option of a new connection.
\c - rights_sessions_mallory
\set VERBOSITY terse
SET search_path = rights_sessions, E'a\n-c\nlog_statement=all\n-c\nb', E'c\r-c\rd', E'e\v-c\vf', E'g\f-c\fh', E'i\t-c\tj', 'k -c l', 'm\n';
SELECT count(*) FROM things;
INSERT INTO things VALUES (11) RETURNING path = current_setting('search_path');
SET search_path = rights_sessions;
\c - rights_sessions_mallory
\set VERBOSITY terse
SELECT set_config('search_path', 'rights_sessions, ' || repeat('x', 60) || string_agg(repeat(', some_schema', 60), ''), false) IS NOT NULL
  FROM generate_series(1, 20);
SELECT count(*) FROM things;
\c - postgres
SET client_min_messages = warning;
DROP SCHEMA rights_sessions CASCADE;
DROP OWNED BY rights_sessions_mallory;
DROP ROLE rights_sessions_mallory;
