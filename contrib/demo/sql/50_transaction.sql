-- 13. A transaction over two shards.
-- git gives a megabyte to perl, which lies on another shard.  Both nodes prepare, then both commit: never one alone.
BEGIN;
UPDATE packages SET installed_size = installed_size - 1024 WHERE name = 'git' RETURNING name, installed_size;
UPDATE packages SET installed_size = installed_size + 1024 WHERE name = 'perl' RETURNING name, installed_size;
COMMIT;
