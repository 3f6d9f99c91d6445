-- 4. The whole archive in one line.
-- Every shard computes its part where it lies; one row per node crosses the network and is combined.
SELECT count(*) AS packages, count(DISTINCT maintainer) AS maintainers,
       pg_size_pretty(sum(installed_size) * 1024) AS installed, round(avg(installed_size)) AS average_kb
FROM packages;
