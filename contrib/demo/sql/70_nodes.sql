-- Where everything lies.
-- Shards are ordinary tables on the nodes.
SELECT nodename, nodeport, count(*) AS shards, pg_size_pretty(sum(shard_size)) AS size
FROM citus_shards WHERE table_name IN ('packages'::regclass, 'dependencies'::regclass)
GROUP BY nodename, nodeport ORDER BY nodeport;
