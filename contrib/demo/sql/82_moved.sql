-- Where everything lies now.
-- Nothing else has changed: the same queries, from any node.
SELECT nodename, nodeport, count(*) AS shards, pg_size_pretty(sum(shard_size)) AS size
FROM citus_shards WHERE table_name IN ('packages'::regclass, 'dependencies'::regclass, 'downloads'::regclass)
GROUP BY nodename, nodeport ORDER BY nodeport;
