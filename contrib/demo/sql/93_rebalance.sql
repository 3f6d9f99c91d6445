-- 3. Shards shall move to it.
SELECT citus_rebalance_start();
