-- Where the shards are now.
SELECT n.groupid, nodeport, count(*) AS shards FROM pg_dist_placement p JOIN pg_dist_node n USING (groupid)
WHERE noderole = 'primary' GROUP BY n.groupid, nodeport ORDER BY n.groupid;
