-- Settings known from Citus are accepted, with their types and ranges; others with these prefixes are refused.
SHOW citus.version;
SELECT citus_version();
SHOW citus.shard_count;
SET citus.shard_count = 0;
SET citus.shard_count = 64001;
SET citus.multi_shard_modify_mode = 'sequential';
SET citus.multi_shard_modify_mode = 'sideways';
SET citus.max_intermediate_result_size = '2GB';
SHOW citus.max_intermediate_result_size;
SET citus.no_such_setting = 1;
SET altius.no_such_setting = 1;
SET citus.recover_2pc_interval = 1;
-- how many settings there are of each kind; a hidden one can be shown by name
SELECT count(*) > 50 AS many FROM pg_settings WHERE name LIKE 'citus.%';
SHOW citus.enable_ddl_propagation;
SHOW citus.rebalancer_by_disk_size_base_cost;
