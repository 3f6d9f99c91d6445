-- Transactions over nodes, as each node sees them.
CREATE SCHEMA txn_views;
SET search_path = txn_views;
CREATE TABLE t (id int PRIMARY KEY, n int);
SELECT create_distributed_table('t', 'id', shard_count => 4);
INSERT INTO t SELECT i, 0 FROM generate_series(1, 40) i;
CREATE ROLE txn_views_two;
GRANT USAGE ON SCHEMA txn_views TO txn_views_two;
GRANT SELECT, UPDATE ON t TO txn_views_two;

BEGIN;
UPDATE t SET n = 1;
SELECT transaction_id = altius_internal.current_transaction() AS own, nodeid = citus_coordinator_nodeid() AS here,
       global_pid = citus_backend_gpid() AS global_pid, usename = session_user AS by_me, state, started = now() AS started,
       age BETWEEN '0' AND '1 minute' AS age, cardinality(participants) AS participants
FROM altius_transactions WHERE pid = pg_backend_pid();
-- no prepared transaction is in doubt while its session goes on
SELECT count(*) FROM altius_in_doubt WHERE gid LIKE 'altius\_%\_' || pg_backend_pid() || '\_%';
ROLLBACK;

-- Of others' transactions nothing is shown, but to who may read all statistics.
SET ROLE txn_views_two;
BEGIN;
UPDATE t SET n = 2;
SELECT count(*) FROM altius_transactions WHERE pid = pg_backend_pid();
SELECT count(*) FROM altius_in_doubt WHERE owner <> 'txn_views_two';
ROLLBACK;
RESET ROLE;
GRANT pg_monitor TO txn_views_two;
SET ROLE txn_views_two;
BEGIN;
UPDATE t SET n = 2;
SELECT state, cardinality(participants) AS participants FROM altius_transactions WHERE pid = pg_backend_pid();
ROLLBACK;
RESET ROLE;

-- rubbish is nobody's
SELECT * FROM altius_internal.local_decisions('{1,2,null,1}', '{x,altius_,altius_0_0_0_0,null}');
SELECT * FROM altius_internal.local_decisions(null, '{}');

SET client_min_messages = warning;
DROP SCHEMA txn_views CASCADE;
DROP ROLE txn_views_two;
