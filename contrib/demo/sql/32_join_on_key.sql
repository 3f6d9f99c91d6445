-- 3. What does git need?
-- A join on the distribution column, with a reference table beside it: one shard group holds all of it.
SELECT d.kind, string_agg(d.depends_on, ' ' ORDER BY d.position, d.alternative) AS packages
FROM packages p
JOIN dependencies d ON d.package = p.name
WHERE p.name = 'git'
GROUP BY d.kind ORDER BY d.kind;
