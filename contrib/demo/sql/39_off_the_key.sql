-- 10. Joined on the wrong column, on purpose.
-- depends_on says nothing about where its package lies, so rows travel between nodes; the answer is right all the same.
SELECT s.title AS section, count(DISTINCT d.depends_on) AS packages, count(*) AS times_wanted
FROM dependencies d
JOIN packages p ON p.name = d.depends_on
JOIN sections s ON s.name = p.section
WHERE d.kind = 'Pre-Depends'
GROUP BY s.title ORDER BY times_wanted DESC, section LIMIT 6;
