-- Cases that ended sessions or servers, made a superuser, or reached what is others'.  corpus.py has the format.

-- The function behind leaves of plans is named in a statement
-- expect: 42501 0A000 42883
SELECT * FROM altius_internal.fragment(1) AS t(a int);
-- expect: 42501 0A000 42883
SELECT * FROM altius_internal.fragment(1, 'x', NULL) AS t(a int);
-- expect: 42501 0A000 42883
SELECT altius_internal.fragment(0);
-- on: worker1
-- expect: 42501 0A000 42883
SELECT * FROM altius_internal.fragment(140000000000000) AS t(a int);
-- as: admin
-- expect: 42501 0A000 42883
SELECT * FROM altius_internal.fragment(1) AS t(a int);

-- Node trees that are none
SELECT column_to_column_name('pg_class', '{VAR');
SELECT column_to_column_name('pg_class', repeat('(', 1000000));
SELECT column_to_column_name('playground.d', repeat('{VAR ', 200000));
SELECT column_to_column_name('playground.d', '{VAR :varno 1 :varattno 99 :vartype 23 :vartypmod -1 :varcollid 0 :varlevelsup 0 :varnosyn 1 :varattnosyn 1 :location -1}');
SELECT column_to_column_name(0, '{VAR :varno 1 :varattno 1 :vartype 23 :vartypmod -1 :varcollid 0 :varlevelsup 0 :varnosyn 1 :varattnosyn 1 :location -1}');
SELECT column_to_column_name('playground.d', '({VAR} {CONST})');

-- A row is refused for a view without a name
SELECT altius_internal.refuse_policy_row(NULL, NULL);
SELECT altius_internal.refuse_view_row(NULL, 1, NULL, NULL);
SELECT altius_internal.refuse_view_row(NULL, NULL::text, 1, '{{1,2},{NULL,4}}');
SELECT altius_internal.refuse_view_row(repeat('x', 1000000), 1, 'pg_authid'::regclass, ARRAY[repeat('ä', 1000000), NULL]);

-- Statements for shards that are none
-- on: worker1
-- expect: 42501
SELECT altius_internal.run_commands('{EXPLAIN SELECT 1}');
-- expect: 42501
SELECT altius_internal.run_commands('{DECLARE c CURSOR FOR SELECT 1}');
-- expect: 42501
SELECT altius_internal.apply_command('CREATE TABLE x AS SELECT 1', '{}');
-- expect: 42501
SELECT altius_internal.apply_command('ALTER ROLE hostile_mallory SUPERUSER', '{}');

-- The same from a superuser: no harm to the server
-- as: admin
-- on: worker1
SELECT altius_internal.run_commands('{EXPLAIN SELECT 1}');
SELECT altius_internal.run_commands('{DECLARE c CURSOR FOR SELECT 1}');
SELECT altius_internal.run_commands('{BEGIN}');
SELECT altius_internal.run_commands('{NULL}');
SELECT altius_internal.apply_command('CREATE TABLE x AS SELECT 1', '{}');
SELECT altius_internal.apply_command('SELECT 1', '{}');
SELECT altius_internal.apply_command('', '{}');
BEGIN;
CREATE TEMPORARY TABLE own (k text, v point);
SELECT altius_internal.insert_shards('own', NULL, NULL, NULL);
ROLLBACK;
SELECT altius_internal.insert_shards(NULL, NULL, NULL, NULL);
SELECT altius_internal.insert_partition(NULL, NULL, NULL, NULL, NULL);
SELECT get_shard_id_for_distribution_column('playground.d', 'x'::text);
SELECT get_shard_id_for_distribution_column('playground.d', point '(1,2)');
SELECT get_shard_id_for_distribution_column('playground.ref', 5);
SELECT get_shard_id_for_distribution_column('pg_class', 5);

-- Tables in the metadata that are no distributed ones, from a superuser
-- as: admin
-- on: worker1
BEGIN;
CREATE TABLE public.points (k point, v int);
SELECT altius_internal.insert_partition('public.points', 'h', '{VAR :varno 1 :varattno 1 :vartype 600 :vartypmod -1 :varcollid 0 :varlevelsup 0 :varnosyn 1 :varattnosyn 1 :location -1}', 0, 's');
INSERT INTO public.points VALUES ('(1,2)', 3);
ROLLBACK;
BEGIN;
CREATE TABLE public.single (k int, v int);
SELECT altius_internal.insert_partition('public.single', 'n', NULL, 0, 's');
INSERT INTO public.single VALUES (1, 3);
ROLLBACK;
BEGIN;
CREATE TABLE public.reference (k int, v int);
SELECT altius_internal.insert_partition('public.reference', 'n', NULL, 0, 't');
INSERT INTO public.reference VALUES (1, 3);
ROLLBACK;

