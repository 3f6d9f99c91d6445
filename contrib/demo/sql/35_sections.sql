-- 6. The heaviest sections.
-- A join with a reference table runs on every node against its own copy.
SELECT s.title, count(*) AS packages, pg_size_pretty(sum(p.installed_size) * 1024) AS installed
FROM packages p JOIN sections s ON s.name = p.section
GROUP BY s.title ORDER BY sum(p.installed_size) DESC NULLS LAST LIMIT 8;
