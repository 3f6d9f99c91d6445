-- Who may use what.  Nobody but superusers has any right to anything of the extension, unless one of the lists below says
-- so, and why.  This file alone grants and revokes; the test catalog_lint shows what stands in the catalogs in the end.

-- Rights that PostgreSQL gives to everybody, and what default privileges of this database have added, are taken away.
DO $$
DECLARE
  given record;
BEGIN
  FOR given IN
    WITH member AS (
      SELECT d.classid, d.objid FROM pg_catalog.pg_depend d
      WHERE d.deptype = 'e' AND d.refclassid = 'pg_extension'::regclass AND d.refobjid = (
        SELECT it.refobjid FROM pg_catalog.pg_depend it
        WHERE it.deptype = 'e' AND it.classid = 'pg_namespace'::regclass AND it.objid = 'altius_internal'::regnamespace)
    ), holder AS (
      SELECT format('ROUTINE %s', p.oid::regprocedure) AS object, p.proowner AS owner,
             coalesce(p.proacl, acldefault('f', p.proowner)) AS acl
      FROM member m JOIN pg_catalog.pg_proc p ON m.classid = 'pg_proc'::regclass AND p.oid = m.objid
      UNION ALL
      SELECT format('%s %s', CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, c.oid::regclass), c.relowner,
             coalesce(c.relacl, acldefault(CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", c.relowner))
      FROM member m JOIN pg_catalog.pg_class c ON m.classid = 'pg_class'::regclass AND c.oid = m.objid
      UNION ALL
      SELECT format('TYPE %s', t.oid::regtype), t.typowner, coalesce(t.typacl, acldefault('T', t.typowner))
      FROM member m JOIN pg_catalog.pg_type t ON m.classid = 'pg_type'::regclass AND t.oid = m.objid
      WHERE t.typtype <> 'm'  -- types that come with others (members too from PostgreSQL 17 on) go by those
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_type e WHERE e.typarray = t.oid)
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = t.typrelid AND c.relkind <> 'c')
      UNION ALL
      SELECT format('SCHEMA %I', n.nspname), n.nspowner, coalesce(n.nspacl, acldefault('n', n.nspowner))
      FROM member m JOIN pg_catalog.pg_namespace n ON m.classid = 'pg_namespace'::regclass AND n.oid = m.objid
    )
    SELECT DISTINCT h.object, CASE it.grantee WHEN 0 THEN 'public' ELSE it.grantee::regrole::text END AS grantee
    FROM holder h CROSS JOIN LATERAL aclexplode(h.acl) it WHERE it.grantee <> h.owner
  LOOP
    EXECUTE format('REVOKE ALL ON %s FROM %s', given.object, given.grantee);
  END LOOP;
END $$;

-- Functions.  Each class has its rule for whoever adds one:
--   user       the interface.  It runs with the caller's rights, or checks them itself.
--   part       of what users use: called by a function or a view above, or standing in a statement that a node sends in the
--              user's name, so the user must be allowed to.  By itself it gives the user nothing: it tells what anybody may
--              know, or does what the user could do anyway.
--   node       called by other nodes in the user's name, and by nobody else: it must see to it itself that nothing else gets in.
-- Whatever is in no list is for superusers: metadata by hand, nodes, steps of moves and splits, triggers, tests.
DO $$
DECLARE
  granted record;