-- The metadata is not for users to write
-- expect: ok
CREATE TABLE playground.secret (k int, v text);
-- expect: 42501
SELECT altius_internal.insert_partition('playground.secret', 'n', NULL, 0, 's');
-- expect: 42501
SELECT altius_internal.insert_shards('playground.secret', '{5}', NULL, NULL);
-- expect: 42501
SELECT altius_internal.insert_placements('{1000000}', '{5}', '{0}');
-- expect: 42501
SELECT altius_internal.insert_colocation(1000000, 1, 1, 'int4', 0);
-- expect: 42501
SELECT altius_internal.insert_object('table', '{playground,secret}', '{}');
-- expect: 42501
SELECT altius_internal.delete_object('schema', '{vault}', '{}');
-- expect: 42501
SELECT altius_internal.delete_table('playground.d');
-- expect: 42501
SELECT altius_internal.delete_colocation(1);
-- expect: 42501
SELECT altius_internal.move_placements('{:shard(playground.d)}', 0, 1);
-- expect: 42501
SELECT altius_internal.claim_shards('{:shard(vault.secret)}');
-- expect: 42501
SELECT altius_internal.claim_shards('{:shard(playground.d)}');
-- expect: 42501
SELECT altius_internal.finds_nobody(:shard(vault.secret));
-- expect: 42501
SELECT altius_internal.lock_shells('{vault.secret}', 8);
-- expect: 42501
SELECT altius_internal.create_shard(:shard(playground.d), 1);
-- expect: 42501
SELECT altius_internal.create_shards('playground.d', 4);
-- expect: 42501
SELECT altius_internal.follow_settings('{log_statement}', '{all}', '{superuser}', '1.00000000000000000000000000000000');
-- expect: 42501
SELECT altius_internal.act_as('superuser', 'superuser', 'none', '{}', '1.00000000000000000000000000000000');
-- expect: 55P02
SELECT set_config('altius.acting_role', '10 10', false);
-- expect: rows: [('none',)]
SELECT current_setting('log_statement');
-- expect: 42501
INSERT INTO pg_dist_node (nodename) VALUES ('x');
-- expect: ok
DROP TABLE playground.secret;

-- ... nor on a worker
-- on: worker1
-- expect: 42501
SELECT altius_internal.insert_colocation(1000000, 1, 1, 'int4', 0);
-- expect: 42501
SELECT altius_internal.insert_object('schema', '{vault}', '{}');
-- expect: 42501
SELECT altius_internal.delete_table('playground.d');
-- expect: 42501
SELECT altius_internal.claim_shards('{:shard(vault.secret)}');

-- ... nor for sessions that call themselves a node's
-- with: {"application_name": "altius_internal gpid=10000000001"}
-- expect: 42501
SELECT altius_internal.insert_colocation(1000000, 1, 1, 'int4', 0);
-- expect: 42501
SELECT altius_internal.run_commands('{SELECT 1}');
-- on: worker1
-- expect: 42501
SELECT altius_internal.insert_colocation(1000000, 1, 1, 'int4', 0);
-- expect: 42501
SELECT altius_internal.claim_shards('{:shard(playground.d)}');

-- ... nor for those that change their name later
SET application_name = 'altius_internal gpid=10000000001';
-- expect: 42501
SELECT altius_internal.insert_colocation(1000000, 1, 1, 'int4', 0);
-- expect: rows: [(False,)]
SELECT DISTINCT is_worker_query FROM citus_stat_activity WHERE pid = pg_backend_pid() AND nodeid = citus_coordinator_nodeid();

-- ... nor for texts of users that run in sessions between nodes
-- expect: rows: [(False,)]
SELECT DISTINCT success FROM run_command_on_workers('SELECT altius_internal.insert_colocation(1000000, 1, 1, ''int4'', 0)');
-- expect: rows: [(False,)]
SELECT DISTINCT success FROM run_command_on_all_nodes('SELECT altius_internal.claim_shards(''{1}'')');
-- expect: rows: [(False,)]
SELECT DISTINCT success FROM run_command_on_shards('playground.d', 'SELECT altius_internal.run_commands(''{SELECT 1}'') FROM %s');
-- expect: 42501
SELECT * FROM altius_internal.ask_all_nodes('SELECT altius_internal.insert_colocation(1000000, 1, 1, ''int4'', 0)');
-- expect: 42501
SELECT playground.run('SELECT altius_internal.insert_colocation(1000000, 1, 1, ''int4'', 0)', k) FROM playground.d WHERE k = 5;
-- expect: 42501
SELECT count(playground.run('SELECT altius_internal.claim_shards(''{:shard(vault.secret)}'')', k)) FROM playground.d;
BEGIN;
SET LOCAL hostile.payload = 'SELECT altius_internal.insert_colocation(1000000, 1, 1, ''int4'', 0)';
-- expect: 42501
UPDATE playground.d SET n = n;
ROLLBACK;

