-- 7. Which packages are depended upon most?
-- Grouped by something else than the distribution column: partial counts per node, added up above.
SELECT depends_on, count(DISTINCT package) AS packages
FROM dependencies WHERE kind IN ('Depends', 'Pre-Depends')
GROUP BY depends_on ORDER BY packages DESC, depends_on LIMIT 10;