BEGIN
  FOR granted IN
    SELECT it.function FROM (VALUES
      ('user', 'pg_catalog.citus_version()', 'tells the version'),
      ('user', 'pg_catalog.citus_backend_gpid()', 'tells a number of the own session'),
      ('user', 'pg_catalog.citus_calculate_gpid(integer, integer)', 'arithmetic'),
      ('user', 'pg_catalog.citus_nodeid_for_gpid(bigint)', 'arithmetic'),
      ('user', 'pg_catalog.citus_pid_for_gpid(bigint)', 'arithmetic'),
      ('user', 'pg_catalog.get_all_active_transactions()', 'tells who works for whom, as pg_locks does'),
      ('user', 'pg_catalog.shard_name(regclass, bigint)', 'tells a name'),
      ('user', 'pg_catalog.relation_is_a_known_shard(regclass)', 'reads the metadata'),
      ('user', 'pg_catalog.citus_table_is_visible(oid)', 'reads the metadata'),
      ('user', 'pg_catalog.column_to_column_name(regclass, text)', 'tells the name of a column'),
      ('user', 'pg_catalog.get_shard_id_for_distribution_column(regclass, "any")', 'reads the metadata'),
      ('user', 'pg_catalog.citus_check_connection_to_node(text, integer)', 'connects as the caller, to nodes only'),
      ('user', 'pg_catalog.citus_check_cluster_node_health()', 'connects as the caller'),
      ('user', 'pg_catalog.citus_get_active_worker_nodes()', 'reads the metadata'),
      ('user', 'pg_catalog.citus_is_coordinator()', 'reads the metadata'),
      ('user', 'pg_catalog.citus_is_primary_node()', 'reads the metadata'),
      ('user', 'pg_catalog.citus_coordinator_nodeid()', 'reads the metadata'),
      ('user', 'pg_catalog.citus_nodename_for_nodeid(integer)', 'reads the metadata'),
      ('user', 'pg_catalog.citus_nodeport_for_nodeid(integer)', 'reads the metadata'),
      ('user', 'pg_catalog.get_nodeid_for_groupid(integer)', 'reads the metadata'),
      ('user', 'pg_catalog.run_command_on_workers(text, boolean)', 'runs statements as the caller'),
      ('user', 'pg_catalog.run_command_on_all_nodes(text, boolean, boolean)', 'runs statements as the caller'),
      ('user', 'pg_catalog.run_command_on_coordinator(text, boolean)', 'runs statements as the caller'),
      ('user', 'pg_catalog.run_command_on_shards(regclass, text, boolean)', 'runs statements as the caller'),
      ('user', 'pg_catalog.run_command_on_placements(regclass, text, boolean)', 'runs statements as the caller'),
      ('user', 'pg_catalog.run_command_on_colocated_placements(regclass, regclass, text, boolean)',
       'runs statements as the caller'),
      ('user', 'pg_catalog.citus_table_size(regclass)', 'tells a size, as pg_table_size does'),
      ('user', 'pg_catalog.citus_relation_size(regclass)', 'tells a size, as pg_relation_size does'),
      ('user', 'pg_catalog.citus_total_relation_size(regclass, boolean)', 'tells a size, as pg_total_relation_size does'),
      ('user', 'pg_catalog.citus_shard_sizes()', 'tells sizes, as pg_total_relation_size does'),
      ('user', 'pg_catalog.citus_stat_activity()', 'asks pg_stat_activity as the caller'),
      ('user', 'pg_catalog.citus_locks()', 'asks pg_locks as the caller'),
      ('user', 'pg_catalog.altius_transactions()', 'shows what pg_stat_activity shows to the caller'),
      ('user', 'pg_catalog.altius_in_doubt()', 'shows what belongs to roles that the caller is a member of'),
      ('user', 'pg_catalog.pg_cancel_backend(bigint)', 'calls the function of that name there as the caller'),
      ('user', 'pg_catalog.pg_terminate_backend(bigint, bigint)', 'calls the function of that name there as the caller'),
      ('user', 'pg_catalog.citus_shards_on_worker()', 'reads pg_class'),
      ('user', 'pg_catalog.citus_shard_indexes_on_worker()', 'reads pg_class'),
      ('user', 'pg_catalog.create_distributed_table(regclass, text, citus.distribution_type, text, integer)',
       'for the owner of the table'),
      ('user', 'pg_catalog.create_reference_table(regclass)', 'for the owner of the table'),
      ('user', 'pg_catalog.alter_distributed_table(regclass, text, integer, text, boolean)', 'for the owner of the table'),
      ('user', 'pg_catalog.undistribute_table(regclass, boolean)', 'for the owner of the table'),
      ('user', 'pg_catalog.truncate_local_data_after_distributing_table(regclass)', 'for the owner of the table'),
      ('user', 'pg_catalog.citus_move_shard_placement(bigint, integer, integer, citus.shard_transfer_mode)',
       'for the owner of all tables that move'),
      ('user', 'pg_catalog.citus_move_shard_placement(bigint, text, integer, text, integer, citus.shard_transfer_mode)',
       'for the owner of all tables that move'),
      ('user', 'pg_catalog.citus_copy_shard_placement(bigint, integer, integer, citus.shard_transfer_mode)', 'refuses'),
      ('user', 'pg_catalog.citus_copy_shard_placement(bigint, text, integer, text, integer, citus.shard_transfer_mode)',
       'refuses'),
      ('user', 'pg_catalog.citus_split_shard_by_split_points(bigint, text[], integer[], citus.shard_transfer_mode)',
       'for the owner of all tables that are split'),
      ('user', 'pg_catalog.isolate_tenant_to_new_shard(regclass, "any", text, citus.shard_transfer_mode)',
       'for the owner of all tables that are split'),
      ('user', 'pg_catalog.altius_check_reference_tables(boolean)', 'for the owner of the tables; looks at no others'),
      ('user', 'pg_catalog.replicate_reference_tables(citus.shard_transfer_mode)', 'for the owner of the tables that lack copies'),
      ('user', 'pg_catalog.get_rebalance_table_shards_plan(regclass, real, integer, bigint[], boolean, name, real)',
       'plans and moves nothing'),
      ('user', 'pg_catalog.get_rebalance_progress()', 'tells what moves, and sizes'),
      ('user', 'pg_catalog.citus_shard_cost_1(bigint)', 'part of a strategy, called as who plans'),
      ('user', 'pg_catalog.citus_shard_cost_by_disk_size(bigint)', 'part of a strategy, called as who plans'),
      ('user', 'pg_catalog.altius_shard_cost_by_load(bigint)', 'part of a strategy, called as who plans'),
      ('user', 'pg_catalog.citus_node_capacity_1(integer)', 'part of a strategy, called as who plans'),
      ('user', 'pg_catalog.citus_shard_allowed_on_node_true(bigint, integer)', 'part of a strategy, called as who plans'),
      ('user', 'pg_catalog.citus_rebalance_start(name, boolean, citus.shard_transfer_mode, boolean, boolean)',
       'the job runs as the caller'),
      ('user', 'pg_catalog.rebalance_table_shards(regclass, real, integer, bigint[], citus.shard_transfer_mode, boolean, name)',
       'the job runs as the caller'),
      ('user', 'pg_catalog.citus_drain_node(text, integer, citus.shard_transfer_mode, name)',
       'changes the node as the caller, who must be allowed to; the job runs as the caller'),
      ('user', 'pg_catalog.citus_rebalance_status(boolean)', 'reads the metadata'),
      ('user', 'pg_catalog.citus_rebalance_wait()', 'waits'),
      ('user', 'pg_catalog.citus_rebalance_stop()', 'for the owner of the job'),
      ('user', 'pg_catalog.citus_job_list()', 'reads the metadata'),
      ('user', 'pg_catalog.citus_job_status(bigint, boolean)', 'reads the metadata'),
      ('user', 'pg_catalog.citus_job_wait(bigint, citus_job_status)', 'waits'),
      ('user', 'pg_catalog.citus_task_wait(bigint, citus_task_status)', 'waits'),
      ('user', 'pg_catalog.citus_job_cancel(bigint)', 'for the owner of the job'),
      ('user', 'pg_catalog.altius_job_pause(bigint)', 'for the owner of the job'),
      ('user', 'pg_catalog.altius_job_resume(bigint)', 'for the owner of the job'),

      ('part', 'altius_internal.ask_all_nodes(text, boolean)', 'views of sizes and sessions; runs statements as the caller'),
      ('part', 'altius_internal.shard_oid(regclass, bigint)', 'sizes; looks a name up'),
      ('part', 'altius_internal.local_shard_sizes(regclass)', 'sizes; tells sizes'),
      ('part', 'altius_internal.shard_sizes(text, boolean)', 'sizes; tells sizes'),
      ('part', 'altius_internal.qualified_name(regclass)', 'sizes; tells a name'),
      ('part', 'altius_internal.require_table(regclass)', 'sizes; reads the metadata'),
      ('part', 'altius_internal.table_type("char", "char", integer, regclass)', 'citus_tables; reads the metadata'),
      ('part', 'altius_internal.local_nodeid()', 'citus_stat_activity; reads the metadata'),
      ('part', 'altius_internal.session_origins()', 'citus_stat_activity; tells who works for whom'),
      ('part', 'altius_internal.local_activity()', 'citus_stat_activity; asks pg_stat_activity as the caller'),
      ('part', 'altius_internal.local_locks()', 'citus_locks; asks pg_locks as the caller'),
      ('part', 'altius_internal.local_lock_waits()', 'citus_lock_waits; asks pg_locks as the caller'),
      ('part', 'altius_internal.shows_role(oid)', 'altius_transactions; tells whose member the caller is'),
      ('part', 'altius_internal.local_transactions()', 'altius_transactions; tells who works for whom'),
      ('part', 'altius_internal.local_parts()', 'altius_transactions; asks pg_stat_activity as the caller'),
      ('part', 'altius_internal.local_prepared()', 'altius_in_doubt; asks pg_prepared_xacts as the caller'),
      ('part', 'altius_internal.local_decisions(integer[], text[])',
       'altius_in_doubt; tells whether a record is in pg_dist_transaction, which anybody may read'),
      ('part', 'altius_internal.signal_session(bigint, boolean, bigint)',
       'pg_cancel_backend; calls PostgreSQL''s function as the caller'),
      ('part', 'altius_internal.move_entries()', 'get_rebalance_progress; tells what moves'),
      ('part', 'altius_internal.moving_shards()', 'get_rebalance_progress; tells what moves'),
      ('part', 'altius_internal.shard_file_sizes(bigint[])', 'get_rebalance_progress; tells sizes of shards'),
      ('part', 'altius_internal.moves_in_flight()', 'citus_job_status; tells what moves'),
      ('part', 'altius_internal.job_estimate(bigint)', 'citus_job_status; arithmetic on the metadata'),
      ('part', 'altius_internal.bytes_shown(bigint, boolean)', 'citus_job_status; arithmetic'),
      ('part', 'altius_internal.job_details(bigint, boolean)', 'citus_job_status; reads the metadata'),
      ('part', 'altius_internal.start_rebalance(regclass, real, integer, bigint[], citus.shard_transfer_mode, boolean, name)',
       'rebalance_table_shards; as citus_rebalance_start'),
      ('part', 'altius_internal.even_copies(regclass)', 'ALTER TABLE; for the owner of the table'),
      ('part', 'altius_internal.refuse_taken(text, text)', 'DDL of objects; raises an error'),
      ('part', 'altius_internal.refuse_copies()', 'citus_copy_shard_placement; refuses'),
      ('part', 'altius_internal.nextval_on_coordinator(regclass)', 'defaults on other nodes; calls nextval as the caller'),
      ('part', 'altius_internal.shard_of(oid)', 'stands in statements; looks a name up'),
      ('part', 'altius_internal.table_of(oid)', 'stands in statements; looks a name up'),
      ('part', 'altius_internal.trigger_depth()', 'conditions of triggers on shards; pg_trigger_depth()'),
      ('part', 'altius_internal.trigger_on_shard()', 'triggers on shards; runs what the table''s triggers run'),
      ('part', 'altius_internal.cursor_ctid(refcursor, oid)', 'WHERE CURRENT OF; tells about the session''s own cursor'),
      ('part', 'altius_internal.cursor_shard(refcursor, oid)', 'WHERE CURRENT OF; tells about the session''s own cursor'),
      ('part', 'altius_internal.update_row(oid, bigint, tid, anyelement, anyelement)', 'stands in plans; refuses other calls'),
      ('part', 'altius_internal.latest_ctid(bigint, tid)', 'WHERE CURRENT OF; tells a place in a shard, but no row'),
      ('part', 'altius_internal.is_key(anyelement, anyarray)', 'stands in statements of nodes; compares its arguments'),
      ('part', 'altius_internal.here(anyelement)', 'stands in expressions; returns its argument'),
      ('part', 'altius_internal.computed(anyelement)', 'stands in expressions; returns its argument'),
      ('part', 'altius_internal.refuse_policy_row(text, text)', 'stands in statements; raises an error'),
      ('part', 'altius_internal.refuse_view_row(text, anyelement, oid, text[])', 'stands in statements; raises an error'),
      ('part', 'altius_internal.set_privileges(oid, oid, integer, aclitem[])',
       'privileges of new objects; for the owner, who may GRANT and REVOKE'),

      ('part', 'altius_internal.load_metadata()', 'connections made ahead; reads the metadata'),
      ('node', 'altius_internal.follow_settings(text[], text[], text[], text)', 'settings of the asking session'),
      ('node', 'altius_internal.act_as(text, text, text, text[], text)', 'who is at work in the asking session'),
      ('node', 'altius_internal.claim_shards(bigint[])', 'before a write'),
      ('node', 'altius_internal.finds_nobody(bigint)', 'before a write on several nodes'),
      ('node', 'altius_internal.lock_shells(text[], integer)', 'before DDL on shards'),
      ('node', 'altius_internal.lock_copy(bigint, integer)', 'writes of reference tables'),
      ('node', 'altius_internal.keep_changes(bigint)', 'writes of reference tables'),
      ('node', 'altius_internal.keep_checks_back()', 'statements with several parts'),
      ('node', 'altius_internal.check_now()', 'statements with several parts'),
      ('node', 'altius_internal.digest_of_copy(bigint)', 'altius_check_reference_tables'),
      ('node', 'altius_internal.rows_of_copy(bigint)', 'altius_check_reference_tables'),
      ('node', 'altius_internal.mend_copy(bigint, text[], text[])', 'altius_check_reference_tables'),
      ('node', 'altius_internal.take_changes(bigint)', 'writes of reference tables'),
      ('node', 'altius_internal.replay_changes(bigint, text[], text[])', 'writes of reference tables'),
      ('node', 'altius_internal.run_with_lent_rights(text, boolean, name, boolean, oid[], text[], text)', 'views'),
      ('node', 'altius_internal.run_commands(text[])', 'DDL on shards'),
      ('node', 'altius_internal.apply_command(text, text[])', 'DDL on shell tables'),
      ('node', 'altius_internal.apply_command(text, text[], text)', 'ALTER ROLE .. PASSWORD'),
      ('node', 'altius_internal.be_quiet(boolean)', 'ALTER ROLE .. PASSWORD; no parameters in the log'),
      ('node', 'altius_internal.invalidate_index(text)', 'CREATE INDEX CONCURRENTLY; for the owner of the index'),
      ('node', 'altius_internal.create_shards(regclass, integer)', 'create_distributed_table'),
      ('node', 'altius_internal.create_shard(bigint, integer)', 'create_distributed_table and moves'),
      ('node', 'altius_internal.count_shard_rows(bigint)', 'ALTER TABLE .. ADD COLUMN .. serial'),
      ('node', 'altius_internal.number_shard_rows(bigint, text, bigint, bigint)', 'ALTER TABLE .. ADD COLUMN .. serial'),
      ('node', 'altius_internal.shard_statistics(regclass)', 'ANALYZE'),
      ('node', 'altius_internal.keep_statistics(regclass, text, text, text, text, text, text, text, text, text, text)', 'ANALYZE'),
      ('node', 'altius_internal.insert_partition(regclass, "char", text, integer, "char")', 'metadata'),
      ('node', 'altius_internal.insert_shards(regclass, bigint[], integer[], integer[])', 'metadata'),
      ('node', 'altius_internal.insert_placements(bigint[], bigint[], integer[])', 'metadata'),
      ('node', 'altius_internal.insert_colocation(integer, integer, integer, regtype, regcollation)', 'metadata'),
      ('node', 'altius_internal.delete_colocation(integer)', 'metadata'),
      ('node', 'altius_internal.delete_table(regclass)', 'metadata'),
      ('node', 'altius_internal.insert_object(text, text[], text[])', 'metadata'),
      ('node', 'altius_internal.delete_object(text, text[], text[])', 'metadata')
    ) it (class, function, reason)
  LOOP
    EXECUTE format('GRANT EXECUTE ON ROUTINE %s TO public', granted.function);
  END LOOP;