-- A user's session names no transaction
-- expect: 42501 42602 42704 22023 55P02
SET altius.transaction_id = '0:1:1:1';
SET LOCAL altius.transaction_id = '0:1:1:1';
SELECT set_config('altius.transaction_id', '0:1:1:1', false);
ALTER ROLE hostile_mallory SET altius.transaction_id = '0:1:1:1';
-- expect: rows: [(0,)]
SELECT count(*) FROM get_all_active_transactions() WHERE process_id = pg_backend_pid() AND initiator_node_identifier = 0 AND transaction_number = 1;
ALTER ROLE hostile_mallory RESET altius.transaction_id;

-- ... not even from the start
-- with: {"options": "-c altius.transaction_id=0:1:1:1"}
-- expect: refused
SELECT count(*) FROM get_all_active_transactions() WHERE process_id = pg_backend_pid() AND transaction_number = 1;

-- Frames of rows come from nodes
-- data: 00000000000000010000000800000001ffffffff
-- expect: 42501 42601
COPY playground.d (k, v) FROM STDIN WITH (altius_frames '');
-- data: 000000000000000100000008000000010000000a
-- on: worker1
-- expect: 42501 42601
COPY playground.d (k, v) FROM STDIN WITH (altius_frames '{}', format binary);
-- data: 0102
-- expect: 42501 42601
COPY playground.d FROM STDIN WITH (altius_frames);

-- ... whatever the session is called
-- with: {"application_name": "altius_internal gpid=10000000001"}
-- data: :shard8(playground.d)0000000800000001ffffffff
-- expect: 42501 42601
COPY playground.d (k, v) FROM STDIN WITH (altius_frames '');
-- data: :shard8(playground.d)0000000800000001fffffff8
-- expect: 42501 42601
COPY playground.d (k, v) FROM STDIN WITH (altius_frames '', format binary);

-- Frames with impossible lengths, from a superuser (the shard is that of the metadata)
-- as: admin
-- data: :shard8(playground.d)0000000800000001ffffffff
COPY playground.d (k, v) FROM STDIN WITH (altius_frames '');
-- data: :shard8(playground.d)0000000800000001fffffff8
COPY playground.d (k, v) FROM STDIN WITH (altius_frames '');
-- data: :shard8(playground.d)ffffffff00000001
COPY playground.d (k, v) FROM STDIN WITH (altius_frames '');
-- data: :shard8(playground.d)7fffffff00000001
COPY playground.d (k, v) FROM STDIN WITH (altius_frames '');
-- data: :shard8(playground.d)00000004000000010000
COPY playground.d (k, v) FROM STDIN WITH (altius_frames '');
-- data: :shard8(playground.d)0000000800000001ffffffff
COPY playground.d (k, v) FROM STDIN WITH (altius_frames '', format binary);

-- Temporary views stand before the catalogs in a function that runs as its owner
CREATE TEMPORARY VIEW pg_dist_shard AS SELECT 'playground.d'::regclass AS logicalrelid, playground.gain()::bigint AS shardid;
CREATE TEMPORARY VIEW pg_class AS SELECT * FROM pg_catalog.pg_class WHERE playground.gain() = 0;
SELECT * FROM altius_internal.shard_file_sizes('{0,1}');

-- ... and in moves
-- on: coordinator
CREATE TEMPORARY VIEW pg_statistic_ext AS SELECT * FROM pg_catalog.pg_statistic_ext WHERE playground.gain() = 0;
CREATE TEMPORARY VIEW pg_class AS SELECT * FROM pg_catalog.pg_class WHERE playground.gain() = 0;
CREATE TEMPORARY VIEW pg_constraint AS SELECT * FROM pg_catalog.pg_constraint WHERE playground.gain() = 0;
-- expect: ok
SELECT playground.move('playground.d', 'block_writes');
SET search_path = pg_temp, playground, pg_catalog;
-- expect: ok
SELECT playground.move('playground.d', 'force_logical');

-- Checks, generated columns and indexes of users are computed as their owners, whoever moves or splits
-- expect: ok
SELECT playground.move('playground.d', 'block_writes');
-- expect: ok
SELECT playground.move('playground.d', 'force_logical');
-- as: admin
-- expect: ok
SELECT playground.move('playground.d', 'block_writes');
-- expect: ok
SELECT playground.move('playground.d', 'force_logical');
-- expect: ok
SELECT isolate_tenant_to_new_shard('playground.d', 4, 'CASCADE', 'block_writes');
-- expect: ok
SELECT isolate_tenant_to_new_shard('playground.d', 6, 'CASCADE', 'force_logical');

