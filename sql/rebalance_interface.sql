-- Names, arguments, types and defaults of what tools call to rebalance, move and split; a function without arguments shown
-- here is missing.
SELECT name, p.prokind AS kind, pg_get_function_arguments(p.oid) AS arguments, pg_get_function_result(p.oid) AS result
FROM unnest(ARRAY[
    'citus_rebalance_start', 'citus_rebalance_status', 'citus_rebalance_wait', 'citus_rebalance_stop',
    'get_rebalance_table_shards_plan', 'get_rebalance_progress', 'citus_move_shard_placement', 'citus_drain_node',
    'replicate_reference_tables', 'citus_add_rebalance_strategy', 'citus_set_default_rebalance_strategy',
    'citus_shard_cost_by_disk_size', 'citus_shard_cost_1', 'citus_node_capacity_1', 'citus_shard_allowed_on_node_true',
    'rebalance_table_shards', 'citus_cleanup_orphaned_resources', 'citus_cleanup_orphaned_shards',
    'citus_copy_shard_placement', 'citus_validate_rebalance_strategy_functions',
    'citus_job_list', 'citus_job_status', 'citus_job_wait', 'citus_job_cancel', 'citus_task_wait',
    'isolate_tenant_to_new_shard', 'citus_split_shard_by_split_points', 'get_shard_id_for_distribution_column'])
  WITH ORDINALITY names (name, number)
LEFT JOIN pg_proc p ON p.proname = name AND p.pronamespace = 'pg_catalog'::regnamespace
ORDER BY number, p.pronargs, p.oid \gx
SELECT name, setting, unit, context FROM pg_settings WHERE name IN (
  'citus.check_available_space_before_move', 'citus.desired_percent_disk_available_after_move',
  'citus.defer_shard_delete_interval', 'citus.background_task_queue_interval', 'citus.logical_replication_timeout',
  'citus.rebalancer_by_disk_size_base_cost') ORDER BY name;
SELECT name, vartype, min_val, max_val, context FROM pg_settings
WHERE name LIKE 'citus.max_background_task_executors%' ORDER BY name;
SHOW citus.check_available_space_before_move;
SHOW citus.logical_replication_timeout;
SHOW citus.rebalancer_by_disk_size_base_cost;
