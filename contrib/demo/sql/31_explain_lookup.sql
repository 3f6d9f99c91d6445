-- 2. How that was done.
-- EXPLAIN shows which node and which shard, and the plan that node makes.
EXPLAIN (COSTS OFF) SELECT version FROM packages WHERE name = 'git';