-- Settings of a session are no options of another one's connection
SET search_path = E'"x\n-c\nlog_statement=all\n-c\nfoo.a=1"';
SELECT playground.move('playground.d', 'block_writes');
SET search_path = E'"x\v-c\vsession_preload_libraries=nothing\f-c\r-c\tfoo.a=1"';
SELECT playground.move('playground.d', 'force_logical');
RESET search_path;
SET DateStyle = 'ISO, DMY';
SET IntervalStyle = 'iso_8601';
SET bytea_output = escape;
-- expect: ok
SELECT playground.move('playground.d', 'block_writes');

-- Secrets are not for users
-- expect: 42501 42P01
SELECT * FROM altius_cluster_secret;
-- expect: 42501
SELECT * FROM pg_dist_authinfo;
-- expect: 42501
SELECT * FROM pg_dist_poolinfo;
-- expect: 42501
COPY pg_dist_authinfo TO STDOUT;

-- What is alice's
-- expect: 42501
SELECT * FROM vault.secret;
-- expect: rows: [(9,)]
SELECT count(*) FROM shown.some;
-- expect: 42501
SELECT undistribute_table((SELECT oid FROM pg_class WHERE relname = 'secret' AND relkind = 'r')::regclass);
-- expect: 42501
SELECT playground.move((SELECT oid FROM pg_class WHERE relname = 'secret' AND relkind = 'r')::regclass, 'block_writes');
-- expect: 42501 22023
SELECT citus_split_shard_by_split_points(:shard(vault.secret), '{0}', '{1,2}');
-- expect: 42501
SELECT alter_distributed_table((SELECT oid FROM pg_class WHERE relname = 'secret' AND relkind = 'r')::regclass, shard_count => 2);
-- expect: 42501
SELECT truncate_local_data_after_distributing_table((SELECT oid FROM pg_class WHERE relname = 'secret' AND relkind = 'r')::regclass);
-- expect: 42501
SELECT altius_internal.nextval_on_coordinator((SELECT oid FROM pg_class WHERE relname = 'seq' AND relnamespace::regnamespace::text = 'vault'));
-- expect: rows: [(False,)]
SELECT DISTINCT success FROM run_command_on_shards((SELECT oid FROM pg_class WHERE relname = 'secret' AND relkind = 'r')::regclass, 'SELECT v FROM %s');

-- Passwords go to no address that a user names
-- expect: 42501
SELECT citus_check_connection_to_node('127.0.0.1', 1);
-- expect: 42501
SELECT citus_check_connection_to_node('127.0.0.2', 5432);

-- A question to all nodes is no command
-- expect: 0A000
SELECT * FROM altius_internal.ask_all_nodes('PREPARE TRANSACTION ''x''');
-- expect: 0A000
SELECT * FROM altius_internal.ask_all_nodes('ROLLBACK', false);
-- expect: 0A000
SELECT * FROM altius_internal.ask_all_nodes('SELECT 1; COMMIT');
-- expect: 0A000
SELECT * FROM altius_internal.ask_all_nodes('');

-- Privileges are of objects that exist
SELECT altius_internal.set_privileges(4294967295, 'playground.d'::regclass, 1, '{}');
SELECT altius_internal.set_privileges('playground.d'::regclass, 'playground.d'::regclass, 65537, '{}');
-- expect: 42501
SELECT altius_internal.set_privileges('pg_class'::regclass, 'pg_authid'::regclass, 0, '{}');
-- expect: 42703
SELECT altius_internal.set_privileges('pg_class'::regclass, 'playground.d'::regclass, 65537, '{}');
-- expect: 42703
SELECT altius_internal.set_privileges('pg_proc'::regclass, 'playground.rise'::regproc, 1, '{}');

-- A table is undistributed by the statement that reads it
BEGIN;
SELECT undistribute_table('playground.d') UNION ALL SELECT NULL FROM playground.d;
ROLLBACK;

-- Other names for a session
SELECT citus_nodeid_for_gpid(9223372036854775807), citus_pid_for_gpid(-9223372036854775808), citus_calculate_gpid(2147483647, -2147483648);
SELECT pg_cancel_backend(9223372036854775807);
SELECT pg_cancel_backend(-1::bigint);
SELECT altius_internal.gpid_of(0, 0, 'altius_internal gpid=99999999999999999999999');
SET application_name = 'altius_internal gpid=99999999999999999999999';
-- expect: ok
SELECT count(*) >= 0 FROM citus_stat_activity;
-- expect: ok
SELECT count(*) >= 0 FROM citus_lock_waits;
