-- 14. And one that is taken back.
-- A statement over all shards, seen by the next one, then undone everywhere.
BEGIN;
UPDATE packages SET priority = 'optional' WHERE priority = 'standard';
SELECT count(*) FILTER (WHERE priority = 'standard') AS standard_now FROM packages;
ROLLBACK;
SELECT count(*) FILTER (WHERE priority = 'standard') AS standard_after_rollback FROM packages;
