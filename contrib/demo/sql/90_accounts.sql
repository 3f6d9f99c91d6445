-- A table on two groups of servers.
-- Each group is a primary and a standby; Patroni leads them, and Altius follows.
CREATE TABLE accounts (id int PRIMARY KEY, balance bigint NOT NULL, writes bigint NOT NULL DEFAULT 0, last timestamptz);
SELECT create_distributed_table('accounts', 'id', shard_count => 12);
INSERT INTO accounts SELECT id, 100 FROM generate_series(1, 30000) id;
