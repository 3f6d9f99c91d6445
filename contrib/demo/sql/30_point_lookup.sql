-- 1. One package.
-- The name decides the shard; the statement goes to one node as it is.
SELECT name, version, section, pg_size_pretty(installed_size * 1024) AS size, summary
FROM packages WHERE name = 'git';
