-- 2. It is there by itself.
-- Nobody called citus_add_node: the coordinator saw the new leader in etcd.
SELECT groupid, nodename, nodeport, noderole FROM pg_dist_node ORDER BY groupid, noderole;
