-- 5. How that works, seen from the coordinator.
-- All shards of a node are one statement, so PostgreSQL's own planner makes the most of that node.
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF)
SELECT priority, count(*) FROM packages GROUP BY priority;
