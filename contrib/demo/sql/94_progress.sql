-- 4. Watching it.
SELECT state, jsonb_pretty(details->'task_state_counts') AS tasks FROM citus_rebalance_status();
