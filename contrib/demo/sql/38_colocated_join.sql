-- 9. The biggest packages that need perl, by priority.
-- Two distributed tables and a reference table, joined on every node at once.
SELECT p.name, pr.rank, pg_size_pretty(p.installed_size * 1024) AS size
FROM dependencies d
JOIN packages p ON p.name = d.package
JOIN priorities pr ON pr.name = p.priority
WHERE d.depends_on = 'perl' AND d.kind = 'Depends'
ORDER BY p.installed_size DESC NULLS LAST, p.name LIMIT 5;
