-- The tables, and the shard of one package.
SELECT table_name, citus_table_type, distribution_column, shard_count, table_size FROM citus_tables ORDER BY 1;
SELECT s.shard_name, s.nodename, s.nodeport, pg_size_pretty(s.shard_size) AS size
FROM citus_shards s WHERE s.shardid = get_shard_id_for_distribution_column('packages', 'git');
