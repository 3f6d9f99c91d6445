-- 12. Everything that git pulls in.
-- A recursive query: PostgreSQL does the recursion on the node that was asked, the shards deliver the edges.
WITH RECURSIVE pulled(name, depth) AS (
  SELECT 'git', 0
  UNION
  SELECT d.depends_on, p.depth + 1
  FROM pulled p JOIN dependencies d ON d.package = p.name
  WHERE d.kind IN ('Depends', 'Pre-Depends') AND d.alternative = 1 AND p.depth < 4
)
SELECT depth, count(*) AS packages, string_agg(name, ' ' ORDER BY name) FILTER (WHERE depth < 2) AS names
FROM (SELECT name, min(depth) AS depth FROM pulled GROUP BY name) AS nearest
GROUP BY depth ORDER BY depth;