END $$;

-- What tools for monitoring may see besides: addresses of members and of etcd.
GRANT EXECUTE ON FUNCTION altius_internal.ha_groups(), altius_internal.ha_follower() TO pg_monitor;
GRANT SELECT ON pg_catalog.altius_ha_status TO pg_monitor;

-- The metadata is for everybody to read, as PostgreSQL's own catalogs are; nobody may write it but superusers.  Not
-- readable is what keeps secrets (pg_dist_authinfo, pg_dist_poolinfo, altius_cluster_secret) and what only nodes ask for.
GRANT SELECT ON pg_catalog.pg_dist_node, pg_catalog.pg_dist_local_group, pg_catalog.pg_dist_node_metadata,
  pg_catalog.pg_dist_colocation, pg_catalog.pg_dist_partition, pg_catalog.pg_dist_shard, pg_catalog.pg_dist_placement,
  pg_catalog.pg_dist_schema, pg_catalog.pg_dist_object, pg_catalog.pg_dist_transaction, pg_catalog.pg_dist_cleanup,
  pg_catalog.pg_dist_background_job, pg_catalog.pg_dist_background_task_depend,
  pg_catalog.pg_dist_rebalance_strategy, pg_catalog.altius_stray_shard, pg_catalog.altius_own_colocation,
  pg_catalog.altius_shard_load,
  altius_internal.background_job_hold, altius_internal.background_task_work, altius_internal.cleanup_attempts,
  altius_internal.ha_group TO public;
