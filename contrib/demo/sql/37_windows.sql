-- 8. The biggest package of each of some sections.
-- A window function over all shards, partitioned by a column that does not decide the shard.
SELECT section, name, pg_size_pretty(installed_size * 1024) AS size
FROM (SELECT section, name, installed_size,
             row_number() OVER (PARTITION BY section ORDER BY installed_size DESC NULLS LAST, name) AS place
      FROM packages WHERE section IN ('database', 'editors', 'games', 'shells', 'vcs')) AS ranked
WHERE place = 1 ORDER BY installed_size DESC;
