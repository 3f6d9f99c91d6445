-- 9. The biggest packages that need perl.
-- Two distributed tables and a reference table, joined on every node at once.
SELECT p.name, s.title AS section, pg_size_pretty(p.installed_size * 1024) AS size
FROM dependencies d
JOIN packages p ON p.name = d.package
JOIN sections s ON s.name = p.section
WHERE d.depends_on = 'perl' AND d.kind = 'Depends'
ORDER BY p.installed_size DESC NULLS LAST, p.name LIMIT 5;