-- Not the message: background_task_message shows those of the caller's own tasks.
GRANT SELECT (job_id, task_id, owner, pid, status, command, retry_count, not_before, nodes_involved)
  ON pg_catalog.pg_dist_background_task TO public;
GRANT SELECT ON altius_internal.background_task_message TO public;

-- Views over it.
GRANT SELECT ON pg_catalog.citus_nodes, pg_catalog.citus_tables, pg_catalog.citus_shards, pg_catalog.pg_dist_shard_placement,
  pg_catalog.citus_schemas, pg_catalog.citus_stat_activity, pg_catalog.citus_dist_stat_activity, pg_catalog.citus_locks,
  pg_catalog.citus_lock_waits, pg_catalog.altius_transactions, pg_catalog.altius_in_doubt, pg_catalog.citus_shards_on_worker,
  pg_catalog.citus_shard_indexes_on_worker,
  pg_catalog.altius_leftovers TO public;

-- Arguments of the functions above have these types, and statements name functions in these schemas.
GRANT USAGE ON TYPE citus.distribution_type, citus.shard_transfer_mode, pg_catalog.noderole, pg_catalog.citus_copy_format,
  pg_catalog.citus_job_status, pg_catalog.citus_task_status TO public;
GRANT USAGE ON SCHEMA altius_internal, citus TO public;
