-- 11. Wanted, but there is no such package.
-- An anti-join off the key: what is left are mostly virtual packages and names of other distributions.
SELECT d.depends_on, count(*) AS times_wanted
FROM dependencies d
WHERE d.kind = 'Depends' AND NOT EXISTS (SELECT 1 FROM packages p WHERE p.name = d.depends_on)
GROUP BY d.depends_on ORDER BY times_wanted DESC, d.depends_on LIMIT 6;
