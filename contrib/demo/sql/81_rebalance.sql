-- Shards move to it.
-- In the background, several at a time, copied and caught up by logical replication; the writers go on.
SELECT citus_rebalance_start();
