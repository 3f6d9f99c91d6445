-- 15. Ask a worker instead.
-- Every node has the metadata and answers every query.
-- @worker1
SELECT current_setting('cluster_name') AS asked, count(*) AS packages, sum(installed_size) AS kb FROM packages;
