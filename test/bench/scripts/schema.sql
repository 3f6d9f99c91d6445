-- SPDX-License-Identifier: PostgreSQL
-- Tables of the scripts beside pgbench's own, at pgbench's scale :scale.
DROP TABLE IF EXISTS bench_many, bench_lookup, bench_insert, branch_branches, branch_tellers, branch_accounts, branch_history;
CREATE TABLE bench_many (id int PRIMARY KEY, n int);
INSERT INTO bench_many SELECT id, 0 FROM generate_series(1, 100) id;
CREATE TABLE bench_lookup (id int PRIMARY KEY, other int NOT NULL, filler text NOT NULL);
INSERT INTO bench_lookup SELECT id, 1 + id % 20000, repeat('x', 40) FROM generate_series(1, 100000) id;
CREATE INDEX bench_lookup_other ON bench_lookup (other);
CREATE TABLE bench_insert (id bigint NOT NULL, number int NOT NULL, filler text NOT NULL);
CREATE INDEX bench_insert_id ON bench_insert (id);
CREATE TABLE branch_branches (bid int PRIMARY KEY, bbalance int, filler char(88));
CREATE TABLE branch_tellers (bid int, tid int, tbalance int, filler char(84), PRIMARY KEY (bid, tid));
CREATE TABLE branch_accounts (bid int, aid int, abalance int, filler char(84), PRIMARY KEY (bid, aid));
CREATE TABLE branch_history (tid int, bid int, aid int, delta int, mtime timestamp, filler char(22));
INSERT INTO branch_branches SELECT bid, 0 FROM generate_series(1, :scale) bid;
INSERT INTO branch_tellers SELECT 1 + (tid - 1) / 10, tid, 0 FROM generate_series(1, 10 * :scale) tid;
INSERT INTO branch_accounts SELECT 1 + (aid - 1) / 100000, aid, 0, '' FROM generate_series(1, 100000 * :scale) aid;
