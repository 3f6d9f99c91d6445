-- Without etcd nothing is followed: no process, an empty view, and settings that say what is wrong with them.
SELECT name, setting, unit, context FROM pg_settings
WHERE name ~ '^altius\.(ha|etcd)_' ORDER BY name;

SELECT count(*) FROM pg_stat_activity WHERE backend_type ~ 'altius (follower|recorder)';
SELECT count(*) FROM altius_ha_status;
SELECT column_name FROM information_schema.columns WHERE table_name = 'altius_ha_status' ORDER BY ordinal_position;
SELECT altius_ha_forget(1);

-- Settings are refused where they can't be right.
ALTER SYSTEM SET altius.etcd_endpoints = '127.0.0.1:2379';
ALTER SYSTEM SET altius.etcd_endpoints = 'http://127.0.0.1:2379, etcd2:2379';
ALTER SYSTEM SET altius.ha_layout = 'plain';
ALTER SYSTEM SET altius.ha_enabled = 'maybe';
SET altius.ha_scope = 'other';
SET altius.ha_database = 'other';

-- Whoever may watch the server may look; nobody else, and only a superuser makes the follower forget.
SET ROLE pg_monitor;
SELECT count(*) FROM altius_ha_status;
SELECT altius_ha_forget();
SET ROLE pg_signal_backend;
SELECT count(*) FROM altius_ha_status;
RESET ROLE;
